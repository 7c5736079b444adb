"""What is kept: one value for each table, field for column.

Instants are aware and in UTC. Durations are whole seconds. What does not exist is None, never an empty text.
Statuses and directions are the vendor's words (`in-progress`, `outbound-dial`); the rooms above own their
enumerations, here they are text.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from callapi.base.ids import (
    AccountSid,
    ApplicationSid,
    CallSid,
    ClientSid,
    ConferenceSid,
    EventId,
    KeySid,
    NotificationSid,
    NumberSid,
    QueueSid,
    RecordingSid,
    TranscriptSid,
    TrunkSid,
)
from callapi.base.values import Redacted

Json: TypeAlias = "bool | int | float | str | list[Json] | tuple[Json, ...] | Mapping[str, Json] | None"
Parameters: TypeAlias = tuple[tuple[str, str], ...]


class AccountRecord(Redacted, frozen=True, gc=False):
    """A tenant. `parent_sid`: of a subaccount; `secondary_auth_token`: while a token is being rotated."""

    secrets = frozenset({"auth_token", "secondary_auth_token"})

    sid: AccountSid
    friendly_name: str
    auth_token: str
    date_created: datetime
    date_updated: datetime
    parent_sid: AccountSid | None = None
    status: str = "active"  # active, suspended, closed
    secondary_auth_token: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether the account may place, receive and change calls."""
        return self.status == "active"

    @property
    def family(self) -> AccountSid:
        """The parent for a subaccount, else the account itself: what a list of accounts goes by."""
        return self.parent_sid or self.sid


class CallRecord(Struct, frozen=True, gc=False):
    """One leg under a script, from its first moment to its end; `end_time` is None while it lives.

    `duration` runs from answer to end, `ring_duration` from start to answer (or end). `sequence_number` is
    that of the next status callback. `node` carries the call: a command for it goes there, and if that node dies,
    another one ends the record.
    """

    sid: CallSid
    account_sid: AccountSid
    from_: str
    to: str
    direction: str  # inbound, outbound-api, outbound-dial
    status: str
    date_created: datetime
    date_updated: datetime
    api_version: str
    node: str
    parent_call_sid: CallSid | None = None
    number_sid: NumberSid | None = None
    start_time: datetime | None = None
    answer_time: datetime | None = None
    end_time: datetime | None = None
    duration: int | None = None
    ring_duration: int | None = None
    caller_name: str | None = None
    forwarded_from: str | None = None
    answered_by: str | None = None
    sip_call_id: str | None = None
    sip_response_code: int | None = None
    ended_by: str | None = None  # local, remote, network
    end_reason: str | None = None
    status_callback: str | None = None
    status_callback_method: str | None = None
    status_callback_events: tuple[str, ...] = ()
    sequence_number: int = 0
    srtp: str | None = None  # none, sdes, dtls; None: no media was agreed on


class EventRecord(Struct, frozen=True, gc=False, array_like=True):
    """One thing that happened on a call: a SIP message, an HTTP exchange, a verb, media figures.

    `sequence` counts from 0 within the call; `data` must be JSON. Within a block it is an array of the four.
    """

    sequence: int
    at: datetime
    kind: str
    data: Mapping[str, Json]


class EventBlock(Struct, frozen=True, gc=False):
    """Events of one call that were written together; `sequence` is that of the first (see `AddEvents`)."""

    call_sid: CallSid
    sequence: int
    events: tuple[EventRecord, ...]


class CallbackRecord(Struct, frozen=True, gc=False):
    """A row of the outbox: a callback that must be delivered, in order within its `stream` (the call's sid).

    It goes in the same group as the change that it reports, and is removed once delivered or given up.
    """

    event_id: EventId
    stream: str
    account_sid: AccountSid
    url: str
    method: str
    parameters: Parameters
    created_at: datetime
    next_at: datetime
    attempts: int = 0

    @property
    def host(self) -> str:
        """`scheme://host:port` of the URL in lower case, without credentials: what the outbox asks by."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return ""
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


class NotificationRecord(Struct, frozen=True, gc=False):
    """What went wrong, for the application's developer: code, the request made, the answer that came."""

    sid: NotificationSid
    account_sid: AccountSid
    log: int  # 0 error, 1 warning
    error_code: int
    message_text: str
    message_date: datetime
    api_version: str
    call_sid: CallSid | None = None
    more_info: str | None = None
    request_url: str | None = None
    request_method: str | None = None
    request_variables: str | None = None
    response_status: int | None = None
    response_headers: str | None = None
    response_body: str | None = None
    document_line: int | None = None
    document_column: int | None = None


class RecordingRecord(Struct, frozen=True, gc=False):
    """One recording; `path` is its WAV file, relative to the recordings of `node`, once it is whole."""

    sid: RecordingSid
    account_sid: AccountSid
    call_sid: CallSid
    status: str  # in-progress, completed, absent, failed
    source: str  # RecordVerb, DialVerb, OutboundAPI
    channels: int
    api_version: str
    start_time: datetime
    date_created: datetime
    date_updated: datetime
    duration: int | None = None
    path: str | None = None
    error_code: int | None = None
    node: str = ""
    conference_sid: ConferenceSid | None = None
    """Of a recording of a conference; `call_sid` is then the participant's whose arrival started it."""
    end_time: datetime | None = None
    """None while it is under way."""
    status_callback: str | None = None
    status_callback_method: str | None = None
    status_callback_events: tuple[str, ...] = ()


class TranscriptRecord(Struct, frozen=True, gc=False):
    """The text of one finished recording; `duration` is the recording's, in seconds.

    `node` recognises it; `end_time` is None until it has.
    """

    sid: TranscriptSid
    account_sid: AccountSid
    recording_sid: RecordingSid
    call_sid: CallSid
    status: str  # in-progress, completed, failed
    api_version: str
    date_created: datetime
    date_updated: datetime
    text: str = ""
    duration: int | None = None
    node: str = ""
    end_time: datetime | None = None


