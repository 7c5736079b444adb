/** Write a document, see what the node would say of it, and call a phone with it. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { lint, list, post, type Finding } from "../api";
import { Card, PageHead, toast } from "../components/parts";
import { useLoaded, useTitle } from "../hooks";
import { usePhone } from "../phone/state";
import type { Call, Resource } from "../types";

const KEPT = "callapi-try";
const FIRST = `<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Say>Hello. Press a key.</Say>
  <Gather numDigits="1" timeout="5"/>
  <Say>Goodbye.</Say>
</Response>
`;

export function TryPage(): JSX.Element {
  useTitle("Try");
  const [text, setText] = useState(() => sessionStorage.getItem(KEPT) ?? FIRST);
  const [findings, setFindings] = useState<Finding[] | null>(null);
  const editor = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    sessionStorage.setItem(KEPT, text);
    const timer = setTimeout(() => lint(text).then(setFindings, () => setFindings(null)), 300);
    return () => clearTimeout(timer);
  }, [text]);
  const goTo = (finding: Finding): void => {
    const area = editor.current;
    if (!area || !finding.line) return;
    const before = text.split("\n").slice(0, finding.line - 1).join("\n").length + (finding.line > 1 ? 1 : 0);
    const at = before + Math.max(0, (finding.column ?? 1) - 1);
    area.focus();
    area.setSelectionRange(at, text.indexOf("\n", at) === -1 ? text.length : text.indexOf("\n", at));
  };
  return (
    <>
      <PageHead title="Try" about="A document, judged as you write, and a call that runs it." />
      <div class="try">
        <Card title="Document">
          <div class="form">
            <label class="visually-hidden" for="document">
              RCML document
            </label>
            <textarea id="document" ref={editor} class="input" rows={18} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} aria-describedby="findings" />
            <div id="findings" aria-live="polite">
              <Findings findings={findings} onOpen={goTo} />
            </div>
          </div>
        </Card>
        <CallForm text={text} />
      </div>
    </>
  );
}

function Findings({ findings, onOpen }: { findings: Finding[] | null; onOpen: (finding: Finding) => void }): JSX.Element {
  if (findings === null) return <p class="soft">The document is being read …</p>;
  if (findings.length === 0) return <p class="note is-good">The node would run this document.</p>;
  return (
    <ul class="stack">
      {findings.map((each) => (
        <li key={`${each.line}:${each.column}:${each.message}`}>
          <button type="button" class={`note finding ${each.severity === "error" ? "is-bad" : "is-warn"}`} onClick={() => onOpen(each)}>
            {each.line ? `${each.line}:${each.column ?? 1} · ` : ""}
            {each.code} · {each.message}
          </button>
        </li>
      ))}
    </ul>
  );
}

function CallForm({ text }: { text: string }): JSX.Element {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [, navigate] = useLocation();
  const [to, setTo] = useState("");
  const phone = usePhone();
  const clients = useLoaded("clients", () => list<Resource>("Clients.json?PageSize=100", "clients"));
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setError("");
    try {
      const call = await post<Call>("Calls.json", { To: String(form.get("To")), From: String(form.get("From")), Rcml: text });
      toast("The call is on its way", "is-good");
      navigate(`/calls/${call.sid}`);
    } catch (caught) {
      setError((caught as Error).message);
      setBusy(false);
    }
  };
  return (
    <Card title="Call with it">
      <form class="form" onSubmit={(event) => void submit(event)}>
        {error ? (
          <p class="note is-bad" role="alert">
            {error}
          </p>
        ) : null}
        <div class="field">
          <label for="to">To</label>
          <input id="to" name="To" class="input" required placeholder="sip:bob@192.0.2.7, client:alice or a number" spellcheck={false} list="parties" value={to} onInput={(event) => setTo(event.currentTarget.value)} aria-describedby="to-hint" />
          <datalist id="parties">
            {clients.value?.records.map((each) => <option key={each.sid} value={`client:${String(each["login"])}`} />)}
          </datalist>
          <span class="hint" id="to-hint">
            {phone.link === "registered" ? (
              <button type="button" class="button is-small" onClick={() => setTo(`client:${phone.login}`)}>
                This browser ({phone.login})
              </button>
            ) : (
              <>
                Sign in at the <Link href="/phone">phone</Link> to be called in this browser.
              </>
            )}
          </span>
        </div>
        <div class="field">
          <label for="from">From</label>
          <input id="from" name="From" class="input" required defaultValue="console" spellcheck={false} />
        </div>
        <div class="buttons">
          <button type="submit" class="button is-primary" disabled={isBusy}>
            Call
          </button>
        </div>
      </form>
    </Card>
  );
}
