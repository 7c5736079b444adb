"""The application as a whole: health, pages, what goes wrong outside of any resource."""

import logging
from typing import Any

import pytest

from callapi.api import Health
from callapi.base.errors import CallApiError
from callapi.store import Conflict, Store, Unavailable
from tests.api.world import World


async def test_health(world: World) -> None:
    """200 while calls are taken, 503 while draining; without authentication."""
    ready = await world.get("/health", auth=("", ""))
    assert (ready.status, ready.json) == (200, {"status": "ok"})
    world.health = Health.DRAINING
    draining = await world.get("/health", auth=("", ""))
    assert (draining.status, draining.json) == (503, {"status": "draining"})
    assert "retry-after" in draining.headers


async def test_pages(world: World) -> None:
    """`/docs` loads nothing from elsewhere and names every resource."""
    page = (await world.get("/docs", auth=("", ""))).body.decode()
    for name in ("IncomingPhoneNumbers", "StatusCallbackEvent", "MoveConnectedCallLeg", "21220", "Trunks"):
        assert name in page
    assert "<script" not in page
    assert "<link" not in page
    assert (await world.get("/", auth=("", ""))).headers["location"] == "/docs"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nonsense", 404, 20404),
        ("GET", "/2010-04-01", 404, 20404),
        ("GET", "/2010-04-01/Accounts.wav", 404, 20404),
        ("GET", "Nonsense.json", 404, 20404),
        ("GET", "Calls.wav", 404, 20404),
        ("GET", "Calls.wav/", 404, 20404),
        ("GET", "/2010-04-01/Accounts.json.json/x", 404, 20404),
        ("GET", "/2010-04-01/Accountsjson", 404, 20404),
        ("GET", "Calls.exe", 404, 20404),
        ("GET", "Calls/\x00.json", 404, 20404),
        ("GET", "Calls/..%2f.json", 404, 20404),
        ("DELETE", "Calls.json", 405, 20004),
        ("DELETE", "Calls/CA00000000000000000000000000000001/Recordings/a~b.json", 404, 20404),
        ("PATCH", "Calls.json", 405, 20004),
        ("POST", "/health", 405, 20004),
        ("POST", "/openapi.json", 405, 20004),
    ],
)
async def test_where_nothing_is(world: World, method: str, path: str, status: int, code: int) -> None:
    """404 and 405 in the shape of every other error."""
    answer = await world.ask(method, path)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert set(answer.json) == {"code", "message", "more_info", "status"}


async def test_allow(world: World) -> None:
    """405 says what is allowed."""
    assert (await world.delete("Calls.json")).headers["allow"] == "GET, POST"


async def test_a_body_that_is_too_large(world: World) -> None:
    """413; a document of 64 KiB, percent-encoded, is not too large."""
    answer = await world.ask("POST", "Calls.json", body=b"Rcml=" + b"x" * 300_000)
    assert (answer.status, answer.json["code"]) == (413, 20413)
    big = "<Response>" + "<" * (64 * 1024 - 11) + "</"
    assert (await world.post("Calls.json", To="1", From="1", Rcml=big[: 64 * 1024])).status == 201


async def test_a_body_of_another_type(world: World) -> None:
    """415."""
    answer = await world.ask("POST", "Calls.json", body=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (415, 20415)


async def test_too_many_parameters(world: World) -> None:
    """400, not a table of any size."""
    answer = await world.get("Calls.json?" + "&".join(f"a{number}=" for number in range(300)))
    assert (answer.status, answer.json["code"]) == (400, 20001)


class _Broken(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unavailable("locked"), 503, 20503),
        (Conflict("unique"), 409, 20409),
        (CallApiError("what?"), 500, 20500),
        (_Broken(), 500, 20500),
    ],
)
async def test_what_breaks_within(
    world: World,
    error: Exception,
    status: int,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The database away: 503. An unexpected error: 500, and a log entry. Never a word of the inside."""

    async def commit(*_: Any) -> None:
        raise error

    monkeypatch.setattr(world.store, "commit", commit)
    with caplog.at_level(logging.CRITICAL if status < 500 or code == 20503 else logging.ERROR):
        answer = await world.post("Applications.json", FriendlyName="a")
    assert (answer.status, answer.json["code"]) == (status, code)
    assert "locked" not in answer.json["message"]
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_no_calls_while_nothing_can_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 before a call is placed that could not be recorded."""
    monkeypatch.setattr(Store, "is_writable", False)
    answer = await world.post("Calls.json", To="1000", From="1000", Url="http://127.0.0.1/")
    assert (answer.status, answer.json["code"]) == (503, 20503)
    assert world.calls.created == []


async def test_head(world: World) -> None:
    """As GET."""
    assert (await world.ask("HEAD", "Calls.json")).status == 200
    assert (await world.ask("HEAD", "/health")).status == 200
