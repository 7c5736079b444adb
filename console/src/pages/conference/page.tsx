/** One conference: how it stands or ended, who is in it, its recordings. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Link } from "wouter-preact";
import { get, list } from "../../api";
import { Card, Copy, Waiting } from "../../components/parts";
import { Player } from "../../components/player";
import { useFeed } from "../../feed";
import { fullMoment } from "../../format";
import { useLoaded, useThrottled, useTick, useTitle } from "../../hooks";
import type { Call, Conference, Recording } from "../../types";
import { RoomCard } from "./room";

interface Held {
  room: Conference;
  recordings: Recording[];
  calls: Map<string, Call>;
}

async function load(sid: string): Promise<Held> {
  const [room, recordings, calls] = await Promise.all([
    get<Conference>(`Conferences/${sid}.json`),
    list<Recording>(`Conferences/${sid}/Recordings.json`, "recordings"),
    list<Call>("Calls.json?Status=in-progress&PageSize=1000", "calls"),
  ]);
  return { room, recordings: recordings.records, calls: new Map(calls.records.map((call) => [call.sid, call])) };
}

export function ConferencePage({ sid }: { sid: string }): JSX.Element {
  const loaded = useLoaded(sid, () => load(sid));
  const held = loaded.value;
  const isOver = held?.room.status === "completed";
  const refresh = useThrottled(loaded.reload, 1000);
  const tick = useTick(4000, !isOver);
  useTitle(held ? `Conference ${held.room.friendly_name}` : "Conference");
  useEffect(() => refresh(), [tick]);
  useFeed((event) => {
    if (["call-joined", "call-parted", "recording", "reset"].includes(event.type)) refresh();
  });
  if (held === null) return <Waiting error={loaded.error} retry={loaded.reload} />;
  const { room, recordings, calls } = held;
  return (
    <>
      <div class="call-head">
        <div class="buttons">
          <span class={`badge ${isOver ? "is-good" : "is-live"}`}>{room.status}</span>
          <span class="mono soft">{room.sid}</span>
        </div>
        <h1>{sentence(room)}</h1>
        <div class="buttons">
          <Copy text={location.href} label="Copy link" />
        </div>
      </div>
      <Card>
        <dl class="facts">
          <div>
            <dt>Began</dt>
            <dd>{fullMoment(room.date_created)}</dd>
          </div>
          {isOver ? (
            <div>
              <dt>Ended</dt>
              <dd>{fullMoment(room.date_updated)}</dd>
            </div>
          ) : null}
          {room.call_sid_ending_conference ? (
            <div>
              <dt>Ended by</dt>
              <dd>
                <Link href={`/calls/${room.call_sid_ending_conference}`}>{room.call_sid_ending_conference}</Link>
              </dd>
            </div>
          ) : null}
        </dl>
      </Card>
      {isOver ? null : <RoomCard room={room} calls={calls} tick={held} onChange={loaded.reload} />}
      {recordings.length > 0 ? (
        <Card title="Recordings" isFlush>
          <ul class="stack is-ruled">
            {recordings.map((each) => (
              <li key={each.sid}>
                <Player recording={each} onChange={loaded.reload} />
              </li>
            ))}
          </ul>
        </Card>
      ) : null}
    </>
  );
}

function sentence(room: Conference): string {
  if (room.status === "init") return `${room.friendly_name} waits for its start.`;
  if (room.status !== "completed") return `${room.friendly_name} is being held.`;
  const reasons: Record<string, string> = {
    "conference-ended-via-api": "it was ended over REST",
    "last-participant-kicked": "its last participant was taken out",
    "last-participant-left": "its last participant left",
    "participant-with-end-conference-on-exit-kicked": "its moderator was taken out",
    "participant-with-end-conference-on-exit-left": "its moderator left",
  };
  const reason = reasons[room.reason_conference_ended ?? ""];
  return `${room.friendly_name} is over${reason ? `: ${reason}` : ""}.`;
}
