/** A dialog that asks for one URL and sends it. */

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "./parts";

export function UrlDialog({ title, label, action, onSend, onClose, children }: { title: string; label: string; action: string; onSend: (url: string) => Promise<void>; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const [error, setError] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const url = String(new FormData(event.currentTarget as HTMLFormElement).get("url"));
    onSend(url).then(onClose, (caught: unknown) => setError((caught as Error).message));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {error ? (
          <p class="note is-bad" role="alert">
            {error}
          </p>
        ) : null}
        <div class="field">
          <label for="url">{label}</label>
          <input id="url" name="url" type="url" class="input" placeholder="https://…" required autofocus aria-describedby="url-hint" />
          <span class="hint" id="url-hint">
            {children}
          </span>
        </div>
        <div class="buttons">
          <button type="submit" class="button is-primary">
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
