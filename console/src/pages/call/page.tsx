/** One call: why it ended, and everything that happened on it and on the calls that it dialled. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Link } from "wouter-preact";
import { ApiError, accountPath, get, list, post } from "../../api";
import { CallActions } from "../../components/call-actions";
import { NotificationCard } from "../../components/notification";
import { Card, Copy, Status, Waiting, toast } from "../../components/parts";
import { Player } from "../../components/player";
import { useFeed } from "../../feed";
import { clock, fullMoment, party, seconds } from "../../format";
import { useLoaded, useThrottled, useTick, useTitle } from "../../hooks";
import { isLive, type Call, type CallEvent, type Notification, type Recording } from "../../types";
import { Callbacks } from "./callbacks";
import { Curves } from "./curves";
import { Documents } from "./document";
import { LadderView } from "./ladder";
import { ladderOf, measuresOf, sentenceOf, transcriptOf, type Leg } from "./model";
import { Transcript } from "./transcript";

const MAX_LEGS = 20;

interface Story {
  call: Call;
  legs: Leg[];
  notifications: Notification[];
  recordings: Recording[];
}

/** The call, and the tree that it belongs to: its topmost ancestor first, then what that has dialled. */
async function load(sid: string): Promise<Story> {
  const call = await get<Call>(`Calls/${sid}.json`);
  let root = call;
  for (let depth = 0; depth < 5; depth += 1) {
    const parent = await parentOf(root);
    if (parent === null) break;
    root = parent;
  }
  const calls = [root, ...(await descendants(root.sid))].slice(0, MAX_LEGS);
  const [events, notifications, recordings] = await Promise.all([
    Promise.all(calls.map((each) => list<CallEvent>(`Calls/${each.sid}/Events.json?PageSize=1000`, "events"))),
    Promise.all(calls.map((each) => list<Notification>(`Calls/${each.sid}/Notifications.json`, "notifications"))),
    Promise.all(calls.map((each) => list<Recording>(`Calls/${each.sid}/Recordings.json`, "recordings"))),
  ]);
  return {
    call: calls.find((each) => each.sid === sid) ?? call,
    legs: calls.map((each, index) => ({ call: each, events: events[index]?.records ?? [] })),
    notifications: notifications.flatMap((page) => page.records),
    recordings: recordings.flatMap((page) => page.records),
  };
}

