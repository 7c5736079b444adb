// A developer at the page of a call that is transcribed, talks with an application, and enters a conference: played in
// Chromium. Prints the name of each step that went well; the test is the phones and the application.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { LAUNCH, SHAPES, judged, newPage, signIn } from "./person.mjs";

const { CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN, CHROMIUM, CALL_SID, ROOM } = process.env;
const done = (step) => console.log(step);
const problems = [];
// A busy machine leaves gaps in a phone's sound: not each word is understood.
const BOOK = /would|like|book|room/i;
const STOP = /stop|please/i;

async function watch(page) {
  await page.goto(`${CONSOLE_URL}/calls/${CALL_SID}`);
  const transcript = page.locator("section.card", { has: page.getByRole("heading", { name: "Transcript", exact: true }) });
  const lines = transcript.locator("li");
  const ladder = page.getByRole("group", { name: "Messages in order" });
  await lines.filter({ hasText: "alice" }).filter({ hasText: BOOK }).first().waitFor();
  done("what was said is on the page");

  await ladder.getByRole("button", { name: /a conversation begins/ }).waitFor();
  await lines.filter({ hasText: "CallAPI" }).filter({ hasText: "Hello!" }).waitFor();
  done("the greeting is on the page");

  const answer = lines.filter({ hasText: "CallAPI" }).filter({ hasText: "Certainly. For how many nights" });
  await answer.getByText("interrupted", { exact: true }).waitFor();
  assert.doesNotMatch(await answer.locator(".transcript-cut").innerText(), /long\?/, "the end was not heard");
  await ladder.getByRole("button", { name: /interrupted after “.*Certainly/ }).waitFor();
  await lines.filter({ hasText: "alice" }).filter({ hasText: STOP }).first().waitFor();
  await ladder.getByRole("button", { name: /the caller says “.*(stop|please)/i }).waitFor();
  const texts = await lines.allInnerTexts();
  const order = [BOOK, /Hello!/, /Certainly/, STOP].map((each) => texts.findIndex((text) => each.test(text)));
  assert.deepEqual(order, order.toSorted((one, other) => one - other), `in the order in which it was said: ${texts.join(" | ")}`);
  done("the conversation is on the page");

  await ladder.getByRole("button", { name: /the conversation is over \(ended\)/ }).waitFor();
  await page.locator(".ladder-head .lane", { hasText: `Conference ${ROOM}` }).waitFor({ state: "attached" });
  await ladder.getByRole("button", { name: /in the room/ }).click();
  await page.getByRole("dialog").getByText(/CF[0-9a-f]{32}/).waitFor();
  await page.keyboard.press("Escape");
  done("the conference is a column");

  await ladder.getByRole("button", { name: /left after/ }).waitFor();
  await page.locator(".badge.is-good", { hasText: "completed" }).first().waitFor();
  problems.push(...(await judged(page, "call-conversation")));
}

const browser = await chromium.launch({ executablePath: CHROMIUM, ...LAUNCH });
try {
  const page = await newPage(browser, SHAPES[0], problems);
  await signIn(page, CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN);
  await page.getByRole("heading", { name: "Live", exact: true }).waitFor();
  await watch(page);
  assert.deepEqual(problems, []);
  done("nothing went wrong in the browser");
} finally {
  await browser.close();
}
