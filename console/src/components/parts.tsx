/** Small parts that every page has: badges, notes, cards, dialogs, toasts. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { isLive, type Call } from "../types";
import { Icon } from "./icons";

const TONES: Record<string, string> = {
  completed: "is-good",
  busy: "is-warn",
  "no-answer": "is-warn",
  canceled: "",
  failed: "is-bad",
};

export function Status({ call }: { call: Pick<Call, "status"> }): JSX.Element {
  const tone = isLive(call as Call) ? "is-live" : (TONES[call.status] ?? "");
  return <span class={`badge ${tone}`}>{call.status}</span>;
}

export function Card({ title, aside, children, isFlush = false }: { title?: string; aside?: ComponentChildren; children: ComponentChildren; isFlush?: boolean }): JSX.Element {
  const id = useId();
  return (
    <section class="card" aria-labelledby={title ? id : undefined}>
      {title ? (
        <div class="card-head">
          <h2 id={id}>{title}</h2>
          {aside}
        </div>
      ) : null}
      {isFlush ? children : <div class="card-body">{children}</div>}
    </section>
  );
}

export function PageHead({ title, about, children }: { title: string; about?: ComponentChildren; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="page-head">
      <div>
        <h1>{title}</h1>
        {about ? <p>{about}</p> : null}
      </div>
      {children}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children ? <span>{children}</span> : null}
    </div>
  );
}

/** What stands in place of content that is being loaded or could not be. */
export function Waiting({ error, retry }: { error: Error | null; retry?: () => void }): JSX.Element {
  if (error === null) return <div class="empty" aria-busy="true">Loading …</div>;
  return (
    <div class="empty" role="alert">
      <strong>{error.message}</strong>
      {retry ? (
        <button type="button" class="button is-small" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // Closed rather than just taken away, so that the focus goes back to where it was.
    return () => dialog?.close();
  }, []);
  return (
    <dialog class="sheet" ref={element} aria-labelledby={id} onClose={onClose} onClick={(event) => event.target === element.current && element.current?.close()}>
      <div class="sheet-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="button is-quiet is-icon" aria-label="Close" onClick={() => element.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      <div class="sheet-body">{children}</div>
    </dialog>
  );
}

export function Confirm({ title, action, onConfirm, onClose, children }: { title: string; action: string; onConfirm: () => Promise<void>; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (caught) {
      setError((caught as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="form">
        <p>{children}</p>
        {error ? <p class="note is-bad" role="alert">{error}</p> : null}
        <div class="buttons">
          <button type="button" class="button is-danger" disabled={isBusy} onClick={() => void confirm()}>
            {action}
          </button>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </div>
    </Dialog>
  );
}

interface Toast {
  id: number;
  text: string;
  tone: string;
}

let showToast: (text: string, tone: string) => void = () => undefined;

/** Show a line at the edge of the page for some seconds. */
export function toast(text: string, tone: "is-good" | "is-bad" | "" = ""): void {
  showToast(text, tone);
}

export function Toasts(): JSX.Element {
  const [toasts, setToasts] = useState<Toast[]>([]);
  useEffect(() => {
    let next = 0;
    showToast = (text, tone) => {
      const id = next++;
      setToasts((old) => [...old.slice(-1), { id, text, tone }]);
      setTimeout(() => setToasts((old) => old.filter((each) => each.id !== id)), 6000);
    };
  }, []);
  return (
    <div class="toasts" role="status">
      {toasts.map((each) => (
        <div key={each.id} class={`note ${each.tone}`}>
          {each.text}
        </div>
      ))}
    </div>
  );
}

/** Copies `text`; says so. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }): JSX.Element {
  const [isDone, setDone] = useState(false);
  const copy = (): void => {
    void navigator.clipboard?.writeText(text).then(() => {
      setDone(true);
      setTimeout(() => setDone(false), 2000);
    });
  };
  return (
    <button type="button" class="button is-small" onClick={copy}>
      {isDone ? "Copied" : label}
    </button>
  );
}
