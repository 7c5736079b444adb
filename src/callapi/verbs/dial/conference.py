"""`<Dial><Conference>`: the caller joins a room, and its document goes on when it has left."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final

from callapi.base.ids import CallSid
from callapi.calls.bridges.bridge import bridged
from callapi.calls.conferences.conference import Activity, Seat
from callapi.calls.conferences.elsewhere import RoomUnreachable, Visit
from callapi.calls.conferences.events import LeaveReason
from callapi.calls.conferences.machine import JoinRefused
from callapi.calls.conferences.options import JITTER_DELAYS, Beep, HeldAudio, ParticipantOptions, RoomOptions
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.one_shot import first_of
from callapi.calls.parameters import Parameters
from callapi.calls.placing.placement import Subscription
from callapi.calls.problem import Problem
from callapi.calls.recording.recordings import RecordingCallback
from callapi.calls.status import CallStatus
from callapi.rcml import Conference, ConferenceRecording, ConferenceTrim, Dial
from callapi.store import Unavailable
from callapi.verbs.execution import Execution, GoTo, Next, Outcome
from callapi.verbs.mode import Mode
from callapi.verbs.waiting import hear_once, silence, star

ROOM_UNREACHABLE: Final = 60_084


async def dial_conference(verb: Dial, noun: Conference, execution: Execution) -> Outcome:
    """Take part until the call is released: kicked, `*`, `timeLimit`, or the end of the room."""
    call = execution.call
    call.answer()
    execution.sounded()
    try:
        await _in_room(verb, noun, execution)
    except JoinRefused as refusal:
        return _refused(verb, noun, execution, refusal.code, str(refusal))
    except RoomUnreachable as error:
        return _refused(verb, noun, execution, ROOM_UNREACHABLE, str(error))
    except asyncio.CancelledError:
        if verb.action:
            call.run_detached(partial(execution.notify, _action(verb, execution, CallStatus.COMPLETED)))
        raise
    call.digits.clear()
    return _go_on(verb, execution, CallStatus.COMPLETED)


def _refused(verb: Dial, noun: Conference, execution: Execution, code: int, text: str) -> Outcome:
    problem = Problem(code, f"conference {noun.name!r}: {text}", line=noun.line, column=noun.column)
    execution.call.notify(problem)
    return _go_on(verb, execution, CallStatus.FAILED)


async def _in_room(verb: Dial, noun: Conference, execution: Execution) -> None:
    """Join the room, wherever it lives, and leave it."""
    room, options = _room_options(noun, execution), _participant_options(noun, execution)
    host = await _host(noun, execution)
    if host is not None:
        await _in_room_elsewhere(verb, host, room, options, execution)
        return
    call = execution.call
    seat = execution.services.conferences.join(call, noun.name, room, options)
    execution.step("joined")
    call.digits.clear()
    try:
        await _until_released(verb, take_part(seat, execution), execution)
    except asyncio.CancelledError:
        was_redirected = not call.ended.is_set
        seat.leave(LeaveReason.UPDATED_VIA_API if was_redirected else LeaveReason.HUNG_UP)
        raise
    finally:
        seat.leave(LeaveReason.HUNG_UP)


async def _host(noun: Conference, execution: Execution) -> str | None:
    """The other node that has the room. While the database is away each node has rooms of its own."""
    rooms = execution.services.rooms_elsewhere
    if rooms is None:
        return None
    try:
        return await rooms.host_of(execution.call.record.account_sid, noun.name)
    except Unavailable:
        return None


async def _in_room_elsewhere(
    verb: Dial, host: str, room: RoomOptions, options: ParticipantOptions, execution: Execution
) -> None:
    """Be there by a leg to the node that has it."""
    call, rooms = execution.call, execution.services.rooms_elsewhere
    assert verb.conference is not None  # noqa: S101 - this is its executor
    assert rooms is not None  # noqa: S101 - it has named the host
    visit = Visit(call.record, call.sip, verb.conference.name, room, options, execution.url, execution.method)
    async with rooms.visit(host, visit) as leg:
        execution.step("joined")
        with bridged(execution.services.plane, call, leg):
            await _until_released(verb, leg.ended.wait(), execution)


async def _until_released(verb: Dial, released: Coroutine[Any, Any, object], execution: Execution) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(verb.time_limit):
            await first_of(released, star(verb, execution.call))


async def take_part(seat: Seat, execution: Execution) -> None:
    """Until the call is released: in the room nothing is to be done; outside of it, something is heard."""
    while not seat.released.is_set:
        activity, held = seat.activity, seat.held
        outside = silence() if activity is Activity.IN_ROOM else _hear(seat, held, execution)
        await first_of(seat.released.wait(), _changes(seat, activity, held), outside)


async def _hear(seat: Seat, audio: HeldAudio, execution: Execution) -> None:
    outside = execution.beside(Mode.HEARD)
    record = seat.conference.record
    outside.extra = lambda: (("ConferenceSid", record.sid), ("FriendlyName", record.friendly_name))
    await hear_once(outside, audio)


async def _changes(seat: Seat, activity: Activity, held: HeldAudio) -> None:
    while seat.activity is activity and seat.held is held:
        await seat.changed.wait()


def _go_on(verb: Dial, execution: Execution, status: CallStatus) -> Outcome:
    if not verb.action:
        return Next()
    parameters = _parameters(status)
    return GoTo(execution.request(verb.action, verb.method, parameters, must_arrive=True))


def _action(verb: Dial, execution: Execution, status: CallStatus) -> DocumentRequest:
    return execution.request(verb.action or "", verb.method, _parameters(status))


def _parameters(status: CallStatus) -> Parameters:
    return (("DialCallStatus", status.value),)


def _participant_options(noun: Conference, execution: Execution) -> ParticipantOptions:
    wait_url = execution.resolve(noun.wait_url) if noun.wait_url else noun.wait_url
    return ParticipantOptions(
        label=noun.label,
        muted=noun.muted,
        beep=Beep(noun.beep.value),
        start_on_enter=noun.start_on_enter,
        end_on_exit=noun.end_on_exit,
        coach=CallSid(noun.coach) if noun.coach else None,
        wait=HeldAudio(wait_url, noun.wait_method.value),
        jitter_delay=JITTER_DELAYS[noun.jitter_buffer.value] if noun.jitter_buffer is not None else None,
    )


def _room_options(noun: Conference, execution: Execution) -> RoomOptions:
    callbacks, recording = None, None
    if noun.status_callback:
        events = tuple(sorted(each.value for each in noun.status_callback_events))
        url = execution.resolve(noun.status_callback)
        callbacks = Subscription(url, noun.status_callback_method.value, events)
    if noun.recording_status_callback:
        recording = RecordingCallback(
            execution.resolve(noun.recording_status_callback),
            noun.recording_status_callback_method.value,
            noun.recording_status_callback_events,
        )
    return RoomOptions(
        max_participants=noun.max_participants,
        record=noun.record is ConferenceRecording.FROM_START,
        trim=noun.trim is ConferenceTrim.TRIM_SILENCE,
        callbacks=callbacks,
        recording_callback=recording,
    )
