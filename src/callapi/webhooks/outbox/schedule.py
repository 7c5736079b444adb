"""Which callback to deliver next, and when: the machine of the outbox. Pure; time and entropy come in.

What it promises, whatever arrives in whatever order:

- within a stream, callbacks to one host go one after another; the next only once the one before it is
  delivered or given up;
- no more than `at_once` are under way, no more than `at_once_per_host` to one host; a host starts with a few,
  earns more with each delivery, and has one while it fails, so that hosts which hang cannot take every place;
- no more than about `window` callbacks are in memory. What does not fit stays in the store, where it is
  already, and is asked for when there is room: such a host is *behind*. A host that rests for long gives its
  callbacks back to the store altogether;
- a callback that is delivered, given up or postponed is reported to the store once each time.

Instants are seconds since the epoch, because the store keeps them over restarts.
"""

import heapq
from collections import deque
from collections.abc import Callable
from typing import Final, assert_never

from msgspec.structs import replace

from callapi.webhooks.outbox.callback import Callback, DuePage
from callapi.webhooks.outbox.host_queue import HostQueue
from callapi.webhooks.outbox.messages import (
    Adopted,
    Deliver,
    Failed,
    HostsListed,
    Input,
    Limits,
    ListHosts,
    Load,
    Loaded,
    Offered,
    Output,
    RecordAttempted,
    RecordDelivered,
    RecordGivenUp,
    Succeeded,
    Ticked,
)
from callapi.webhooks.outbox.retry import MAX_HOST_WAIT_S, Blame, Failure, next_try, wait_s

# A queue that waits longer than this, or a host that rests longer, need not be kept in memory meanwhile.
_WORTH_KEEPING_S: Final = 5.0
# How often a host that is behind may ask the store: often enough not to be noticed, seldom enough to batch.
_LOAD_EVERY_S: Final = 0.05
# The same for retries, which are not urgent.
_RETRY_EVERY_S: Final = 0.5
_LOAD_AGAIN_S: Final = 5.0
# While a host fails, only so many of its callbacks are looked at: one of them is the next probe.
_PROBE_PAGE: Final = 50
_REMEMBERED: Final = 16_384


class _Recent:
    """The last event ids that were settled: a late offer or a page read too early may bring them again."""

    def __init__(self) -> None:
        self._order: deque[str] = deque()
        self._ids: set[str] = set()

    def add(self, event_id: str) -> None:
        self._ids.add(event_id)
        self._order.append(event_id)
        if len(self._order) > _REMEMBERED:
            self._ids.discard(self._order.popleft())

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids


