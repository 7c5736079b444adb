"""The outbox's machine with a fake clock: order, retries, bounds, fairness, restarts; then anything at all."""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callapi.webhooks.outbox.callback import Callback
from callapi.webhooks.outbox.memory import MemoryOutboxStore
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
from callapi.webhooks.outbox.retry import Blame, Failure
from callapi.webhooks.outbox.schedule import Schedule

T = TypeVar("T")
START = 1_790_000_000.0
DOWN = Failure(Blame.HOST, "no connection")
BUSY = Failure(Blame.ANSWERED, "answered 500")
NOT_FOUND = Failure(Blame.REFUSED, "answered 404")
GONE = Failure(Blame.HOPELESS, "answered 410")

Application = Callable[[Callback, float], Failure | None]


def _at_once(answer: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        answer.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits")


def callback(number: int, stream: str = "CA1", host: str = "a.example", *, at: float = START) -> Callback:
    return Callback(f"EV{number}", stream, f"http://{host}/status", "POST", (), "AC1", at)


class World:
    """A schedule, a store, applications and a clock; checks every promise at every step."""

    def __init__(
        self,
        application: Application = lambda _callback, _now: None,
        *,
        limits: Limits | None = None,
        latency: float = 0.01,
    ) -> None:
        self.application = application
        self.limits = limits or Limits()
        self.latency = latency
        self.now = START
        self.store = MemoryOutboxStore()
        self.tries: list[tuple[float, Callback]] = []
        self.under_way: dict[tuple[str, str], str] = {}
        self.max_in_memory = 0
        self.loads = 0
        self.reads_fail = False
        self._number = itertools.count()
        self._to_come: list[tuple[float, int, Input]] = []
        self.restart()

    def restart(self) -> None:
        """kill -9: what was under way is forgotten, the store is not."""
        self._to_come.clear()
        self.under_way.clear()
        self.schedule = Schedule(self.limits, lambda: 0.5)
        self._perform(self.schedule.start())

    def write(self, callbacks: Iterable[Callback]) -> None:
        """Commit rows and offer them."""
        rows = tuple(callbacks)
        self.store.add(rows)
        self._handle(Offered(rows))

    def run(self, seconds: float = 1e7) -> None:
        """Let time pass until `seconds` are over or nothing is left to happen."""
        end = self.now + seconds
        while (at := self._next_at()) is not None and at <= end:
            self.now = max(self.now, at)
            if self._to_come and self._to_come[0][0] <= self.now:
                self._handle(heapq.heappop(self._to_come)[2])
            else:
                self._handle(Ticked())
        if seconds < 1e7:
            self.now = end

    def _next_at(self) -> float | None:
        times = [self._to_come[0][0] if self._to_come else None, self.schedule.wakes_at]
        return min((each for each in times if each is not None), default=None)

    def _handle(self, event: Input) -> None:
        if isinstance(event, Succeeded | Failed):
            del self.under_way[event.callback.host, event.callback.stream]
        self._perform(self.schedule.handle(event, self.now))

    def _later(self, event: Input) -> None:
        heapq.heappush(self._to_come, (self.now + self.latency, next(self._number), event))

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Deliver(one):
                    self._deliver(one)
                case RecordDelivered(one):
                    assert one.event_id in self.store.rows
                    self.store.delivered(one.event_id)
                case RecordGivenUp(one, error):
                    assert one.event_id in self.store.rows
                    self.store.given_up(one, error)
                case RecordAttempted(one):
                    assert one.attempts == self.store.rows[one.event_id].attempts + 1
                    assert one.next_at > self.now
                    self.store.attempted(one.event_id, one.attempts, one.next_at)
                case ListHosts(limit):
                    hosts = _at_once(self.store.hosts(limit))
                    self._later(HostsListed(None if self.reads_fail else hosts))
                case Load(host, limit):
                    self.loads += 1
                    page = _at_once(self.store.due(host, self.now, limit))
                    self._later(Loaded(output, None if self.reads_fail else page))
        self.max_in_memory = max(self.max_in_memory, self.schedule.in_memory)

    def _deliver(self, one: Callback) -> None:
        stream = (one.host, one.stream)
        assert stream not in self.under_way, "two of one stream are under way"
        first = next(each for each in self.store.rows.values() if (each.host, each.stream) == stream)
        assert first.event_id == one.event_id, "it is not the first of its stream"
        self.under_way[stream] = one.event_id
        assert len(self.under_way) <= self.limits.at_once
        to_host = Counter(host for host, _ in self.under_way)[one.host]
        assert to_host <= self.limits.at_once_per_host
        self.tries.append((self.now, one))
        failure = self.application(one, self.now)
        self._later(Succeeded(one) if failure is None else Failed(one, failure))

    def tried_at(self, event_id: str) -> list[float]:
        return [round(at - START, 3) for at, one in self.tries if one.event_id == event_id]


def test_one_callback() -> None:
    world = World()
    world.run()
    world.write([callback(1)])
    assert world.tried_at("EV1") == [0.01]
    world.run()
    assert world.store.delivered_ids == ["EV1"]
    assert world.schedule.wakes_at is None
    assert world.schedule.is_at_rest(world.now)
    assert world.loads == 0


def test_a_stream_is_delivered_in_order_and_others_are_not_held_up() -> None:
    world = World(lambda one, now: BUSY if one.event_id == "EV1" and now < START + 2 else None)
    world.run()
    world.write([callback(1), callback(2), callback(3), callback(4, "CA2"), callback(5, "CA1", "b.example")])
    world.run()
    assert world.store.delivered_ids == ["EV5", "EV4", "EV1", "EV2", "EV3"]
    assert world.tried_at("EV1") == [0.01, 1.02, 3.03]


def test_waits_double_up_to_five_minutes() -> None:
    world = World(lambda _one, now: BUSY if now < START + 2_000 else None, latency=0.0)
    world.run()
    world.write([callback(1)])
    world.run()
    assert world.tried_at("EV1") == [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111, 1411, 1711, 2011]


def test_a_refusal_gives_up_after_five_tries_and_the_stream_goes_on() -> None:
    world = World(lambda one, _now: NOT_FOUND if one.event_id == "EV1" else None)
    world.run()
    world.write([callback(1), callback(2)])
    world.run()
    assert len(world.tried_at("EV1")) == 5
    assert world.store.given_up_errors == {"EV1": "answered 404; tried 5 times"}
    assert world.store.delivered_ids == ["EV2"]


def test_what_is_hopeless_is_given_up_at_once() -> None:
    world = World(lambda one, _now: GONE if one.event_id == "EV1" else None)
    world.run()
    world.write([callback(1), callback(2)])
    world.run()
    assert world.tried_at("EV1") == [0.01]
    assert world.store.delivered_ids == ["EV2"]


def test_given_up_when_too_old() -> None:
    world = World(lambda _one, _now: BUSY, limits=Limits(max_age_s=60), latency=0.0)
    world.run()
    world.write([callback(1)])
    world.run()
    assert world.tried_at("EV1") == [0, 1, 3, 7, 15, 31]
    assert list(world.store.given_up_errors) == ["EV1"]


def test_without_an_age_there_is_one_try() -> None:
    world = World(lambda _one, _now: DOWN, limits=Limits(max_age_s=0))
    world.run()
    world.write([callback(1)])
    world.run()
    assert len(world.tries) == 1


def test_retry_after_is_waited_for() -> None:
    world = World(
        lambda _one, now: Failure(Blame.ANSWERED, "answered 429", 42.0) if now < START + 40 else None,
        latency=0.0,
    )
    world.run()
    world.write([callback(1)])
    world.run()
    assert world.tried_at("EV1") == [0, 42]


def test_a_restart_loses_nothing() -> None:
    world = World()
    world.run()
    world.write(callback(number, f"CA{number % 7}", f"{number % 3}.example") for number in range(500))
    world.run(0.015)
    assert world.under_way
    world.restart()
    world.write([callback(1000, "CA1", "1.example")])
    world.run()
    assert not world.store.rows
    assert len(world.store.delivered_ids) == len(set(world.store.delivered_ids)) == 501


def test_a_restart_remembers_how_long_to_wait() -> None:
    world = World(lambda _one, now: BUSY if now < START + 20 else None, latency=0.0)
    world.run()
    world.write([callback(1)])
    world.run(10)
    world.restart()
    world.run()
    assert world.tried_at("EV1") == [0, 1, 3, 7, 15, 31]


def test_after_a_long_stop_even_the_oldest_is_tried_once() -> None:
    world = World()
    world.store.add([callback(1, at=START - 1e6)])
    world.restart()
    world.run()
    assert world.store.delivered_ids == ["EV1"]


def test_what_is_written_after_a_restart_waits_for_what_was_left() -> None:
    """The reconciliation writes `completed` for a call whose `initiated` is still to be delivered."""
    world = World()
    world.store.add([callback(1), callback(2)])
    world.restart()
    world.write([callback(3)])
    world.run()
    assert world.store.delivered_ids == ["EV1", "EV2", "EV3"]


def test_a_dead_host_is_probed_by_one_at_a_time_and_comes_back_within_a_minute() -> None:
    world = World(lambda _one, now: DOWN if now < START + 600 else None)
    world.run()
    world.write(callback(number, f"CA{number}") for number in range(2_000))
    world.run(600)
    assert len(world.tries) < 40
    assert world.loads < 40
    assert world.schedule.in_memory <= 1
    world.run(90)
    assert len(world.store.delivered_ids) == 2_000


def test_ten_thousand_callbacks_refused_for_a_minute() -> None:
    world = World(lambda _one, now: DOWN if now < START + 60 else None)
    world.run()
    for number in range(10_000):
        world.write([callback(number, f"CA{number // 4}")])
        if number % 100 == 0:
            world.run(0.25)
    assert world.max_in_memory <= Limits().window_per_host
    world.run()
    assert len(world.store.delivered_ids) == 10_000
    assert not world.store.given_up_errors
    assert world.max_in_memory <= Limits().window_per_host + 4
    assert world.now < START + 300


def test_hosts_that_hang_do_not_starve_the_others() -> None:
    """A hundred hosts take 15 s to fail; one is well and gets everything at once."""
    world = World(latency=15.0)
    world.application = lambda one, _now: None if one.host == "http://well.example" else DOWN
    slow_later = world._later

    def later(event: Input) -> None:
        is_well = isinstance(event, Succeeded) or not isinstance(event, Failed)
        world.latency = 0.01 if is_well else 15.0
        slow_later(event)

    world._later = later  # type: ignore[method-assign]
    world.run()
    for number in range(3_000):
        world.write([callback(number, f"CA{number}", f"{number % 50}.example")])
    world.run(100)
    before = world.now
    world.write(callback(number, f"CA{number}", "well.example") for number in range(10_000, 10_200))
    world.run(5)
    delivered = [at - before for at, one in world.tries if one.host == "http://well.example"]
    assert len(delivered) == 200
    assert max(delivered) < 1


def test_a_host_earns_its_places() -> None:
    world = World(limits=Limits(at_once_per_host=32))
    world.run()
    world.write(callback(number, f"CA{number}") for number in range(200))
    at = [at for at, _ in world.tries]
    assert len(at) == 4
    world.run()
    rounds = Counter(round(at - START, 3) for at, _ in world.tries)
    assert list(rounds.values()) == [4, 8, 16, 32, 32, 32, 32, 32, 12]


def test_what_does_not_fit_is_loaded_in_order() -> None:
    world = World(limits=Limits(window=40, window_per_host=16, at_once_per_host=4))
    world.run()
    world.write(callback(number, f"CA{number % 5}", f"{number % 4}.example") for number in range(1_000))
    world.run()
    assert world.max_in_memory <= 40
    assert world.loads > 10
    assert len(set(world.store.delivered_ids)) == len(world.store.delivered_ids) == 1_000


def test_more_hosts_than_can_be_known() -> None:
    world = World(limits=Limits(hosts=10))
    world.run()
    world.write(callback(number, "CA1", f"{number % 50}.example") for number in range(200))
    world.run()
    assert len(world.store.delivered_ids) == 200


def test_a_poisoned_stream_does_not_hold_up_its_host() -> None:
    world = World(lambda one, _now: BUSY if one.stream == "CA0" else None, limits=Limits(window_per_host=8))
    world.run()
    for number in range(400):
        world.write([callback(number, f"CA{number % 8}")])
        world.run(0.5)
    world.run(1)
    assert len(world.store.delivered_ids) == 350


def test_a_store_that_cannot_be_read_is_asked_again() -> None:
    world = World()
    world.store.add([callback(1)])
    world.reads_fail = True
    world.restart()
    world.run(12)
    assert not world.tries
    world.reads_fail = False
    world.run()
    assert world.store.delivered_ids == ["EV1"]


def test_a_late_offer_of_what_was_delivered_is_nothing() -> None:
    world = World()
    world.store.add([callback(1)])
    world.restart()
    world.run()
    world._handle(Offered((callback(1),)))
    world.run()
    assert len(world.tries) == 1
    assert not world.schedule._hosts


def test_alarms_do_not_pile_up() -> None:
    world = World(lambda _one, now: BUSY if now < START + 600 else None)
    world.run()
    for number in range(600):
        world.write([callback(number, f"CA{number}", f"{number % 3}.example")])
        world.run(1)
        assert len(world.schedule._alarms) <= 100
    world.run()
    assert not world.schedule._alarms
    assert not world.schedule._hosts


def test_alarms_that_an_earlier_one_overtakes_are_dropped() -> None:
    """A lane that waits for an hour, and others that come and go: each would set the hour's alarm again."""
    hour = Failure(Blame.ANSWERED, "answered 503", 3_600.0)
    tried: set[str] = set()

    def application(one: Callback, _now: float) -> Failure | None:
        if one.stream == "CA0":
            return None if _now > START + 3_000 else hour
        is_first = one.event_id not in tried
        tried.add(one.event_id)
        return BUSY if is_first else None

    world = World(application)
    world.run()
    world.write([callback(0, "CA0")])
    for number in range(1, 200):
        world.write([callback(number, f"CA{number}")])
        world.run(3)
        assert len(world.schedule._alarms) <= 70
    world.run()
    assert len(world.store.delivered_ids) == 200


def test_on_a_dead_host_what_is_too_old_is_given_up_untried() -> None:
    world = World(lambda _one, _now: DOWN, limits=Limits(max_age_s=100))
    world.run()
    world.write(callback(number, f"CA{number}") for number in range(2_000))
    world.run(400)
    assert not world.store.rows
    assert len(world.store.given_up_errors) == 2_000
    assert len(world.tries) < 20
    assert not world.schedule._hosts


def test_a_host_that_fails_loses_its_turn() -> None:
    world = World(lambda _one, now: DOWN if now < START + 5 else None, limits=Limits(at_once=1))
    world.run()
    world.write([callback(1), callback(2, "CA2"), callback(3, "CA3", "b.example")])
    world.run()
    assert sorted(world.store.delivered_ids) == ["EV1", "EV2", "EV3"]
    assert len(world.tries) < 12


def test_only_so_many_settled_ids_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callapi.webhooks.outbox.schedule._REMEMBERED", 2)
    world = World()
    world.run()
    world.write(callback(number) for number in range(5))
    world.run()
    assert [f"EV{number}" in world.schedule._recent for number in range(5)] == [False] * 3 + [True] * 2


# Anything at all

_OUTCOMES = st.sampled_from(
    [None, None, None, DOWN, BUSY, NOT_FOUND, GONE, Failure(Blame.ANSWERED, "429", 7.0)]
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "write", "wait", "restart", "blind", "seeing"]),
        st.integers(1, 12),
        st.integers(0, 3),
        st.integers(0, 2),
        st.floats(0, 30),
    ),
    max_size=40,
)
_LIMITS = st.builds(
    Limits,
    max_age_s=st.sampled_from([0.0, 20.0, 1e9]),
    at_once=st.integers(1, 6),
    at_once_per_host=st.integers(1, 4),
    at_first=st.just(1),
    window=st.integers(1, 20),
    window_per_host=st.integers(1, 8),
    hosts=st.integers(1, 4),
)