class ConferenceRecord(Struct, frozen=True, gc=False):
    """One conference room from its first participant to its end. `sequence_number` is the next callback's."""

    sid: ConferenceSid
    account_sid: AccountSid
    friendly_name: str
    status: str  # init, in-progress, completed
    date_created: datetime
    date_updated: datetime
    api_version: str
    node: str
    reason_conference_ended: str | None = None
    call_sid_ending_conference: CallSid | None = None
    status_callback: str | None = None
    status_callback_method: str | None = None
    status_callback_events: tuple[str, ...] = ()
    sequence_number: int = 1


class QueueRecord(Struct, frozen=True, gc=False):
    """A queue of callers; those who wait in it are live calls, and not kept here."""

    sid: QueueSid
    account_sid: AccountSid
    friendly_name: str
    max_size: int
    date_created: datetime
    date_updated: datetime


class NumberRecord(Struct, frozen=True, gc=False):
    """A number or SIP user that the node answers for: exact, or a pattern; `*` stands for any text."""

    sid: NumberSid
    account_sid: AccountSid
    phone_number: str
    friendly_name: str
    date_created: datetime
    date_updated: datetime
    api_version: str
    origin: str = "rest"  # rest, configuration
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    voice_application_sid: ApplicationSid | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"


class ApplicationRecord(Struct, frozen=True, gc=False):
    """URLs under a name, which numbers and clients may share."""

    sid: ApplicationSid
    account_sid: AccountSid
    friendly_name: str
    date_created: datetime
    date_updated: datetime
    api_version: str
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    status_callback: str | None = None
    status_callback_method: str = "POST"


class ClientRecord(Redacted, frozen=True, gc=False):
    """A SIP user that may register. Of the password only H(login:realm:password) is kept (RFC 7616 §3.4.2)."""

    secrets = frozenset({"ha1_md5", "ha1_sha256", "ha1_sha512_256"})

    sid: ClientSid
    account_sid: AccountSid
    login: str
    friendly_name: str
    realm: str
    ha1_md5: str
    ha1_sha256: str
    ha1_sha512_256: str
    date_created: datetime
    date_updated: datetime
    api_version: str
    status: str = "enabled"  # enabled, disabled
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    voice_application_sid: ApplicationSid | None = None
    srtp: str | None = None  # off, optional, required; None: as the node is configured


class KeyRecord(Redacted, frozen=True, gc=False):
    """An API key: signs in to REST and console like the token of its account.

    Of the secret (256 random bits) only its SHA-256 is kept, as lower-case hex.
    """

    secrets = frozenset({"secret_sha256"})

    sid: KeySid
    account_sid: AccountSid
    friendly_name: str
    secret_sha256: str
    date_created: datetime
    date_updated: datetime


class BindingRecord(Struct, frozen=True, gc=False):
    """One registered contact (RFC 3261 §10.3) of the client whose login is `login`.

    `source` is the hop that the REGISTER came from (`udp:192.0.2.1:5060`), `path` the Path values (RFC 3327),
    `node` the node that it reached: a connection to the phone is that node's,
    `instance` and `reg_id` the device and its flow (RFC 5626), if it named them.
    """

    login: str
    contact: str
    call_id: str
    cseq: int
    expires_at: datetime
    date_updated: datetime
    q: float = 1.0
    source: str = ""
    user_agent: str = ""
    path: tuple[str, ...] = ()
    node: str = ""
    instance: str = ""
    reg_id: int = 0


class SipObjectRecord(Struct, frozen=True, gc=False):
    """One object of Twilio's `SIP/…` resources: what they add to numbers, clients and trunks.

    `parent_sid` is the list of a credential or address, and the domain of a mapping; `name` is a domain's name, a
    credential's user, an address with its prefix length, or the sid of the list that a mapping names.
    """

    sid: str
    account_sid: AccountSid
    kind: str  # domain, credential-list, credential, address-list, address, mapping, registration-mapping
    friendly_name: str
    name: str
    date_created: datetime
    date_updated: datetime
    parent_sid: str | None = None
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    status_callback: str | None = None
    status_callback_method: str = "POST"


class TrunkRecord(Redacted, frozen=True, gc=False):
    """Where calls to numbers go: of the enabled trunks whose `pattern` fits, the lowest `priority` first.

    Among equals the calls are shared out by `weight`, as RFC 2782 has it.
    `username` and `password` answer a challenge on this trunk and on nothing else; digest needs plain text.
    """

    secrets = frozenset({"password"})

    sid: TrunkSid
    account_sid: AccountSid
    friendly_name: str
    uri: str  # sip:gateway.example.net;transport=tls; the number becomes its user part
    date_created: datetime
    date_updated: datetime
    api_version: str
    pattern: str = "*"
    priority: int = 0
    status: str = "enabled"  # enabled, disabled
    username: str | None = None
    password: str | None = None
    caller_id: str | None = None
    codecs: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()  # where its calls to us come from, besides the gateway's own address
    weight: int = 1
    srtp: str | None = None  # off, optional, required; None: as the node is configured


Record: TypeAlias = (
    AccountRecord
    | ApplicationRecord
    | BindingRecord
    | CallRecord
    | CallbackRecord
    | ClientRecord
    | ConferenceRecord
    | EventBlock
    | KeyRecord
    | NotificationRecord
    | NumberRecord
    | QueueRecord
    | RecordingRecord
    | SipObjectRecord
    | TranscriptRecord
    | TrunkRecord
)
