// One phone: the same few verbs over JsSIP and over SIP.js. Neither library is changed; what differs is in here.

import JsSIP from "jssip";
import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from "sip.js";

const NO_SERVERS = { iceServers: [] };
const emit = (event, more = {}) => globalThis.report({ event, ...more });

let calledAt = 0;
const sinceCall = () => Math.round(performance.now() - calledAt);

// The strongest frequency of what the peer says, sampled over and over.
class Recorder {
  constructor() {
    this.samples = [];
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 8192;
    this.analyser.smoothingTimeConstant = 0;
    this.element = document.createElement("audio");
    this.element.autoplay = true;
    this.streams = new Set();
    setInterval(() => this.sample(), 50);
  }

  listen(connection) {
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "connected") emit("connected", { after_ms: sinceCall() });
    });
    const hook = () => {
      const tracks = connection.getReceivers().map((each) => each.track).filter((each) => each && each.kind === "audio");
      const key = tracks.map((each) => each.id).join();
      if (tracks.length && !this.streams.has(key)) {
        this.streams.add(key);
        const stream = new MediaStream(tracks);
        this.element.srcObject = stream;
        this.context.createMediaStreamSource(stream).connect(this.analyser);
      }
    };
    connection.addEventListener("track", hook);
    hook();
  }

  sample() {
    const bins = new Float32Array(this.analyser.frequencyBinCount);
    this.analyser.getFloatFrequencyData(bins);
    let best = 0;
    bins.forEach((level, at) => { if (level > bins[best]) best = at; });
    const hertz = (best * this.context.sampleRate) / this.analyser.fftSize;
    this.samples.push(bins[best] > -70 ? Math.round(hertz) : 0);
    this.samples = this.samples.slice(-200);
  }
}

// What a peer's camera shows: how large it is, and how many colours a frame of it has.
class Screen {
  constructor() {
    this.element = document.createElement("video");
    Object.assign(this.element, { autoplay: true, muted: true, playsInline: true });
    this.canvas = new OffscreenCanvas(64, 48).getContext("2d", { willReadFrequently: true });
  }

  look(connection) {
    const track = connection.getReceivers().map((each) => each.track).find((each) => each?.kind === "video");
    if (track && this.element.srcObject?.getVideoTracks()[0] !== track) this.element.srcObject = new MediaStream([track]);
    this.canvas.drawImage(this.element, 0, 0, 64, 48);
    const colours = new Set(new Uint32Array(this.canvas.getImageData(0, 0, 64, 48).data.buffer));
    return { width: this.element.videoWidth, height: this.element.videoHeight, colours: colours.size };
  }
}

class JsSipPhone {
  start({ uri, password, server }) {
    const socket = new JsSIP.WebSocketInterface(server);
    this.agent = new JsSIP.UA({ sockets: [socket], uri, password, register: true });
    this.agent.on("registered", () => emit("registered", { code: 200 }));
    this.agent.on("registrationFailed", ({ cause, response }) => emit("registered", { code: response?.status_code ?? 0, cause }));
    this.agent.on("disconnected", () => emit("disconnected"));
    this.agent.on("newRTCSession", ({ originator, session, request }) => {
      this.take(session);
      if (originator === "remote") emit("incoming", { from: request.from.uri.toString() });
    });
    this.agent.start();
  }

  take(session) {
    this.session = session;
    session.on("peerconnection", ({ peerconnection }) => recorder.listen(peerconnection));
    if (session.connection) recorder.listen(session.connection);
    session.on("confirmed", () => emit("answered", { after_ms: sinceCall() }));
    session.on("sdp", (data) => {
      if (data.originator === "local" && this.changes) data.sdp = data.sdp.replace(new RegExp(this.changes[0], "g"), this.changes[1]);
    });
    session.on("progress", ({ response }) => response && emit("ringing", { code: response.status_code }));
    session.on("ended", ({ cause }) => emit("ended", { cause }));
    session.on("failed", ({ cause, message }) => emit("ended", { cause, code: message?.status_code ?? 0 }));
    session.on("hold", ({ originator }) => emit("hold", { originator }));
    session.on("unhold", ({ originator }) => emit("unhold", { originator }));
  }

  call(target) { this.agent.call(target, { mediaConstraints: { audio: true, video: false }, pcConfig: NO_SERVERS }); }
  film(target) { this.agent.call(target, { mediaConstraints: { audio: true, video: true }, pcConfig: NO_SERVERS }); }
  // What our descriptions say is changed from now on: [regular expression, replacement].
  change(changes) { this.changes = changes; }
  answer() { this.session.answer({ mediaConstraints: { audio: true, video: false }, pcConfig: NO_SERVERS }); }
  answerWithVideo() { this.session.answer({ mediaConstraints: { audio: true, video: true }, pcConfig: NO_SERVERS }); }
  hangUp() { this.session.terminate(); }
  hold() { this.session.hold(); }
  resume() { this.session.unhold(); }
  async press(digits) {
    const canPress = () => this.session.connection.getSenders().some((each) => each.dtmf?.canInsertDTMF);
    for (let tries = 0; !canPress() && tries < 200; tries += 1) await new Promise((go) => setTimeout(go, 50));
    this.session.sendDTMF(digits, { transportType: "RFC2833" });
  }
  transfer(target) { this.session.refer(target); }
  connection() { return this.session.connection; }
}

