// Phones in browsers: one Chromium whose pages are phones made with JsSIP or SIP.js, both as they come from npm.
//
// Commands come as JSON lines on stdin ({"id", "do", "page", ...}), answers ({"id", ...}) and events ({"event", "page",
// ...}) leave as JSON lines on stdout. The microphone plays the WAV file MICROPHONE over and over.

import { createServer } from "node:http";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const { CHROMIUM, MICROPHONE } = process.env;
const here = path.dirname(fileURLToPath(import.meta.url));
const emit = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

// The page's script with its libraries in it; kept until they change, since to make it takes seconds of CPU.
async function bundle() {
  const source = path.join(here, "phone_page.js");
  const hash = createHash("sha256");
  for (const each of [source, path.join(here, "package-lock.json")]) hash.update(await readFile(each));
  const cache = path.join(here, "node_modules/.cache");
  const kept = path.join(cache, `phone_page-${hash.digest("hex").slice(0, 16)}.js`);
  const found = await readFile(kept).catch(() => null);
  if (found) return found;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(path.join(cache, "making-"));
  const outfile = path.join(folder, "phone_page.js");
  const { default: esbuild } = await import("esbuild-wasm");
  await esbuild.build({
    entryPoints: [source],
    bundle: true,
    format: "iife",
    outfile,
    define: { global: "globalThis" },
    logLevel: "error",
  });
  await esbuild.stop();
  const made = await readFile(outfile);
  await rename(outfile, kept); // whole or not at all: others may look for it now
  await rm(folder, { recursive: true });
  return made;
}

async function serve(script) {
  const server = createServer((request, response) => {
    const isScript = request.url === "/phone_page.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : '<!doctype html><title>phone</title><script src="/phone_page.js"></script>');
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const server = await serve(await bundle());
const origin = `http://localhost:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  headless: true,
  args: [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${MICROPHONE}`,
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--ignore-certificate-errors", // an authority of the test's own
    "--allow-loopback-in-peer-connection", // a machine, or a network namespace, may have no other interface
  ],
});
const context = await browser.newContext({ permissions: ["microphone", "camera"] });
const pages = new Map();

const commands = {
  async open({ page: name, ...settings }) {
    const page = await context.newPage();
    pages.set(name, page);
    page.on("pageerror", (error) => emit({ event: "error", page: name, text: error.message }));
    page.on("console", (message) => console.error(`${name}: ${message.text()}`));
    await page.exposeFunction("report", (event) => emit({ ...event, page: name }));
    await page.goto(origin);
    await page.evaluate((given) => globalThis.phone.start(given), settings);
  },
  async close({ page: name }) {
    await pages.get(name).close();
    pages.delete(name);
  },
  async cut({ is_cut: isCut }) {
    await context.setOffline(isCut);
  },
  async run({ page: name, called: verb, given }) {
    const run = ([called, value]) => globalThis.phone[called](value);
    return { result: await pages.get(name).evaluate(run, [verb, given]) };
  },
  async quit() {
    setTimeout(leave, 0);
  },
};

async function leave() {
  await browser.close();
  server.close();
  process.exit(0);
}

emit({ event: "ready", page: "", origin });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  commands[command.do](command).then(
    (answer) => emit({ id: command.id, ...answer }),
    (error) => emit({ id: command.id, error: error.message }),
  );
}
await leave();
