"""Commands to calls that exist: redirect, end, mute. They come from REST, and from other nodes of a cluster."""

from functools import partial
from typing import Final, Protocol

from callapi.base.errors import CallApiError
from callapi.base.ids import CallSid
from callapi.calls.bridges.joined import Bridged
from callapi.calls.call import Call
from callapi.calls.commands import ModifyCall
from callapi.calls.documents.document import DocumentRequest, Script
from callapi.calls.documents.stories import Story
from callapi.calls.live import LiveCalls
from callapi.calls.placing.answering import answers
from callapi.store import CallRecord

REST_END: Final = "ended over REST"
RING_S: Final = 60
"""How long a call that was redirected before its answer goes on ringing."""


class NotModifiable(CallApiError):
    """The call is over, or the command does not fit its state. Twilio's 21220."""


class WaitingCalls(Protocol):
    """Calls that are still in the queue: `placing.queue_runner.QueueRunner`."""

    def modify(self, sid: CallSid, command: ModifyCall) -> CallRecord | None:
        """Carry out `command` on a call that was not placed yet; None if the queue does not have it."""
        ...


class CallControl:
    """Carries out `ModifyCall` on live and queued calls of this node."""

    def __init__(self, live: LiveCalls, waiting: WaitingCalls, script: Script) -> None:
        self._live = live
        self._waiting = waiting
        self._script = script

    async def modify_call(self, sid: CallSid, command: ModifyCall) -> CallRecord:
        """Carry out `command` on the call `sid`, live or queued; its record as it stands right after.

        Raises:
            NotModifiable: the call is over, or not in a state that the command fits.
        """
        if (record := self._waiting.modify(sid, command)) is not None:
            return record
        call = self._live.get(sid)
        if call is None or call.ended.is_set:
            raise NotModifiable(f"the call {sid} is not in progress")
        if command.mute is not None:
            call.leg.stream.mute(command.mute)
        if command.time_limit_s is not None:
            call.limit_duration(command.time_limit_s)
        if command.status_callback is not None or command.status_callback_method is not None:
            call.live_record.change_callback(command.status_callback, command.status_callback_method)
        if command.status is not None:
            self._end(call, command.status)
        elif command.document is not None:
            self._redirect(call, command.document, move_connected_leg=command.move_connected_leg)
        return call.record

    def _end(self, call: Call, status: str) -> None:
        if status == "canceled" and call.leg.is_answered:
            raise NotModifiable(f"the call {call.sid} was answered; only Status=completed ends it")
        call.hang_up(REST_END)

    def _redirect(self, call: Call, document: DocumentRequest, *, move_connected_leg: bool) -> None:
        other = self._live.get(call.joined.other) if isinstance(call.joined, Bridged) else None
        call.redirect(self._story(call, document))
        if move_connected_leg and other is not None and not other.ended.is_set:
            other.redirect(self._story(other, document))

    def _story(self, call: Call, document: DocumentRequest) -> Story:
        if call.record.direction == "inbound" or call.leg.is_answered:
            return partial(self._script, call, document)
        return partial(self._once_answered, call, document)

    async def _once_answered(self, call: Call, document: DocumentRequest) -> None:
        if await answers(call, RING_S):
            await self._script(call, document)