@settings(max_examples=300, deadline=None)
@given(_STEPS, st.lists(_OUTCOMES, min_size=1, max_size=30), _LIMITS, st.sampled_from([0.0, 0.01, 3.0]))
def test_every_callback_is_settled_once_and_in_order(
    steps: list[tuple[str, int, int, int, float]],
    outcomes: list[Failure | None],
    limits: Limits,
    latency: float,
) -> None:
    """Whatever is written, answered, forgotten and slow; the promises of each step are checked by `World`."""
    reported = itertools.cycle(outcomes)
    world = World(lambda _one, _now: next(reported), limits=limits, latency=latency)
    number = itertools.count()
    written: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, count, stream, host, seconds in steps:
        match kind:
            case "write":
                rows = [
                    callback(next(number), f"CA{stream}", f"{host}.example", at=world.now)
                    for _ in range(count)
                ]
                written[rows[0].host, rows[0].stream] += [each.event_id for each in rows]
                world.write(rows)
            case "wait":
                world.run(seconds)
            case "restart":
                world.restart()
            case _:
                world.reads_fail = kind == "blind"
    world.reads_fail = False
    world.application = lambda _one, _now: None
    world.run()
    assert not world.store.rows
    assert not world.schedule._hosts
    assert world.schedule.wakes_at is None
    assert world.schedule.in_memory == world.schedule.under_way == 0
    assert world.max_in_memory <= limits.window
    delivered = world.store.delivered_ids
    assert sorted([*delivered, *world.store.given_up_errors]) == sorted(itertools.chain(*written.values()))
    for order in written.values():
        assert [each for each in delivered if each in order] == [each for each in order if each in delivered]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_the_memory_store_keeps_its_contract(limit: int) -> None:
    store = MemoryOutboxStore()
    store.add(
        [callback(1), callback(2, "CA2"), callback(3), callback(4, "CA3", "b.example"), callback(5, "CA2")]
    )
    store.attempted("EV1", 1, START + 10)
    page = _at_once(store.due("http://a.example", START, limit))
    assert [each.event_id for each in page.callbacks] == ["EV2", "EV5"][:limit]
    assert page.next_at == START + 10
    page = _at_once(store.due("http://a.example", START + 10, 10))
    assert [each.event_id for each in page.callbacks] == ["EV1", "EV2", "EV3", "EV5"]
    assert page.next_at is None
    assert _at_once(store.hosts(10)) == ["http://a.example", "http://b.example"]
    assert _at_once(store.hosts(1)) == ["http://a.example"]


