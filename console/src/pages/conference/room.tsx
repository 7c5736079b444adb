/** A live room: who is in it, and everything that REST can do with it. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { list, post, remove } from "../../api";
import { Card, Confirm, Dialog, Empty, Waiting, toast } from "../../components/parts";
import { UrlDialog } from "../../components/url-dialog";
import { moment, party, shortSid } from "../../format";
import { useLoaded } from "../../hooks";
import type { Call, Conference, Participant } from "../../types";
import { INVITE_FIELDS, InviteDialog } from "./invite";

type Open = { kind: "announce" | "end" | "invite" } | { kind: "announce-to" | "coach" | "kick"; who: Participant } | null;

interface RoomProps {
  room: Conference;
  /** The calls that are known, to name participants by. */
  calls: ReadonlyMap<string, Call>;
  /** Another value: look again. */
  tick: unknown;
  onChange: () => void;
}

export function RoomCard({ room, calls, tick, onChange }: RoomProps): JSX.Element {
  const path = `Conferences/${room.sid}`;
  const [open, setOpen] = useState<Open>(null);
  const loaded = useLoaded(room.sid, async () => (await list<Participant>(`${path}/Participants.json?PageSize=250`, "participants")).records);
  useEffect(() => loaded.reload(), [tick]);
  const nameOf = (sid: string): string => {
    const call = calls.get(sid);
    return call ? party(call.direction === "inbound" ? call.from : call.to) : shortSid(sid);
  };
  const act = async (work: Promise<unknown>, done: string): Promise<void> => {
    await work;
    toast(done, "is-good");
    loaded.reload();
    onChange();
  };
  const change = (who: Participant, form: Record<string, string>, done: string): Promise<void> => act(post(`${path}/Participants/${who.call_sid}.json`, form), done);
  const tried = (work: Promise<void>): void => void work.catch((error: unknown) => toast((error as Error).message, "is-bad"));
  const close = (): void => setOpen(null);
  const everyone = loaded.value ?? [];
  return (
    <Card title={room.friendly_name || shortSid(room.sid)} isFlush aside={<RoomActions room={room} count={everyone.length} onOpen={(kind) => setOpen({ kind })} />}>
      {loaded.value === null ? (
        <Waiting error={loaded.error} retry={loaded.reload} />
      ) : everyone.length === 0 ? (
        <Empty title="The room is empty" />
      ) : (
        <div class="table-wrap">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Participant</th>
                <th scope="col">State</th>
                <th scope="col">Since</th>
                <th scope="col">
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {everyone.map((who) => (
                <Row key={who.call_sid} who={who} name={nameOf(who.call_sid)} coached={who.call_sid_to_coach ? nameOf(who.call_sid_to_coach) : ""} isAlone={everyone.length < 2} onChange={(form, done) => tried(change(who, form, done))} onOpen={(kind) => setOpen({ kind, who })} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {open?.kind === "end" ? (
        <Confirm title={`End ${room.friendly_name}`} action="End the conference" onClose={close} onConfirm={() => act(post(`${path}.json`, { Status: "completed" }), "The conference is over")}>
          The room closes; each participant goes on with its own document.
        </Confirm>
      ) : null}
      {open?.kind === "announce" ? (
        <UrlDialog title="Announce" label="URL of audio or of a document" action="Announce" onClose={close} onSend={(url) => act(post(`${path}.json`, { AnnounceUrl: url }), "The room hears it")}>
          The whole room hears it: audio, or a document of Say, Play and Pause.
        </UrlDialog>
      ) : null}
      {open?.kind === "announce-to" ? (
        <UrlDialog title={`Announce to ${nameOf(open.who.call_sid)}`} label="URL of audio or of a document" action="Announce" onClose={close} onSend={(url) => change(open.who, { AnnounceUrl: url }, "The participant hears it")}>
          This participant alone hears it.
        </UrlDialog>
      ) : null}
      {open?.kind === "kick" ? (
        <Confirm title={`Take ${nameOf(open.who.call_sid)} out`} action="Take out" onClose={close} onConfirm={() => act(remove(`${path}/Participants/${open.who.call_sid}.json`), "The participant is out")}>
          Its call leaves the room and goes on with its own document.
        </Confirm>
      ) : null}
      {open?.kind === "coach" ? <CoachDialog who={open.who} everyone={everyone} nameOf={nameOf} onClose={close} onCoach={(sid) => change(open.who, { Coaching: "true", CallSidToCoach: sid }, "Only the coached participant hears this one")} /> : null}
      {open?.kind === "invite" ? <InviteDialog room={room} fields={INVITE_FIELDS} onClose={() => (close(), onChange())} /> : null}
    </Card>
  );
}

function RoomActions({ room, count, onOpen }: { room: Conference; count: number; onOpen: (kind: "announce" | "end" | "invite") => void }): JSX.Element {
  const name = room.friendly_name;
  return (
    <div class="buttons">
      <span class="soft room-state">
        {room.status === "init" ? "waits for its start" : `${count} in it`} · since <time>{moment(room.date_created)}</time> · <Link href={`/conferences/${room.sid}`}>Open</Link>
      </span>
      <button type="button" class="button is-small" aria-label={`Call in to ${name}`} onClick={() => onOpen("invite")}>
        Call in
      </button>
      <button type="button" class="button is-small" aria-label={`Announce to ${name}`} onClick={() => onOpen("announce")}>
        Announce
      </button>
      <button type="button" class="button is-small is-danger" aria-label={`End ${name}`} onClick={() => onOpen("end")}>
        End
      </button>
    </div>
  );
}

interface RowProps {
  who: Participant;
  name: string;
  coached: string;
  isAlone: boolean;
  onChange: (form: Record<string, string>, done: string) => void;
  onOpen: (kind: "announce-to" | "coach" | "kick") => void;
}

function Row({ who, name, coached, isAlone, onChange, onOpen }: RowProps): JSX.Element {
  return (
    <tr>
      <td data-label="Participant">
        <span>
          <Link class="party" href={`/calls/${who.call_sid}`}>
            {name}
          </Link>
          {who.label ? <span class="soft party">{who.label}</span> : null}
        </span>
      </td>
      <td data-label="State">
        <span class="buttons is-tight">
          <span class="badge">{who.status}</span>
          {who.muted ? <span class="badge is-warn">muted</span> : null}
          {who.hold ? <span class="badge is-warn">on hold</span> : null}
          {who.coaching ? <span class="badge is-live">coaches {coached}</span> : null}
        </span>
      </td>
      <td data-label="Since">
        <time class="number">{moment(who.date_created)}</time>
      </td>
      <td data-label="" class="is-end">
        <span class="buttons is-end">
          <button type="button" class="button is-small" aria-pressed={who.muted} aria-label={`${who.muted ? "Unmute" : "Mute"} ${name}`} onClick={() => onChange({ Muted: String(!who.muted) }, who.muted ? "The room hears it again" : "The room does not hear it")}>
            {who.muted ? "Unmute" : "Mute"}
          </button>
          <button type="button" class="button is-small" aria-pressed={who.hold} aria-label={`${who.hold ? "Resume" : "Hold"} ${name}`} onClick={() => onChange({ Hold: String(!who.hold) }, who.hold ? "It is back in the room" : "It is on hold")}>
            {who.hold ? "Resume" : "Hold"}
          </button>
          {who.coaching ? (
            <button type="button" class="button is-small" aria-label={`Stop coaching by ${name}`} onClick={() => onChange({ Coaching: "false" }, "The whole room hears it")}>
              Stop coaching
            </button>
          ) : (
            <button type="button" class="button is-small" aria-label={`Let ${name} coach`} disabled={isAlone} onClick={() => onOpen("coach")}>
              Coach
            </button>
          )}
          <button type="button" class="button is-small" aria-label={`Announce to ${name}`} onClick={() => onOpen("announce-to")}>
            Announce
          </button>
          <button type="button" class="button is-small is-danger" aria-label={`Take out ${name}`} onClick={() => onOpen("kick")}>
            Take out
          </button>
        </span>
      </td>
    </tr>
  );
}

function CoachDialog({ who, everyone, nameOf, onCoach, onClose }: { who: Participant; everyone: Participant[]; nameOf: (sid: string) => string; onCoach: (sid: string) => Promise<void>; onClose: () => void }): JSX.Element {
  const [error, setError] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const sid = String(new FormData(event.currentTarget as HTMLFormElement).get("coached"));
    onCoach(sid).then(onClose, (caught: unknown) => setError((caught as Error).message));
  };
  return (
    <Dialog title={`${nameOf(who.call_sid)} coaches`} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {error ? (
          <p class="note is-bad" role="alert">
            {error}
          </p>
        ) : null}
        <div class="field">
          <label for="coached">Who is coached</label>
          <select id="coached" name="coached" class="input" required>
            {everyone
              .filter((each) => each.call_sid !== who.call_sid)
              .map((each) => (
                <option key={each.call_sid} value={each.call_sid}>
                  {nameOf(each.call_sid)}
                  {each.label ? ` · ${each.label}` : ""}
                </option>
              ))}
          </select>
          <span class="hint">The coach hears the room, and is heard by this participant alone.</span>
        </div>
        <div class="buttons">
          <button type="submit" class="button is-primary">
            Coach
          </button>
        </div>
      </form>
    </Dialog>
  );
}
