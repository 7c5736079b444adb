"""The bus of a node: one call of `publish` reaches every subscriber of that type of event.

Two ways to subscribe, for two needs:

- `attach(Type, handler)` runs `handler` inside `publish`, in the order of attachment. It is for what must not miss an
  event and costs microseconds (the journal, counters). A handler must not block; one that raises is logged, and the
  call goes on.
- `subscribe(*types, capacity=…)` gives an `EventSubscription`, a bounded queue with an async iterator. It is for
  everything that does I/O. A subscriber that is too slow loses its oldest events, counted in `dropped`; the call never
  waits for it.

An event that has no subscriber costs one dictionary lookup. Where making the event itself costs something, ask
`wants(Type)` first.
"""

import logging
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self, TypeVar, get_args

from callapi.base.notifier import Notifier
from callapi.calls.events.types import Event

log = logging.getLogger(__name__)

E = TypeVar("E")
DEFAULT_CAPACITY: Final = 4096
EVENT_TYPES: Final[frozenset[type]] = frozenset(get_args(Event))


class EventBus:
    """Carries the events of one node's calls. Not thread-safe: use it from the event loop alone."""

    __slots__ = ("_handlers",)

    def __init__(self) -> None:
        self._handlers: dict[type, tuple[Callable[[Any], None], ...]] = {}

    def publish(self, event: Event) -> None:
        """Hand `event` to every subscriber of its type. Never blocks and never raises."""
        for handler in self._handlers.get(type(event), ()):
            try:
                handler(event)
            except Exception:
                log.exception("a subscriber failed on %s", type(event).__name__)

    def wants(self, kind: type[Event]) -> bool:
        """Whether anything subscribes to events of that type."""
        return kind in self._handlers

    def attach(self, kind: type[E], handler: Callable[[E], None]) -> Callable[[], None]:
        """Call `handler` inside `publish` for each event of type `kind`; the result detaches it again.

        Raises:
            TypeError: `kind` is not a member of the union `Event`.
        """
        if kind not in EVENT_TYPES:
            raise TypeError(f"{kind!r} is not an event type; use one of the union `Event`")
        self._handlers[kind] = (*self._handlers.get(kind, ()), handler)

        def detach() -> None:
            rest = tuple(each for each in self._handlers.get(kind, ()) if each is not handler)
            if rest:
                self._handlers[kind] = rest
            else:
                self._handlers.pop(kind, None)

        return detach

    def subscribe(self, *kinds: type[Event], capacity: int = DEFAULT_CAPACITY) -> "EventSubscription":
        """A bounded queue of the events of types `kinds` (none named: all). Close it, or use it with `with`.

        ::

            with bus.subscribe(StatusChanged, CallEnded) as events:
                async for event in events:
                    ...
        """
        subscription = EventSubscription(capacity)
        for kind in kinds or tuple(EVENT_TYPES):
            subscription.add_detach(self.attach(kind, subscription.put))
        return subscription


class EventSubscription:
    """A subscriber's queue of at most `capacity` events; `dropped` counts the oldest ones that had to go."""

    __slots__ = ("_arrived", "_detach", "_events", "_is_closed", "dropped")

    def __init__(self, capacity: int) -> None:
        self._events: deque[Event] = deque(maxlen=capacity)
        self._arrived = Notifier()
        self._detach: list[Callable[[], None]] = []
        self._is_closed = False
        self.dropped = 0

    def add_detach(self, detach: Callable[[], None]) -> None:
        """Run `detach` on `close`."""
        self._detach.append(detach)

    def put(self, event: Event) -> None:
        """Queue `event`; the oldest one goes if the queue is full."""
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        self._arrived.ring()

    def __len__(self) -> int:
        return len(self._events)

    async def next(self) -> Event | None:
        """The next event, waiting for it; None once the subscription is closed and empty. Safe to cancel."""
        while not self._events:
            if self._is_closed:
                return None
            await self._arrived.wait()
        return self._events.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self.next()
        if event is None:
            raise StopAsyncIteration
        return event

    def close(self) -> None:
        """Receive no further events; those already queued can still be read. Idempotent."""
        for detach in self._detach:
            detach()
        self._detach.clear()
        self._is_closed = True
        self._arrived.ring()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
