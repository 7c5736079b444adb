/** Notifications: grouped by code, each with its request and answer. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { More, usePages } from "../components/pager";
import { Card, Empty, PageHead, Waiting } from "../components/parts";
import { NotificationCard } from "../components/notification";
import { useFeed } from "../feed";
import { moment } from "../format";
import { useThrottled, useTitle } from "../hooks";
import type { Notification } from "../types";

interface Group {
  code: string;
  newest: Notification;
  all: Notification[];
}

export function DebuggerPage(): JSX.Element {
  useTitle("Debugger");
  const [log, setLog] = useState("");
  const pages = usePages<Notification>(`Notifications.json?PageSize=200${log ? `&Log=${log}` : ""}`, "notifications");
  const refresh = useThrottled(pages.reload, 2000);
  useFeed((event) => event.type === "notification" && refresh());
  const groups = useMemo(() => grouped(pages.records ?? []), [pages.records]);
  const [open, setOpen] = useState<string | null>(null);
  return (
    <>
      <PageHead title="Debugger" about="What went wrong, by code, the latest first.">
        <label class="buttons">
          <span class="visually-hidden">Which</span>
          <select class="input" value={log} onChange={(event) => setLog(event.currentTarget.value)}>
            <option value="">Errors and warnings</option>
            <option value="0">Errors</option>
            <option value="1">Warnings</option>
          </select>
        </label>
      </PageHead>
      {pages.records === null ? (
        <Card>
          <Waiting error={pages.error} retry={pages.reload} />
        </Card>
      ) : groups.length === 0 ? (
        <Card>
          <Empty title="Nothing went wrong">Failed requests, bad documents and refused calls are listed here.</Empty>
        </Card>
      ) : (
        groups.map((group) => (
          <section class="card" key={group.code} aria-label={`Code ${group.code}`}>
            <button type="button" class="group" aria-expanded={open === group.code} onClick={() => setOpen(open === group.code ? null : group.code)}>
              <span class={`badge ${group.newest.log === "0" ? "is-bad" : "is-warn"}`}>{group.code}</span>
              <span class="group-text">{group.newest.message_text}</span>
              <span class="soft number">
                {group.all.length} × · {moment(group.newest.message_date)}
              </span>
            </button>
            {open === group.code ? (
              <ul class="stack">
                {group.all.slice(0, 20).map((each) => (
                  <li key={each.sid}>
                    <NotificationCard notification={each} />
                    {each.call_sid ? <Link href={`/calls/${each.call_sid}`}>Open the call</Link> : null}
                  </li>
                ))}
              </ul>
            ) : null}
          </section>
        ))
      )}
      <More pages={pages} />
    </>
  );
}

function grouped(notifications: Notification[]): Group[] {
  const groups = new Map<string, Group>();
  for (const each of notifications) {
    const group = groups.get(each.error_code);
    if (group) group.all.push(each);
    else groups.set(each.error_code, { code: each.error_code, newest: each, all: [each] });
  }
  return [...groups.values()];
}
