// Conferences, queues, recordings of rooms, SIP resources and tokens by Twilio's Node SDK. together.py does the same.
// Only the address that the SDK talks to is changed. Prints the name of each step that went well.
"use strict";

const assert = require("node:assert/strict");
const http = require("node:http");
const { setTimeout: sleep } = require("node:timers/promises");
const twilio = require("twilio");

const { BASE_URL, ACCOUNT_SID, AUTH_TOKEN, PHONE, PORT } = process.env;
const APPLICATION = `http://127.0.0.1:${PORT}`;
const TIMEOUT_MS = 20_000;
const asked = [];

// The SDK's client, pointed elsewhere.
class CallApi extends twilio.RequestClient {
  request(options) {
    return super.request({ ...options, uri: options.uri.replace("https://api.twilio.com", BASE_URL) });
  }
}

const application = http.createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  asked.push({ path: request.url, parameters: Object.fromEntries(new URLSearchParams(body)) });
  const document = new twilio.twiml.VoiceResponse();
  if (request.url === "/hello") document.pause({ length: 1 });
  response.setHeader("Content-Type", "text/xml").end(document.toString());
});

async function until(what, condition) {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${TIMEOUT_MS} ms`);
    await sleep(100);
  }
}

const isGone = async (resource) =>
  resource.fetch().then(
    () => false,
    (error) => error.status === 404 && error.code === 20404,
  );
const reported = (path, name) => asked.filter((each) => each.path === path).map((each) => each.parameters[name]);

async function* steps(client) {
  const room = client.conferences("Team meeting");
  const shared = {
    from: "+15550100",
    to: PHONE,
    beep: "false",
    timeout: 30,
    earlyMedia: true,
    jitterBufferSize: "small",
    startConferenceOnEnter: true,
    conferenceRecord: "record-from-start",
    conferenceTrim: "do-not-trim",
    conferenceStatusCallback: `${APPLICATION}/room`,
    conferenceStatusCallbackEvent: ["start", "end", "join", "leave", "mute", "hold", "modify", "announcement"],
    conferenceRecordingStatusCallback: `${APPLICATION}/recorded`,
    conferenceRecordingStatusCallbackEvent: ["in-progress", "completed", "absent"],
  };
  const bob = await room.participants.create({
    ...shared,
    label: "bob",
    record: true,
    recordingChannels: "dual",
    recordingTrack: "both",
    trim: "do-not-trim",
    recordingStatusCallback: `${APPLICATION}/bob`,
    recordingStatusCallbackEvent: ["completed"],
    statusCallback: `${APPLICATION}/call`,
    statusCallbackEvent: ["answered", "completed"],
    callerDisplayName: "Front desk",
  });
  const carol = await room.participants.create({ ...shared, label: "carol", maxParticipants: 5 });
  assert(["queued", "connecting", "ringing"].includes(bob.status), bob.status);
  assert.equal(bob.conferenceSid, carol.conferenceSid);
  const conference = client.conferences(bob.conferenceSid);
  await until("both", async () => {
    const people = await conference.participants.list();
    return people.length === 2 && people.every((each) => each.status === "connected");
  });
  assert.equal((await conference.fetch()).status, "in-progress");
  const today = new Date();
  const [listed] = await client.conferences.list({ status: "in-progress", dateUpdated: today, dateCreated: today });
  assert.equal(listed.friendlyName, "Team meeting");
  yield "called into a room";

  const people = conference.participants;
  assert.equal((await people("bob").update({ muted: true })).muted, true);
  assert.deepEqual((await people.list({ muted: true })).map((each) => each.label), ["bob"]);
  assert.equal((await people("bob").update({ muted: false, hold: true, holdUrl: `${APPLICATION}/hello` })).hold, true);
  assert.deepEqual((await people.list({ hold: true })).map((each) => each.callSid), [bob.callSid]);
  assert.equal((await people(bob.callSid).update({ hold: false })).hold, false);
  const coach = await people("carol").update({ coaching: true, callSidToCoach: bob.callSid });
  assert.deepEqual([coach.coaching, coach.callSidToCoach], [true, bob.callSid]);
  assert.equal((await people.list({ coaching: true })).length, 1);
  await people("carol").update({ coaching: false, beepOnExit: false, endConferenceOnExit: true });
  assert.equal((await people("carol").fetch()).endConferenceOnExit, true);
  await people("bob").update({ announceUrl: `${APPLICATION}/hello`, announceMethod: "POST" });
  await conference.update({ announceUrl: `${APPLICATION}/hello`, announceMethod: "POST" });
  await until("two announcements", () =>
    reported("/room", "StatusCallbackEvent").filter((each) => each === "announcement-end").length === 2);
  yield "participants";

  const [recording] = await conference.recordings.list();
  assert.deepEqual([recording.source, recording.status], ["Conference", "in-progress"]);
  const recordings = conference.recordings;
  assert.equal((await recordings("Twilio.CURRENT").update({ status: "paused", pauseBehavior: "skip" })).status, "paused");
  assert.equal((await recordings(recording.sid).update({ status: "in-progress" })).status, "in-progress");
  await sleep(300);
  assert.equal((await recordings(recording.sid).update({ status: "stopped" })).status, "stopped");
  await until("the recording", async () => (await recordings(recording.sid).fetch()).status === "completed");
  await assert.rejects(recordings(recording.sid).update({ status: "paused" }), (error) => error.status === 400);
  await until("its callback", () => reported("/recorded", "RecordingStatus").length === 2);
  assert.deepEqual(reported("/recorded", "RecordingStatus"), ["in-progress", "completed"]);
  await recordings(recording.sid).remove();
  assert(await isGone(recordings(recording.sid)));
  yield "recording of a room";

  await people("bob").remove();
  assert.equal((await conference.update({ status: "completed" })).status, "completed");
  const over = await conference.fetch();
  assert.equal(over.reasonConferenceEnded, "conference-ended-via-api");
  assert.deepEqual(await conference.participants.list(), []);
  await until("bob's recording", () => reported("/bob", "RecordingStatus").includes("completed"));
  assert.deepEqual(reported("/bob", "RecordingChannels"), ["2"]);
  assert.deepEqual(reported("/call", "CallStatus"), ["in-progress", "completed"]);
  const numbers = reported("/room", "SequenceNumber");
  assert.deepEqual(numbers, numbers.map((_, at) => String(at + 1)));
  yield "end of a room";

  const queue = await client.queues.create({ friendlyName: "support", maxSize: 3 });
  assert.equal((await client.queues(queue.sid).update({ friendlyName: "sales", maxSize: 4 })).maxSize, 4);
  await assert.rejects(client.queues.create({ friendlyName: "sales" }), (error) => error.code === 22003);
  const enqueue = new twilio.twiml.VoiceResponse();
  enqueue.enqueue({ waitUrl: "" }, "sales");
  const caller = await client.calls.create({ to: PHONE, from: "+15550100", twiml: enqueue.toString() });
  const members = client.queues(queue.sid).members;
  const [waiting] = await until("the caller", async () => {
    const found = await members.list();
    return found.length && found;
  });
  assert.deepEqual([waiting.callSid, waiting.position], [caller.sid, 1]);
  assert.equal((await members("Front").fetch()).callSid, caller.sid);
  assert.equal((await client.queues(queue.sid).fetch()).currentSize, 1);
  await assert.rejects(client.queues(queue.sid).remove(), (error) => error.status === 409);
  await members(caller.sid).update({ url: `${APPLICATION}/hello`, method: "POST" });
  await until("an empty queue", async () => !(await members.list()).length);
  await client.queues(queue.sid).remove();
  assert(await isGone(client.queues(queue.sid)));
  yield "queue";

  const domain = await client.sip.domains.create({ domainName: "acme.sip.example.com", friendlyName: "acme" });
  await domain.update({ voiceUrl: `${APPLICATION}/hello`, sipRegistration: true });
  const list = await client.sip.credentialLists.create({ friendlyName: "phones" });
  const credential = await list.credentials().create({ username: "erin", password: "Sup3rSecret12" });
  const addresses = await client.sip.ipAccessControlLists.create({ friendlyName: "office" });
  const address = await addresses.ipAddresses().create({ friendlyName: "gate", ipAddress: "192.0.2.7" });
  const auth = client.sip.domains(domain.sid).auth;
  await auth.calls.credentialListMappings.create({ credentialListSid: list.sid });
  await auth.calls.ipAccessControlListMappings.create({ ipAccessControlListSid: addresses.sid });
  await auth.registrations.credentialListMappings.create({ credentialListSid: list.sid });
  assert.equal((await auth.registrations.credentialListMappings.list()).length, 1);
  assert.equal((await auth.calls.ipAccessControlListMappings.list()).length, 1);
  assert.equal((await client.sip.credentialLists(list.sid).credentials(credential.sid).fetch()).username, "erin");
  assert.equal((await addresses.ipAddresses().list())[0].sid, address.sid);
  await auth.registrations.credentialListMappings(list.sid).remove();
  await auth.calls.credentialListMappings(list.sid).remove();
  await auth.calls.ipAccessControlListMappings(addresses.sid).remove();
  await client.sip.credentialLists(list.sid).remove();
  await client.sip.ipAccessControlLists(addresses.sid).remove();
  await client.sip.domains(domain.sid).remove();
  assert(await isGone(client.sip.domains(domain.sid)));
  yield "sip";

  const token = await client.tokens.create({ ttl: 600 });
  assert.equal(token.ttl, "600");
  yield "token";
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
