/** The ladder: a column for each party, an arrow for each message; each opens what was sent. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Copy, Dialog } from "../../components/parts";
import type { Ladder, Step } from "./model";

/** Rungs that are shown whole; a longer ladder scrolls below its head. */
const MAX_WHOLE = 40;

export function LadderView({ ladder }: { ladder: Ladder }): JSX.Element {
  const [open, setOpen] = useState<Step | null>(null);
  const [showsNotes, setShowsNotes] = useState(true);
  const count = ladder.parties.length;
  const steps = showsNotes ? ladder.steps : ladder.steps.filter((each) => each.tone !== "note");
  return (
    <section class="card" aria-labelledby="ladder-title">
      <div class="card-head">
        <h2 id="ladder-title">Ladder</h2>
        <label class="check">
          <input type="checkbox" checked={showsNotes} onChange={(event) => setShowsNotes(event.currentTarget.checked)} />
          Verbs and states
        </label>
      </div>
      <div class={`ladder ${steps.length > MAX_WHOLE ? "is-long" : ""}`} style={{ "--lanes": String(count) }} tabIndex={0} role="group" aria-label="Messages in order">
        <div class="ladder-head" aria-hidden="true">
          <span />
          {ladder.parties.map((each) => (
            <span key={each.id} class={`lane is-${each.kind}`} title={each.label}>
              {each.label}
            </span>
          ))}
        </div>
        <ol>
          {steps.map((step) => (
            <li key={step.key}>
              <button type="button" class={`rung is-${step.tone}`} onClick={() => setOpen(step)}>
                <span class="rung-time number">{((step.at - ladder.start) / 1000).toFixed(3)}</span>
                <span class="rung-lanes">
                  <Arrow step={step} count={count} />
                </span>
                <span class="visually-hidden">{between(step, ladder)}</span>
              </button>
            </li>
          ))}
        </ol>
      </div>
      {open ? (
        <Dialog title={open.title} onClose={() => setOpen(null)}>
          <div class="form">
            <pre class="text" tabIndex={0}>
              {open.text}
            </pre>
            <div class="buttons">
              <Copy text={open.text} />
            </div>
          </div>
        </Dialog>
      ) : null}
    </section>
  );
}

function Arrow({ step, count }: { step: Step; count: number }): JSX.Element {
  const centre = (index: number): number => ((index + 0.5) / count) * 100;
  if (step.from === step.to) {
    const isLast = step.from === count - 1 && count > 1;
    return (
      <span class={`rung-note ${isLast ? "is-last" : ""}`} style={isLast ? { right: `calc(${100 - centre(step.from)}% + 8px)` } : { left: `calc(${centre(step.from)}% + 8px)` }}>
        {step.label}
      </span>
    );
  }
  const [left, right] = [Math.min(step.from, step.to), Math.max(step.from, step.to)];
  return (
    <span class={`arrow ${step.isBoth ? "is-right is-both" : step.to > step.from ? "is-right" : "is-left"}`} style={{ left: `${centre(left)}%`, width: `${centre(right) - centre(left)}%` }}>
      <span class="arrow-label">{step.label}</span>
    </span>
  );
}

function between(step: Step, ladder: Ladder): string {
  if (step.from === step.to) return "";
  return ` from ${ladder.parties[step.from]?.label ?? ""} to ${ladder.parties[step.to]?.label ?? ""}`;
}
