"""The tables as they are now: a column for each field of the record (or property), under its name.

The migrations lead to the same; a test compares the two. Every index serves a list or a look-up that exists.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text

from callapi.store.keys import KEYS, UNIQUE
from callapi.store.records import (
    AccountRecord,
    ApplicationRecord,
    BindingRecord,
    CallbackRecord,
    CallRecord,
    ClientRecord,
    ConferenceRecord,
    EventBlock,
    KeyRecord,
    NotificationRecord,
    NumberRecord,
    QueueRecord,
    Record,
    RecordingRecord,
    SipObjectRecord,
    TranscriptRecord,
    TrunkRecord,
)
from callapi.store.sql.types import Events, Instant, Pairs, Texts

METADATA: Final = MetaData()


def _text(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, nullable=False) for name in names]


def _text_or_null(*names: str) -> list[Column[Any]]:
    return [Column(name, Text) for name in names]


def _integer(*names: str) -> list[Column[Any]]:
    return [Column(name, Integer, nullable=False) for name in names]


def _integer_or_null(*names: str) -> list[Column[Any]]:
    return [Column(name, Integer) for name in names]


def _instant(*names: str) -> list[Column[Any]]:
    return [Column(name, Instant, nullable=False) for name in names]


def _instant_or_null(*names: str) -> list[Column[Any]]:
    return [Column(name, Instant) for name in names]


def _texts(name: str) -> Column[Any]:
    return Column(name, Texts, nullable=False)


def _voice() -> list[Column[Any]]:
    return [
        *_text_or_null("voice_url"),
        *_text("voice_method"),
        *_text_or_null("voice_fallback_url"),
        *_text("voice_fallback_method"),
    ]


def _status_callback() -> list[Column[Any]]:
    return [*_text_or_null("status_callback"), *_text("status_callback_method")]


def _listed_by_date(table: Table) -> None:
    """The index behind the pages of an account's list: `<table>_by_date`."""
    Index(f"{table.name}_by_date", table.c.account_sid, table.c.date_created, table.c.sid)


def _alive(table: Table) -> None:
    """The index behind the rows of a node that have no end: `<table>_alive`."""
    without_end = table.c.end_time.is_(None)
    Index(f"{table.name}_alive", table.c.node, sqlite_where=without_end, postgresql_where=without_end)


def _table(name: str, kind: type[Record], *columns: Column[Any]) -> Table:
    if not any(column.primary_key for column in columns):
        for column in columns:
            column.primary_key = column.key in KEYS[kind]
    table = Table(name, METADATA, *columns)
    if kind in UNIQUE:
        Index(f"{name}_by_{UNIQUE[kind]}", table.c[UNIQUE[kind]], unique=True)
    return table


_accounts = _table(
    "accounts",
    AccountRecord,
    *_text("sid", "friendly_name", "auth_token"),
    *_instant("date_created", "date_updated"),
    *_text_or_null("parent_sid"),
    *_text("status"),
    *_text_or_null("secondary_auth_token"),
    *_text("family"),
)
Index("accounts_by_date", _accounts.c.family, _accounts.c.date_created, _accounts.c.sid)

_calls = _table(
    "calls",
    CallRecord,
    *_text("sid", "account_sid", "from_", "to", "direction", "status"),
    *_instant("date_created", "date_updated"),
    *_text("api_version", "node"),
    *_text_or_null("parent_call_sid", "number_sid"),
    *_instant_or_null("start_time", "answer_time", "end_time"),
    *_integer_or_null("duration", "ring_duration"),
    *_text_or_null("caller_name", "forwarded_from", "answered_by", "sip_call_id"),
    *_integer_or_null("sip_response_code"),
    *_text_or_null("ended_by", "end_reason", "status_callback", "status_callback_method"),
    _texts("status_callback_events"),
    *_integer("sequence_number"),
    *_text_or_null("srtp"),
)
for _name in ("from_", "to", "status"):
    Index(
        f"calls_by_{_name.strip('_')}",
        _calls.c.account_sid,
        _calls.c[_name],
        _calls.c.date_created,
        _calls.c.sid,
    )
Index(
    "calls_by_parent",
    _calls.c.parent_call_sid,
    _calls.c.date_created,
    _calls.c.sid,
    sqlite_where=_calls.c.parent_call_sid.is_not(None),
    postgresql_where=_calls.c.parent_call_sid.is_not(None),
)
Index("calls_by_call_id", _calls.c.sip_call_id, _calls.c.date_created, _calls.c.sid)
_listed_by_date(_calls)
_alive(_calls)

_call_events = _table(
    "call_events",
    EventBlock,
    *_text("call_sid"),
    *_integer("sequence"),
    Column("events", Events, nullable=False),
)

_callbacks = _table(
    "callbacks",
    CallbackRecord,
    # The order of writing, which is that of delivery.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    *_text("event_id", "stream", "account_sid", "url", "method"),
    Column("parameters", Pairs, nullable=False),
    *_instant("created_at", "next_at"),
    *_integer("attempts"),
    *_text("host", "node"),
)
Index("callbacks_by_event_id", _callbacks.c.event_id, unique=True)
Index("callbacks_by_host", _callbacks.c.host, _callbacks.c.position)
Index("callbacks_by_stream", _callbacks.c.stream, _callbacks.c.host, _callbacks.c.position)
Index("callbacks_by_time", _callbacks.c.host, _callbacks.c.next_at)

