/** Call a party into a conference: the form is that of REST, the useful part of it first. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { openApi, post } from "../../api";
import { Dialog, Waiting, toast } from "../../components/parts";
import { ResourceForm, fieldsOf } from "../../components/resource-form";
import { useLoaded } from "../../hooks";
import type { Conference, Participant } from "../../types";

export const INVITE_FIELDS: readonly string[] = ["To", "From", "Label", "Timeout", "Muted", "Beep", "StartConferenceOnEnter", "EndConferenceOnExit", "ConferenceRecord", "MaxParticipants"];
const PATH = "/Accounts/{AccountSid}/Conferences/{Room}/Participants";

/** `room` null: the name is asked for, and a room of that name is opened if there is none. */
export function InviteDialog({ room, fields, onClose }: { room: Conference | null; fields: readonly string[]; onClose: () => void }): JSX.Element {
  const api = useLoaded("openapi", openApi);
  const [name, setName] = useState("");
  const send = async (form: Record<string, string>): Promise<void> => {
    const key = room ? room.sid : name.trim();
    if (!key) throw new Error("A conference has a name");
    await post<Participant>(`Conferences/${encodeURIComponent(key)}/Participants.json`, form);
    toast("The party is being called", "is-good");
    onClose();
  };
  return (
    <Dialog title={room ? `Call a party into ${room.friendly_name}` : "Call a party into a conference"} onClose={onClose}>
      {api.value ? (
        <div class="form">
          {room ? null : (
            <div class="field">
              <label for="room">
                Conference<span class="soft"> (needed)</span>
              </label>
              <input id="room" class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} required autofocus spellcheck={false} aria-describedby="room-hint" />
              <span class="hint" id="room-hint">
                its name; opened if no live one has it
              </span>
            </div>
          )}
          <ResourceForm fields={fieldsOf(api.value, PATH).filter((field) => fields.includes(field.name))} record={null} action="Call" onSubmit={send} />
        </div>
      ) : (
        <Waiting error={api.error} retry={api.reload} />
      )}
    </Dialog>
  );
}
