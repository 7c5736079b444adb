// A supervisor at the console, played in Chromium: acts on a live conference, keeps queues, listens to a call, reads a
// transcript. Prints the name of each step that went well; the test is the phones, and checks what they hear.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { LAUNCH, SHAPES, go, judged, newPage, signIn } from "./person.mjs";

const { CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN, CHROMIUM, FOLDER, ROOM, TAKEN_URL } = process.env;
const done = (step) => console.log(step);
const problems = [];

const judge = async (page, name) => problems.push(...(await judged(page, name)));
const button = (page, name) => page.getByRole("button", { name, exact: true });

async function conference(page) {
  await page.goto(`${CONSOLE_URL}/conferences`);
  const room = page.locator("section.card", { hasText: ROOM });
  await room.locator("tbody tr").nth(2).waitFor();
  await judge(page, "conferences-live");
  const row = (label) => room.locator("tbody tr", { hasText: label });
  await row("first").getByRole("button", { name: /^Mute/ }).click();
  await row("first").getByText("muted", { exact: true }).waitFor();
  done("muted");
  await go(page, FOLDER, "muted");
  await row("first").getByRole("button", { name: /^Unmute/ }).click();
  await row("second").getByRole("button", { name: /^Hold/ }).click();
  await row("second").getByText("on hold", { exact: true }).waitFor();
  done("on hold");
  await go(page, FOLDER, "hold");
  await row("second").getByRole("button", { name: /^Resume/ }).click();
  await row("third").getByRole("button", { name: /^Let .* coach/ }).click();
  await page.getByLabel("Who is coached").selectOption({ index: 0 });
  await page.getByRole("dialog").getByRole("button", { name: "Coach" }).click();
  await row("third").getByText(/^coaches/).waitFor();
  await judge(page, "conferences-coached");
  done("coached");
  await go(page, FOLDER, "coached");
  await row("third").getByRole("button", { name: /^Take out/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take out" }).click();
  await row("third").waitFor({ state: "detached" });
  done("taken out");
  await room.getByRole("link", { name: "Open" }).click();
  await page.waitForURL(/\/conferences\/CF[0-9a-f]{32}$/);
  await page.getByRole("button", { name: /^End / }).click();
  await judge(page, "conference-ending");
  await button(page, "End the conference").click();
  await page.getByRole("heading", { level: 1 }).filter({ hasText: "it was ended over REST" }).waitFor();
  await page.getByRole("heading", { name: "Recordings" }).waitFor();
  await judge(page, "conference-over");
  await page.goto(`${CONSOLE_URL}/conferences?show=past`);
  await page.getByRole("link", { name: ROOM }).waitFor();
  await judge(page, "conferences-past");
  done("ended");
}

async function queue(page) {
  await page.goto(`${CONSOLE_URL}/queues`);
  await page.getByText("No queues yet").waitFor();
  await button(page, "New queue").click();
  await page.getByLabel("Friendly name").fill("sales");
  await button(page, "Make").click();
  await page.getByText("0 of 1000 wait").waitFor();
  await button(page, "Change sales").click();
  await page.getByLabel("Max size").fill("70000");
  await button(page, "Save").click();
  await page.getByRole("dialog").getByRole("alert").waitFor(); // the check is REST's own
  await page.getByLabel("Max size").fill("7");
  await button(page, "Save").click();
  await page.getByText("0 of 7 wait").waitFor();
  done("a queue was made");
  await page.getByText("1 of 7 wait").waitFor();
  await judge(page, "queues");
  await button(page, "Delete sales").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("alert").filter({ hasText: "not empty" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("tbody tr").getByRole("button", { name: /^Take out/ }).click();
  await page.getByLabel("URL of the document").fill(TAKEN_URL);
  await page.getByRole("dialog").getByRole("button", { name: "Take out" }).click();
  await page.getByText("No call waits.").waitFor();
  await button(page, "Delete sales").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No queues yet").waitFor();
  done("a caller was taken out");
}

// Listens to the call until ten stretches of 50 ms on end hold the caller's 440 Hz on the left and the callee's 660 Hz
// on the right, for 20 s at most. Returns how many on end there were, and the greatest share (Goertzel) that either tone
// ever had in the other's channel. A phone on a busy machine sends its sound late now and then, so that a run may begin
// anew; that nothing is lost from there to the listener is in the call's timeline, and in `test_listening.py`.
async function listenedTo(page, sid) {
  return page.evaluate(async (address) => {
    const [HEADER, RATE, COUNT, WANTED] = [44, 16000, 800, 10];
    const share = (samples, channel, hertz) => {
      let [one, two, energy] = [0, 0, 0];
      const turn = 2 * Math.cos((2 * Math.PI * hertz) / RATE);
      for (let index = 0; index < COUNT; index += 1) {
        const sample = samples.getInt16(index * 4 + channel * 2, true);
        energy += sample * sample;
        [one, two] = [sample + turn * one - two, one];
      }
      const power = one * one + two * two - turn * one * two;
      return energy ? (2 * power) / (COUNT * energy) : 0;
    };
    const abort = new AbortController();
    const reader = (await fetch(address, { signal: abort.signal })).body.getReader();
    let octets = new Uint8Array(0);
    let at = HEADER + RATE * 4; // the first second is let pass
    let [run, leak] = [0, 0];
    while (run < WANTED && at < HEADER + RATE * 4 * 20) {
      const { value, done } = await reader.read();
      if (done) break;
      const longer = new Uint8Array(octets.length + value.length);
      longer.set(octets);
      longer.set(value, octets.length);
      octets = longer;
      for (; run < WANTED && at + COUNT * 4 <= octets.length; at += COUNT * 4) {
        const samples = new DataView(octets.buffer, at, COUNT * 4);
        run = share(samples, 0, 440) > 0.5 && share(samples, 1, 660) > 0.5 ? run + 1 : 0;
        leak = Math.max(leak, share(samples, 0, 660), share(samples, 1, 440));
      }
    }
    abort.abort();
    return { run, leak, seconds: (at - HEADER) / RATE / 4 };
  }, `/2010-04-01/Accounts/${ACCOUNT_SID}/Calls/${sid}/Audio.wav`);
}

async function listenIn(page) {
  await page.goto(CONSOLE_URL);
  const row = page.locator("tbody tr", { hasText: "inbound" }).filter({ hasText: "in-progress" });
  await row.getByRole("button", { name: /^Listen in/ }).click();
  const bar = page.getByRole("region", { name: "Listening" });
  await bar.waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll("meter")].filter((each) => each.value > 0.05).length === 2);
  await judge(page, "listening");
  await row.getByRole("link").click();
  await page.waitForURL(/\/calls\/CA[0-9a-f]{32}$/);
  const sid = page.url().split("/").at(-1);
  await page.getByRole("button", { name: /a supervisor listens/ }).waitFor();
  await page.getByRole("button", { name: /audio both ways/ }).waitFor();
  const heard = await listenedTo(page, sid);
  assert(heard.run === 10 && heard.leak < 0.1, `the caller is on the left, the callee on the right: ${JSON.stringify(heard)}`);
  await bar.waitFor();
  done("listening");
  await go(page, FOLDER, "listening");
  await button(page, "Stop").click();
  await bar.waitFor({ state: "detached" });
  await page.getByRole("button", { name: /the supervisor has left/ }).first().waitFor();
  done("left");
  await page.locator(".badge.is-good", { hasText: "completed" }).first().waitFor();
  await judge(page, "call-listened");
}

const browser = await chromium.launch({ executablePath: CHROMIUM, ...LAUNCH });
try {
  const page = await newPage(browser, SHAPES[0], problems);
  await signIn(page, CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN);
  await page.getByRole("heading", { name: "Live", exact: true }).waitFor();
  await queue(page);
  await go(page, FOLDER, "conference");
  await conference(page);
  await go(page, FOLDER, "listen");
  await listenIn(page);
  assert.deepEqual(problems, []);
  done("nothing went wrong in the browser");
} finally {
  await browser.close();
}