_notifications = _table(
    "notifications",
    NotificationRecord,
    *_text("sid", "account_sid"),
    *_integer("log", "error_code"),
    *_text("message_text"),
    *_instant("message_date"),
    *_text("api_version"),
    *_text_or_null("call_sid", "more_info", "request_url", "request_method", "request_variables"),
    *_integer_or_null("response_status"),
    *_text_or_null("response_headers", "response_body"),
    *_integer_or_null("document_line", "document_column"),
)
Index(
    "notifications_by_date", _notifications.c.account_sid, _notifications.c.message_date, _notifications.c.sid
)
Index("notifications_by_call", _notifications.c.call_sid, _notifications.c.message_date, _notifications.c.sid)

_recordings = _table(
    "recordings",
    RecordingRecord,
    *_text("sid", "account_sid", "call_sid", "status", "source"),
    *_integer("channels"),
    *_text("api_version"),
    *_instant("start_time", "date_created", "date_updated"),
    *_integer_or_null("duration"),
    *_text_or_null("path"),
    *_integer_or_null("error_code"),
    *_text("node"),
    *_text_or_null("conference_sid"),
    *_instant_or_null("end_time"),
    *_text_or_null("status_callback", "status_callback_method"),
    _texts("status_callback_events"),
)
_listed_by_date(_recordings)
Index("recordings_by_call", _recordings.c.call_sid, _recordings.c.date_created, _recordings.c.sid)
_alive(_recordings)

_transcripts = _table(
    "transcripts",
    TranscriptRecord,
    *_text("sid", "account_sid", "recording_sid", "call_sid", "status", "api_version"),
    *_instant("date_created", "date_updated"),
    *_text("text"),
    *_integer_or_null("duration"),
    *_text("node"),
    *_instant_or_null("end_time"),
)
_alive(_transcripts)
Index("transcripts_by_date", _transcripts.c.account_sid, _transcripts.c.date_created, _transcripts.c.sid)
Index(
    "transcripts_by_recording", _transcripts.c.recording_sid, _transcripts.c.date_created, _transcripts.c.sid
)

_conferences = _table(
    "conferences",
    ConferenceRecord,
    *_text("sid", "account_sid", "friendly_name", "status"),
    *_instant("date_created", "date_updated"),
    *_text("api_version", "node"),
    *_text_or_null("reason_conference_ended", "call_sid_ending_conference"),
    *_text_or_null("status_callback", "status_callback_method"),
    _texts("status_callback_events"),
    *_integer("sequence_number"),
)
_listed_by_date(_conferences)

_queues = _table(
    "queues",
    QueueRecord,
    *_text("sid", "account_sid", "friendly_name"),
    *_integer("max_size"),
    *_instant("date_created", "date_updated"),
)
_listed_by_date(_queues)

_numbers = _table(
    "numbers",
    NumberRecord,
    *_text("sid", "account_sid", "phone_number", "friendly_name"),
    *_instant("date_created", "date_updated"),
    *_text("api_version", "origin"),
    *_voice(),
    *_text_or_null("voice_application_sid"),
    *_status_callback(),
)
_listed_by_date(_numbers)

_applications = _table(
    "applications",
    ApplicationRecord,
    *_text("sid", "account_sid", "friendly_name"),
    *_instant("date_created", "date_updated"),
    *_text("api_version"),
    *_voice(),
    *_status_callback(),
)
_listed_by_date(_applications)

_clients = _table(
    "clients",
    ClientRecord,
    *_text(
        "sid", "account_sid", "login", "friendly_name", "realm", "ha1_md5", "ha1_sha256", "ha1_sha512_256"
    ),
    *_instant("date_created", "date_updated"),
    *_text("api_version", "status"),
    *_voice(),
    *_text_or_null("voice_application_sid", "srtp"),
)
_listed_by_date(_clients)

_bindings = _table(
    "bindings",
    BindingRecord,
    *_text("login", "contact", "call_id"),
    Column("cseq", BigInteger, nullable=False),  # RFC 3261 §8.1.1.5: up to 2**31 - 1; strangers send more
    *_instant("expires_at", "date_updated"),
    Column("q", Float, nullable=False),
    *_text("source", "user_agent"),
    _texts("path"),
    *_text("node"),
    *_text("instance"),
    *_integer("reg_id"),
)

_trunks = _table(
    "trunks",
    TrunkRecord,
    *_text("sid", "account_sid", "friendly_name", "uri"),
    *_instant("date_created", "date_updated"),
    *_text("api_version", "pattern"),
    *_integer("priority"),
    *_text("status"),
    *_text_or_null("username", "password", "caller_id"),
    _texts("codecs"),
    _texts("networks"),
    *_integer("weight"),
    *_text_or_null("srtp"),
)
_listed_by_date(_trunks)

_keys = _table(
    "api_keys",
    KeyRecord,
    *_text("sid", "account_sid", "friendly_name", "secret_sha256"),
    *_instant("date_created", "date_updated"),
)
_listed_by_date(_keys)

_sip_objects = _table(
    "sip_objects",
    SipObjectRecord,
    *_text("sid", "account_sid", "kind", "friendly_name", "name"),
    *_instant("date_created", "date_updated"),
    *_text_or_null("parent_sid"),
    *_voice(),
    *_status_callback(),
)
_listed_by_date(_sip_objects)

TABLES: Final[dict[type[Any], Table]] = {
    AccountRecord: _accounts,
    ApplicationRecord: _applications,
    BindingRecord: _bindings,
    CallRecord: _calls,
    CallbackRecord: _callbacks,
    ClientRecord: _clients,
    ConferenceRecord: _conferences,
    EventBlock: _call_events,
    KeyRecord: _keys,
    NotificationRecord: _notifications,
    NumberRecord: _numbers,
    QueueRecord: _queues,
    RecordingRecord: _recordings,
    SipObjectRecord: _sip_objects,
    TranscriptRecord: _transcripts,
    TrunkRecord: _trunks,
}
