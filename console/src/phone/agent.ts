/** The SIP client of the phone: one registration, one call at a time. A second call gets 486 (Busy Here). */

import JsSIP from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import type { UA } from "jssip/lib/UA";
import { Meter, openMicrophone, ring } from "./sound";
import { phoneState, setCall, setPhone } from "./state";

/** The longest wait for candidates of STUN and TURN: what was gathered until then is sent. */
const MAX_GATHERING_MS = 1000;
const REFUSED = new Set([401, 403, 404, 407]);

export interface Account {
  login: string;
  password: string;
  /** `ws://…` or `wss://…`. */
  server: string;
  iceServers: RTCIceServer[];
}

let agent: UA | null = null;
let iceServers: RTCIceServer[] = [];
let session: RTCSession | null = null;
/** Of the call in `phoneState()`: work that was begun for an earlier one is dropped. */
let turn = 0;
let microphone: MediaStream | null = null;
let microphoneId = "";
let stopRinging: () => void = () => undefined;
let meters: { microphone: Meter | null; speaker: Meter | null } = { microphone: null, speaker: null };
const speaker = new Audio();
speaker.autoplay = true;

export function signIn(account: Account): void {
  agent?.stop();
  iceServers = account.iceServers;
  const mine = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(account.server)],
    uri: `sip:${encodeURIComponent(account.login)}@${sipDomain()}`,
    password: account.password,
    user_agent: "CallAPI console",
  });
  agent = mine;
  let wasRegistered = false;
  const giveUp = (error: string): void => {
    if (agent !== mine) return;
    agent = null;
    mine.stop();
    setPhone({ link: "signed-out", error });
  };
  mine.on("registered", () => {
    if (agent !== mine) return;
    wasRegistered = true;
    setPhone({ link: "registered", error: "" });
  });
  mine.on("registrationFailed", ({ response, cause }) => {
    const code = response?.status_code ?? 0;
    if (REFUSED.has(code)) giveUp("The login or the password is wrong");
    else if (!wasRegistered) giveUp(`The node does not register the phone: ${code ? `${code} ${response.reason_phrase}` : cause}`);
  });
  mine.on("disconnected", () => {
    if (agent !== mine) return;
    if (wasRegistered) setPhone({ link: "reconnecting" });
    else giveUp(`No SIP connection to ${account.server}. The node needs http.sip_websocket = true, and ${location.origin} as http.public_url or in http.allowed_origins`);
  });
  mine.on("newRTCSession", ({ originator, session: fresh }: { originator: string; session: RTCSession }) => {
    if (originator !== "remote") return;
    if (session) fresh.terminate({ status_code: 486, reason_phrase: "Busy Here" });
    else ringFor(fresh);
  });
  setPhone({ link: "connecting", login: account.login, error: "", last: "" });
  mine.start();
}

export function signOut(): void {
  if (phoneState().call) hangUp();
  const mine = agent;
  agent = null;
  mine?.stop();
  setPhone({ link: "signed-out", error: "", last: "" });
}

/** Call a number, a login or a SIP URI. */
export async function call(target: string): Promise<void> {
  if (session || phoneState().call || !agent) return;
  const mine = begin(target, "", false, "calling");
  try {
    const stream = await openMicrophone(microphoneId);
    if (turn !== mine || !agent) return stop(stream);
    keepMicrophone(stream);
    take(agent.call(target, { mediaStream: stream, pcConfig: { iceServers } }));
  } catch (caught) {
    if (turn === mine) finish("", (caught as Error).name === "TypeError" ? `${target} is not a number, a login or a SIP URI` : (caught as Error).message);
  }
}

export async function answer(): Promise<void> {
  const mine = session;
  if (!mine || phoneState().call?.phase !== "incoming") return;
  stopRinging();
  setCall({ phase: "answering" });
  try {
    const stream = await openMicrophone(microphoneId);
    if (session !== mine) return stop(stream);
    keepMicrophone(stream);
    mine.answer({ mediaStream: stream, pcConfig: { iceServers } });
  } catch (caught) {
    if (session !== mine) return;
    setPhone({ error: (caught as Error).message });
    setCall({ phase: "incoming" });
  }
}

export function hangUp(): void {
  if (!session) return finish("Canceled");
  const isIncoming = phoneState().call?.phase === "incoming";
  session.terminate(isIncoming ? { status_code: 486, reason_phrase: "Busy Here" } : {});
}

/** The call is held, or resumed, when the node has answered the new offer; one change at a time. */
export function toggleHold(): void {
  const mine = session;
  if (!mine?.isEstablished() || phoneState().call?.isChanging) return;
  const isHeld = !mine.isOnHold().local;
  setCall({ isChanging: true });
  const done = (): void => {
    if (session === mine) setCall({ isHeld, isChanging: false });
  };
  if (isHeld ? mine.hold({}, done) : mine.unhold({}, done)) return;
  setCall({ isChanging: false });
  setPhone({ error: "The last change of the call is not finished: try again" });
}

export function toggleMute(): void {
  if (!session) return;
  if (session.isMuted().audio) session.unmute({ audio: true });
  else session.mute({ audio: true });
}

/** RFC 4733 events, at most one press in the time of a tone. */
export function press(digits: string): void {
  if (session?.isEstablished()) session.sendDTMF(digits, { transportType: JsSIP.C.DTMF_TRANSPORT.RFC2833 as never });
}

