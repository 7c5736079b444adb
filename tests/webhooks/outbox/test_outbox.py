"""The outbox over real HTTP: what arrives, how often, in which order, and what a stop leaves behind."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from callapi.base.errors import CallApiError
from callapi.webhooks import (
    Callback,
    DuePage,
    Fetcher,
    FetchOptions,
    HttpExchange,
    Limits,
    MemoryOutboxStore,
    Outbox,
    Trace,
    Unconditional,
)
from tests.webhooks.servers import Reply, Script, drip, reset, silence


class Unavailable(CallApiError):
    """As the store's when its database is gone."""


async def _token(_account_sid: str) -> str:
    return "token"


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(FetchOptions(timeout_s=0.5)) as fetcher:
        yield fetcher


@pytest.fixture
def store() -> MemoryOutboxStore:
    return MemoryOutboxStore()


def _callback(number: int, url: str, stream: str = "CA1") -> Callback:
    parameters = (("CallSid", stream), ("SequenceNumber", str(number)))
    return Callback(f"EV{number}", stream, url, "POST", parameters, "AC1", time.time())


def _offer(store: MemoryOutboxStore, outbox: Outbox, *callbacks: Callback) -> None:
    store.add(callbacks)
    outbox.offer(callbacks)


async def test_a_callback_is_delivered(store: MemoryOutboxStore) -> None:
    exchanges: list[HttpExchange] = []
    trace: Trace = exchanges.append
    async with (
        Fetcher(trace=trace) as fetcher,
        Script() as application,
        Outbox(store, fetcher, _token, permit=Unconditional()) as outbox,
    ):
        _offer(store, outbox, _callback(0, application.url("/status?own=1")))
        assert await outbox.drain(5)
    assert store.delivered_ids == ["EV0"]
    [received] = application.requests
    assert received.headers["x-callapi-event-id"] == "EV0"
    assert "x-twilio-signature" in received.headers
    assert received.form == [("CallSid", "CA1"), ("SequenceNumber", "0")]
    assert [(each.call_sid, each.status) for each in exchanges] == [("CA1", 200)]


async def test_a_retry_has_the_same_event_id_and_keeps_the_order(
    store: MemoryOutboxStore, fetcher: Fetcher
) -> None:
    async with (
        Script(Reply(500), Reply()) as application,
        Outbox(store, fetcher, _token, permit=Unconditional()) as outbox,
    ):
        _offer(store, outbox, *(_callback(number, application.url()) for number in range(3)))
        received = await application.received(4)
        assert await outbox.drain(5)
    assert [each.headers["x-callapi-event-id"] for each in received] == ["EV0", "EV0", "EV1", "EV2"]
    assert store.delivered_ids == ["EV0", "EV1", "EV2"]


async def test_a_2xx_with_a_broken_body_is_delivered(store: MemoryOutboxStore, fetcher: Fetcher) -> None:
    endless = drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.05)
    huge = Reply(body=b"x" * 100_000)
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"
    async with (
        Script(endless, huge, broken) as application,
        Outbox(store, fetcher, _token, permit=Unconditional()) as outbox,
    ):
        _offer(store, outbox, *(_callback(number, application.url()) for number in range(3)))
        assert await outbox.drain(5)
    assert store.delivered_ids == ["EV0", "EV1", "EV2"]
    assert len(application.requests) == 3


async def test_what_was_left_is_delivered_at_the_next_start(
    store: MemoryOutboxStore, fetcher: Fetcher
) -> None:
    async with Script() as application:
        store.add([_callback(number, application.url(), f"CA{number % 3}") for number in range(50)])
        async with Outbox(store, fetcher, _token, permit=Unconditional()) as outbox:
            assert await outbox.drain(5)
    assert not store.rows
    assert len(application.requests) == 50


async def test_stopping_is_quick_and_loses_nothing(store: MemoryOutboxStore, fetcher: Fetcher) -> None:
    """It does not wait for answers that take the whole of `timeout_s`."""
    async with Script(silence) as application, Fetcher(FetchOptions(timeout_s=20)) as patient:
        async with Outbox(store, patient, _token, permit=Unconditional()) as outbox:
            _offer(
                store, outbox, *(_callback(number, application.url(), f"CA{number}") for number in range(20))
            )
            await application.received(4)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        outbox.offer([_callback(99, application.url())])
        application.answers[:] = [Reply()]
        async with Outbox(store, fetcher, _token, permit=Unconditional()) as outbox:
            assert await outbox.drain(5)
    assert not store.rows
    assert len(store.delivered_ids) == 20


