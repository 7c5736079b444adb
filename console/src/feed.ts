/** The live feed: one connection for the whole console, shared by the pages that listen. */

import { useEffect, useRef, useState } from "preact/hooks";
import { accountPath, loadSession, whenSignedOut } from "./api";
import type { Call, Recording } from "./types";

export interface FeedEvent {
  type: string;
  at?: string;
  sid?: string;
  call_sid?: string;
  status?: string;
  call?: Call;
  recording?: Recording;
  code?: number;
  message?: string;
  warning?: boolean;
  verb?: string;
  line?: number;
}

type Listener = (event: FeedEvent) => void;

const listeners = new Set<Listener>();
const stateListeners = new Set<(isConnected: boolean) => void>();
let source: EventSource | null = null;
let isConnected = false;

export function connectFeed(): void {
  if (source !== null) return;
  source = new EventSource(accountPath("Feed"));
  source.onopen = () => setConnected(true);
  source.onerror = () => {
    setConnected(false);
    // The browser comes back by itself unless it was refused; then the session is the question.
    if (source?.readyState === EventSource.CLOSED) {
      disconnectFeed();
      setTimeout(() => void reconnect(), 3000);
    }
  };
  source.onmessage = (message: MessageEvent<string>) => {
    const event = JSON.parse(message.data) as FeedEvent;
    for (const listener of [...listeners]) listener(event);
  };
}

export function disconnectFeed(): void {
  source?.close();
  source = null;
  setConnected(false);
}

async function reconnect(): Promise<void> {
  try {
    if ((await loadSession()) !== null) connectFeed();
    else signedOut();
  } catch {
    setTimeout(() => void reconnect(), 3000);
  }
}

let signedOut: () => void = () => undefined;

/** Call `handler` when the session is found to have ended, by a request or by the feed. */
export function onSessionEnd(handler: () => void): void {
  signedOut = handler;
  whenSignedOut(handler);
}

function setConnected(value: boolean): void {
  isConnected = value;
  for (const each of stateListeners) each(value);
}

/** Run `listener` for each event while the component is there. */
export function useFeed(listener: Listener): void {
  const current = useRef(listener);
  current.current = listener;
  useEffect(() => {
    const forward: Listener = (event) => current.current(event);
    listeners.add(forward);
    return () => void listeners.delete(forward);
  }, []);
}

export function useFeedState(): boolean {
  const [state, setState] = useState(isConnected);
  useEffect(() => {
    stateListeners.add(setState);
    setState(isConnected);
    return () => void stateListeners.delete(setState);
  }, []);
  return state;
}
