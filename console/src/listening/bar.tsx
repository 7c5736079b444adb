/** The bar at the foot of every page while a call is listened to. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Link } from "wouter-preact";
import { Icon } from "../components/icons";
import { party } from "../format";
import { stopListening, useHeard, type Heard } from "./state";

export function ListeningBar(): JSX.Element | null {
  const heard = useHeard();
  if (heard === null) return null;
  return (
    <section class="listening" aria-label="Listening">
      <Icon name="listen" />
      <span class="listening-text">
        Listening to{" "}
        <Link href={`/calls/${heard.call.sid}`}>
          {party(heard.call.from)} with {party(heard.call.to)}
        </Link>
        <span class="soft"> · not heard by them</span>
      </span>
      <Meters heard={heard} />
      <button type="button" class="button is-small" onClick={stopListening}>
        Stop
      </button>
    </section>
  );
}

/** Two bars that move with the sound; they are written to directly, so that nothing is rendered again. */
function Meters({ heard }: { heard: Heard }): JSX.Element {
  const said = useRef<HTMLMeterElement>(null);
  const heardBy = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    let frame = 0;
    const move = (): void => {
      const levels = heard.listening.levels();
      [said, heardBy].forEach((bar, index) => {
        if (bar.current) bar.current.value = levels[index] ?? 0;
      });
      frame = requestAnimationFrame(move);
    };
    move();
    return () => cancelAnimationFrame(frame);
  }, [heard]);
  return (
    <span class="meters">
      <meter ref={said} min={0} max={1} aria-label="The party of the call" />
      <meter ref={heardBy} min={0} max={1} aria-label="What it hears" />
    </span>
  );
}
