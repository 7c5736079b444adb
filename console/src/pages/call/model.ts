/** From the events of a call and of the calls it dialled to what the page shows. Pure. */

import { clock, party, shortSid } from "../../format";
import { isLive, type Call, type CallEvent } from "../../types";

export interface Leg {
  call: Call;
  events: CallEvent[];
}

export interface Party {
  id: string;
  label: string;
  kind: "peer" | "node" | "application" | "room";
}

export interface Step {
  key: string;
  at: number;
  call: Call;
  from: number;
  to: number;
  label: string;
  tone: "sip" | "good" | "bad" | "http" | "note" | "audio";
  /** Sound goes both ways: an arrow with two heads. */
  isBoth?: boolean;
  title: string;
  text: string;
}

export interface Ladder {
  parties: Party[];
  steps: Step[];
  start: number;
}

const NODE = "node";
const MAX_HOSTS = 4;
const ROOM = /^(CF|QU)/;

interface Sip {
  direction: string;
  peer: string;
  message: string;
}

export interface Exchange {
  at: number;
  method: string;
  url: string;
  parameters: Record<string, string>;
  status: number | null;
  error: string | null;
  duration_ms: number;
  attempt: number;
  body: string | null;
}

export function exchangeOf(event: CallEvent): Exchange {
  return { body: null, ...(event.data as unknown as Omit<Exchange, "at" | "body">), at: Date.parse(event.at) };
}

/** A status callback, as against a request for a document. */
export function isCallback(exchange: Exchange): boolean {
  return "SequenceNumber" in exchange.parameters || exchange.parameters["CallbackSource"] !== undefined;
}

/** The ladder of the whole tree: a column for each phone, for the node, and for each application. */
export function ladderOf(legs: Leg[]): Ladder {
  const [parties, hosts] = partiesOf(legs);
  const column = new Map(parties.map((each, index) => [each.id, index]));
  const steps = legs.flatMap((leg) => leg.events.map((event) => stepOf(leg.call, event, column, hosts)).filter((step) => step !== null));
  steps.sort((one, other) => one.at - other.at);
  return { parties, steps, start: steps[0]?.at ?? 0 };
}

function partiesOf(legs: Leg[]): [Party[], Map<string, string>] {
  const root = legs[0]?.call;
  const peer = (call: Call): Party => ({ id: call.sid, label: party(call.direction === "inbound" ? call.from : call.to), kind: "peer" });
  const names = new Set(legs.flatMap((leg) => leg.events.filter((event) => event.kind === "http").map((event) => hostOf(String(event.data["url"])))));
  const hosts = new Map<string, string>();
  for (const name of names) hosts.set(name, hosts.size < MAX_HOSTS ? name : "other applications");
  const applications = [...new Set(hosts.values())].map((name): Party => ({ id: `http ${name}`, label: name, kind: "application" }));
  const before = root?.direction === "inbound" ? [peer(root)] : [];
  const after = legs.filter((_, index) => index > 0 || root?.direction !== "inbound").map((leg) => peer(leg.call));
  return [[...before, { id: NODE, label: "CallAPI", kind: "node" }, ...applications, ...after, ...roomsOf(legs)], hosts];
}

/** A column for each conference and queue that a leg was in. */
function roomsOf(legs: Leg[]): Party[] {
  const rooms = new Map<string, Party>();
  for (const event of legs.flatMap((leg) => leg.events)) {
    const sid = String(event.data["with"] ?? event.data["conference_sid"] ?? "");
    if (ROOM.test(sid)) rooms.set(sid, { id: sid, label: `${sid.startsWith("CF") ? "Conference" : "Queue"} ${String(event.data["name"])}`, kind: "room" });
  }
  return [...rooms.values()];
}