class Schedule:
    """Say `start` once, then `handle` whatever happens and perform what it returns, in order."""

    def __init__(self, limits: Limits, entropy: Callable[[], float]) -> None:
        self._limits = limits
        self._entropy = entropy
        self._hosts: dict[str, HostQueue] = {}
        self._known: set[str] = set()
        self._recent = _Recent()
        self._under_way = 0
        # Hosts with something to deliver now, in turn; and hosts that wait for room to load.
        self._turn: dict[str, None] = {}
        self._waiting_for_room: dict[str, None] = {}
        self._alarms: list[tuple[float, str]] = []
        # Until the store has said which hosts have older callbacks, every host may have some.
        self._is_listed = False
        self._is_listing = False
        self._has_missed_host = False
        self._list_at: float | None = None
        self._outputs: list[Output] = []

    @property
    def wakes_at(self) -> float | None:
        """When to say `Ticked`; None: not before something else happens."""
        first = self._alarms[0][0] if self._alarms else None
        if self._list_at is None or (first is not None and first < self._list_at):
            return first
        return self._list_at

    @property
    def under_way(self) -> int:
        """How many deliveries have not been answered yet."""
        return self._under_way

    @property
    def in_memory(self) -> int:
        """How many callbacks are held in memory, those under way included."""
        return len(self._known)

    def is_at_rest(self, now: float) -> bool:
        """Whether nothing is under way, nothing could go now, and the store has nothing that could."""
        return not (self._under_way or self._turn or self._is_listing) and not any(
            each.is_loading
            or (each.is_behind and max(each.more_at, each.rests_until) <= now + _RETRY_EVERY_S)
            for each in self._hosts.values()
        )

    def start(self) -> list[Output]:
        """Ask for what an earlier run left behind."""
        self._list()
        return self._taken()

    def handle(self, event: Input, now: float) -> list[Output]:
        """Take in what happened; return what is to be done."""
        match event:
            case Offered():
                self._offered(event.callbacks, now)
            case Succeeded():
                self._succeeded(event.callback, now)
            case Failed():
                self._failed(event.callback, event.failure, now)
            case HostsListed():
                self._listed(event.hosts, now)
            case Loaded():
                self._loaded(event.asked, event.page, now)
            case Adopted():
                self._adopted(now)
            case Ticked():
                self._ticked(now)
            case _:
                assert_never(event)
        self._feed(now)
        self._dispatch(now)
        return self._taken()

    def _taken(self) -> list[Output]:
        outputs, self._outputs = self._outputs, []
        return outputs

    # What happened

    def _offered(self, callbacks: tuple[Callback, ...], now: float) -> None:
        touched = {}
        for callback in callbacks:
            if callback.event_id in self._known or callback.event_id in self._recent:
                continue
            host = self._host(callback.host)
            if host is None:
                continue
            touched[host.name] = host
            if host.is_behind or self._is_full(host):
                host.is_behind = host.has_missed = True
                host.more_at = now
            else:
                host.add(callback)
        for host in touched.values():
            self._look(host, now)

    def _succeeded(self, callback: Callback, now: float) -> None:
        host = self._hosts[callback.host]
        host.failures, host.rests_until = 0, 0.0
        host.at_once = min(host.at_once + 1, self._limits.at_once_per_host)
        self._under_way -= 1
        host.settle(callback)
        self._recent.add(callback.event_id)
        self._outputs.append(RecordDelivered(callback))
        self._look(host, now)

    def _failed(self, callback: Callback, failure: Failure, now: float) -> None:
        host = self._hosts[callback.host]
        self._under_way -= 1
        if failure.blame is Blame.HOST and now >= host.rests_until:
            host.failures += 1
            host.rests_until = now + wait_s(host.failures, MAX_HOST_WAIT_S, self._entropy())
            host.at_once = 1
        tried = replace(callback, attempts=callback.attempts + 1)
        next_at = next_try(tried, failure, now, self._limits.max_age_s, self._entropy())
        if next_at is None:
            host.settle(callback)
            self._give_up(tried, f"{failure.error}; tried {tried.attempts} times")
        else:
            self._outputs.append(RecordAttempted(replace(tried, next_at=next_at)))
            self._put_off(host, tried, next_at, now)
        self._rest(host, now)
        self._look(host, now)

    def _listed(self, hosts: list[str] | None, now: float) -> None:
        self._is_listing = False
        if hosts is None:
            self._list_at = now + _LOAD_AGAIN_S
            return
        self._is_listed = len(hosts) < self._limits.hosts and not self._has_missed_host
        for name in hosts:
            host = self._host(name)
            if host is None:
                break
            host.is_behind = host.has_missed = True
            host.more_at = now
            self._look(host, now)

    def _loaded(self, asked: Load, page: DuePage | None, now: float) -> None:
        host = self._hosts[asked.host]
        host.is_loading = False
        if page is None:
            host.more_at = now + _LOAD_AGAIN_S
        else:
            self._take_in(host, page, is_full=len(page.callbacks) >= asked.limit, now=now)
            self._rest(host, now)
        self._look(host, now)

    def _adopted(self, now: float) -> None:
        """Any host may have rows that come before those that are offered from now on: all are read from the store."""
        self._is_listed, self._has_missed_host = False, True
        for host in list(self._hosts.values()):
            host.is_behind = host.has_missed = True
            host.more_at = now
            self._look(host, now)
        if not self._is_listing:
            self._list()

    def _ticked(self, now: float) -> None:
        if self._list_at is not None and self._list_at <= now:
            self._list()
        while self._alarms and self._alarms[0][0] <= now:
            at, name = heapq.heappop(self._alarms)
            host = self._hosts.get(name)
            if host is not None and host.alarm_at == at:
                host.alarm_at = None
                self._look(host, now)

    # One host

    def _host(self, name: str) -> HostQueue | None:
        """The host called `name`, new if need be; None: there are too many, the store keeps its callbacks."""
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= self._limits.hosts:
                self._is_listed, self._has_missed_host = False, True
                return None
            host = self._hosts[name] = HostQueue(name, self._known, self._limits.at_first)
            host.is_behind = not self._is_listed
        return host

    def _is_full(self, host: HostQueue) -> bool:
        return host.count >= self._limits.window_per_host or len(self._known) >= self._limits.window

    def _is_crowded(self, host: HostQueue) -> bool:
        return (
            host.is_behind
            or host.count > self._limits.window_per_host // 2
            or len(self._known) > self._limits.window // 2
        )

    def _put_off(self, host: HostQueue, callback: Callback, next_at: float, now: float) -> None:
        # While a load is going on its page may hold this very queue, read before the verdict: keep the queue,
        # so that the page cannot bring it back too early.
        if next_at - now > _WORTH_KEEPING_S and self._is_crowded(host) and not host.is_loading:
            host.release(callback)
            self._leave_to_store(host, next_at)
        else:
            host.postpone(callback, next_at)

    def _rest(self, host: HostQueue, now: float) -> None:
        """A host that rests for long takes no memory from the others."""
        if host.rests_until - now > _WORTH_KEEPING_S and host.count > host.under_way and not host.is_loading:
            host.release_all()
            self._leave_to_store(host, host.rests_until)

    def _leave_to_store(self, host: HostQueue, more_at: float) -> None:
        host.more_at = min(host.more_at, more_at) if host.is_behind else more_at
        host.is_behind = True

    def _take_in(self, host: HostQueue, page: DuePage, *, is_full: bool, now: float) -> None:
        for callback in page.callbacks:
            if callback.event_id in self._known or callback.event_id in self._recent:
                continue
            if host.failures and callback.created_at + self._limits.max_age_s < now:
                self._give_up(callback, f"{host.name} could not be reached until it was too old")
            elif self._is_full(host):
                is_full = True
                break
            else:
                host.add(callback)
        if is_full or host.has_missed:
            host.more_at = now + _LOAD_EVERY_S
        elif page.next_at is not None:
            host.more_at = max(page.next_at, now + _RETRY_EVERY_S)
        else:
            host.is_behind = False

    def _give_up(self, callback: Callback, error: str) -> None:
        self._recent.add(callback.event_id)
        self._outputs.append(RecordGivenUp(callback, error))

    def _look(self, host: HostQueue, now: float) -> None:
        """Bring `host` up to date: wake, load, take its turn, set its alarm, or be forgotten."""
        host.wake(now)
        if host.is_idle:
            del self._hosts[host.name]
            self._waiting_for_room.pop(host.name, None)
            self._turn.pop(host.name, None)
            return
        if self._wants_load(host, now):
            self._load(host)
        if self._may_deliver(host, now):
            self._turn[host.name] = None
        self._set_alarm(host, now)

    def _wants_load(self, host: HostQueue, now: float) -> bool:
        return (
            host.is_behind
            and not host.is_loading
            and host.ready <= self._limits.window_per_host // 4
            and now >= max(host.more_at, host.rests_until)
        )

    def _load(self, host: HostQueue) -> None:
        if self._is_full(host):
            # Of its own it hears anyway; for what the others free it has to queue.
            if host.count < self._limits.window_per_host:
                self._waiting_for_room[host.name] = None
            return
        # The page may begin with what is in memory already.
        wanted = host.count + _PROBE_PAGE if host.failures else self._limits.window_per_host
        host.is_loading, host.has_missed = True, False
        self._outputs.append(Load(host.name, wanted))

    def _may_deliver(self, host: HostQueue, now: float) -> bool:
        return host.ready > 0 and host.under_way < host.at_once and now >= host.rests_until

    def _set_alarm(self, host: HostQueue, now: float) -> None:
        times = [host.wakes_at]
        if host.ready:
            times.append(host.rests_until)
        if host.is_behind and not host.is_loading:
            times.append(max(host.more_at, host.rests_until))
        at = min((each for each in times if each is not None and each > now), default=None)
        if at is not None and (host.alarm_at is None or at < host.alarm_at):
            host.alarm_at = at
            heapq.heappush(self._alarms, (at, host.name))
            self._tidy_alarms()

    def _tidy_alarms(self) -> None:
        """Drop alarms that an earlier one of the same host has overtaken, before they can pile up."""
        if len(self._alarms) > 2 * len(self._hosts) + 64:
            hosts = self._hosts.values()
            self._alarms = [(each.alarm_at, each.name) for each in hosts if each.alarm_at is not None]
            heapq.heapify(self._alarms)

    # All hosts

    def _feed(self, now: float) -> None:
        """Let hosts load that had to wait for room, and list hosts again when there is room for them."""
        while self._waiting_for_room and len(self._known) < self._limits.window:
            name = next(iter(self._waiting_for_room))
            del self._waiting_for_room[name]
            self._look(self._hosts[name], now)
        is_idle = not (self._is_listed or self._is_listing) and self._list_at is None
        if is_idle and len(self._hosts) <= self._limits.hosts // 2:
            self._list_at = now + _LOAD_EVERY_S

    def _list(self) -> None:
        self._list_at, self._is_listing, self._has_missed_host = None, True, False
        self._outputs.append(ListHosts(self._limits.hosts))

    def _dispatch(self, now: float) -> None:
        while self._turn and self._under_way < self._limits.at_once:
            name = next(iter(self._turn))
            del self._turn[name]
            host = self._hosts[name]
            if not self._may_deliver(host, now):
                continue
            self._under_way += 1
            self._outputs.append(Deliver(host.take()))
            if self._may_deliver(host, now):
                self._turn[name] = None
