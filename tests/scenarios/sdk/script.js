// What an application does with Twilio's Node SDK, from numbers to a signed callback. script.py does the same.
// Only the address that the SDK talks to is changed. Prints the name of each step that went well.
"use strict";

const assert = require("node:assert/strict");
const http = require("node:http");
const { setTimeout: sleep } = require("node:timers/promises");
const twilio = require("twilio");

const { BASE_URL, ACCOUNT_SID, AUTH_TOKEN, PHONE, PORT } = process.env;
const APPLICATION = `http://127.0.0.1:${PORT}`;
const NOBODY = "sip:nobody@127.0.0.1:9";
const PATIENCE_MS = 20_000;

// What the application was asked: path, parameters, whether the signature is right, and whether it is of a forgery.
const requests = [];

// The SDK's client, pointed elsewhere.
class CallApi extends twilio.RequestClient {
  request(options) {
    return super.request({ ...options, uri: options.uri.replace("https://api.twilio.com", BASE_URL) });
  }
}

const application = http.createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const parameters = Object.fromEntries(new URLSearchParams(body));
  const signature = request.headers["x-twilio-signature"];
  const isSignedFor = (form) => twilio.validateRequest(AUTH_TOKEN, signature, APPLICATION + request.url, form);
  const isRight = isSignedFor(parameters);
  const isFooled = isSignedFor({ ...parameters, CallStatus: "forged" });
  requests.push({ path: request.url, parameters, isRight, isFooled });
  const document = new twilio.twiml.VoiceResponse();
  document.pause({ length: 30 });
  response.setHeader("Content-Type", "text/xml").end(document.toString());
});

const asked = (path) => requests.filter((each) => each.path === path);

async function until(what, condition) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(100);
  }
}

async function isGone(resource) {
  try {
    await resource.fetch();
  } catch (error) {
    return error.status === 404 && error.code === 20404;
  }
  return false;
}

async function* steps(client) {
  const menu = await client.applications.create({ friendlyName: "ivr", voiceUrl: `${APPLICATION}/voice` });
  await menu.update({ friendlyName: "menu" });
  const menus = await client.applications.list({ friendlyName: "menu" });
  assert.deepEqual(menus.map((each) => each.sid), [menu.sid]);
  yield "application";

  const number = await client.incomingPhoneNumbers.create({
    phoneNumber: "+15550123",
    voiceApplicationSid: menu.sid,
  });
  await number.update({ friendlyName: "Front desk", statusCallback: `${APPLICATION}/status` });
  const [found, ...others] = await client.incomingPhoneNumbers.list({ phoneNumber: "+15550123" });
  assert.deepEqual([found.sid, found.friendlyName, others.length], [number.sid, "Front desk", 0]);
  await number.remove();
  assert(await isGone(client.incomingPhoneNumbers(number.sid)));
  await menu.remove();
  yield "number";

  const call = await client.calls.create({
    to: PHONE,
    from: "+15550199",
    url: `${APPLICATION}/voice`,
    statusCallback: `${APPLICATION}/status`,
    statusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
    record: true,
  });
  assert.deepEqual([call.status, call.direction], ["queued", "outbound-api"]);
  yield "created";

  const status = async () => (await client.calls(call.sid).fetch()).status;
  await until("the answer", async () => (await status()) === "in-progress");
  await until("the document", () => asked("/voice").length);
  yield "watched";

  await client.calls(call.sid).update({ url: `${APPLICATION}/other`, method: "POST" });
  await until("the other document", () => asked("/other").length);
  await sleep(500);
  yield "redirected";

  await client.calls(call.sid).update({ status: "completed" });
  await until("the end", async () => (await status()) === "completed");
  yield "hung up";

  const key = await client.newKeys.create({ friendlyName: "ci" });
  const byKey = twilio(key.sid, key.secret, { accountSid: ACCOUNT_SID, httpClient: new CallApi() });
  assert.equal((await byKey.calls(call.sid).fetch()).sid, call.sid);
  assert.equal((await byKey.keys(key.sid).update({ friendlyName: "build" })).friendlyName, "build");
  assert.deepEqual((await client.keys.list()).map((each) => each.friendlyName), ["build"]);
  await client.keys(key.sid).remove();
  await assert.rejects(byKey.calls(call.sid).fetch(), (error) => error.status === 401 && error.code === 20003);
  yield "key";

  for (let made = 0; made < 2; made += 1) {
    await client.calls.create({ to: NOBODY, from: "+15550199", url: `${APPLICATION}/voice` });
  }
  await until("two failures", async () => (await client.calls.list({ status: "failed" })).length === 2);
  assert.deepEqual((await client.calls.list({ to: PHONE })).map((each) => each.sid), [call.sid]);
  assert.equal((await client.calls.list({ pageSize: 1 })).length, 3);
  const first = await client.calls.page({ pageSize: 2 });
  const second = await first.nextPage();
  assert.equal(new Set([...first.instances, ...second.instances].map((each) => each.sid)).size, 3);
  yield "listed and paged";

  const [recording] = await until("the recording", async () => {
    const listed = await client.recordings.list({ callSid: call.sid });
    return listed.length && listed;
  });
  await until("the end of the recording", async () => (await recording.fetch()).status === "completed");
  const sound = await fetch(`${BASE_URL}${recording.uri.replace(/\.json$/, "")}.wav`, {
    headers: { Authorization: `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString("base64")}` },
  });
  assert.equal(Buffer.from(await sound.arrayBuffer()).toString("latin1", 0, 4), "RIFF");
  await recording.remove();
  assert(await isGone(client.recordings(recording.sid)));
  yield "recording";

  await until("four callbacks", () => asked("/status").length >= 4);
  const reported = asked("/status").map((each) => each.parameters.CallStatus);
  assert.deepEqual(reported, ["initiated", "ringing", "in-progress", "completed"]);
  assert(requests.every((each) => each.isRight && !each.isFooled));
  yield "callbacks";
}

application.listen(Number(PORT), "127.0.0.1", async () => {
  try {
    const client = twilio(ACCOUNT_SID, AUTH_TOKEN, { httpClient: new CallApi() });
    for await (const step of steps(client)) console.log(step);
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
});
