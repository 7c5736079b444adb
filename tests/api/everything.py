"""One record of every kind, and the path of every operation filled with their sids."""

import re
from typing import Any

from callapi.api.operation import AUDIO, Operation
from callapi.api.requests.request_path import Format
from callapi.base.ids import (
    AccountSid,
    new_application_sid,
    new_client_sid,
    new_conference_sid,
    new_key_sid,
    new_notification_sid,
    new_number_sid,
    new_queue_sid,
    new_recording_sid,
    new_sip_sid,
    new_transcript_sid,
    new_trunk_sid,
)
from callapi.calls.conferences.options import ParticipantOptions, RoomOptions
from callapi.store import (
    ApplicationRecord,
    ClientRecord,
    ConferenceRecord,
    KeyRecord,
    NotificationRecord,
    NumberRecord,
    QueueRecord,
    RecordingRecord,
    SipObjectRecord,
    TranscriptRecord,
    TrunkRecord,
    key_digest,
)
from tests.api.world import NOW, World, call_record, finished_call

VERSION = "2012-04-24"
_BY_NAME = frozenset(
    {"CallSid", "Room", "Participant", "QueueSid", "Member", "ConferenceSid", "RecordingSid"}
)
_KEYS = {"Streams": "my stream", "Transcriptions": "mine"}
"""Names by which REST finds what is under way."""
_IN_PATH = re.compile(r"(\w+)/\{(\w+)\}")


async def one_of_each(world: World, owner: AccountSid, mark: str = "x") -> dict[str, str]:
    """Keep a record of each collection; their sids, by collection. `mark` keeps unique names apart."""
    call, live = finished_call(owner), call_record(owner)
    common = (owner, mark, NOW, NOW, VERSION)
    recording = RecordingRecord(
        new_recording_sid(),
        owner,
        call.sid,
        "completed",
        "DialVerb",
        1,
        VERSION,
        NOW,
        NOW,
        NOW,
        1,
        f"{mark}.wav",
    )
    notification = NotificationRecord(
        new_notification_sid(), owner, 0, 11200, "failed", NOW, VERSION, call_sid=call.sid
    )
    records: dict[str, Any] = {
        "Calls": live,
        "Recordings": recording,
        "Transcriptions": TranscriptRecord(
            new_transcript_sid(), owner, recording.sid, call.sid, "completed", VERSION, NOW, NOW, "hello", 1
        ),
        "Notifications": notification,
        "IncomingPhoneNumbers": NumberRecord(new_number_sid(), owner, mark, *common[1:]),
        "Applications": ApplicationRecord(new_application_sid(), *common),
        "Conferences": ConferenceRecord(
            new_conference_sid(), owner, mark, "init", NOW, NOW, VERSION, "node-1"
        ),
        "Queues": QueueRecord(new_queue_sid(), owner, mark, 10, NOW, NOW),
        "Trunks": TrunkRecord(new_trunk_sid(), owner, mark, "sip:gateway", NOW, NOW, VERSION),
        "Clients": ClientRecord(
            new_client_sid(), owner, mark, mark, "callapi", "", "", "", NOW, NOW, VERSION
        ),
    }
    records["Keys"] = records["SigningKeys"] = KeyRecord(
        new_key_sid(), owner, mark, key_digest(mark), NOW, NOW
    )
    records |= _sip_objects(owner, mark)
    await world.keep(call, *records.values())
    room = world.conferences.invite(
        owner, f"room{mark}", RoomOptions(), call.sid, ParticipantOptions(label=mark)
    )
    (world.recordings_dir / f"{mark}.wav").write_bytes(b"RIFF")
    kept = {
        name: record.name if name.endswith("Mappings") else record.sid for name, record in records.items()
    }
    named = {
        "Room": room.record.sid,
        "Participant": call.sid,
        "ConferenceSid": records["Conferences"].sid,
        "QueueSid": records["Queues"].sid,
        "Member": call.sid,
        "RecordingSid": recording.sid,
    }
    return {"CallSid": call.sid, **named, **kept}


def _sip_objects(owner: AccountSid, mark: str) -> dict[str, SipObjectRecord]:
    """One of each kind below `SIP/`."""

    def made(prefix: str, kind: str, name: str = mark, parent: str | None = None) -> SipObjectRecord:
        return SipObjectRecord(
            new_sip_sid(prefix),
            owner,
            kind,
            mark,
            date_created=NOW,
            date_updated=NOW,
            name=name,
            parent_sid=parent,
        )

    domain, users, places = made("SD", "domain"), made("CL", "credential-list"), made("AL", "address-list")
    return {
        "Domains": domain,
        "CredentialLists": users,
        "Credentials": made("CR", "credential", parent=users.sid),
        "IpAccessControlLists": places,
        "IpAddresses": made("IP", "address", "192.0.2.1/32", places.sid),
        "CredentialListMappings": made("MP", "mapping", users.sid, domain.sid),
        "IpAccessControlListMappings": made("MP", "mapping", places.sid, domain.sid),
    }


def path_of(operation: Operation, account: str, sids: dict[str, str]) -> str:
    """The whole path of `operation`, with a suffix."""

    def fill(match: re.Match[str]) -> str:
        collection, name = match.groups()
        if name == "AccountSid":
            return f"{collection}/{account}"
        if name == "Key" and collection in _KEYS:
            return f"{collection}/{_KEYS[collection]}"
        return f"{collection}/{sids[name if name in _BY_NAME else collection]}"

    suffix = "wav" if operation.formats == AUDIO else "json"
    if Format.PCAP in operation.formats:
        suffix = "pcap"
    return f"/2010-04-01{_IN_PATH.sub(fill, operation.path)}.{suffix}"
