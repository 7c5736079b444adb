"""What the outbox's machine takes in and what it asks for: the closed sets of `Schedule`, and its bounds."""

from dataclasses import dataclass
from typing import TypeAlias

from callapi.webhooks.callback import Callback, DuePage
from callapi.webhooks.retry import Failure


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of the schedule; the defaults are meant for production."""

    max_age_s: float = 86_400.0
    at_once: int = 256
    at_once_per_host: int = 64
    at_first: int = 4
    window: int = 5_000
    window_per_host: int = 500
    hosts: int = 4_096


@dataclass(frozen=True, slots=True)
class Offered:
    """Callbacks that have just become durable, in order."""

    callbacks: tuple[Callback, ...]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """`callback`, which was under way, was answered 2xx."""

    callback: Callback


@dataclass(frozen=True, slots=True)
class Failed:
    """`callback`, which was under way, was not delivered."""

    callback: Callback
    failure: Failure


@dataclass(frozen=True, slots=True)
class HostsListed:
    """The answer to `ListHosts`; None: the store could not say."""

    hosts: list[str] | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """The answer to `Load`; None: the store could not say."""

    asked: "Load"
    page: DuePage | None


@dataclass(frozen=True, slots=True)
class Ticked:
    """It is `wakes_at` or later."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send `callback`; say `Succeeded` or `Failed` of it, once."""

    callback: Callback


@dataclass(frozen=True, slots=True)
class RecordDelivered:
    """Tell the store."""

    callback: Callback


@dataclass(frozen=True, slots=True)
class RecordGivenUp:
    """Tell the store."""

    callback: Callback
    error: str


@dataclass(frozen=True, slots=True)
class RecordAttempted:
    """Tell the store; `callback.attempts` and `callback.next_at` are the new ones."""

    callback: Callback


@dataclass(frozen=True, slots=True)
class ListHosts:
    """Ask the store which hosts have callbacks pending; say `HostsListed`, once."""

    limit: int


@dataclass(frozen=True, slots=True)
class Load:
    """Ask the store for callbacks that are due; say `Loaded`, once."""

    host: str
    limit: int


Input: TypeAlias = Offered | Succeeded | Failed | HostsListed | Loaded | Ticked
Output: TypeAlias = Deliver | RecordDelivered | RecordGivenUp | RecordAttempted | ListHosts | Load