/** The call that dialled this one; null: none, or its record has been deleted. */
async function parentOf(call: Call): Promise<Call | null> {
  if (!call.parent_call_sid) return null;
  try {
    return await get<Call>(`Calls/${call.parent_call_sid}.json`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

async function descendants(sid: string, depth = 0): Promise<Call[]> {
  const children = (await list<Call>(`Calls.json?ParentCallSid=${sid}&PageSize=${MAX_LEGS}&SortBy=DateCreated:asc`, "calls")).records;
  if (depth >= 2) return children;
  const further = await Promise.all(children.map((each) => descendants(each.sid, depth + 1)));
  return [...children, ...further.flat()];
}

export function CallPage({ sid }: { sid: string }): JSX.Element {
  useTitle(`Call ${sid}`);
  const loaded = useLoaded(sid, () => load(sid));
  const story = loaded.value;
  const isUp = story?.legs.some((leg) => isLive(leg.call)) ?? false;
  const refresh = useThrottled(loaded.reload, 400);
  useFeed((event) => {
    const sids = new Set(story?.legs.map((leg) => leg.call.sid) ?? [sid]);
    if (event.type === "reset" || (event.call_sid && sids.has(event.call_sid)) || (event.call?.parent_call_sid && sids.has(event.call.parent_call_sid))) {
      refresh();
      // The last messages of a call come after its end, and are written a moment later.
      if (event.type === "call-ended") setTimeout(refresh, 1800);
    }
  });
  useLiveRefresh(isUp, refresh);
  if (story === null) return <Waiting error={loaded.error} retry={loaded.reload} />;
  return <CallView story={story} onChange={loaded.reload} />;
}

/** SIP messages are not in the feed: while the call is up, look once a second. */
function useLiveRefresh(isUp: boolean, refresh: () => void): void {
  const tick = useTick(1000, isUp);
  useMemo(() => {
    if (isUp) refresh();
  }, [tick]);
}

function CallView({ story, onChange }: { story: Story; onChange: () => void }): JSX.Element {
  const { call, legs, notifications, recordings } = story;
  const ladder = useMemo(() => ladderOf(legs), [legs]);
  const said = useMemo(() => transcriptOf(legs), [legs]);
  const own = legs.find((leg) => leg.call.sid === call.sid)?.events ?? [];
  const measured = legs.map((leg) => ({ leg, measures: measuresOf(leg.events) })).filter((each) => each.measures.length > 0);
  return (
    <>
      <CallHead call={call} />
      <CallFacts call={call} legs={legs} />
      {notifications.length > 0 ? (
        <Card title="Notifications">
          <ul class="stack">
            {notifications.map((each) => (
              <li key={each.sid}>
                <NotificationCard notification={each} />
              </li>
            ))}
          </ul>
        </Card>
      ) : null}
      <LadderView ladder={ladder} />
      <Transcript said={said} />
      <Documents events={own} isLive={isLive(call)} />
      <Callbacks events={legs.flatMap((leg) => leg.events)} />
      {recordings.length > 0 ? (
        <Card title="Recordings" isFlush>
          <ul class="stack is-ruled">
            {recordings.map((each) => (
              <li key={each.sid}>
                <Player recording={each} onChange={onChange} />
              </li>
            ))}
          </ul>
        </Card>
      ) : null}
      {measured.length > 0 ? (
        <Card title="Audio quality">
          <div class="stack">
            {measured.map(({ leg, measures }) => (
              <Curves key={leg.call.sid} title={`Heard from ${party(leg.call.direction === "inbound" ? leg.call.from : leg.call.to)}`} measures={measures} />
            ))}
          </div>
        </Card>
      ) : null}
    </>
  );
}

function CallHead({ call }: { call: Call }): JSX.Element {
  const address = accountPath(`Calls/${call.sid}/Events`);
  return (
    <div class="call-head">
      <div class="buttons">
        <Status call={call} />
        <span class="mono soft">{call.sid}</span>
      </div>
      <h1>{sentenceOf(call)}</h1>
      <div class="buttons">
        <CallActions call={call} />
        {call.status === "in-progress" ? <RecordButton call={call} /> : null}
        <Copy text={location.href} label="Copy link" />
        <a class="button is-small" href={`${address}.json?PageSize=1000`} download={`${call.sid}.json`}>
          JSON
        </a>
        <a class="button is-small" href={`${address}.pcap`} download={`${call.sid}.pcap`}>
          pcap
        </a>
      </div>
    </div>
  );
}

function RecordButton({ call }: { call: Call }): JSX.Element {
  const record = (): void => {
    post(`Calls/${call.sid}/Recordings.json`, { RecordingChannels: "dual" }).then(
      () => toast("The call is being recorded, each party on a channel of its own", "is-good"),
      (error: unknown) => toast((error as Error).message, "is-bad"),
    );
  };
  return (
    <button type="button" class="button" onClick={record}>
      Record
    </button>
  );
}

function CallFacts({ call, legs }: { call: Call; legs: Leg[] }): JSX.Element {
  const isUp = isLive(call);
  const now = useTick(1000, isUp);
  const began = Date.parse(call.answer_time ?? call.start_time ?? call.date_created ?? "");
  const facts: [string, JSX.Element | string][] = [
    ["From", call.caller_name ? `${party(call.from)} (${call.caller_name})` : party(call.from)],
    ["To", party(call.to)],
    ["Direction", call.direction],
    ["Started", fullMoment(call.start_time ?? call.date_created)],
    ["Rang", seconds(call.ring_duration)],
    ["Talked", isUp && call.status === "in-progress" ? clock((now - began) / 1000) : seconds(call.duration)],
    ["SIP code", call.sip_response_code ? String(call.sip_response_code) : "–"],
    ["SIP Call-ID", call.sip_call_id ?? "–"],
  ];
  if (call.srtp) facts.push(["Encryption", call.srtp === "none" ? "none" : `SRTP (${call.srtp})`]);
  if (call.answered_by) facts.push(["Answered by", call.answered_by]);
  if (call.forwarded_from) facts.push(["Forwarded from", call.forwarded_from]);
  const others = legs.filter((leg) => leg.call.sid !== call.sid);
  return (
    <Card>
      <dl class="facts">
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class="number">{value}</dd>
          </div>
        ))}
        {others.length > 0 ? (
          <div class="is-wide">
            <dt>Other legs</dt>
            <dd class="buttons">
              {others.map((leg) => (
                <Link key={leg.call.sid} href={`/calls/${leg.call.sid}`} class="leg">
                  {party(leg.call.direction === "inbound" ? leg.call.from : leg.call.to)} <Status call={leg.call} />
                </Link>
              ))}
            </dd>
          </div>
        ) : null}
      </dl>
    </Card>
  );
}