function stepOf(call: Call, event: CallEvent, column: Map<string, number>, hosts: Map<string, string>): Step | null {
  const node = column.get(NODE) ?? 0;
  const base = { key: `${call.sid}:${event.sequence}`, at: Date.parse(event.at), call };
  switch (event.kind) {
    case "sip": {
      const sip = event.data as unknown as Sip;
      const peer = column.get(call.sid) ?? 0;
      const isSent = sip.direction === "sent";
      const label = labelOf(sip.message);
      return { ...base, from: isSent ? node : peer, to: isSent ? peer : node, label, tone: toneOf(label), title: `${label} ${isSent ? "to" : "from"} ${sip.peer}`, text: sip.message };
    }
    case "http": {
      const exchange = exchangeOf(event);
      const host = column.get(`http ${hosts.get(hostOf(exchange.url)) ?? ""}`) ?? node;
      const status = exchange.parameters["CallStatus"] ?? "";
      const what = isCallback(exchange) && status ? status : shortPath(pathOf(exchange.url));
      const label = `${exchange.method} ${what} → ${exchange.status ?? "no answer"}`;
      const isGood = exchange.status !== null && exchange.status < 400;
      return { ...base, from: node, to: host, label, tone: isGood ? "http" : "bad", title: `${exchange.method} ${pathOf(exchange.url)}`, text: exchangeText(exchange) };
    }
    case "joined":
    case "parted": {
      const other = String(event.data["with"]);
      const to = column.get(other);
      const from = column.get(call.sid) ?? node;
      // A bridge is an event of both its legs: one arrow is enough.
      if (to === undefined || (!ROOM.test(other) && from > to)) return null;
      const label = audioLabel(event, ROOM.test(other));
      return { ...base, from, to, label, tone: "audio", isBoth: event.kind === "joined", title: label, text: JSON.stringify(event.data, null, 2) };
    }
    case "conference": {
      const room = column.get(String(event.data["conference_sid"])) ?? node;
      const label = String(event.data["event"]).replace("participant-", "");
      if (label === "join" || label === "leave") return null;
      return { ...base, from: room, to: room, label, tone: "note", title: `${label}: ${String(event.data["name"])}`, text: JSON.stringify(event.data, null, 2) };
    }
    default: {
      const label = noteOf(event);
      return label === null ? null : { ...base, from: node, to: node, label, tone: event.kind === "notification" ? "bad" : "note", title: label, text: JSON.stringify(event.data, null, 2) };
    }
  }
}

function audioLabel(event: CallEvent, isRoom: boolean): string {
  if (event.kind === "joined") return isRoom ? "in the room" : "audio both ways";
  const length = clock(Number(event.data["seconds"] ?? 0));
  return isRoom ? `left after ${length}` : `audio ends after ${length}`;
}

/** `INVITE`, `200 OK` or, of another method than INVITE, `200 OK (BYE)`. */
function labelOf(message: string): string {
  const first = message.slice(0, message.indexOf("\r\n") === -1 ? undefined : message.indexOf("\r\n"));
  const method = /^CSeq:\s*\d+\s+(\w+)/im.exec(message)?.[1] ?? "";
  const isSdp = /^(content-type|c):\s*application\/sdp/im.test(message);
  const response = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(first);
  const label = response ? `${response[1]} ${response[2] || ""}`.trim() + (method && method !== "INVITE" ? ` (${method})` : "") : (first.split(" ")[0] ?? first);
  return isSdp ? `${label} · SDP` : label;
}

function toneOf(label: string): Step["tone"] {
  const code = Number(label.slice(0, 3));
  if (Number.isNaN(code)) return "sip";
  if (code >= 400) return "bad";
  return code >= 200 && code < 300 ? "good" : "sip";
}

