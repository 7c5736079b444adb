"""What is kept: tables, migrations, one repository for each table, one writer; an in-memory twin.

Nothing here knows what a call is for: records come in as values and go out as values. SQL stays in this room.
"""

from callapi.store.changes import AddEvents, CallbackAttempted, Change, Put, Remove
from callapi.store.errors import Conflict, Fenced, NameTaken, StoreError, Unavailable
from callapi.store.keys import MAX_EVENTS
from callapi.store.pages import Page, PageRequest
from callapi.store.query import AtLeast, Below, Condition, Equals
from callapi.store.records import (
    AccountRecord,
    ApplicationRecord,
    BindingRecord,
    CallbackRecord,
    CallRecord,
    ClientRecord,
    ConferenceRecord,
    EventBlock,
    EventRecord,
    Json,
    KeyRecord,
    NotificationRecord,
    NumberRecord,
    Parameters,
    QueueRecord,
    Record,
    RecordingRecord,
    SipObjectRecord,
    TranscriptRecord,
    TrunkRecord,
)
from callapi.store.repositories.accounts import FirstAccount, new_auth_token
from callapi.store.repositories.calls import CallFilter
from callapi.store.repositories.clients import DigestSecrets, digest_secrets
from callapi.store.repositories.keys import key_digest, new_key_secret
from callapi.store.shared.accounts import AccountUse
from callapi.store.shared.bus import Bus, Command, News
from callapi.store.shared.door import Nodes, known_nodes, want_drain
from callapi.store.shared.places import QUEUE_NEWS, PlaceTable, QueuePlace, QueueState
from callapi.store.shared.queue import KeptCall, QueueTable
from callapi.store.shared.rooms import RoomTable
from callapi.store.shared.values import (
    BEAT_EVERY_S,
    STARTING,
    NodeEntry,
    NodeState,
    Owner,
    Report,
    Roll,
)
from callapi.store.sql.upgrade_in_child import upgrade_in_child
from callapi.store.store import Store, StoreStatistics
from callapi.store.writing.writer import WriterLimits

__all__ = [
    "BEAT_EVERY_S",
    "MAX_EVENTS",
    "QUEUE_NEWS",
    "STARTING",
    "AccountRecord",
    "AccountUse",
    "AddEvents",
    "ApplicationRecord",
    "AtLeast",
    "Below",
    "BindingRecord",
    "Bus",
    "CallFilter",
    "CallRecord",
    "CallbackAttempted",
    "CallbackRecord",
    "Change",
    "ClientRecord",
    "Command",
    "Condition",
    "ConferenceRecord",
    "Conflict",
    "DigestSecrets",
    "Equals",
    "EventBlock",
    "EventRecord",
    "Fenced",
    "FirstAccount",
    "Json",
    "KeptCall",
    "KeyRecord",
    "NameTaken",
    "News",
    "NodeEntry",
    "NodeState",
    "Nodes",
    "NotificationRecord",
    "NumberRecord",
    "Owner",
    "Page",
    "PageRequest",
    "Parameters",
    "PlaceTable",
    "Put",
    "QueuePlace",
    "QueueRecord",
    "QueueState",
    "QueueTable",
    "Record",
    "RecordingRecord",
    "Remove",
    "Report",
    "Roll",
    "RoomTable",
    "SipObjectRecord",
    "Store",
    "StoreError",
    "StoreStatistics",
    "TranscriptRecord",
    "TrunkRecord",
    "Unavailable",
    "WriterLimits",
    "digest_secrets",
    "key_digest",
    "known_nodes",
    "new_auth_token",
    "new_key_secret",
    "upgrade_in_child",
    "want_drain",
]
