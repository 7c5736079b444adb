/** Queues: made, changed and deleted here; who waits in each, and how to take a caller out. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { list, openApi, post, remove } from "../api";
import { More, usePages } from "../components/pager";
import { Card, Confirm, Dialog, Empty, PageHead, Waiting, toast } from "../components/parts";
import { ResourceForm, fieldsOf } from "../components/resource-form";
import { UrlDialog } from "../components/url-dialog";
import { useFeed } from "../feed";
import { clock, moment, party, shortSid } from "../format";
import { useLoaded, useThrottled, useTick, useTitle } from "../hooks";
import type { Call, Queue, QueueMember } from "../types";

const PATH = "/Accounts/{AccountSid}/Queues";

export function QueuesPage(): JSX.Element {
  useTitle("Queues");
  const pages = usePages<Queue>("Queues.json?PageSize=50", "queues");
  const [editing, setEditing] = useState<Queue | "new" | null>(null);
  const [removing, setRemoving] = useState<Queue | null>(null);
  const refresh = useThrottled(pages.reload, 1000);
  const tick = useTick(4000);
  useEffect(() => {
    if (pages.records !== null) refresh();
  }, [tick]);
  useFeed((event) => {
    if (["call-joined", "call-parted", "call-ended", "reset"].includes(event.type)) refresh();
  });
  return (
    <>
      <PageHead title="Queues" about="Calls that wait for an agent, in the order of their service.">
        <button type="button" class="button is-primary" onClick={() => setEditing("new")}>
          New queue
        </button>
      </PageHead>
      {pages.records === null ? (
        <Card>
          <Waiting error={pages.error} retry={pages.reload} />
        </Card>
      ) : pages.records.length === 0 ? (
        <Card>
          <Empty title="No queues yet">Enqueue makes a queue at its first call, and so does the button above.</Empty>
        </Card>
      ) : (
        pages.records.map((queue) => <QueueCard key={queue.sid} queue={queue} tick={pages.records} onEdit={setEditing} onRemove={setRemoving} onChange={pages.reload} />)
      )}
      <More pages={pages} />
      {editing ? (
        <Editor
          queue={editing === "new" ? null : editing}
          onClose={() => setEditing(null)}
          onDone={() => {
            setEditing(null);
            toast("Saved", "is-good");
            pages.reload();
          }}
        />
      ) : null}
      {removing ? (
        <Confirm
          title={`Delete ${removing.friendly_name}`}
          action="Delete"
          onClose={() => setRemoving(null)}
          onConfirm={async () => {
            await remove(`Queues/${removing.sid}.json`);
            pages.reload();
          }}
        >
          Only an empty queue can be deleted.
        </Confirm>
      ) : null}
    </>
  );
}

interface QueueProps {
  queue: Queue;
  tick: unknown;
  onEdit: (queue: Queue) => void;
  onRemove: (queue: Queue) => void;
  onChange: () => void;
}

function QueueCard({ queue, tick, onEdit, onRemove, onChange }: QueueProps): JSX.Element {
  const name = queue.friendly_name;
  const [taking, setTaking] = useState<QueueMember | null>(null);
  const loaded = useLoaded(queue.sid, async () => {
    if (queue.current_size === 0) return { members: [], calls: new Map<string, Call>() };
    const [members, calls] = await Promise.all([list<QueueMember>(`Queues/${queue.sid}/Members.json?PageSize=50`, "queue_members"), list<Call>("Calls.json?Status=in-progress&PageSize=1000", "calls")]);
    return { members: members.records, calls: new Map(calls.records.map((call) => [call.sid, call])) };
  });
  useEffect(() => loaded.reload(), [tick]);
  const nameOf = (sid: string): string => {
    const call = loaded.value?.calls.get(sid);
    return call ? party(call.from) : shortSid(sid);
  };
  const facts = (
    <div class="buttons">
      <span class="soft room-state">
        {queue.current_size} of {queue.max_size} wait{queue.current_size ? ` · on average ${clock(queue.average_wait_time)}` : ""}
      </span>
      <button type="button" class="button is-small" aria-label={`Change ${name}`} onClick={() => onEdit(queue)}>
        Change
      </button>
      <button type="button" class="button is-small is-danger" aria-label={`Delete ${name}`} onClick={() => onRemove(queue)}>
        Delete
      </button>
    </div>
  );
  return (
    <Card title={name} aside={facts} isFlush>
      {loaded.value === null ? (
        <Waiting error={loaded.error} retry={loaded.reload} />
      ) : loaded.value.members.length === 0 ? (
        <p class="soft quiet">No call waits.</p>
      ) : (
        <div class="table-wrap">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Place</th>
                <th scope="col">Caller</th>
                <th scope="col">Since</th>
                <th scope="col" class="is-end">
                  Waits
                </th>
                <th scope="col">
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {loaded.value.members.map((member) => (
                <tr key={member.call_sid}>
                  <td data-label="Place" class="number">
                    {member.position}
                  </td>
                  <td data-label="Caller">
                    <Link href={`/calls/${member.call_sid}`}>{nameOf(member.call_sid)}</Link>
                  </td>
                  <td data-label="Since">
                    <time>{moment(member.date_enqueued)}</time>
                  </td>
                  <td data-label="Waits" class="is-end number">
                    {clock(member.wait_time)}
                  </td>
                  <td data-label="" class="is-end">
                    <button type="button" class="button is-small" aria-label={`Take out ${nameOf(member.call_sid)}`} onClick={() => setTaking(member)}>
                      Take out
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {taking ? (
        <UrlDialog
          title={`Take ${nameOf(taking.call_sid)} out of ${name}`}
          label="URL of the document"
          action="Take out"
          onClose={() => setTaking(null)}
          onSend={async (url) => {
            await post(`Queues/${queue.sid}/Members/${taking.call_sid}.json`, { Url: url });
            toast("The call has left the queue", "is-good");
            onChange();
          }}
        >
          The call leaves the queue and runs this document.
        </UrlDialog>
      ) : null}
    </Card>
  );
}

function Editor({ queue, onDone, onClose }: { queue: Queue | null; onDone: () => void; onClose: () => void }): JSX.Element {
  const api = useLoaded("openapi", openApi);
  const save = async (form: Record<string, string>): Promise<void> => {
    await post<Queue>(queue ? `Queues/${queue.sid}.json` : "Queues.json", form);
    onDone();
  };
  return (
    <Dialog title={queue ? `Change ${queue.friendly_name}` : "New queue"} onClose={onClose}>
      {api.value ? (
        <ResourceForm fields={fieldsOf(api.value, queue ? `${PATH}/{Sid}` : PATH)} record={queue ? { ...queue } : null} action={queue ? "Save" : "Make"} onSubmit={save} />
      ) : (
        <Waiting error={api.error} retry={api.reload} />
      )}
    </Dialog>
  );
}