function noteOf(event: CallEvent): string | null {
  const data = event.data;
  switch (event.kind) {
    case "verb":
      return `<${String(data["name"])}>${data["line"] ? ` line ${String(data["line"])}` : ""}`;
    case "status":
      return String(data["status"]);
    case "digit":
      return `a key was pressed (${String(data["source"])})`;
    case "speech":
      return `speech understood, confidence ${String(data["confidence"])}`;
    case "transcription":
      return data["text"] === undefined ? String(data["event"]) : `“${String(data["text"])}”`;
    case "conversation":
      return conversationOf(data);
    case "stream":
      return `${String(data["event"])}${data["error"] ? `: ${String(data["error"])}` : ""}`;
    case "listening":
      return data["event"] === "listening-started" ? `a supervisor listens (${shortSid(String(data["by"]))})` : `the supervisor has left after ${clock(Number(data["seconds"] ?? 0))}${data["missed_ms"] ? `, having missed ${String(data["missed_ms"])} ms` : ""}`;
    case "answering-machine-detection":
      return `answered by ${String(data["answered_by"])}`;
    case "transfer":
      return `transfer ${String(data["step"])}${data["code"] ? ` (${String(data["code"])})` : ""}: ${party(String(data["target"]))}`;
    case "notification":
      return `${String(data["code"])} ${String(data["text"])}`;
    case "media":
      return data["first_packet_from"] ? `first audio from ${String(data["first_packet_from"])}` : data["is_sample"] ? null : audioOf(data);
    case "document":
    case "sample":
      return null;
    default:
      return event.kind;
  }
}

function conversationOf(data: Record<string, unknown>): string {
  const text = `“${String(data["text"] ?? "")}”`;
  switch (data["event"]) {
    case "prompt":
      return `the caller says ${text}`;
    case "spoken":
      return `says ${text}`;
    case "played":
      return `plays ${String(data["text"])}`;
    case "interrupted":
      return data["text"] ? `interrupted after ${text}` : "interrupted before the first word";
    case "conversation-stopped":
      return `the conversation is over (${String(data["text"])})`;
    default:
      return "a conversation begins";
  }
}

function audioOf(data: Record<string, unknown>): string {
  const mos = data["mos"] === null || data["mos"] === undefined ? "" : `, MOS ${Number(data["mos"]).toFixed(1)}`;
  return `audio: ${String(data["packets_received"])} in, ${String(data["packets_sent"])} out, ${String(data["packets_lost"])} lost${mos}`;
}

