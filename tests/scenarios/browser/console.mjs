// A person at the console, played in Chromium: signs in, sees a call come, opens it while it rings, hears its
// recording, finds it by its Call-ID. Prints the name of each step that went well; the test makes the call meanwhile.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { LAUNCH, SHAPES, judged, newPage as opened, newTab, signIn as signedIn } from "./person.mjs";

const { CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN, CHROMIUM, FOLDER } = process.env;
const TABS = 2;
const PAGES = ["", "/calls", "/debugger", "/numbers", "/clients", "/trunks", "/applications", "/keys", "/recordings", "/conferences", "/conferences?show=past", "/queues", "/try", "/phone", "/nodes"];

const done = (step) => console.log(step);
const problems = [];
const newPage = (browser, shape) => opened(browser, shape, problems);

async function signIn(page, sid, secret) {
  await page.goto(CONSOLE_URL);
  await page.locator('input[type="password"]').waitFor();
  assert.equal(await page.locator("input").count(), 2, "one text field and one password field");
  await signedIn(page, CONSOLE_URL, sid, secret);
}

async function watchACall(page) {
  await signIn(page, ACCOUNT_SID, "wrong");
  await page.getByRole("alert").waitFor();
  await signIn(page, ACCOUNT_SID, AUTH_TOKEN);
  await page.getByRole("heading", { name: "Live", exact: true }).waitFor();
  await page.getByText("No calls are up").waitFor();
  await page.locator("#side .link-state.is-on").waitFor();
  done("signed in");

  const row = page.locator("tbody tr", { hasText: "mallory" }).filter({ hasText: "inbound" });
  await row.waitFor();
  await row.getByRole("link").click();
  await page.waitForURL(/\/console\/calls\/CA[0-9a-f]{32}$/);
  await page.getByRole("button", { name: /INVITE/ }).first().waitFor();
  await page.getByRole("button", { name: /180 Ringing/ }).first().waitFor();
  const address = page.url();
  done("open while it rings");

  await page.getByRole("button", { name: /200 OK · SDP/ }).nth(1).waitFor();
  await page.getByRole("button", { name: /INVITE/ }).first().click();
  const message = await page.getByRole("dialog").locator("pre").innerText();
  assert.match(message, /<script>alert\(1\)<\/script>/, "the display name is shown as it was sent");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("script:not([src])").count(), 0);
  done("each arrow opens its message");

  await page.locator(".badge.is-good", { hasText: "completed" }).first().waitFor();
  await page.getByRole("heading", { level: 1 }).filter({ hasText: "hung up" }).waitFor();
  assert.match(await page.locator(".source").first().innerText(), /<Dial/, "the document is shown");
  await page.locator(".source .is-last").waitFor();
  done("says why it ended");

  const heard = await page.evaluate(async () => {
    const wav = document.querySelector('a[download$=".wav"]');
    const answer = await fetch(wav.href);
    const context = new OfflineAudioContext(1, 8000, 8000);
    const sound = await context.decodeAudioData(await answer.arrayBuffer());
    return { seconds: sound.duration, channels: sound.numberOfChannels, peak: Math.max(...sound.getChannelData(0).map(Math.abs)) };
  });
  assert(heard.seconds > 0.5 && heard.channels === 2 && heard.peak > 0.05, JSON.stringify(heard));
  await page.getByRole("button", { name: "Play" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  done("its recording is heard");
  return address;
}

async function findIt(page, address) {
  const sid = address.split("/").at(-1);
  const callId = await page.locator("dt", { hasText: "SIP Call-ID" }).locator("xpath=../dd").innerText();
  for (const text of [callId, sid]) {
    await page.goto(`${CONSOLE_URL}/calls`);
    await page.locator('input[type="search"]').fill(text);
    await page.keyboard.press("Enter");
    if (text === callId) {
      await page.waitForURL(/\?find=/);
      // The list of all calls held both legs: the search leaves the one with this Call-ID.
      await page.locator("tbody tr").filter({ hasText: "inbound" }).waitFor();
      assert.equal(await page.locator("tbody tr").count(), 1);
      await page.locator("tbody").getByRole("link").click();
    }
    await page.waitForURL(address);
  }
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "pcap" }).click()]);
  await download.saveAs(`${FOLDER}/call.pcap`);
  done("found, and exported");
}

// A key signs in, and its session ends the moment it is revoked.
async function revokeAKey(browser, page) {
  await page.goto(`${CONSOLE_URL}/keys`);
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByLabel("Friendly name").fill("colleague");
  await page.getByRole("button", { name: "Make" }).click();
  const codes = page.getByRole("dialog").locator("code");
  const [sid, secret] = [await codes.nth(0).innerText(), await codes.nth(1).innerText()];
  await page.keyboard.press("Escape");
  const other = await newPage(browser, SHAPES[0]);
  await signIn(other, sid, secret);
  await other.getByRole("heading", { name: "Live", exact: true }).waitFor();
  await page.getByRole("button", { name: /Delete colleague/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No API keys yet").waitFor();
  await other.getByRole("link", { name: "Calls", exact: true }).click();
  await other.locator('input[type="password"]').waitFor();
  await other.context().close();
  done("a revoked key is out");
}

// The linter's finding stands at its place, and the caret goes there.
async function lintADocument(page) {
  await page.goto(`${CONSOLE_URL}/try`);
  await page.getByText("The node would run this document.").waitFor();
  await page.locator("textarea").fill("<Response>\n  <Dail>bob</Dail>\n</Response>");
  await page.getByRole("button", { name: /^2:/ }).click();
  assert(await page.evaluate(() => document.activeElement.selectionStart > 10), "the caret is in line 2");
  done("a mistake is found at its place");
}

// Each page in each shape; some tabs of one session share them out.
async function everyPage(page, address) {
  const signedOut = await newPage(page.context().browser(), SHAPES[0]);
  await signedOut.goto(CONSOLE_URL);
  await signedOut.locator('input[type="password"]').waitFor();
  const found = await judged(signedOut, "sign-in");
  await signedOut.context().close();
  const left = [...PAGES.map((each) => CONSOLE_URL + each), address];
  const tab = async () => {
    const mine = await newTab(page.context(), problems);
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      await mine.goto(next);
      await mine.locator("h1").waitFor();
      const name = next.replace(CONSOLE_URL, "").replace(/CA[0-9a-f]+/, "call").replaceAll(/[/?]/g, "-").slice(1);
      found.push(...(await judged(mine, name || "live")));
    }
    await mine.close();
  };
  await Promise.all(Array.from({ length: TABS }, tab));
  assert.deepEqual(found, []);
  done("every page is accessible");
}

const browser = await chromium.launch({ executablePath: CHROMIUM, ...LAUNCH });
try {
  const page = await newPage(browser, SHAPES[0]);
  const address = await watchACall(page);
  await findIt(page, address);
  await revokeAKey(browser, page);
  await lintADocument(page);
  await everyPage(page, address);
  assert.deepEqual(problems, []);
  done("nothing went wrong in the browser");
} finally {
  await browser.close();
}
