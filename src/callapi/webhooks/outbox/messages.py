"""What the outbox's machine takes in and what it asks for: the closed sets of `Schedule`, and its bounds."""

from typing import TypeAlias

from msgspec import Struct

from callapi.webhooks.outbox.callback import Callback, DuePage
from callapi.webhooks.outbox.retry import Failure


class Limits(Struct, frozen=True):
    """The bounds of the schedule; the defaults are meant for production."""

    max_age_s: float = 86_400.0
    at_once: int = 256
    at_once_per_host: int = 64
    at_first: int = 4
    window: int = 5_000
    window_per_host: int = 500
    hosts: int = 4_096


class Offered(Struct, frozen=True):
    """Callbacks that have just become durable, in order."""

    callbacks: tuple[Callback, ...]


class Succeeded(Struct, frozen=True):
    """`callback`, which was under way, was answered 2xx."""

    callback: Callback


class Failed(Struct, frozen=True):
    """`callback`, which was under way, was not delivered."""

    callback: Callback
    failure: Failure


class HostsListed(Struct, frozen=True):
    """The answer to `ListHosts`; None: the store could not say."""

    hosts: list[str] | None


class Loaded(Struct, frozen=True):
    """The answer to `Load`; None: the store could not say."""

    asked: "Load"
    page: DuePage | None


class Adopted(Struct, frozen=True):
    """The store has rows, of any host, that were not offered: another node has left them."""


class Ticked(Struct, frozen=True):
    """It is `wakes_at` or later."""


class Deliver(Struct, frozen=True):
    """Send `callback`; say `Succeeded` or `Failed` of it, once."""

    callback: Callback


class RecordDelivered(Struct, frozen=True):
    """Report it to the store."""

    callback: Callback


class RecordGivenUp(Struct, frozen=True):
    """Report it to the store."""

    callback: Callback
    error: str


class RecordAttempted(Struct, frozen=True):
    """Report it to the store; `callback.attempts` and `callback.next_at` are the new ones."""

    callback: Callback


class ListHosts(Struct, frozen=True):
    """Ask the store which hosts have callbacks pending; say `HostsListed`, once."""

    limit: int


class Load(Struct, frozen=True):
    """Ask the store for callbacks that are due; say `Loaded`, once."""

    host: str
    limit: int


Input: TypeAlias = Offered | Succeeded | Failed | HostsListed | Loaded | Adopted | Ticked
Output: TypeAlias = Deliver | RecordDelivered | RecordGivenUp | RecordAttempted | ListHosts | Load
