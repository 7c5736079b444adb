// An administrator who has no mouse, played in Chromium: makes, changes and deletes what REST keeps, tries a document on
// a phone, reads what went wrong. Prints the name of each step that went well; the test looks at REST and is the phone.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { LAUNCH, SHAPES, go, judged, newPage, signIn } from "./person.mjs";

const { CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN, CHROMIUM, FOLDER, PHONE_URI } = process.env;
const LONG = "https://applications.example.com/voice/of/a/department/with/a/very/long/name/answer?language=en-GB&tenant=0123456789";
const MAX_TABS = 60;
const done = (step) => console.log(step);
const problems = [];

const KINDS = [
  { address: "numbers", one: "number", values: { "Phone number": "+15551234567", "Voice URL": LONG }, name: "+15551234567", wrong: ["Voice URL", "ftp://example.com/"], change: ["Friendly name", "Front desk"] },
  { address: "clients", one: "client", values: { Login: "carol", Password: "correct horse battery" }, name: "carol", wrong: ["Password", "short"], change: ["Friendly name", "Carol of the night shift"] },
  { address: "trunks", one: "trunk", values: { "Friendly name": "carrier", "Sip URI": "sip:192.0.2.9:5060" }, name: "carrier", wrong: ["Sip URI", "mailto:carrier"], change: ["Priority", "7"] },
  { address: "applications", one: "application", values: { "Friendly name": "menu", "Voice URL": LONG }, name: "menu", wrong: ["Voice URL", "menu"], change: ["Friendly name", "main menu"] },
];

// Press Tab until the element has the focus, which can be seen; what a person without a mouse does.
async function tabTo(page, locator) {
  for (let count = 0; count < MAX_TABS; count += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) {
      const isSeen = await locator.evaluate((element) => {
        const style = getComputedStyle(element);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
      });
      assert(isSeen, `the focus can be seen on ${locator}`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail(`${locator} is not reached by ${MAX_TABS} tabs`);
}

async function write(page, label, text) {
  const field = page.getByRole("dialog").getByLabel(label).first();
  await tabTo(page, field);
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(text);
}

async function keep(page, kind) {
  await page.goto(`${CONSOLE_URL}/${kind.address}`);
  const button = page.getByRole("button", { name: `New ${kind.one}` });
  const dialog = page.getByRole("dialog");
  await button.waitFor();
  await tabTo(page, button);
  await page.keyboard.press("Enter");
  for (const [label, text] of Object.entries({ ...kind.values, [kind.wrong[0]]: kind.wrong[1] })) await write(page, label, text);
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").waitFor(); // the check is REST's own
  problems.push(...(await judged(page, `${kind.address}-refused`)));
  await dialog.getByLabel(kind.wrong[0]).first().focus();
  await write(page, kind.wrong[0], kind.values[kind.wrong[0]]);
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  assert(await button.evaluate((element) => element === document.activeElement), "the focus is back where it was");
  const row = page.locator("tbody tr", { hasText: kind.name });
  await row.waitFor();
  await tabTo(page, row.getByRole("button", { name: /^Change/ }));
  await page.keyboard.press("Enter");
  await write(page, kind.change[0], kind.change[1]);
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await page.locator("tbody tr", { hasText: kind.change[1] }).waitFor();
  problems.push(...(await judged(page, `${kind.address}-kept`)));
  done(`${kind.address} are made and changed`);
  await go(page, FOLDER, kind.address);
  await tabTo(page, page.locator("tbody tr", { hasText: kind.change[1] }).getByRole("button", { name: /^Delete/ }));
  await page.keyboard.press("Enter");
  await tabTo(page, dialog.getByRole("button", { name: "Delete" }));
  await page.keyboard.press("Enter");
  await page.locator("tbody tr", { hasText: kind.change[1] }).waitFor({ state: "detached" });
}

// A document is tried on a phone; the address of the call's page is good for a colleague.
async function tryIt(page) {
  await page.goto(`${CONSOLE_URL}/try`);
  await page.getByText("The node would run this document.").waitFor();
  await page.locator("textarea").fill('<Response>\n  <Play digits="1"/>\n  <Pause length="60"/>\n</Response>');
  await tabTo(page, page.getByLabel("To", { exact: true }));
  await page.keyboard.type(PHONE_URI);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/calls\/CA[0-9a-f]{32}$/);
  await page.getByRole("heading", { level: 1, name: "is on the line" }).waitFor();
  await tabTo(page, page.getByRole("button", { name: /INVITE/ }).first());
  await page.keyboard.press("Space");
  await page.getByRole("dialog").locator("pre", { hasText: "INVITE sip:" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  done("a document is tried");
  await go(page, FOLDER, "tried");
  await page.locator(".badge.is-good", { hasText: "completed" }).first().waitFor();
  const colleague = await newPage(page.context().browser(), SHAPES[2], problems);
  await colleague.goto(page.url());
  await colleague.locator('input[type="text"]').fill(ACCOUNT_SID);
  await colleague.locator('input[type="password"]').fill(AUTH_TOKEN);
  await colleague.keyboard.press("Enter");
  await colleague.getByRole("heading", { level: 1, name: "hung up" }).waitFor();
  assert.equal(colleague.url(), page.url());
  const [download] = await Promise.all([colleague.waitForEvent("download"), colleague.getByRole("link", { name: "JSON" }).click()]);
  await download.saveAs(`${FOLDER}/call.json`);
  await colleague.context().close();
  done("a colleague opens the link");
}

async function debug(page) {
  await page.goto(`${CONSOLE_URL}/debugger`);
  const group = page.locator("section.card", { hasText: "12100" }).getByRole("button").first();
  await group.waitFor();
  await tabTo(page, group);
  await page.keyboard.press("Enter");
  await tabTo(page, page.locator("summary").first());
  await page.keyboard.press("Enter");
  await page.getByText("not markup at all").first().waitFor();
  problems.push(...(await judged(page, "debugger-open")));
  const about = page.getByRole("link", { name: /code|mean|more/i }).first();
  const answer = await page.request.get(await about.evaluate((link) => link.href));
  assert(answer.ok() && (await answer.text()).includes("12100"), "the page of the code is the node's own");
  await tabTo(page, page.getByRole("link", { name: "Open the call" }).first());
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Notifications" }).waitFor();
  problems.push(...(await judged(page, "call-failed")));
  done("what went wrong is read");
}

const browser = await chromium.launch({ executablePath: CHROMIUM, ...LAUNCH });
try {
  const page = await newPage(browser, SHAPES[0], problems);
  await signIn(page, CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN);
  await page.getByRole("heading", { name: "Live", exact: true }).waitFor();
  for (const kind of KINDS) await keep(page, kind);
  await tryIt(page);
  await debug(page);
  assert.deepEqual(problems, []);
  done("nothing went wrong in the browser");
} finally {
  await browser.close();
}
