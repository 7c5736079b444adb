/** The documents that the application answered, with the lines that ran marked. */

import type { JSX } from "preact";
import { Card } from "../../components/parts";
import { moment } from "../../format";
import type { CallEvent } from "../../types";

interface Ran {
  url: string;
  at: string;
  text: string;
  lines: Set<number>;
  last: number;
}

export function Documents({ events, isLive }: { events: CallEvent[]; isLive: boolean }): JSX.Element | null {
  const documents = documentsOf(events);
  if (documents.length === 0) return null;
  return (
    <Card title={documents.length === 1 ? "Document" : "Documents"}>
      <ol class="stack">
        {documents.map((each, index) => (
          <li key={`${each.at}${index}`}>
            <p class="soft document-head">
              {each.url} · <time>{moment(each.at)}</time>
            </p>
            <ol class="source mono" tabIndex={0} aria-label="Document">
              {each.text.split("\n").map((line, at) => {
                const number = at + 1;
                const isLast = number === each.last && index === documents.length - 1;
                const state = isLast ? (isLive ? "is-now" : "is-last") : each.lines.has(number) ? "is-run" : "";
                return (
                  <li key={number} class={state}>
                    <span class="line-number">{number}</span>
                    <code>{line || " "}</code>
                    {isLast ? <span class="badge">{isLive ? "runs now" : "ran last"}</span> : null}
                  </li>
                );
              })}
            </ol>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function documentsOf(events: CallEvent[]): Ran[] {
  const found: Ran[] = [];
  for (const event of events) {
    if (event.kind === "document") {
      found.push({ url: String(event.data["url"]), at: event.at, text: String(event.data["body"]).replaceAll("\r\n", "\n"), lines: new Set(), last: 0 });
    } else if (event.kind === "verb") {
      const current = found.at(-1);
      const line = Number(event.data["line"] ?? 0);
      if (current && line) {
        current.lines.add(line);
        current.last = line;
      }
    }
  }
  return found;
}