async def test_a_drain_does_not_wait_for_the_dead(store: MemoryOutboxStore, fetcher: Fetcher) -> None:
    slow = Script(Reply(delay_s=0.05))
    async with Script(reset) as dead, slow, Outbox(store, fetcher, _token, permit=Unconditional()) as outbox:
        _offer(store, outbox, _callback(0, dead.url()), *(_callback(n, slow.url()) for n in range(1, 5)))
        assert await outbox.drain(5)
    assert store.delivered_ids == ["EV1", "EV2", "EV3", "EV4"]
    assert store.rows["EV0"].attempts == 1


async def test_a_drain_has_an_end(store: MemoryOutboxStore, fetcher: Fetcher) -> None:
    async with (
        Script(silence) as application,
        Outbox(store, fetcher, _token, permit=Unconditional()) as outbox,
    ):
        _offer(store, outbox, _callback(0, application.url()))
        assert not await outbox.drain(0.1)


async def test_a_dead_host_does_not_hold_up_another(store: MemoryOutboxStore, fetcher: Fetcher) -> None:
    async with (
        Script(silence) as dead,
        Script() as alive,
        Outbox(store, fetcher, _token, permit=Unconditional()) as outbox,
    ):
        _offer(store, outbox, *(_callback(number, dead.url(), f"CA{number}") for number in range(500)))
        _offer(store, outbox, *(_callback(number, alive.url(), f"CA{number}") for number in range(500, 600)))
        await asyncio.wait_for(alive.received(100), 2)
        assert len(dead.requests) <= 4


async def test_a_row_that_cannot_be_sent_stops_no_other(
    store: MemoryOutboxStore, fetcher: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    async def token(account_sid: str) -> str:
        if account_sid == "AC1":
            raise ZeroDivisionError
        return ""

    async with Script() as application, Outbox(store, fetcher, token, permit=Unconditional()) as outbox:
        good = Callback("EV1", "CA2", application.url(), "GET", (), "AC2", time.time())
        _offer(store, outbox, _callback(0, application.url()), good)
        assert await outbox.drain(5)
    assert store.delivered_ids == ["EV1"]
    assert store.rows["EV0"].attempts == 1
    assert "cannot be sent" in caplog.text


async def test_without_a_token_the_callback_waits(store: MemoryOutboxStore, fetcher: Fetcher) -> None:
    async def token(_account_sid: str) -> str:
        raise Unavailable

    async with Script() as application, Outbox(store, fetcher, token, permit=Unconditional()) as outbox:
        _offer(store, outbox, _callback(0, application.url()))
        assert await outbox.drain(5)
    assert application.requests == []
    assert store.rows["EV0"].attempts == 1


async def test_a_url_that_cannot_be_asked_is_given_up(
    store: MemoryOutboxStore, fetcher: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    async with Outbox(store, fetcher, _token, permit=Unconditional()) as outbox:
        _offer(
            store, outbox, *(_callback(number, url) for number, url in enumerate(["", "http://[", "/status"]))
        )
        assert await outbox.drain(5)
    assert sorted(store.given_up_errors) == ["EV0", "EV1", "EV2"]
    assert "given up" in caplog.text


class BlindStore(MemoryOutboxStore):
    """Cannot be read."""

    async def hosts(self, limit: int) -> list[str]:
        raise Unavailable(limit)

    async def due(self, host: str, now: float, limit: int) -> DuePage:
        raise Unavailable(host, now, limit)


async def test_a_store_that_cannot_be_read_is_no_end(
    fetcher: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    store = BlindStore()
    async with Outbox(store, fetcher, _token, permit=Unconditional()) as outbox:
        _offer(store, outbox, _callback(0, "http://127.0.0.1:9/"))
        assert await outbox.drain(5)
    assert list(store.rows) == ["EV0"]
    assert "cannot read its store" in caplog.text


async def test_a_flood_is_delivered_with_a_small_window(store: MemoryOutboxStore) -> None:
    limits = Limits(window=100, window_per_host=60)
    async with (
        Script() as application,
        Fetcher(FetchOptions(timeout_s=20)) as patient,
        Outbox(store, patient, _token, permit=Unconditional(), limits=limits) as outbox,
    ):
        _offer(
            store,
            outbox,
            *(_callback(number, application.url(), f"CA{number % 50}") for number in range(1_000)),
        )
        assert await outbox.drain(20)
    assert len(application.requests) == 1_000
    by_stream = [
        int(dict(each.form)["SequenceNumber"])
        for each in application.requests
        if ("CallSid", "CA7") in each.form
    ]
    assert by_stream == sorted(by_stream)
