// How long each page of the console takes, and how evenly the live page is drawn while calls come and go. Prints one
// line of JSON. A page is there when its content is: from the navigation to the last of what it waits for.

import { chromium } from "playwright-core";
import { LAUNCH, signIn } from "./person.mjs";

const { CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN, CHROMIUM, CALL_SID, TIMES, SECONDS } = process.env;
const PAGES = {
  Live: ["/", "tbody tr"],
  Calls: ["/calls", "tbody tr"],
  "Calls, by status": ["/calls?Status=busy", "tbody tr"],
  "Calls, found by a number": ["/calls?find=2000", "tbody tr"],
  Call: [`/calls/${CALL_SID}`, ".rung"],
  Debugger: ["/debugger", ".group"],
  Numbers: ["/numbers", "tbody tr"],
  Clients: ["/clients", "tbody tr"],
  Trunks: ["/trunks", "tbody tr"],
  Applications: ["/applications", "tbody tr"],
  "API keys": ["/keys", "h1"],
  Recordings: ["/recordings", ".player"],
  Conferences: ["/conferences", "h1"],
  "Conferences that are over": ["/conferences?show=past", "tbody tr"],
  Queues: ["/queues", "h1"],
  Try: ["/try", "textarea"],
  Nodes: ["/nodes", ".facts"],
  Phone: ["/phone", "h1"],
};

const LIMIT_MS = 20_000;

async function load(page, path, selector) {
  await page.goto(CONSOLE_URL + path, { waitUntil: "commit" });
  const took = await page.evaluate(
    ([wanted, limit]) =>
      new Promise((resolve) => {
        const look = () => {
          if (document.querySelector(wanted) && !document.querySelector("[aria-busy=true]")) resolve(performance.now());
          else if (performance.now() > limit) resolve(null);
          else setTimeout(look, 4);
        };
        look();
      }),
    [selector, LIMIT_MS],
  );
  if (took === null) {
    const shown = (await page.locator("body").innerText()).slice(0, 600);
    throw new Error(`${path}: no ${selector} that is not busy within ${LIMIT_MS} ms; it shows: ${shown}`);
  }
  return took;
}

// Gaps between frames, tasks of more than 50 ms, and how many rows have changed hands meanwhile.
async function watch(page, seconds) {
  await load(page, "/", "tbody tr");
  return page.evaluate(
    (length) =>
      new Promise((resolve) => {
        const gaps = [];
        const tasks = [];
        const seen = new Set();
        const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)));
        observer.observe({ entryTypes: ["longtask"] });
        const begin = performance.now();
        let last = begin;
        const frame = (now) => {
          gaps.push(now - last);
          last = now;
          if (now - begin < length * 1000) {
            requestAnimationFrame(frame);
            return;
          }
          for (const link of document.querySelectorAll("tbody a")) seen.add(link.href);
          const live = [...document.querySelectorAll(".figure dd")].map((each) => Number(each.textContent));
          resolve({ gaps: gaps.slice(1), tasks, rows: document.querySelectorAll("tbody tr").length, live });
        };
        requestAnimationFrame(frame);
      }),
    seconds,
  );
}

const browser = await chromium.launch({ executablePath: CHROMIUM, ...LAUNCH });
try {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(30_000);
  await signIn(page, CONSOLE_URL, ACCOUNT_SID, AUTH_TOKEN);
  await page.locator("#side").waitFor({ state: "attached" });
  const pages = {};
  for (const [name, [path, selector]] of Object.entries(PAGES)) {
    pages[name] = [];
    for (let time = 0; time < Number(TIMES); time += 1) pages[name].push(await load(page, path, selector));
  }
  console.log(JSON.stringify({ pages, live: await watch(page, Number(SECONDS)) }));
} finally {
  await browser.close();
}
