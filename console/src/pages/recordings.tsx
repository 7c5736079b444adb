import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { remove } from "../api";
import { More, usePages } from "../components/pager";
import { Card, Confirm, Empty, PageHead, Waiting } from "../components/parts";
import { Player } from "../components/player";
import { useFeed } from "../feed";
import { useThrottled, useTitle } from "../hooks";
import type { Recording } from "../types";

export function RecordingsPage(): JSX.Element {
  useTitle("Recordings");
  const pages = usePages<Recording>("Recordings.json?PageSize=20", "recordings");
  const refresh = useThrottled(pages.reload, 2000);
  useFeed((event) => event.type === "recording" && refresh());
  const [removing, setRemoving] = useState<Recording | null>(null);
  return (
    <>
      <PageHead title="Recordings" about="What was recorded, the latest first." />
      <Card isFlush>
        {pages.records === null ? (
          <Waiting error={pages.error} retry={pages.reload} />
        ) : pages.records.length === 0 ? (
          <Empty title="No recordings yet">Record, Dial record and REST make them.</Empty>
        ) : (
          <ul class="stack is-ruled">
            {pages.records.map((each) => (
              <li key={each.sid}>
                <Player recording={each} onChange={pages.reload} />
                <div class="buttons">
                  {each.conference_sid ? (
                    <Link class="button is-small" href={`/conferences/${each.conference_sid}`}>
                      Open the conference
                    </Link>
                  ) : (
                    <Link class="button is-small" href={`/calls/${each.call_sid}`}>
                      Open the call
                    </Link>
                  )}
                  {["in-progress", "paused"].includes(each.status) ? null : (
                    <button type="button" class="button is-small is-danger" onClick={() => setRemoving(each)}>
                      Delete
                    </button>
                  )}
                </div>
              </li>
            ))}
          </ul>
        )}
        <More pages={pages} />
      </Card>
      {removing ? (
        <Confirm
          title="Delete the recording"
          action="Delete"
          onClose={() => setRemoving(null)}
          onConfirm={async () => {
            await remove(`Recordings/${removing.sid}.json`);
            pages.reload();
          }}
        >
          Its sound is deleted as well. This cannot be undone.
        </Confirm>
      ) : null}
    </>
  );
}