function exchangeText(exchange: Exchange): string {
  const parameters = Object.entries(exchange.parameters).map(([name, value]) => `${name}=${value}`);
  const answer = exchange.error ?? `HTTP ${exchange.status ?? ""} after ${exchange.duration_ms} ms`;
  return [`${exchange.method} ${exchange.url}`, ...parameters, "", answer, ...(exchange.body ? ["", exchange.body] : [])].join("\n");
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

function pathOf(url: string): string {
  try {
    return new URL(url).pathname;
  } catch {
    return url;
  }
}

/** The end of a long path is what tells it from others. */
function shortPath(path: string): string {
  return path.length > 14 ? `…${path.slice(-13)}` : path;
}

/** One sentence: how the call stands, or who ended it, when and why. */
export function sentenceOf(call: Call): string {
  const other = party(call.direction === "inbound" ? call.from : call.to);
  const after = call.duration && Number(call.duration) > 0 ? ` after ${clock(Number(call.duration))}` : "";
  const reason = call.end_reason && call.end_reason !== "the peer hung up" ? `: ${call.end_reason}` : "";
  const code = call.sip_response_code && call.sip_response_code >= 300 ? ` (${call.sip_response_code})` : "";
  if (isLive(call)) {
    const states: Record<string, string> = { queued: "The call waits to be placed.", initiated: `The call to ${other} is on its way.`, ringing: call.direction === "inbound" ? `${other} is calling, and is not answered yet.` : `${other} is being rung.`, "in-progress": `${other} is on the line.` };
    return states[call.status] ?? call.status;
  }
  switch (call.status) {
    case "busy":
      return `${other} was busy${code}${reason}.`;
    case "no-answer":
      return `${other} did not answer${code}${reason}.`;
    case "canceled":
      return call.direction === "inbound" ? `${other} gave up before an answer${reason}.` : `The call was canceled before an answer${reason}.`;
    case "failed":
      return `The call failed${code}${reason}.`;
    default:
      if (call.ended_by === "remote") return `${other} hung up${after}${reason}.`;
      if (call.ended_by === "network") return `The connection was lost${after}${reason}.`;
      return `CallAPI ended the call${after}${reason}.`;
  }
}

export interface Measure {
  at: number;
  loss: number;
  jitter: number;
  roundTrip: number | null;
  mos: number | null;
}

/** The quality of a leg over time, from its samples and its final figures. */
export function measuresOf(events: CallEvent[]): Measure[] {
  const found: Measure[] = [];
  let [received, lost] = [0, 0];
  for (const event of events) {
    const data = event.data;
    if ((event.kind !== "media" && event.kind !== "sample") || data["packets_received"] === undefined) continue;
    const [allReceived, allLost] = [Number(data["packets_received"]), Number(data["packets_lost"])];
    const expected = allReceived - received + (allLost - lost);
    found.push({
      at: Date.parse(event.at),
      loss: expected > 0 ? Math.max(0, ((allLost - lost) / expected) * 100) : 0,
      jitter: Number(data["jitter_ms"] ?? 0),
      roundTrip: data["round_trip_ms"] === null || data["round_trip_ms"] === undefined ? null : Number(data["round_trip_ms"]),
      mos: data["mos"] === null || data["mos"] === undefined ? null : Number(data["mos"]),
    });
    [received, lost] = [allReceived, allLost];
  }
  return found;
}

export interface Said {
  key: string;
  at: string;
  /** Who said it, as the page names the parties. */
  who: string;
  text: string;
  confidence: number | null;
  /** What of an utterance of the node was heard before the caller interrupted it; null: all. */
  heard: string | null;
}

/** What was said on the call, as far as the application had it transcribed, in order. */
export function transcriptOf(legs: Leg[]): Said[] {
  const found: Said[] = [];
  for (const { call, events } of legs) {
    const [own, others] = [party(call.direction === "inbound" ? call.from : call.to), "What it heard"];
    found.push(...conversationIn(events, call.sid, own));
    for (const event of events) {
      if (event.kind !== "transcription" || typeof event.data["text"] !== "string") continue;
      const recording = event.data["recording_sid"];
      const confidence = event.data["confidence"];
      found.push({
        key: `${call.sid}:${event.sequence}`,
        at: event.at,
        who: typeof recording === "string" ? "Recording" : event.data["track"] === "outbound_track" ? others : own,
        text: event.data["text"],
        confidence: typeof confidence === "number" ? confidence : null,
        heard: null,
      });
    }
  }
  return found.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

/** Both sides of a conversation with `<ConversationRelay>`; sentences of one utterance are one line. */
function conversationIn(events: CallEvent[], sid: string, caller: string): Said[] {
  const found: Said[] = [];
  const utterances = new Map<string, Said>();
  for (const event of events) {
    if (event.kind !== "conversation") continue;
    const text = String(event.data["text"] ?? "");
    const said = { key: `${sid}:${event.sequence}`, at: event.at, text, confidence: null, heard: null };
    const number = `${String(event.data["session_sid"])} ${String(event.data["utterance"])}`;
    const utterance = utterances.get(number);
    switch (event.data["event"]) {
      case "prompt":
        found.push({ ...said, who: caller });
        break;
      case "spoken":
        if (utterance) utterance.text += ` ${text}`;
        else {
          const begun: Said = { ...said, who: "CallAPI" };
          utterances.set(number, begun);
          found.push(begun);
        }
        break;
      case "interrupted":
        if (utterance) utterance.heard = text;
        break;
    }
  }
  return found;
}
