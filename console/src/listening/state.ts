/** Which call the supervisor listens to; it goes on while other pages are open. One at a time. */

import { useEffect, useState } from "preact/hooks";
import { toast } from "../components/parts";
import type { Call } from "../types";
import { listen, type Listening } from "./listener";

export interface Heard {
  call: Call;
  listening: Listening;
}

let heard: Heard | null = null;
const watchers = new Set<(heard: Heard | null) => void>();

function set(next: Heard | null): void {
  heard = next;
  for (const each of watchers) each(next);
}

export function startListening(call: Call): void {
  heard?.listening.stop();
  const listening: Listening = listen(call.sid, (problem) => {
    if (heard?.listening === listening) set(null);
    if (problem) toast(problem, "is-bad");
  });
  set({ call, listening });
}

export function stopListening(): void {
  heard?.listening.stop();
}

export function useHeard(): Heard | null {
  const [current, setCurrent] = useState(heard);
  useEffect(() => {
    watchers.add(setCurrent);
    setCurrent(heard);
    return () => void watchers.delete(setCurrent);
  }, []);
  return current;
}
