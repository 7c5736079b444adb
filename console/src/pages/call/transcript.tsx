/** What was said, as the recogniser understood it. */

import type { JSX } from "preact";
import { Card, Copy } from "../../components/parts";
import { moment } from "../../format";
import type { Said } from "./model";

/** Below this the text is a guess, and marked as one. */
const SURE = 0.6;

export function Transcript({ said }: { said: Said[] }): JSX.Element | null {
  if (said.length === 0) return null;
  const text = said.map((each) => `${moment(each.at)} ${each.who}: ${each.text}`).join("\n");
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
              {each.confidence !== null && each.confidence < SURE ? <span class="badge is-warn">unsure</span> : null}
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
