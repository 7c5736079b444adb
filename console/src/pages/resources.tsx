/** Numbers, clients, trunks, applications, keys: listed, made, changed and deleted over REST. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { openApi, post, remove } from "../api";
import { More, usePages } from "../components/pager";
import { Card, Confirm, Copy, Dialog, Empty, PageHead, Waiting, toast } from "../components/parts";
import { ResourceForm, fieldsOf } from "../components/resource-form";
import { fullMoment, moment, shortSid, words } from "../format";
import { useLoaded, useTitle } from "../hooks";
import type { Resource } from "../types";

export interface ResourceKind {
  address: string;
  title: string;
  one: string;
  about: string;
  /** The collection in REST, and the key of its list. */
  path: string;
  key: string;
  /** The field that names a record, then the other columns: label and field. */
  name: string;
  columns: readonly (readonly [string, string])[];
}

/** Fields whose values are addresses, which may be broken anywhere. */
const LONG = /_ur[li]$|_callback$/;

export const RESOURCES: readonly ResourceKind[] = [
  {
    address: "numbers",
    title: "Numbers",
    one: "number",
    about: "Numbers and SIP users that the node answers for, and the URL that each call is asked of.",
    path: "IncomingPhoneNumbers",
    key: "incoming_phone_numbers",
    name: "phone_number",
    columns: [
      ["Name", "friendly_name"],
      ["Voice URL", "voice_url"],
      ["Origin", "origin"],
    ],
  },
  {
    address: "clients",
    title: "Clients",
    one: "client",
    about: "Phones that register with a password and are called as client:login.",
    path: "Clients",
    key: "clients",
    name: "login",
    columns: [
      ["Name", "friendly_name"],
      ["Status", "status"],
      ["Voice URL", "voice_url"],
    ],
  },
  {
    address: "trunks",
    title: "Trunks",
    one: "trunk",
    about: "Gateways through which numbers are called, and whose calls are let in.",
    path: "Trunks",
    key: "trunks",
    name: "friendly_name",
    columns: [
      ["SIP URI", "sip_uri"],
      ["Pattern", "pattern"],
      ["Priority", "priority"],
      ["Status", "status"],
    ],
  },
  {
    address: "applications",
    title: "Applications",
    one: "application",
    about: "Voice URLs under a name, which numbers and clients share.",
    path: "Applications",
    key: "applications",
    name: "friendly_name",
    columns: [
      ["Voice URL", "voice_url"],
      ["Status callback", "status_callback"],
    ],
  },
  {
    address: "keys",
    title: "API keys",
    one: "key",
    about: "Each program and each colleague signs in with a key of its own, which can be revoked.",
    path: "Keys",
    key: "keys",
    name: "friendly_name",
    columns: [["Made", "date_created"]],
  },
];

export function ResourcePage({ resource }: { resource: ResourceKind }): JSX.Element {
  useTitle(resource.title);
  const pages = usePages<Resource>(`${resource.path}.json?PageSize=100`, resource.key);
  const [editing, setEditing] = useState<Resource | "new" | null>(null);
  const [removing, setRemoving] = useState<Resource | null>(null);
  const [created, setCreated] = useState<Resource | null>(null);
  const done = (record: Resource): void => {
    setEditing(null);
    pages.reload();
    if (record["secret"]) setCreated(record);
    else toast("Saved", "is-good");
  };
  return (
    <>
      <PageHead title={resource.title} about={resource.about}>
        <button type="button" class="button is-primary" onClick={() => setEditing("new")}>
          New {resource.one}
        </button>
      </PageHead>
      <Card isFlush>
        {pages.records === null ? (
          <Waiting error={pages.error} retry={pages.reload} />
        ) : pages.records.length === 0 ? (
          <Empty title={`No ${resource.title} yet`} />
        ) : (
          <ResourceTable resource={resource} records={pages.records} onEdit={setEditing} onRemove={setRemoving} />
        )}
        <More pages={pages} />
      </Card>
      {editing ? <Editor resource={resource} record={editing === "new" ? null : editing} onDone={done} onClose={() => setEditing(null)} /> : null}
      {removing ? (
        <Confirm
          title={`Delete ${String(removing[resource.name] ?? "") || shortSid(removing.sid)}`}
          action="Delete"
          onClose={() => setRemoving(null)}
          onConfirm={async () => {
            await remove(`${resource.path}/${removing.sid}.json`);
            pages.reload();
          }}
        >
          {resource.address === "keys" ? "Programs and people that sign in with this key are refused from now on." : "This cannot be undone."}
        </Confirm>
      ) : null}
      {created ? <Secret record={created} onClose={() => setCreated(null)} /> : null}
    </>
  );
}

