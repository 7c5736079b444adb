"""What a simulated node keeps: everything in memory; callbacks go to the application in their order."""

from collections.abc import Callable
from datetime import timedelta

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, TrunkSid
from callapi.base.values import SrtpPolicy
from callapi.store import (
    BindingRecord,
    CallbackRecord,
    CallRecord,
    Change,
    NotificationRecord,
    Put,
    QueueRecord,
    RecordingRecord,
    TrunkRecord,
)


class SimulatedRecords:
    """`Store`, as far as the journal writes to it."""

    def __init__(self, deliver: Callable[[CallbackRecord], None]) -> None:
        self._deliver = deliver
        self.calls: dict[str, CallRecord] = {}
        self.notifications: list[NotificationRecord] = []
        self.recordings: dict[str, RecordingRecord] = {}

    def begin(self, record: CallRecord) -> None:
        """As `Store.begin`."""
        self.write(Put(record))

    def write(self, *changes: Change) -> None:
        """As `Store.write`."""
        for change in changes:
            match change:
                case Put(CallRecord() as record):
                    self.calls[record.sid] = record
                case Put(CallbackRecord() as callback):
                    self._deliver(callback)
                case Put(NotificationRecord() as notification):
                    self.notifications.append(notification)
                case Put(RecordingRecord() as recording):
                    self.recordings[recording.sid] = recording
                case _:
                    pass

    async def commit(self, *changes: Change) -> None:
        """As `Store.commit`."""
        self.write(*changes)


class SimulatedDirectory:
    """Every client is registered, and one trunk carries every number: each rings a phone of that name."""

    async def bindings(self, account: AccountSid, login: str) -> list[BindingRecord]:
        """As `Directory`."""
        del account
        now = utc_now()
        contact = f"sip:{login}@phones.invalid"
        return [BindingRecord(login, contact, "simulated", 1, now + timedelta(days=1), now)]

    async def srtp_of(self, login: str) -> SrtpPolicy | None:
        """As `Directory`."""
        del login
        return None

    async def trunks(self, account: AccountSid, number: str) -> list[TrunkRecord]:
        """As `Directory`."""
        del number
        now = utc_now()
        sid = TrunkSid("TK" + "0" * 32)
        return [TrunkRecord(sid, account, "simulated", "sip:trunk.invalid", now, now, "2012-04-24")]


class SimulatedQueues:
    """`QueueRecords` in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, QueueRecord] = {}

    async def named(self, account: AccountSid, name: str) -> QueueRecord | None:
        """The queue of that name."""
        del account
        return self._kept.get(name)

    async def keep(self, record: QueueRecord) -> None:
        """Remember it."""
        self._kept[record.friendly_name] = record
