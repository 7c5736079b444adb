/** Calls that are up, moving by the feed. */

import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useMemo, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { list } from "../api";
import { CallActions } from "../components/call-actions";
import { Elapsed } from "../components/elapsed";
import { Card, Empty, PageHead, Status, Waiting } from "../components/parts";
import { useFeed } from "../feed";
import { party } from "../format";
import { useLoaded, useThrottled, useTitle } from "../hooks";
import { LIVE_STATUSES, isLive, type Call } from "../types";

const MAX_SHOWN = 200;

/** The live calls: loaded once, then kept by the feed; rendered at most five times a second. */
function useLiveCalls(): { calls: Call[]; error: Error | null; isLoaded: boolean; reload: () => void } {
  const known = useRef(new Map<string, Call>());
  const [, setVersion] = useState(0);
  const show = useThrottled(() => setVersion((old) => old + 1), 200);
  const loaded = useLoaded("live", async () => {
    const pages = await Promise.all([...LIVE_STATUSES].map((status) => list<Call>(`Calls.json?Status=${status}&PageSize=1000`, "calls")));
    known.current = new Map(pages.flatMap((page) => page.records).map((call) => [call.sid, call]));
    return true;
  });
  useFeed((event) => {
    if (event.type === "reset") loaded.reload();
    if (!event.call) return;
    if (isLive(event.call)) known.current.set(event.call.sid, event.call);
    else known.current.delete(event.call.sid);
    show();
  });
  const calls = [...known.current.values()].sort((one, other) => started(other) - started(one));
  return { calls, error: loaded.error, isLoaded: loaded.value !== null, reload: loaded.reload };
}

export function LivePage(): JSX.Element {
  const { calls, error, isLoaded, reload } = useLiveCalls();
  useTitle("Live");
  const figures = useMemo(() => count(calls), [calls]);
  return (
    <>
      <PageHead title="Live" about="Calls that are up at this moment." />
      <dl class="figures">
        {figures.map(([label, value]) => (
          <div class="figure" key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Card isFlush>
        {!isLoaded ? (
          <Waiting error={error} retry={reload} />
        ) : calls.length === 0 ? (
          <Empty title="No calls are up">A call appears here the moment it comes in or is placed.</Empty>
        ) : (
          <div class="table-wrap">
            <table class="list">
              <thead>
                <tr>
                  <th scope="col">Status</th>
                  <th scope="col">From</th>
                  <th scope="col">To</th>
                  <th scope="col">Direction</th>
                  <th scope="col" class="is-end">
                    Time
                  </th>
                  <th scope="col" class="is-end">
                    <span class="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {calls.slice(0, MAX_SHOWN).map((call) => (
                  <LiveRow key={call.sid} call={call} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {calls.length > MAX_SHOWN ? <p class="more soft">The newest {MAX_SHOWN} of {calls.length} are shown.</p> : null}
      </Card>
    </>
  );
}

/** Rendered again when its call has changed, not when another has. */
const LiveRow = memo(({ call }: { call: Call }): JSX.Element => {
  return (
    <tr>
      <td data-label="Status">
        <Status call={call} />
      </td>
      <td data-label="From">
        <Link href={`/calls/${call.sid}`} class="party">
          {party(call.from)}
        </Link>
        {call.caller_name ? <span class="soft party">{call.caller_name}</span> : null}
      </td>
      <td data-label="To">
        <span class="party">{party(call.to)}</span>
      </td>
      <td data-label="Direction" class="soft">
        {call.direction}
      </td>
      <td data-label="Time" class="is-end number">
        <Elapsed since={started(call)} />
      </td>
      <td data-label="" class="is-end">
        <span class="buttons is-end">
          <CallActions call={call} isSmall />
        </span>
      </td>
    </tr>
  );
});

function started(call: Call): number {
  return Date.parse(call.start_time ?? call.date_created ?? "") || 0;
}

function count(calls: Call[]): [string, number][] {
  const of = (test: (call: Call) => boolean): number => calls.filter(test).length;
  return [
    ["In progress", of((call) => call.status === "in-progress")],
    ["Ringing", of((call) => call.status === "ringing" || call.status === "initiated")],
    ["Queued", of((call) => call.status === "queued")],
    ["Inbound", of((call) => call.direction === "inbound")],
  ];
}
