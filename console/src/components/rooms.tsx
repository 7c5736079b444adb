/** Conferences and queues: what REST lists of them, opened to who is in them. */

import type { JSX } from "preact";
import { Link } from "wouter-preact";
import { usePages } from "./pager";
import { Card, Empty, PageHead, Waiting } from "./parts";
import { moment, shortSid } from "../format";
import { useTick, useTitle } from "../hooks";
import type { Resource } from "../types";
import { useEffect } from "preact/hooks";

export function RoomsPage({ title, about, path, listKey, membersPath, membersKey, empty }: { title: string; about: string; path: string; listKey: string; membersPath: string; membersKey: string; empty: string }): JSX.Element {
  useTitle(title);
  const pages = usePages<Resource>(path, listKey);
  const now = useTick(5000);
  useEffect(() => {
    if (pages.records !== null) pages.reload();
  }, [now]);
  return (
    <>
      <PageHead title={title} about={about} />
      {pages.records === null ? (
        <Card>
          <Waiting error={pages.error} retry={pages.reload} />
        </Card>
      ) : pages.records.length === 0 ? (
        <Card>
          <Empty title={empty} />
        </Card>
      ) : (
        pages.records.map((room) => (
          <Card key={room.sid} title={String(room["friendly_name"] ?? shortSid(room.sid))} aside={<RoomFacts room={room} />} isFlush>
            <Members path={`${path.split(".")[0]}/${room.sid}/${membersPath}.json`} listKey={membersKey} />
          </Card>
        ))
      )}
    </>
  );
}

function RoomFacts({ room }: { room: Resource }): JSX.Element {
  const facts = [room["status"], room["current_size"] !== undefined ? `${String(room["current_size"])} waiting` : null, room["average_wait_time"] !== undefined ? `average wait ${String(room["average_wait_time"])} s` : null];
  return <span class="soft">{facts.filter(Boolean).join(" · ")}</span>;
}

function Members({ path, listKey }: { path: string; listKey: string }): JSX.Element {
  const pages = usePages<Resource & { call_sid: string }>(path, listKey);
  if (pages.records === null) return <Waiting error={pages.error} retry={pages.reload} />;
  if (pages.records.length === 0) return <Empty title="Nobody is in it" />;
  return (
    <ul class="stack is-ruled">
      {pages.records.map((member) => (
        <li key={member.call_sid} class="buttons">
          <Link href={`/calls/${member.call_sid}`} class="mono">
            {shortSid(member.call_sid)}
          </Link>
          {["label", "muted", "hold", "coaching", "position", "wait_time"]
            .filter((name) => member[name] !== undefined && member[name] !== null && member[name] !== false)
            .map((name) => (
              <span class="badge" key={name}>
                {member[name] === true ? name : `${name.replace("_", " ")} ${String(member[name])}`}
              </span>
            ))}
          <span class="soft">{moment(String(member["date_created"] ?? member["date_enqueued"] ?? ""))}</span>
        </li>
      ))}
    </ul>
  );
}
