/** What can be done with a live call: listen, mute, another document, hang up. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { post } from "../api";
import { party } from "../format";
import { startListening, stopListening, useHeard } from "../listening/state";
import { isLive, type Call } from "../types";
import { Confirm, Dialog, toast } from "./parts";

export function CallActions({ call, isSmall = false }: { call: Call; isSmall?: boolean }): JSX.Element | null {
  const [open, setOpen] = useState<"end" | "redirect" | null>(null);
  const heard = useHeard();
  if (!isLive(call)) return null;
  const size = isSmall ? "is-small" : "";
  const who = isSmall ? ` ${party(call.from)}` : "";
  const isHeard = heard?.call.sid === call.sid;
  return (
    <>
      {call.status === "in-progress" ? (
        <>
          <button type="button" class={`button ${size}`} aria-pressed={isHeard} aria-label={isHeard ? `Stop listening${who}` : `Listen in${who}`} onClick={() => (isHeard ? stopListening() : startListening(call))}>
            {isHeard ? "Stop listening" : "Listen in"}
          </button>
          <MuteButton call={call} size={size} who={who} />
        </>
      ) : null}
      {call.status === "queued" ? null : (
        <button type="button" class={`button ${size}`} aria-label={`Redirect${who}`} onClick={() => setOpen("redirect")}>
          Redirect
        </button>
      )}
      <button type="button" class={`button is-danger ${size}`} aria-label={`Hang up${who}`} onClick={() => setOpen("end")}>
        Hang up
      </button>
      {open === "end" ? (
        <Confirm title="Hang up" action="Hang up" onClose={() => setOpen(null)} onConfirm={() => change(call, { Status: "completed" }, "The call is being hung up")}>
          The call ends for {party(call.from)} and {party(call.to)}.
        </Confirm>
      ) : null}
      {open === "redirect" ? <Redirect call={call} onClose={() => setOpen(null)} /> : null}
    </>
  );
}

function MuteButton({ call, size, who }: { call: Call; size: string; who: string }): JSX.Element {
  const [isMuted, setMuted] = useState(false);
  const toggle = (): void => {
    change(call, { Mute: String(!isMuted) }, isMuted ? "The others hear this party again" : "The others do not hear this party").then(
      () => setMuted(!isMuted),
      (error: unknown) => toast((error as Error).message, "is-bad"),
    );
  };
  return (
    <button type="button" class={`button ${size}`} aria-pressed={isMuted} aria-label={`${isMuted ? "Unmute" : "Mute"}${who}`} onClick={toggle}>
      {isMuted ? "Unmute" : "Mute"}
    </button>
  );
}

function Redirect({ call, onClose }: { call: Call; onClose: () => void }): JSX.Element {
  const [error, setError] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    change(call, { Url: String(given.get("Url")), Method: String(given.get("Method")) }, "The call has another document now").then(onClose, (caught: unknown) => setError((caught as Error).message));
  };
  return (
    <Dialog title={`Redirect ${party(call.from)}`} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {error ? (
          <p class="note is-bad" role="alert">
            {error}
          </p>
        ) : null}
        <div class="field">
          <label for="redirect">URL of the document</label>
          <input id="redirect" name="Url" type="url" class="input" placeholder="https://…" required autofocus />
          <span class="hint">The call leaves what it does and runs this document.</span>
        </div>
        <div class="field">
          <label for="redirect-method">Method</label>
          <select id="redirect-method" name="Method" class="input">
            <option>POST</option>
            <option>GET</option>
          </select>
        </div>
        <div class="buttons">
          <button type="submit" class="button is-primary">
            Redirect
          </button>
        </div>
      </form>
    </Dialog>
  );
}

async function change(call: Call, form: Record<string, string>, done: string): Promise<void> {
  await post(`Calls/${call.sid}.json`, form);
  toast(done, "is-good");
}
