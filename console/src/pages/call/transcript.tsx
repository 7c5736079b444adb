/** What was said, as the recogniser understood it and as the node spoke it. */

import type { JSX } from "preact";
import { Card, Copy } from "../../components/parts";
import { moment } from "../../format";
import type { Said } from "./model";

/** Below this the text is a guess, and marked as one. */
const SURE = 0.6;

function line(said: Said): string {
  return `${moment(said.at)} ${said.who}: ${said.text}${said.heard === null ? "" : ` (interrupted after: ${said.heard})`}`;
}

export function Transcript({ said }: { said: Said[] }): JSX.Element | null {
  if (said.length === 0) return null;
  const text = said.map(line).join("\n");
  return (
    <Card title="Transcript" aside={<Copy text={text} label="Copy text" />}>
      <ol class="transcript">
        {said.map((each) => (
          <li key={each.key}>
            <span class="soft number">
              <time>{moment(each.at)}</time>
            </span>
            <span class="transcript-who">{each.who}</span>
            <span>
              {each.text || <em class="soft">nothing was understood</em>}
              {each.heard !== null ? (
                <span class="transcript-cut">
                  <span class="badge is-warn">interrupted</span> {each.heard ? `heard until “… ${each.heard.slice(-48).trimStart()}”` : "before its first word"}
                </span>
              ) : null}
              {each.confidence !== null && each.confidence < SURE ? <span class="badge is-warn">unsure</span> : null}
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