function ResourceTable({ resource, records, onEdit, onRemove }: { resource: ResourceKind; records: Resource[]; onEdit: (record: Resource) => void; onRemove: (record: Resource) => void }): JSX.Element {
  const heading = resource.name === "friendly_name" ? "Name" : words(resource.name);
  return (
    <div class="table-wrap">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">{heading}</th>
            {resource.columns.map(([label]) => (
              <th scope="col" key={label}>
                {label}
              </th>
            ))}
            <th scope="col">
              <span class="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => {
            const name = String(record[resource.name] ?? "") || shortSid(record.sid);
            const isFixed = record["origin"] === "configuration";
            return (
              <tr key={record.sid}>
                <td data-label={heading}>
                  <strong>{name}</strong>
                  <br />
                  <span class="mono soft">{shortSid(record.sid)}</span>
                </td>
                {resource.columns.map(([label, field]) => (
                  <td key={label} data-label={label} class={LONG.test(field) ? "is-long" : ""}>
                    {field.startsWith("date_") ? <time title={fullMoment(String(record[field]))}>{moment(String(record[field]))}</time> : String(record[field] ?? "")}
                  </td>
                ))}
                <td data-label="" class="is-end">
                  {isFixed ? (
                    <span class="soft">in the configuration</span>
                  ) : (
                    <span class="buttons is-whole">
                      <button type="button" class="button is-small" aria-label={`Change ${name}`} onClick={() => onEdit(record)}>
                        Change
                      </button>
                      <button type="button" class="button is-small is-danger" aria-label={`Delete ${name}`} onClick={() => onRemove(record)}>
                        {resource.address === "keys" ? "Revoke" : "Delete"}
                      </button>
                    </span>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Editor({ resource, record, onDone, onClose }: { resource: ResourceKind; record: Resource | null; onDone: (record: Resource) => void; onClose: () => void }): JSX.Element {
  const collection = `/Accounts/{AccountSid}/${resource.path}`;
  const api = useLoaded("openapi", openApi);
  const title = record ? `Change ${String(record[resource.name] ?? "") || resource.one}` : `New ${resource.one}`;
  const save = async (form: Record<string, string>): Promise<void> => {
    const path = record ? `${resource.path}/${record.sid}.json` : `${resource.path}.json`;
    onDone(await post<Resource>(path, form));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {api.value ? (
        <ResourceForm fields={fieldsOf(api.value, record ? `${collection}/{Sid}` : collection)} record={record} action={record ? "Save" : "Make"} onSubmit={save} />
      ) : (
        <Waiting error={api.error} retry={api.reload} />
      )}
    </Dialog>
  );
}

function Secret({ record, onClose }: { record: Resource; onClose: () => void }): JSX.Element {
  return (
    <Dialog title="The new key" onClose={onClose}>
      <div class="form">
        <p class="note is-warn">Keep the secret now: it cannot be read again.</p>
        <dl class="form">
          {["sid", "secret"].map((name) => (
            <div class="field" key={name}>
              <dt class="label">{name === "sid" ? "Key sid" : "Secret"}</dt>
              <dd class="buttons">
                <code>{String(record[name])}</code>
                <Copy text={String(record[name])} />
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </Dialog>
  );
}