def test_a_read_of_the_hosts_or_of_a_host_that_fails_is_tried_again() -> None:
    """The database is away for a while: nothing is lost, and nothing is asked in a hurry."""
    world = World()
    world.store.add([callback(number) for number in range(3)])
    world.reads_fail = True
    world.restart()
    world.run(30)
    assert world.tries == []
    world.reads_fail = False
    world.run()
    assert [each.event_id for _, each in world.tries] == ["EV0", "EV1", "EV2"]


def test_rows_of_another_node_are_adopted_in_their_order() -> None:
    """`Adopted`: rows that another node left come before those that are offered from now on."""
    world = World(limits=Limits(at_once=1))
    world.run(1)
    world.write([callback(1, stream="CA1")])
    world.store.add([callback(2, stream="CA1"), callback(3, stream="CA2", host="b.example")])
    world._handle(Adopted())
    world._handle(Adopted())
    world.run()
    tried = [each.event_id for _, each in world.tries]
    assert sorted(tried) == ["EV1", "EV2", "EV3"]
    assert tried.index("EV1") < tried.index("EV2")


def _down_for(host: str, seconds: float) -> Application:
    """An application of `host` that cannot be reached for so long; the others answer."""
    return lambda one, now: DOWN if host in one.url and now < START + seconds else None


