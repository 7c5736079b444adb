"""Calls of REST from the queue to their end, in virtual time: order and rate, several phones of one client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from callapi.calls.call import LINGER_S
from callapi.calls.commands import CreateCall, ModifyCall, RecordingOrder
from callapi.calls.control import CallControl, NotModifiable
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.errors import UNREACHABLE
from callapi.calls.placing.outbound import Outbound, Overloaded
from callapi.calls.placing.placement import Subscription
from callapi.calls.placing.queue import QUEUED, CallQueue
from callapi.calls.placing.queue_runner import MAX_QUEUED_S, QueueRunner
from callapi.media import RecordingCause
from callapi.sip import Party
from callapi.sip.invite_session.commands import HangUp
from callapi.store import BindingRecord, CallRecord
from tests.verbs.world import ACCOUNT, Phone, World, world
from tests.virtual_time import run

STATUS = Subscription("http://app/status", events=("initiated", "ringing", "answered", "completed"))


@dataclass
class Rest:
    """The world, and REST's door to its calls."""

    world: World
    outbound: Outbound
    control: CallControl
    queue_runner: QueueRunner

    async def create(self, to: str = "sip:bob@127.0.0.1", **more: Any) -> CallRecord:
        command = CreateCall("+1", to, DocumentRequest("http://app/voice"), STATUS, **more)
        return await self.outbound.create_call(ACCOUNT, command)

    async def end(self, record: CallRecord, status: Literal["canceled", "completed"]) -> CallRecord:
        return await self.control.modify_call(record.sid, ModifyCall(status=status))

    def register(self, login: str, *phones: str) -> None:
        """`login` has registered from `phones`."""
        now = datetime.now(UTC)
        self.world.directory.registered[login] = [
            BindingRecord(login, f"sip:{each}@127.0.0.9", each, 1, now + timedelta(hours=1), now)
            for each in phones
        ]

    def reported(self) -> list[str]:
        """The statuses that were reported to the application."""
        return [each["CallStatus"] for each in self.world.book.reported("/status")]

    def kept(self, record: CallRecord) -> CallRecord:
        """The record as it stands in the book."""
        return self.world.book.calls[record.sid]


def _play(
    tmp: Path, story: Callable[[Rest], Awaitable[None]], queue: CallQueue | None = None, **gate: float
) -> None:
    @asynccontextmanager
    async def serving() -> AsyncIterator[Rest]:
        async with world(tmp) as here:
            here.application.documents["/voice"] = "<Response><Hangup/></Response>"
            door = here.gate(**gate)
            queue_runner = here.queue_runner(door, queue)
            outbound = Outbound(here.live, queue_runner, door, here.journal.commit)
            async with asyncio.TaskGroup() as tasks:
                server = tasks.create_task(queue_runner.serve())
                yield Rest(here, outbound, CallControl(here.live, queue_runner, here.script), queue_runner)
                async with asyncio.timeout(120):
                    await here.live.empty.wait()
                server.cancel()
            here.assert_nothing_left()

    async def whole() -> None:
        async with serving() as rest:
            await story(rest)

    run(whole())


async def _rings(rest: Rest, number: int) -> list[Phone]:
    """Until `number` phones were rung in all; time jumps here."""
    for _ in range(6000):
        if len(rest.world.phones) >= number:
            return rest.world.phones
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(rest.world.phones)} phones were rung, not {number}")


