/** What the phone is doing, for every page that shows it. Nothing of SIP is loaded with this file. */

import { useEffect, useState } from "preact/hooks";

export type Link = "signed-out" | "connecting" | "registered" | "reconnecting";
export type Phase = "calling" | "ringing" | "incoming" | "answering" | "up";

export interface PhoneCall {
  party: string;
  name: string;
  isIncoming: boolean;
  phase: Phase;
  /** Milliseconds of the epoch at which the call was answered; 0 before. */
  since: number;
  isMuted: boolean;
  isHeld: boolean;
  /** Whether a hold or resume waits for its answer. */
  isChanging: boolean;
  isHeldByPeer: boolean;
  /** How far a transfer has come; empty without one. */
  transfer: string;
}

export interface PhoneState {
  link: Link;
  login: string;
  /** Why the last sign-in, call or order failed; empty when it did not. */
  error: string;
  /** How the last call ended. */
  last: string;
  call: PhoneCall | null;
}

let state: PhoneState = { link: "signed-out", login: "", error: "", last: "", call: null };
const listeners = new Set<(state: PhoneState) => void>();

export function phoneState(): PhoneState {
  return state;
}

export function setPhone(change: Partial<PhoneState>): void {
  state = { ...state, ...change };
  for (const each of listeners) each(state);
}

export function setCall(change: Partial<PhoneCall>): void {
  if (state.call) setPhone({ call: { ...state.call, ...change } });
}

export function usePhone(): PhoneState {
  const [current, setCurrent] = useState(state);
  useEffect(() => {
    listeners.add(setCurrent);
    setCurrent(state);
    return () => void listeners.delete(setCurrent);
  }, []);
  return current;
}
