"""Records to write down."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from callapi.base.ids import (
    AccountSid,
    CallSid,
    EventId,
    new_account_sid,
    new_application_sid,
    new_call_sid,
    new_client_sid,
    new_conference_sid,
    new_key_sid,
    new_notification_sid,
    new_number_sid,
    new_queue_sid,
    new_recording_sid,
    new_sip_sid,
    new_trunk_sid,
)
from callapi.store import (
    AccountRecord,
    ApplicationRecord,
    BindingRecord,
    CallbackRecord,
    CallRecord,
    ClientRecord,
    ConferenceRecord,
    EventRecord,
    KeyRecord,
    NotificationRecord,
    NumberRecord,
    QueueRecord,
    RecordingRecord,
    SipObjectRecord,
    TrunkRecord,
)

NOON = datetime(2026, 11, 17, 12, 0, 0, 123456, tzinfo=UTC)
ACCOUNT = AccountSid("AC" + "1" * 32)
OTHER = AccountSid("AC" + "2" * 32)
VERSION = "2012-04-24"


def after(seconds: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(seconds=seconds)


def account(**changes: Any) -> AccountRecord:
    made = AccountRecord(
        sid=new_account_sid(),
        friendly_name="An account",
        auth_token="a" * 32,
        date_created=NOON,
        date_updated=NOON,
    )
    return replace(made, **changes)


def call(**changes: Any) -> CallRecord:
    made = CallRecord(
        sid=new_call_sid(),
        account_sid=ACCOUNT,
        from_="+15550001111",
        to="sip:bob@example.com",
        direction="inbound",
        status="ringing",
        date_created=NOON,
        date_updated=NOON,
        api_version=VERSION,
        node="node-1",
    )
    return replace(made, **changes)


def event(sequence: int, **data: Any) -> EventRecord:
    return EventRecord(sequence, after(sequence), "verb", data)


def callback(name: str, **changes: Any) -> CallbackRecord:
    made = CallbackRecord(
        event_id=EventId(name),
        stream=CallSid("CA" + "3" * 32),
        account_sid=ACCOUNT,
        url="http://app.example/status",
        method="POST",
        parameters=(("CallSid", "CA"), ("SipHeader_X-A", ""), ("CallSid", "again")),
        created_at=NOON,
        next_at=NOON,
    )
    return replace(made, **changes)


def notification(**changes: Any) -> NotificationRecord:
    made = NotificationRecord(
        sid=new_notification_sid(),
        account_sid=ACCOUNT,
        log=0,
        error_code=11200,
        message_text="The URL did not answer",
        message_date=NOON,
        api_version=VERSION,
    )
    return replace(made, **changes)


def recording(**changes: Any) -> RecordingRecord:
    made = RecordingRecord(
        sid=new_recording_sid(),
        account_sid=ACCOUNT,
        call_sid=new_call_sid(),
        status="completed",
        source="RecordVerb",
        channels=1,
        api_version=VERSION,
        start_time=NOON,
        date_created=NOON,
        date_updated=NOON,
    )
    return replace(made, **changes)


def number(phone_number: str, **changes: Any) -> NumberRecord:
    made = NumberRecord(
        sid=new_number_sid(),
        account_sid=ACCOUNT,
        phone_number=phone_number,
        friendly_name=phone_number,
        date_created=NOON,
        date_updated=NOON,
        api_version=VERSION,
    )
    return replace(made, **changes)


def application(**changes: Any) -> ApplicationRecord:
    made = ApplicationRecord(
        sid=new_application_sid(),
        account_sid=ACCOUNT,
        friendly_name="An application",
        date_created=NOON,
        date_updated=NOON,
        api_version=VERSION,
    )
    return replace(made, **changes)


def client(login: str, **changes: Any) -> ClientRecord:
    made = ClientRecord(
        sid=new_client_sid(),
        account_sid=ACCOUNT,
        login=login,
        friendly_name=login,
        realm="callapi",
        ha1_md5="1",
        ha1_sha256="2",
        ha1_sha512_256="3",
        date_created=NOON,
        date_updated=NOON,
        api_version=VERSION,
    )
    return replace(made, **changes)


def binding(login: str, contact: str, **changes: Any) -> BindingRecord:
    made = BindingRecord(
        login=login, contact=contact, call_id="x@y", cseq=2**31, expires_at=after(3600), date_updated=NOON
    )
    return replace(made, **changes)


def key(**changes: Any) -> KeyRecord:
    made = KeyRecord(
        sid=new_key_sid(),
        account_sid=ACCOUNT,
        friendly_name="A key",
        secret_sha256="0" * 64,
        date_created=NOON,
        date_updated=NOON,
    )
    return replace(made, **changes)


def conference(**changes: Any) -> ConferenceRecord:
    made = ConferenceRecord(
        sid=new_conference_sid(),
        account_sid=ACCOUNT,
        friendly_name="A room",
        status="init",
        date_created=NOON,
        date_updated=NOON,
        api_version=VERSION,
        node="node-1",
    )
    return replace(made, **changes)


def queue(**changes: Any) -> QueueRecord:
    made = QueueRecord(new_queue_sid(), ACCOUNT, "A queue", 1000, NOON, NOON)
    return replace(made, **changes)


def sip_object(**changes: Any) -> SipObjectRecord:
    made = SipObjectRecord(new_sip_sid("SD"), ACCOUNT, "domain", "A domain", "acme.example", NOON, NOON)
    return replace(made, **changes)


def trunk(**changes: Any) -> TrunkRecord:
    made = TrunkRecord(
        sid=new_trunk_sid(),
        account_sid=ACCOUNT,
        friendly_name="A trunk",
        uri="sip:gateway.example",
        date_created=NOON,
        date_updated=NOON,
        api_version=VERSION,
    )
    return replace(made, **changes)