def test_hosts_beyond_the_bound_are_listed_again() -> None:
    """One host is away and keeps its place; of three others only one fits beside it at a time."""
    world = World(_down_for("a.example", 30), limits=Limits(hosts=2))
    world.write([callback(0, host="a.example")])
    world.run(1)
    world.store.rows = {
        **{f"EV{number}": callback(number, host=f"h{number}.example") for number in range(1, 4)},
        **world.store.rows,
    }
    world._handle(Adopted())
    world.run()
    delivered = {each.event_id for _, each in world.tries}
    assert delivered == {"EV0", "EV1", "EV2", "EV3"}
    assert world.store.rows == {}
    assert world.schedule.in_memory == world.schedule.under_way == 0


def test_a_host_that_waits_for_room_is_read_once_there_is_some() -> None:
    """The window is full of rows of a host that is away; another's are read as soon as they are delivered."""
    limits = Limits(window=4, window_per_host=4, at_once_per_host=1, at_first=1)
    world = World(_down_for("a.example", 5), limits=limits)
    world.write([callback(number, host="a.example", stream=f"A{number}") for number in range(4)])
    world.write([callback(10 + number, host="b.example", stream=f"B{number}") for number in range(4)])
    world.run()
    assert world.store.rows == {}
    assert world.max_in_memory <= 4
    first_of_b = next(at for at, each in world.tries if "b.example" in each.url)
    assert first_of_b >= START + 5
