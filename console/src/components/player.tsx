/** A recording: waveform of each channel, speed, download. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import { accountPath, post } from "../api";
import { clock, moment } from "../format";
import { useIsDark, useSeen } from "../hooks";
import type { Recording } from "../types";
import { Icon } from "./icons";
import { toast } from "./parts";

const TONES: Record<string, string> = { completed: "is-good", "in-progress": "is-live", paused: "is-warn", failed: "is-bad" };
const SPEEDS = [0.75, 1, 1.25, 1.5, 2];

export function Player({ recording, onChange }: { recording: Recording; onChange?: () => void }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const wave = useRef<WaveSurfer | null>(null);
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(Number(recording.duration ?? 0));
  const [error, setError] = useState("");
  const isDark = useIsDark();
  const url = accountPath(`Recordings/${recording.sid}`);
  const isSeen = useSeen(place, recording.status);
  const isWanted = useRef(false);
  const play = (): void => {
    if (wave.current?.getDuration()) void wave.current.playPause();
    else isWanted.current = true; // its sound is loaded when it comes into view
  };
  useEffect(() => {
    if (!place.current || !isSeen || recording.status !== "completed") return undefined;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
    const colours = { waveColor: colour("--soft"), progressColor: colour("--accent"), cursorColor: colour("--ink") };
    const surfer = WaveSurfer.create({
      container: place.current,
      url: `${url}.wav`,
      height: 56,
      barWidth: 2,
      barGap: 1,
      barRadius: 2,
      cspNonce: nonce,
      ...colours,
      ...(recording.channels > 1 ? { splitChannels: [colours, colours] } : {}),
    });
    surfer.on("play", () => setPlaying(true));
    surfer.on("pause", () => setPlaying(false));
    surfer.on("timeupdate", setAt);
    surfer.on("ready", (seconds) => {
      setLength(seconds);
      if (isWanted.current) void surfer.play();
      isWanted.current = false;
    });
    surfer.on("error", (caught) => setError(caught.message || "The recording cannot be played"));
    wave.current = surfer;
    return () => {
      wave.current = null;
      surfer.destroy();
    };
  }, [recording.sid, recording.status, isDark, isSeen]);
  return (
    <figure class="player">
      <figcaption class="player-head">
        <span>
          {moment(recording.start_time ?? recording.date_created)} · {recording.channels > 1 ? "two channels" : "one channel"} · {recording.source}
        </span>
        <span class={`badge ${TONES[recording.status] ?? ""}`}>{recording.status}</span>
      </figcaption>
      {recording.status === "completed" ? <div ref={place} class="wave" /> : null}
      {error ? <p class="note is-bad">{error}</p> : null}
      {recording.status === "completed" ? (
        <div class="player-foot">
          <button type="button" class="button is-icon" aria-label={isPlaying ? "Pause" : "Play"} onClick={play}>
            <Icon name={isPlaying ? "pause" : "play"} />
          </button>
          <span class="number">
            {clock(at)} / {clock(length)}
          </span>
          <label>
            <span class="visually-hidden">Speed</span>
            <select
              class="input"
              value={String(speed)}
              onChange={(event) => {
                const value = Number(event.currentTarget.value);
                setSpeed(value);
                wave.current?.setPlaybackRate(value);
              }}
            >
              {SPEEDS.map((each) => (
                <option key={each} value={String(each)}>
                  {each} ×
                </option>
              ))}
            </select>
          </label>
          <a class="button is-small" href={`${url}.wav`} download={`${recording.sid}.wav`}>
            WAV
          </a>
          <a class="button is-small" href={`${url}.mp3`} download={`${recording.sid}.mp3`}>
            MP3
          </a>
        </div>
      ) : null}
      {recording.status === "in-progress" || recording.status === "paused" ? <LiveRecording recording={recording} onChange={onChange} /> : null}
    </figure>
  );
}

/** A recording that is under way: pause, go on, stop. That of a conference ends with its room. */
function LiveRecording({ recording, onChange }: { recording: Recording; onChange: (() => void) | undefined }): JSX.Element {
  if (recording.conference_sid) return <p class="soft">It ends with its conference.</p>;
  const isPaused = recording.status === "paused";
  const change = (status: string, done: string): void => {
    post(`Calls/${recording.call_sid}/Recordings/${recording.sid}.json`, { Status: status }).then(
      () => {
        toast(done, "is-good");
        onChange?.();
      },
      (error: unknown) => toast((error as Error).message, "is-bad"),
    );
  };
  return (
    <div class="player-foot">
      <button type="button" class="button is-small" onClick={() => (isPaused ? change("in-progress", "The recording goes on") : change("paused", "The recording is paused"))}>
        {isPaused ? "Resume" : "Pause"}
      </button>
      <button type="button" class="button is-small is-danger" onClick={() => change("stopped", "The recording is kept")}>
        Stop
      </button>
    </div>
  );
}
