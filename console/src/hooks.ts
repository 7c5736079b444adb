/** Loading, timers and titles. */

import type { RefObject } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  value: T | null;
  error: Error | null;
  reload: () => void;
}

/** What `load` gives; loaded again when `key` changes. An answer that comes late for another key is dropped. */
export function useLoaded<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; value: T | null; error: Error | null }>({
    key,
    value: null,
    error: null,
  });
  const turn = useRef(0);
  const current = useRef(load);
  current.current = load;
  const reload = useCallback(() => {
    const mine = ++turn.current;
    current.current().then(
      (value) => mine === turn.current && setState({ key, value, error: null }),
      (error: unknown) => mine === turn.current && setState((old) => ({ key, value: old.key === key ? old.value : null, error: error as Error })),
    );
  }, [key]);
  useEffect(() => {
    reload();
    return () => void turn.current++;
  }, [reload]);
  const isCurrent = state.key === key;
  return { value: isCurrent ? state.value : null, error: isCurrent ? state.error : null, reload };
}

/** Render again every `ms` milliseconds while `isActive`. */
export function useTick(ms: number, isActive = true): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isActive) return undefined;
    const timer = setInterval(() => setNow(Date.now()), ms);
    return () => clearInterval(timer);
  }, [ms, isActive]);
  return now;
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · CallAPI`;
  }, [title]);
}

/** A function that runs `work` at most once in `ms`, and once more after the last request. */
export function useThrottled(work: () => void, ms: number): () => void {
  const current = useRef(work);
  current.current = work;
  const state = useRef<{ timer: ReturnType<typeof setTimeout> | null; isWanted: boolean }>({ timer: null, isWanted: false });
  useEffect(() => () => void (state.current.timer && clearTimeout(state.current.timer)), []);
  return useCallback(() => {
    const mine = state.current;
    if (mine.timer !== null) {
      mine.isWanted = true;
      return;
    }
    current.current();
    const rest = (): void => {
      mine.timer = null;
      if (mine.isWanted) {
        mine.isWanted = false;
        current.current();
        mine.timer = setTimeout(rest, ms);
      }
    };
    mine.timer = setTimeout(rest, ms);
  }, [ms]);
}

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Whether the reader's system is dark at the moment: what is drawn with colours of the page is drawn again. */
export function useIsDark(): boolean {
  const [isDark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const change = (): void => setDark(DARK.matches);
    DARK.addEventListener("change", change);
    return () => DARK.removeEventListener("change", change);
  }, []);
  return isDark;
}

/** Whether the element has come into view, once: what is costly to show is loaded then. Another `key`: it may be another element. */
export function useSeen(element: RefObject<Element>, key: string): boolean {
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    if (isSeen || !element.current) return undefined;
    const watch = new IntersectionObserver((entries) => entries.some((each) => each.isIntersecting) && setSeen(true), { rootMargin: "200px" });
    watch.observe(element.current);
    return () => watch.disconnect();
  }, [isSeen, key]);
  return isSeen;
}