def test_a_call_is_queued_kept_and_placed(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        record = await rest.create()
        assert (record.status, record.start_time) == ("queued", None)
        assert rest.kept(record) == record, "it is kept before it is reported"
        (phone,) = await _rings(rest, 1)
        phone.ring()
        phone.answer()
        await rest.world.live.empty.wait()
        assert rest.reported() == ["initiated", "ringing", "in-progress", "completed"]
        assert rest.kept(record).start_time is not None

    _play(tmp_path, story)


@pytest.mark.parametrize("way", ["document", "phone", "rest"])
def test_the_whole_call_is_recorded_and_the_recording_ends_with_it(tmp_path: Path, way: str) -> None:
    """Also over a change of the document."""

    async def story(rest: Rest) -> None:
        documents = rest.world.application.documents
        documents["/voice"] = documents["/other"] = "<Response><Pause length='5'/></Response>"
        record = await rest.create(recording=RecordingOrder())
        (phone,) = await _rings(rest, 1)
        phone.answer()
        await asyncio.sleep(1)
        await rest.control.modify_call(record.sid, ModifyCall(document=DocumentRequest("http://app/other")))
        await asyncio.sleep(1)
        (recording,) = rest.world.book.recordings.values()
        assert (recording.status, recording.source) == ("in-progress", "OutboundAPI")
        match way:
            case "phone":
                phone.hang_up()
            case "rest":
                await rest.end(record, "completed")
            case _:
                await asyncio.sleep(4)
        await rest.world.live.empty.wait()
        (recording,) = rest.world.book.recordings.values()
        assert (recording.status, recording.call_sid) == ("completed", record.sid)

    _play(tmp_path, story)


def test_a_recording_of_a_called_party_that_is_silent_is_kept(tmp_path: Path) -> None:
    """The document spoke to the party; the recording holds that."""

    async def story(rest: Rest) -> None:
        rest.world.application.documents["/voice"] = "<Response><Pause length='5'/></Response>"
        await rest.create(recording=RecordingOrder())
        (phone,) = await _rings(rest, 1)
        phone.answer()
        await asyncio.sleep(1)
        [call] = rest.world.live.calls()
        [recording] = rest.world.stream_of(call).recordings
        recording.duration_ms = 1000
        recording.end(RecordingCause.STOPPED, is_silent=True)
        await rest.world.live.empty.wait()
        (record,) = rest.world.book.recordings.values()
        assert (record.status, record.duration) == ("completed", 1)

    _play(tmp_path, story)


def test_calls_go_in_their_order_at_the_rate(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        began = asyncio.get_running_loop().time()
        rung: list[tuple[str, float]] = []

        def note(phone: Phone) -> None:
            rung.append((phone.user, asyncio.get_running_loop().time() - began))
            phone.reject(404)

        rest.world.endpoint.on_invite = note
        records = [await rest.create(f"sip:{number}@127.0.0.1") for number in range(5)]
        assert {each.status for each in records} == {"queued"}
        await asyncio.sleep(2.1)
        assert [user for user, _ in rung] == ["0", "1", "2", "3", "4"]
        assert [round(at, 2) for _, at in rung] == [0.0, 0.5, 1.0, 1.5, 2.0]

    _play(tmp_path, story, CallQueue(calls_per_second=2))


def test_the_rate_of_the_node_is_waited_for(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.world.endpoint.on_invite = lambda phone: phone.reject(404)
        for _ in range(4):
            await rest.create()
        await asyncio.sleep(0.05)
        assert len(rest.world.phones) == 2
        await _rings(rest, 4)

    _play(tmp_path, story, calls_per_second=2)


def test_beyond_its_places_a_call_is_refused(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.world.endpoint.on_invite = lambda phone: phone.reject(404)
        first = await rest.create()
        await _rings(rest, 1)
        waiting = [await rest.create() for _ in range(2)]
        with pytest.raises(Overloaded, match=QUEUED):
            await rest.create()
        for each in waiting:
            await rest.end(each, "canceled")
        await rest.create()
        await _rings(rest, 2)
        assert rest.kept(first).status == "failed"

    _play(tmp_path, story, CallQueue(calls_per_second=0.1, max_waiting=2))


@pytest.mark.parametrize("status", ["canceled", "completed"])
def test_a_queued_call_is_canceled(tmp_path: Path, status: Literal["canceled", "completed"]) -> None:
    async def story(rest: Rest) -> None:
        rest.world.endpoint.on_invite = lambda phone: phone.reject(404)
        await rest.create()
        await _rings(rest, 1)
        record = await rest.create("sip:carol@127.0.0.1")
        before = len(rest.world.book.callbacks)
        ended = await rest.end(record, status)
        assert (ended.status, ended.duration) == ("canceled", 0)
        assert ended == rest.kept(record)
        (reported,) = rest.world.book.callbacks[before:]
        parameters = dict(reported.parameters)
        assert (parameters["CallStatus"], parameters["SequenceNumber"]) == ("canceled", "0")
        with pytest.raises(NotModifiable):
            await rest.end(record, status)
        await asyncio.sleep(30)
        assert len(rest.world.phones) == 1

    _play(tmp_path, story, CallQueue(calls_per_second=0.1))


def test_a_queued_call_gets_another_document_and_is_muted(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.world.endpoint.on_invite = lambda phone: phone.answer()
        rest.world.application.documents["/other"] = "<Response><Pause length='5'/></Response>"
        await rest.create()
        await _rings(rest, 1)
        record = await rest.create()
        command = ModifyCall(document=DocumentRequest("http://app/other"), mute=True)
        assert (await rest.control.modify_call(record.sid, command)).status == "queued"
        await _rings(rest, 2)
        await asyncio.sleep(1)
        assert len(rest.world.application.asked("/voice")) == 1
        assert [each["CallSid"] for each in rest.world.application.asked("/other")] == [record.sid]
        call = rest.world.live.get(record.sid)
        assert call is not None
        assert rest.world.stream_of(call).is_muted

    _play(tmp_path, story, CallQueue(calls_per_second=0.1))


def test_what_cannot_be_placed_when_its_turn_comes_has_failed(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.world.endpoint.on_invite = lambda phone: phone.reject(404)
        rest.register("bob", "desk")
        await rest.create()
        record = await rest.create("client:bob")
        rest.world.directory.registered.clear()
        await asyncio.sleep(11)
        assert rest.kept(record).status == "failed"
        (noted,) = rest.world.book.notifications
        assert (noted.error_code, noted.call_sid) == (32_009, record.sid)
        assert rest.reported().count("failed") == 2

    _play(tmp_path, story, CallQueue(calls_per_second=0.1))


def test_an_account_suspended_meanwhile_calls_no_one(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.world.endpoint.on_invite = lambda phone: phone.reject(404)
        await rest.create()
        await _rings(rest, 1)
        record = await rest.create()
        rest.world.suspended.add(record.account_sid)
        await asyncio.sleep(11)
        assert rest.kept(record).end_reason == "the account is not active"
        assert rest.reported().count("failed") == 2
        assert len(rest.world.phones) == 1

    _play(tmp_path, story, CallQueue(calls_per_second=0.1))


def test_who_cannot_be_reached_is_reported(tmp_path: Path) -> None:
    """By a notification, once; not of a call that was answered, or refused."""

    async def story(rest: Rest) -> None:
        record = await rest.create()
        (phone,) = await _rings(rest, 1)
        phone._end(Party.NETWORK, 503)
        await rest.create()
        (await _rings(rest, 2))[1].answer()
        await rest.create()
        (await _rings(rest, 3))[2].reject(486)
        await rest.world.live.empty.wait()
        (noted,) = rest.world.book.notifications
        assert (noted.error_code, noted.call_sid) == (UNREACHABLE, record.sid)

    _play(tmp_path, story)


def test_what_waits_when_the_node_stops_has_failed(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.world.endpoint.on_invite = lambda phone: phone.reject(404)
        records = [await rest.create() for _ in range(3)]
        await _rings(rest, 1)
        rest.queue_runner.abandon("the node was stopped")
        assert [rest.kept(each).end_reason for each in records[1:]] == ["the node was stopped"] * 2
        assert rest.reported().count("failed") == 3

    _play(tmp_path, story, CallQueue(calls_per_second=0.1))


def test_no_call_waits_for_ever(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.world.endpoint.on_invite = lambda phone: phone.reject(404)
        await rest.create()
        await _rings(rest, 1)
        record = await rest.create()
        await asyncio.sleep(MAX_QUEUED_S + 1000)
        assert rest.kept(record).end_reason == "it waited for more than a day"

    _play(tmp_path, story, CallQueue(calls_per_second=1e-6))


# --- a client with several phones: all ring, the first to answer is the called party


def _hung_up(phone: Phone) -> bool:
    return any(isinstance(each, HangUp) for each in phone.sent)


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_the_first_phone_to_answer_is_the_party(tmp_path: Path, answers: int) -> None:
    async def story(rest: Rest) -> None:
        rest.register("bob", "desk", "hall", "car")
        record = await rest.create("client:bob")
        phones = await _rings(rest, 3)
        for phone in phones:
            phone.ring()
        await asyncio.sleep(1)
        phones[answers].answer()
        await rest.world.live.empty.wait()
        assert [each.user for each in phones] == ["desk", "hall", "car"]
        assert all(map(_hung_up, phones)), "the others are cancelled, the party is hung up at the end"
        assert [each.is_answered for each in phones] == [place == answers for place in range(3)]
        assert len(rest.world.application.asked("/voice")) == 1
        assert rest.reported() == ["initiated", "ringing", "in-progress", "completed"]
        assert rest.kept(record).to == "client:bob"
        assert len(rest.world.book.calls) == 1

    _play(tmp_path, story)


def test_of_two_that_answer_in_one_instant_one_is_hung_up(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.world.application.documents["/voice"] = "<Response><Pause length='5'/></Response>"
        rest.register("bob", "desk", "hall")
        await rest.create("client:bob")
        phones = await _rings(rest, 2)
        for phone in phones:
            phone.answer()
        await asyncio.sleep(1)
        assert sorted(map(_hung_up, phones)) == [False, True]
        await rest.world.live.empty.wait()
        assert rest.reported() == ["initiated", "in-progress", "completed"]

    _play(tmp_path, story)


def test_who_refuses_does_not_end_the_ringing_of_the_others(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.register("bob", "desk", "hall", "car")
        await rest.create("client:bob")
        phones = await _rings(rest, 3)
        phones[0].reject(603)
        phones[2].reject(500)
        await asyncio.sleep(1)
        assert not _hung_up(phones[1])
        phones[1].ring(183, has_audio=True)
        phones[1].answer()
        await rest.world.live.empty.wait()
        assert rest.reported()[-1] == "completed"

    _play(tmp_path, story)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_several_failures_the_best_is_reported(tmp_path: Path, order: tuple[int, ...]) -> None:
    async def story(rest: Rest) -> None:
        rest.register("bob", "desk", "hall", "car")
        record = await rest.create("client:bob")
        phones = await _rings(rest, 3)
        for place in order:
            phones[place].reject((404, 486, 480)[place])
            await asyncio.sleep(0.1)
        await rest.world.live.empty.wait()
        assert rest.reported() == ["initiated", "busy"]
        assert rest.kept(record).sip_response_code == 486

    _play(tmp_path, story)


def test_all_stop_ringing_when_the_call_is_canceled(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.register("bob", "desk", "hall")
        record = await rest.create("client:bob")
        phones = await _rings(rest, 2)
        for phone in phones:
            phone.ring()
        await asyncio.sleep(0.5)
        await rest.end(record, "canceled")
        await rest.world.live.empty.wait()
        assert all(map(_hung_up, phones))
        assert rest.kept(record).status == "canceled"

    _play(tmp_path, story)


def test_no_answer_in_time(tmp_path: Path) -> None:
    async def story(rest: Rest) -> None:
        rest.register("bob", "desk", "hall")
        record = await rest.create("client:bob", timeout_s=5)
        phones = await _rings(rest, 2)
        await rest.world.live.empty.wait()
        assert all(map(_hung_up, phones))
        assert rest.kept(record).status == "no-answer"

    _play(tmp_path, story)


@pytest.mark.parametrize("phones", [("desk",), ("desk", "hall")])
@pytest.mark.parametrize("is_answered", [False, True])
def test_a_phone_that_is_silent_once_it_was_hung_up_is_waited_for_but_a_moment(
    tmp_path: Path,
    phones: tuple[str, ...],
    is_answered: bool,
) -> None:
    """Its session may go on for half a minute; the call and its ports do not. Later events are not reported."""

    async def story(rest: Rest) -> None:
        rest.world.application.documents["/voice"] = "<Response><Pause length='60'/></Response>"
        rest.register("bob", *phones)
        record = await rest.create("client:bob")
        rung = await _rings(rest, len(phones))
        for phone in rung:
            phone.ring()
            setattr(phone, "_answer_hang_up", lambda: None)  # noqa: B010 - mypy: assignment to a method
        await asyncio.sleep(1)
        if is_answered:
            rung[0].answer()
        await asyncio.sleep(1)
        await rest.end(record, "completed")
        hung_up_at = asyncio.get_running_loop().time()
        await rest.world.live.empty.wait()
        assert asyncio.get_running_loop().time() - hung_up_at == pytest.approx(LINGER_S, abs=0.1)
        for phone in rung:
            phone.hang_up()
        await asyncio.sleep(60)
        assert rest.reported()[-1] == rest.kept(record).status == ("completed" if is_answered else "canceled")
        assert rest.kept(record).sip_response_code == (200 if is_answered else None)
        assert rest.kept(record).ended_by == "local"

    _play(tmp_path, story)
