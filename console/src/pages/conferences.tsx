/** Conferences: those that are held, with who is in them, and those that are over. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { list } from "../api";
import { More, usePages } from "../components/pager";
import { Card, Empty, PageHead, Waiting } from "../components/parts";
import { useFeed } from "../feed";
import { fullMoment, moment, shortSid } from "../format";
import { useLoaded, useThrottled, useTick, useTitle } from "../hooks";
import type { Call, Conference } from "../types";
import { RoomCard } from "./conference/room";
import { INVITE_FIELDS, InviteDialog } from "./conference/invite";

export function ConferencesPage(): JSX.Element {
  const isPast = new URLSearchParams(useSearch()).get("show") === "past";
  const [, navigate] = useLocation();
  const [isCalling, setCalling] = useState(false);
  useTitle("Conferences");
  return (
    <>
      <PageHead title="Conferences" about="Rooms in which several calls hear each other.">
        <div class="buttons">
          <label>
            <span class="visually-hidden">Which</span>
            <select class="input" value={isPast ? "past" : "live"} onChange={(event) => navigate(event.currentTarget.value === "past" ? "/conferences?show=past" : "/conferences")}>
              <option value="live">Held now</option>
              <option value="past">Over</option>
            </select>
          </label>
          <button type="button" class="button is-primary" onClick={() => setCalling(true)}>
            Call a party in
          </button>
        </div>
      </PageHead>
      {isPast ? <PastRooms /> : <LiveRooms />}
      {isCalling ? <InviteDialog room={null} fields={INVITE_FIELDS} onClose={() => setCalling(false)} /> : null}
    </>
  );
}

/** The live rooms of the account, kept by the feed, and looked at every few seconds for what the feed has not. */
function LiveRooms(): JSX.Element {
  const loaded = useLoaded("rooms", async () => {
    const [waiting, held, calls] = await Promise.all([
      list<Conference>("Conferences.json?Status=init&PageSize=50", "conferences"),
      list<Conference>("Conferences.json?Status=in-progress&PageSize=50", "conferences"),
      list<Call>("Calls.json?Status=in-progress&PageSize=1000", "calls"),
    ]);
    return { rooms: [...held.records, ...waiting.records], calls: new Map(calls.records.map((call) => [call.sid, call])) };
  });
  const refresh = useThrottled(loaded.reload, 1000);
  const tick = useTick(4000);
  useEffect(() => refresh(), [tick]);
  useFeed((event) => {
    if (["call-joined", "call-parted", "call-ended", "reset"].includes(event.type)) refresh();
  });
  if (loaded.value === null) {
    return (
      <Card>
        <Waiting error={loaded.error} retry={loaded.reload} />
      </Card>
    );
  }
  const { rooms, calls } = loaded.value;
  if (rooms.length === 0) {
    return (
      <Card>
        <Empty title="No conference is held">A document with Dial and Conference opens one, and so does the button above.</Empty>
      </Card>
    );
  }
  return (
    <>
      {rooms.map((room) => (
        <RoomCard key={room.sid} room={room} calls={calls} tick={loaded.value} onChange={loaded.reload} />
      ))}
    </>
  );
}

function PastRooms(): JSX.Element {
  const pages = usePages<Conference>("Conferences.json?Status=completed&PageSize=50", "conferences");
  return (
    <Card isFlush>
      {pages.records === null ? (
        <Waiting error={pages.error} retry={pages.reload} />
      ) : pages.records.length === 0 ? (
        <Empty title="No conference has been held" />
      ) : (
        <div class="table-wrap">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Began</th>
                <th scope="col">Ended</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {pages.records.map((room) => (
                <tr key={room.sid}>
                  <td data-label="Name">
                    <Link href={`/conferences/${room.sid}`}>{room.friendly_name || shortSid(room.sid)}</Link>
                  </td>
                  <td data-label="Began">
                    <time title={fullMoment(room.date_created)}>{moment(room.date_created)}</time>
                  </td>
                  <td data-label="Ended">
                    <time title={fullMoment(room.date_updated)}>{moment(room.date_updated)}</time>
                  </td>
                  <td data-label="Why" class="soft">
                    {(room.reason_conference_ended ?? "").replaceAll("-", " ")}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More pages={pages} />
    </Card>
  );
}