/** Blind transfer (RFC 3515, RFC 5589): the call ends here when the node has put it through. */
export function transfer(target: string): void {
  const mine = session;
  if (!mine?.isEstablished()) return;
  const failed = (text: string): void => setCall({ transfer: `Transfer failed: ${text}` });
  const eventHandlers = {
    requestSucceeded: () => setCall({ transfer: "Transferring …" }),
    requestFailed: ({ cause }: { cause: string }) => failed(cause),
    accepted: () => void (mine.isEnded() || mine.terminate()),
    failed: ({ status_line }: { status_line?: { status_code: number; reason_phrase: string } }) => failed(status_line ? `${status_line.status_code} ${status_line.reason_phrase}` : "no answer"),
  };
  setCall({ transfer: "Transferring …" });
  try {
    mine.refer(target, { eventHandlers } as never);
  } catch {
    failed(`${target} is not a number, a login or a SIP URI`);
  }
}

/** Takes effect at once, in a call too. Empty: the system's default. */
export async function chooseMicrophone(deviceId: string): Promise<void> {
  microphoneId = deviceId;
  const sender = session?.connection?.getSenders().find((each) => each.track?.kind === "audio");
  if (!sender || !microphone) return;
  try {
    const fresh = await openMicrophone(deviceId);
    const [track] = fresh.getAudioTracks();
    if (!track || !microphone) return stop(fresh);
    track.enabled = sender.track?.enabled ?? true;
    await sender.replaceTrack(track);
    stop(microphone);
    keepMicrophone(fresh);
  } catch (caught) {
    setPhone({ error: (caught as Error).message });
  }
}

export async function chooseSpeaker(deviceId: string): Promise<void> {
  try {
    await speaker.setSinkId(deviceId);
  } catch (caught) {
    setPhone({ error: `The speaker cannot be used: ${(caught as Error).message}` });
  }
}

export function levels(): { microphone: number; speaker: number } {
  return { microphone: meters.microphone?.level() ?? 0, speaker: meters.speaker?.level() ?? 0 };
}

export function connection(): RTCPeerConnection | null {
  return session?.connection ?? null;
}

/** The domain of logins and numbers that are the node's own: the node writes it into the document. */
function sipDomain(): string {
  const given = document.querySelector<HTMLMetaElement>('meta[name="sip-domain"]')?.content ?? "";
  return given && !given.startsWith("__") ? given : location.hostname;
}

function ringFor(fresh: RTCSession): void {
  const { user, host } = fresh.remote_identity.uri;
  begin(user ? decodeURIComponent(user) : host, fresh.remote_identity.display_name ?? "", true, "incoming");
  take(fresh);
  stopRinging = ring();
}

function begin(party: string, name: string, isIncoming: boolean, phase: "calling" | "incoming"): number {
  setPhone({ error: "", last: "", call: { party, name, isIncoming, phase, since: 0, isMuted: false, isHeld: false, isChanging: false, isHeldByPeer: false, transfer: "" } });
  return ++turn;
}

function take(fresh: RTCSession): void {
  session = fresh;
  const isMine = (): boolean => session === fresh;
  fresh.on("peerconnection", ({ peerconnection }) => listenTo(peerconnection));
  if (fresh.connection) listenTo(fresh.connection);
  let gathering: ReturnType<typeof setTimeout> | undefined;
  fresh.on("icecandidate", ({ ready }) => void (gathering ??= setTimeout(ready, MAX_GATHERING_MS)));
  fresh.on("progress", ({ originator }: { originator: string }) => isMine() && originator === "remote" && setCall({ phase: "ringing" }));
  fresh.on("accepted", () => isMine() && setCall({ phase: "up", since: Date.now() }));
  fresh.on("hold", ({ originator }) => isMine() && originator === "remote" && setCall({ isHeldByPeer: true }));
  fresh.on("unhold", ({ originator }) => isMine() && originator === "remote" && setCall({ isHeldByPeer: false }));
  fresh.on("muted", () => isMine() && setCall({ isMuted: true }));
  fresh.on("unmuted", () => isMine() && setCall({ isMuted: false }));
  const end = (last: string): void => {
    clearTimeout(gathering);
    if (isMine()) finish(last);
  };
  fresh.on("ended", ({ originator }) => end(originator === "local" ? "You hung up" : "The other party hung up"));
  fresh.on("failed", ({ cause, message }) => {
    const refusal = message as { status_code?: number; reason_phrase?: string } | null;
    end(refusal?.status_code ? `${refusal.status_code} ${refusal.reason_phrase ?? ""}` : cause);
  });
}

function listenTo(peer: RTCPeerConnection): void {
  const hear = (): void => {
    const tracks = peer.getReceivers().flatMap(({ track }) => (track.kind === "audio" ? [track] : []));
    if (tracks.length === 0) return;
    const stream = new MediaStream(tracks);
    speaker.srcObject = stream;
    meters.speaker?.close();
    meters.speaker = new Meter(stream);
  };
  peer.addEventListener("track", hear);
}

function keepMicrophone(stream: MediaStream): void {
  microphone = stream;
  meters.microphone?.close();
  meters.microphone = new Meter(stream);
}

function finish(last: string, error = ""): void {
  session = null;
  turn += 1;
  closeSound();
  setPhone({ call: null, last, error });
}

function closeSound(): void {
  stopRinging();
  meters.microphone?.close();
  meters.speaker?.close();
  meters = { microphone: null, speaker: null };
  stop(microphone);
  microphone = null;
  speaker.srcObject = null;
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
