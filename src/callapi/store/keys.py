"""What distinguishes the records of a kind: primary keys, and what may occur only once."""

from typing import Any, Final

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
    RecordingRecord,
    SipObjectRecord,
    TranscriptRecord,
    TrunkRecord,
)

KEYS: Final[dict[type[Any], tuple[str, ...]]] = {
    AccountRecord: ("sid",),
    ApplicationRecord: ("sid",),
    BindingRecord: ("login", "contact"),
    CallRecord: ("sid",),
    CallbackRecord: ("event_id",),
    ClientRecord: ("sid",),
    ConferenceRecord: ("sid",),
    EventBlock: ("call_sid", "sequence"),
    KeyRecord: ("sid",),
    NotificationRecord: ("sid",),
    NumberRecord: ("sid",),
    QueueRecord: ("sid",),
    RecordingRecord: ("sid",),
    SipObjectRecord: ("sid",),
    TranscriptRecord: ("sid",),
    TrunkRecord: ("sid",),
}

# A number leads to one account, and a login names one client, on the whole node: an INVITE's Request-URI and a
# digest's user name say nothing of accounts.
UNIQUE: Final[dict[type[Any], str]] = {NumberRecord: "phone_number", ClientRecord: "login"}

# What never changes once it was written. SQLite rewrites every index that holds a column named in an UPDATE, whether
# the value differs or not, and a call's record is written some five times.
FIXED: Final[dict[type[Any], frozenset[str]]] = {
    CallRecord: frozenset(
        {
            "account_sid",
            "from_",
            "to",
            "direction",
            "date_created",
            "api_version",
            "node",
            "parent_call_sid",
            "number_sid",
        }
    )
}

# A bound for each call, so that one that never ends cannot fill the disk.
MAX_EVENTS: Final = 5000
