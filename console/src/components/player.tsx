/** A recording: waveform of each channel, speed, download. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import { accountPath } from "../api";
import { clock, moment } from "../format";
import type { Recording } from "../types";
import { Icon } from "./icons";

const SPEEDS = [0.75, 1, 1.25, 1.5, 2];

export function Player({ recording }: { recording: Recording }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const wave = useRef<WaveSurfer | null>(null);
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(Number(recording.duration ?? 0));
  const [error, setError] = useState("");
  const url = accountPath(`Recordings/${recording.sid}`);
  useEffect(() => {
    if (!place.current || recording.status !== "completed") return undefined;
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
    surfer.on("ready", setLength);
    surfer.on("error", (caught) => setError(caught.message || "The recording cannot be played"));
    wave.current = surfer;
    return () => surfer.destroy();
  }, [recording.sid, recording.status]);
  return (
    <figure class="player">
      <figcaption class="player-head">
        <span>
          {moment(recording.start_time ?? recording.date_created)} · {recording.channels > 1 ? "two channels" : "one channel"} · {recording.source}
        </span>
        <span class="badge">{recording.status}</span>
      </figcaption>
      <div ref={place} class="wave" />
      {error ? <p class="note is-bad">{error}</p> : null}
      {recording.status === "completed" ? (
        <div class="player-foot">
          <button type="button" class="button is-icon" aria-label={isPlaying ? "Pause" : "Play"} onClick={() => void wave.current?.playPause()}>
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
    </figure>
  );
}
