"""What the room needs of the rest of the node; `node/` fills it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from callapi.base.ids import AccountSid, CallSid
from callapi.calls.commands import CreateCall, ModifyCall
from callapi.store import CallRecord, EventRecord, Store


class Health(StrEnum):
    """Whether the node takes calls."""

    READY = "ready"
    DRAINING = "draining"


class CallPlacing(Protocol):
    """Places calls: `calls.placing.outbound.Outbound`."""

    async def create_call(self, account: AccountSid, command: CreateCall) -> CallRecord:
        """Place a call. Raises NotPlaceable, Overloaded."""
        ...


class CallCommands(Protocol):
    """Commands live and queued calls: `calls.control.CallControl`."""

    async def modify_call(self, sid: CallSid, command: ModifyCall) -> CallRecord:
        """Carry out `command` on a live or queued call. Raises NotModifiable."""
        ...


class Deps(Struct, frozen=True):
    """The means of every handler."""

    store: Store
    calls: CallPlacing
    control: CallCommands
    live_events: Callable[[CallSid], tuple[EventRecord, ...]]
    """The timeline of a call that is up; () for any other."""
    health: Callable[[], Health]
    recordings_dir: Path
    encode_mp3: Callable[[Path], Awaitable[bytes]]
    realm: str
    """Of the digests of clients: passwords are kept as H(login:realm:password)."""
    public_url: str
    """The base that relative URLs of inline documents resolve against."""
