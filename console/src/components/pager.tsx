/** A list that grows by pages. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { list } from "../api";

export interface Pages<T> {
  records: T[] | null;
  error: Error | null;
  hasMore: boolean;
  isLoading: boolean;
  more: () => void;
  reload: () => void;
}

/** The records at `path` (below the account), page after page; from the start again when `path` changes. */
export function usePages<T>(path: string, key: string): Pages<T> {
  const [held, setHeld] = useState<{ path: string; records: T[] } | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [isLoading, setLoading] = useState(false);
  const turn = useRef(0);
  // Records of another path are never shown, not even until the effect below has run.
  const records = held?.path === path ? held.records : null;
  const load = (from: string, before: T[]): void => {
    const mine = ++turn.current;
    setLoading(true);
    list<T>(from, key).then(
      (page) => {
        if (mine !== turn.current) return;
        setHeld({ path, records: [...before, ...page.records] });
        setNext(page.next);
        setError(null);
        setLoading(false);
      },
      (caught: unknown) => {
        if (mine !== turn.current) return;
        setError(caught as Error);
        setLoading(false);
      },
    );
  };
  useEffect(() => {
    setHeld(null);
    setError(null);
    setNext(null);
    load(path, []);
    return () => void turn.current++;
  }, [path, key]);
  return {
    records,
    error,
    hasMore: records !== null && next !== null,
    isLoading,
    more: () => next && load(next, records ?? []),
    reload: () => load(path, []),
  };
}

export function More<T>({ pages }: { pages: Pages<T> }): JSX.Element | null {
  if (!pages.hasMore) return null;
  return (
    <div class="more">
      <button type="button" class="button" disabled={pages.isLoading} onClick={pages.more}>
        Show more
      </button>
    </div>
  );
}
