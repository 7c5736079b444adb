"""An engine's process: asked in turn, replaced when it dies, killed when it is slow, never out of step."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callapi.media import EngineFailed
from callapi.media.speech import process
from callapi.media.speech.process import EngineProcess

STUB = r"""
import json, os, sys, time
arguments = json.loads(sys.argv[2])
if arguments.get("fails"):
    sys.exit(1)
def write(fields, pcm=b""):
    sys.stdout.buffer.write(json.dumps({**fields, "bytes": len(pcm)}).encode() + b"\n" + pcm)
    sys.stdout.buffer.flush()
write({"ready": True})
while line := sys.stdin.buffer.readline():
    request = json.loads(line)
    body = sys.stdin.buffer.read(request["bytes"])
    time.sleep(request.get("takes", 0))
    match request.get("do"):
        case "die":
            os._exit(1)
        case "die once" if not os.path.exists(request["mark"]):
            open(request["mark"], "w").close()
            os._exit(1)
        case "babble":
            sys.stdout.buffer.write(b"this is not an answer\n" * 10)
            sys.stdout.buffer.flush()
        case "fail":
            write({"error": "no such voice"})
        case _:
            write({"pid": os.getpid(), "said": request.get("say")}, body[::-1])
"""


@pytest.fixture(autouse=True)
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "stub.py"
    program.write_text(STUB)
    monkeypatch.setattr(process, "PROGRAM", program)
    monkeypatch.setattr(process, "REST_S", 0.2)


@asynccontextmanager
async def engine(timeout_s: float = 5.0, **arguments: object) -> AsyncIterator[EngineProcess]:
    """A stub under supervision; when it is left, the process is gone."""
    async with EngineProcess("stub", arguments, timeout_s) as running:
        yield running
        pid = running.pid
    if pid is not None:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_it_is_started_when_first_asked_and_stays() -> None:
    async with engine() as stub:
        assert stub.pid is None
        one = await stub.ask({"say": "a"}, b"abc")
        assert (one.fields["said"], one.pcm) == ("a", b"cba")
        other = await stub.ask({}, bytes(100_000))
        assert len(other.pcm) == 100_000
        assert one.fields["pid"] == other.fields["pid"] == stub.pid


async def test_it_can_be_started_ahead() -> None:
    async with engine() as stub:
        stub.start_soon()
        stub.start_soon()
        async with asyncio.timeout(5):
            while stub.pid is None:  # noqa: ASYNC110 - there is nothing to await
                await asyncio.sleep(0.01)
        assert (await stub.ask({})).fields["pid"] == stub.pid


async def test_answers_come_in_turn() -> None:
    async with engine() as stub:
        asked = [stub.ask({"say": number, "takes": 0.01 * (number % 3)}) for number in range(20)]
        answers = await asyncio.gather(*asked)
        assert [each.fields["said"] for each in answers] == list(range(20))


async def test_a_cancelled_request_keeps_answers_in_step() -> None:
    async with engine() as stub:
        await stub.ask({})
        under_way = asyncio.create_task(stub.ask({"say": "mine", "takes": 0.2}))
        waiting = asyncio.create_task(stub.ask({"say": "mine too"}))
        await asyncio.sleep(0.05)
        under_way.cancel()
        waiting.cancel()
        assert (await stub.ask({"say": "yours"})).fields["said"] == "yours"


async def test_a_refused_request_is_an_error_and_the_process_stays() -> None:
    async with engine() as stub:
        with pytest.raises(EngineFailed, match="no such voice"):
            await stub.ask({"do": "fail"})
        assert (await stub.ask({"say": 1})).fields["said"] == 1


async def test_one_that_dies_is_replaced_and_asked_again(tmp_path: Path) -> None:
    async with engine() as stub:
        first = (await stub.ask({})).fields["pid"]
        again = await stub.ask({"do": "die once", "mark": str(tmp_path / "mark"), "say": "still here"})
        assert again.fields["said"] == "still here"
        assert again.fields["pid"] != first


async def test_one_that_was_killed_meanwhile_is_replaced() -> None:
    async with engine() as stub:
        await stub.ask({})
        assert stub.pid is not None
        os.kill(stub.pid, signal.SIGKILL)
        await asyncio.sleep(0.1)
        assert (await stub.ask({"say": "here"})).fields["said"] == "here"


@pytest.mark.parametrize("how", ["die", "babble"])
async def test_a_request_that_kills_twice_is_given_up_and_the_next_one_is_answered(how: str) -> None:
    async with engine() as stub:
        with pytest.raises(EngineFailed, match="died"):
            await stub.ask({"do": how})
        assert (await stub.ask({"say": 1})).fields["said"] == 1


async def test_one_that_is_too_slow_is_killed() -> None:
    async with engine(timeout_s=0.3) as stub:
        slow = (await stub.ask({})).fields["pid"]
        with pytest.raises(EngineFailed, match=r"no answer within 0\.3 s"):
            await stub.ask({"takes": 60})
        assert (await stub.ask({})).fields["pid"] != slow


async def test_waiting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine() as stub:
        await stub.ask({})
        tasks = [asyncio.create_task(stub.ask({"takes": 0.02})) for _ in range(process.MAX_WAITING + 2)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, EngineFailed)]
        assert len(refused) == 2
        assert "waiting" in refused[0].reason


async def test_one_that_cannot_be_started_is_left_alone_for_a_while() -> None:
    async with engine(fails=True) as stub:
        for _ in range(2):
            with pytest.raises(EngineFailed, match="could not be started"):
                await stub.ask({})
        assert stub.pid is None


async def test_stopping_wakes_every_waiter() -> None:
    running = EngineProcess("stub", {}, 5.0)
    async with running:
        await running.ask({})
        tasks = [asyncio.create_task(running.ask({"takes": 60})) for _ in range(3)]
        await asyncio.sleep(0.05)
    for task in tasks:
        with pytest.raises(EngineFailed, match="stopping"):
            await task
    with pytest.raises(EngineFailed, match="stopped"):
        await running.ask({})
