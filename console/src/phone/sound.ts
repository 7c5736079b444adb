/** Microphone, speaker, ringing and levels. */

const RING_HZ = [440, 480];
const RING_ON_S = 1;
const RING_EVERY_MS = 3000;

/** The microphone, or an Error that says what to change. `deviceId` empty: the system's default. */
export async function openMicrophone(deviceId: string): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new Error("A browser gives its microphone only to pages from https:// or http://localhost: open this page by one of them");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: deviceId ? { deviceId: { exact: deviceId } } : true, video: false });
  } catch (caught) {
    const { name, message } = caught as DOMException;
    if (name === "NotAllowedError") throw new Error("The microphone is blocked for this page: allow it in the browser's site settings");
    if (name === "NotFoundError") throw new Error("There is no microphone: connect one");
    throw new Error(`The microphone cannot be opened: ${message}`);
  }
}

export interface Devices {
  microphones: MediaDeviceInfo[];
  /** Empty where the browser does not let a page choose. */
  speakers: MediaDeviceInfo[];
}

export async function listDevices(): Promise<Devices> {
  const found = navigator.mediaDevices ? await navigator.mediaDevices.enumerateDevices() : [];
  const canChoose = "setSinkId" in HTMLMediaElement.prototype;
  const of = (kind: MediaDeviceKind): MediaDeviceInfo[] => found.filter((each) => each.kind === kind && each.deviceId !== "" && each.deviceId !== "default");
  return { microphones: of("audioinput"), speakers: canChoose ? of("audiooutput") : [] };
}

let shared: AudioContext | null = null;

function context(): AudioContext {
  shared ??= new AudioContext();
  void shared.resume();
  return shared;
}

/** How loud a stream is. */
export class Meter {
  private readonly analyser = context().createAnalyser();
  private readonly source: MediaStreamAudioSourceNode;
  private readonly samples = new Float32Array(1024);

  constructor(stream: MediaStream) {
    this.analyser.fftSize = this.samples.length;
    this.source = context().createMediaStreamSource(stream);
    this.source.connect(this.analyser);
  }

  /** 0 (-60 dB and below) to 1 (full scale). */
  level(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, each) => sum + each * each, 0) / this.samples.length;
    return Math.min(1, Math.max(0, 1 + (10 * Math.log10(power + 1e-9)) / 60));
  }

  close(): void {
    this.source.disconnect();
  }
}

/** Rings until the function that it returns is called. */
export function ring(): () => void {
  const burst = (): void => {
    const now = context().currentTime;
    const volume = context().createGain();
    volume.gain.setValueAtTime(0, now);
    volume.gain.linearRampToValueAtTime(0.12, now + 0.02);
    volume.gain.setValueAtTime(0.12, now + RING_ON_S - 0.02);
    volume.gain.linearRampToValueAtTime(0, now + RING_ON_S);
    volume.connect(context().destination);
    for (const hertz of RING_HZ) {
      const tone = context().createOscillator();
      tone.frequency.value = hertz;
      tone.connect(volume);
      tone.start(now);
      tone.stop(now + RING_ON_S);
    }
  };
  burst();
  const timer = setInterval(burst, RING_EVERY_MS);
  return () => clearInterval(timer);
}
