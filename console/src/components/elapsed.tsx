/** How long something goes on. One timer moves all of them, and writes the text alone: nothing is rendered again. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { clock } from "../format";

const shown = new Map<HTMLElement, number>();
let timer: ReturnType<typeof setInterval> | null = null;

function move(): void {
  const now = Date.now();
  for (const [element, since] of shown) {
    const text = clock((now - since) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** `since` in milliseconds of the epoch. */
export function Elapsed({ since }: { since: number }): JSX.Element {
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    shown.set(element, since);
    element.textContent = clock((Date.now() - since) / 1000);
    timer ??= setInterval(move, 1000);
    return () => {
      shown.delete(element);
      if (shown.size === 0 && timer !== null) {
        clearInterval(timer);
        timer = null;
      }
    };
  }, [since]);
  return <span ref={place} />;
}
