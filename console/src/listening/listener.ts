/** Plays a live call: the WAV that REST sends as it is spoken, put together into one gapless sound. */

import { accountPath } from "../api";

const HEADER_OCTETS = 44;
/** How far ahead of the ear sound is kept: less breaks up on a busy network, more is late. */
const AHEAD_S = 0.15;
/** Beyond this what waits is dropped: a page that was suspended goes on with what is said now. */
const MAX_AHEAD_S = 1.5;

export interface Listening {
  stop: () => void;
  /** Loudness of the party and of what it hears, from 0 to 1, at this moment. */
  levels: () => [number, number];
}

/** Listen to the call until it ends or `stop` is called; `onEnd` gets the reason of a failure, or null. */
export function listen(sid: string, onEnd: (problem: string | null) => void): Listening {
  const abort = new AbortController();
  const context = new AudioContext();
  const splitter = context.createChannelSplitter(2);
  const meters = [0, 1].map((channel) => {
    const meter = context.createAnalyser();
    meter.fftSize = 512;
    splitter.connect(meter, channel);
    return meter;
  });
  // Both parties in the middle: a supervisor with one earpiece hears both.
  const mix = context.createGain();
  mix.channelCount = 1;
  mix.channelCountMode = "explicit";
  mix.connect(context.destination);
  const player = new Player(context, [splitter, mix]);
  void context.resume();
  const finish = (problem: string | null): void => {
    if (context.state === "closed") return;
    abort.abort();
    void context.close();
    onEnd(problem);
  };
  receive(sid, abort.signal, player).then(
    () => finish(null),
    (error: unknown) => finish(abort.signal.aborted ? null : (error as Error).message),
  );
  return { stop: () => finish(null), levels: () => [level(meters[0]), level(meters[1])] };
}

async function receive(sid: string, signal: AbortSignal, player: Player): Promise<void> {
  const answer = await fetch(accountPath(`Calls/${sid}/Audio.wav`), { signal, headers: { Accept: "audio/x-wav, application/json" } });
  if (!answer.ok || !answer.body) throw new Error(await reasonOf(answer));
  const reader = answer.body.getReader();
  let rest = new Uint8Array(0);
  let isStarted = false;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const octets = new Uint8Array(rest.length + value.length);
    octets.set(rest);
    octets.set(value, rest.length);
    rest = octets;
    if (!isStarted) {
      if (rest.length < HEADER_OCTETS) continue;
      player.rate = new DataView(rest.buffer).getUint32(24, true);
      rest = rest.slice(HEADER_OCTETS);
      isStarted = true;
    }
    const whole = rest.length - (rest.length % 4);
    if (whole > 0) player.put(new DataView(rest.buffer, rest.byteOffset, whole));
    rest = rest.slice(whole);
  }
}

async function reasonOf(answer: Response): Promise<string> {
  try {
    return ((await answer.json()) as { message: string }).message;
  } catch {
    return `${answer.status} ${answer.statusText}`;
  }
}

class Player {
  rate = 16000;
  private at = 0;

  constructor(
    private readonly context: AudioContext,
    private readonly outputs: readonly AudioNode[],
  ) {}

  /** Interleaved samples of 16 bits, two channels. */
  put(samples: DataView): void {
    const now = this.context.currentTime;
    if (this.at - now > MAX_AHEAD_S) return;
    const count = samples.byteLength / 4;
    const buffer = this.context.createBuffer(2, count, this.rate);
    for (const channel of [0, 1]) {
      const target = buffer.getChannelData(channel);
      for (let index = 0; index < count; index += 1) target[index] = samples.getInt16(index * 4 + channel * 2, true) / 32768;
    }
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    for (const output of this.outputs) source.connect(output);
    if (this.at < now) this.at = now + AHEAD_S;
    source.start(this.at);
    this.at += buffer.duration;
  }
}

function level(meter: AnalyserNode | undefined): number {
  if (!meter) return 0;
  const samples = new Float32Array(meter.fftSize);
  meter.getFloatTimeDomainData(samples);
  return Math.min(1, Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length) * 3);
}
