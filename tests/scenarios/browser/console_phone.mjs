// A person at the phone of the console, played in Chromium whose microphone says the WAV file MICROPHONE: signs in as a
// client without the console's sign-in, calls, is called, transfers. Prints the name of each step that went well.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { go } from "./person.mjs";

const { CONSOLE_URL, LOGIN, PASSWORD, CHROMIUM, MICROPHONE, FOLDER } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const problems = [];
const done = (step) => console.log(step);

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${MICROPHONE}`,
    "--mute-audio",
    "--allow-loopback-in-peer-connection", // a machine, or a network namespace, may have no other interface
  ],
});

// What is wrong with the page as it stands: rules of WCAG 2.1 A and AA, and its width.
async function look(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run({ preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  for (const each of found.violations) if (["serious", "critical"].includes(each.impact)) problems.push(`${name}: ${each.id}: ${each.nodes.map((node) => node.target).join(" | ")}`);
  for (const [width, height, colorScheme] of [[390, 844, "dark"], [1440, 900, "light"]]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1)) problems.push(`${name} is wider than ${width} pixels`);
    await page.screenshot({ path: `${FOLDER}/phone-${name}-${width}.png`, fullPage: true });
  }
}

const button = (page, name) => page.getByRole("button", { name, exact: true });

async function signIn(page) {
  await page.goto(`${CONSOLE_URL}/phone`);
  await page.getByLabel("Login").fill(LOGIN);
  await page.getByLabel("Password").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("The login or the password is wrong").waitFor();
  await page.getByLabel("Password").fill(PASSWORD);
  await look(page, "signin");
  await page.keyboard.press("Enter");
  await page.getByText("Registered", { exact: true }).waitFor();
  done("registered");
}

async function callOut(page) {
  await page.getByLabel("Number, login or SIP URI").fill("100");
  await button(page, "0").click();
  await look(page, "idle");
  await page.getByLabel("Number, login or SIP URI").press("Enter");
  await page.getByText("Connected", { exact: true }).waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll("meter")].every((each) => each.value > 0.3));
  await page.getByText("opus").waitFor();
  await page.locator("dd", { hasText: "0.0 %" }).first().waitFor();
  await page.locator("strong", { hasText: "1000" }).waitFor();
  await look(page, "call");
  for (const label of ["Microphone", "Speaker"]) {
    const names = await page.getByLabel(label, { exact: true }).locator("option").allInnerTexts();
    assert(names.length > 0 && names.every((name) => name.trim()), `${label}: ${names}`);
  }
  const microphones = page.getByLabel("Microphone", { exact: true });
  await microphones.selectOption({ index: (await microphones.locator("option").count()) - 1 });
  done("in a call");
  await go(page, FOLDER, "hold");
  await button(page, "Hold").click();
  await page.getByText("On hold", { exact: true }).waitFor();
  done("on hold");
  await go(page, FOLDER, "resume");
  await button(page, "Hold").click();
  await page.getByText("Connected", { exact: true }).waitFor();
  done("resumed");
  await go(page, FOLDER, "press");
  await page.locator("h1").click();
  await page.keyboard.press("7");
  await page.getByLabel("Digits sent").filter({ hasText: "7" }).waitFor();
  await button(page, "Mute").click();
  await page.getByText("Muted", { exact: true }).waitFor();
  done("muted");
  await go(page, FOLDER, "unmute");
  await button(page, "Mute").click();
  await page.getByText("Muted", { exact: true }).waitFor({ state: "detached" });
  done("unmuted");
  await go(page, FOLDER, "hang-up");
  await page.getByRole("button", { name: "Hang up" }).click();
  await page.getByText("You hung up").waitFor();
  done("hung up");
}

async function beCalled(page) {
  await page.getByText("Incoming call").waitFor();
  await look(page, "incoming");
  await page.keyboard.press("Enter"); // the focus is on the answer
  await page.getByText("Connected", { exact: true }).waitFor();
  done("answered");
  await page.getByLabel("Transfer to").fill("carol");
  await page.keyboard.press("Enter");
  await page.getByText("You hung up").or(page.getByText("The other party hung up")).waitFor();
  done("transferred");
  await button(page, "Sign the phone out").click();
  await page.getByLabel("Login").waitFor();
}

try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, permissions: ["microphone"] });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => problems.push(`script: ${error.message}`));
  page.on("console", (message) => message.text().includes("Content Security Policy") && problems.push(message.text()));
  await signIn(page);
  await callOut(page);
  await beCalled(page);
  assert.deepEqual(problems, []);
  done("nothing went wrong in the browser");
} finally {
  await browser.close();
}