class SipJsPhone {
  async start({ uri, password, server }) {
    const user = UserAgent.makeURI(uri);
    this.agent = new UserAgent({
      uri: user,
      transportOptions: { server },
      authorizationUsername: user.user,
      authorizationPassword: password,
      logLevel: "error",
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: NO_SERVERS },
      delegate: {
        onInvite: (invitation) => {
          this.take(invitation);
          emit("incoming", { from: invitation.remoteIdentity.uri.toString() });
        },
        onDisconnect: () => emit("disconnected"),
      },
    });
    await this.agent.start();
    this.registerer = new Registerer(this.agent);
    this.registerer.stateChange.addListener((state) => {
      if (state === RegistererState.Registered) emit("registered", { code: 200 });
    });
    await this.registerer.register({ requestDelegate: { onReject: ({ message }) => emit("registered", { code: message.statusCode }) } });
  }

  take(session) {
    this.session = session;
    session.stateChange.addListener((state) => {
      if (state === SessionState.Established) {
        recorder.listen(this.connection());
        emit("answered", { after_ms: sinceCall() });
      } else if (state === SessionState.Terminated) {
        emit("ended");
      }
    });
  }

  call(target) { return this.invite(target, { audio: true, video: false }); }
  film(target) { return this.invite(target, { audio: true, video: true }); }
  async invite(target, constraints) {
    const options = { sessionDescriptionHandlerOptions: { constraints } };
    const inviter = new Inviter(this.agent, UserAgent.makeURI(target), options);
    this.take(inviter);
    await inviter.invite({ requestDelegate: { onReject: ({ message }) => emit("refused", { code: message.statusCode }) } });
  }

  async answer() { await this.session.accept(); }
  async answerWithVideo() { await this.session.accept({ sessionDescriptionHandlerOptions: { constraints: { audio: true, video: true } } }); }
  async hangUp() {
    if (this.session.state === SessionState.Established) await this.session.bye();
    else if (this.session instanceof Inviter) await this.session.cancel();
    else await this.session.reject();
  }

  async offer(hold) {
    // As the library's own SimpleUser does: `hold` alone goes on sending the microphone.
    for (const { track } of this.connection().getSenders()) if (track) track.enabled = !hold;
    this.session.sessionDescriptionHandlerOptionsReInvite = { hold };
    await this.session.invite({ requestDelegate: { onAccept: () => emit(hold ? "hold" : "unhold", { originator: "local" }) } });
  }

  hold() { return this.offer(true); }
  resume() { return this.offer(false); }
  press(digits) { this.session.sessionDescriptionHandler.sendDtmf(digits); }
  async transfer(target) { await this.session.refer(UserAgent.makeURI(target)); }
  connection() { return this.session.sessionDescriptionHandler.peerConnection; }
}

// Chromium drops digits that are pressed before its sound is on its way, which is a moment after the end of DTLS.
async function speaks() {
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await globalThis.phone.statistics()).sent > 10) return;
    await new Promise((go) => setTimeout(go, 50));
  }
  throw new Error("no sound is sent");
}

let recorder;
let screen;
let inner;
globalThis.phone = {
  async start({ library, ...settings }) {
    recorder = new Recorder();
    screen = new Screen();
    inner = library === "jssip" ? new JsSipPhone() : new SipJsPhone();
    await inner.start(settings);
  },
  heard: (count) => recorder.samples.slice(-count),
  // Of the video of both directions.
  async picture() {
    const figures = { ...screen.look(inner.connection()), decoded: 0, asked: 0, sent: 0, keyFrames: 0, askedFor: 0, repeated: 0 };
    const stats = await inner.connection().getStats();
    for (const each of stats.values()) {
      if (each.kind !== "video") continue;
      const codec = stats.get(each.codecId)?.mimeType;
      if (each.type === "inbound-rtp") Object.assign(figures, { decoded: each.framesDecoded, asked: each.pliCount + each.firCount, received: codec, missed: each.nackCount });
      if (each.type === "outbound-rtp") Object.assign(figures, { sent: each.framesSent, keyFrames: each.keyFramesEncoded, askedFor: each.pliCount + each.firCount, filmed: codec, repeated: each.retransmittedPacketsSent });
    }
    return figures;
  },
  async statistics() {
    const figures = { received: 0, sent: 0, concealed: 0, frames: 0, filmed: 0 };
    for (const each of (await inner.connection().getStats()).values()) {
      if (each.type === "inbound-rtp" && each.kind === "video") figures.frames = each.framesDecoded;
      else if (each.type === "inbound-rtp") Object.assign(figures, { received: each.packetsReceived, concealed: each.concealedSamples });
      if (each.type === "outbound-rtp" && each.kind === "video") figures.filmed = each.packetsSent;
      else if (each.type === "outbound-rtp") figures.sent = each.packetsSent;
      if (each.type === "transport") Object.assign(figures, { dtls: each.dtlsState, cipher: each.srtpCipher, version: each.tlsVersion });
    }
    return figures;
  },
};
for (const verb of ["call", "answer", "answerWithVideo", "hangUp", "hold", "resume", "press", "transfer", "film", "change"]) {
  globalThis.phone[verb] = async (given) => {
    if (verb === "call" || verb === "film") calledAt = performance.now();
    if (verb === "press") await speaks();
    await inner[verb](given);
  };
}
