// What the scripts that play a person at the console share: signing in, and what each page is judged by.

import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const SHAPES = [
  { width: 1440, height: 900, colorScheme: "light" },
  { width: 1440, height: 900, colorScheme: "dark" },
  { width: 390, height: 844, colorScheme: "light" },
  { width: 390, height: 844, colorScheme: "dark" },
];

const { PICTURES } = process.env;

// How long a step may take: it is seconds on an idle machine, and some tests share the processor with many others.
const TIMEOUT_MS = 45_000;

// The suite judges two opposite shapes; with PICTURES, a folder, all four are judged and kept there.
export const SHOWN = PICTURES ? SHAPES : [SHAPES[0], SHAPES[3]];

export const LAUNCH = { args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"] };

// A page whose errors, dialogs and breaches of its policy go into `problems`.
export async function newPage(browser, { width, height, colorScheme }, problems) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, acceptDownloads: true });
  return newTab(context, problems);
}

// One more page of the same person.
export async function newTab(context, problems) {
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on("pageerror", (error) => problems.push(`script: ${error.message}`));
  page.on("dialog", (dialog) => problems.push(`a script of a caller ran: ${dialog.message()}`));
  page.on("console", (message) => message.text().includes("Content Security Policy") && problems.push(`${page.url()} ${message.location().url} ${message.text()}`));
  return page;
}

export async function signIn(page, address, sid, secret) {
  await page.goto(address);
  await page.locator('input[type="password"]').waitFor();
  await page.locator('input[type="text"]').fill(sid);
  await page.locator('input[type="password"]').fill(secret);
  await page.keyboard.press("Enter");
}

// Serious and critical violations of the rules of WCAG 2.1 A and AA.
export async function violations(page) {
  // axe is evaluated by the debugger's protocol, and without its copies of style sheets: the policy of the page stays.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run({ preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  return found.violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => `${page.url()}: ${each.id}: ${each.nodes.map((node) => node.target).join(" | ")}`);
}

export async function overflows(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1);
}

// Wait until the test has left the file `name` in `folder`: it has seen what it wanted.
export async function go(page, folder, name) {
  while (!existsSync(`${folder}/go-${name}`)) await page.waitForTimeout(50);
}

// Nothing is being loaded any more, and what moves in has moved.
export async function settled(page) {
  const isStill = () => {
    const moving = document.getAnimations().filter((each) => each.playState === "running" && each.effect?.getComputedTiming().endTime !== Infinity);
    return !document.querySelector("[aria-busy=true]") && moving.length === 0;
  };
  await page.waitForFunction(isStill, undefined, { polling: 50 });
}

// The page as it stands, in each shape: accessible, within its width, and kept as a picture where they are wanted.
export async function judged(page, name) {
  const found = [];
  for (const shape of SHOWN) {
    const { width, height, colorScheme } = shape;
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await settled(page);
    found.push(...(await violations(page)).map((each) => `${each} (${width} pixels, ${colorScheme})`));
    if (await overflows(page)) found.push(`${name} is wider than ${width} pixels`);
    if (!PICTURES) continue;
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: `${PICTURES}/${name}-${width}-${colorScheme}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: SHAPES[0].width, height: SHAPES[0].height });
  await page.emulateMedia({ colorScheme: SHAPES[0].colorScheme });
  return found;
}
