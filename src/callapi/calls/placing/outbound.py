"""Calls that an application asks for over REST, and what it may do to live ones."""

import asyncio
from functools import partial
from typing import Final

from msgspec.structs import replace

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid
from callapi.calls.arriving.admission import AdmissionControl
from callapi.calls.call import Call, Story
from callapi.calls.commands import CreateCall, ModifyCall
from callapi.calls.document import DocumentRequest, Script
from callapi.calls.live import LiveCalls
from callapi.calls.placing.queue import QUEUED, QueuedCall
from callapi.calls.placing.queue_runner import QueueRunner, answers
from callapi.calls.quotas import CALLS
from callapi.calls.status import CallStatus
from callapi.store import CallRecord

REST_END: Final = "ended over REST"
RING_S: Final = 60
"""How long a call rings on that got a document of its own before it was answered."""


class NotModifiable(CallApiError):
    """The call is over, or the command does not fit its state. Twilio's 21220."""


class Overloaded(CallApiError):
    """No new call can be taken now; `reason` names the limit."""


class Outbound:
    """Carries out what `commands` describe."""

    def __init__(self, live: LiveCalls, placer: QueueRunner, script: Script, gate: AdmissionControl) -> None:
        self._live = live
        self._placer = placer
        self._script = script
        self._gate = gate

    async def create_call(self, account: AccountSid, command: CreateCall) -> CallRecord:
        """Queue a call; its record, which is durable. It is placed when its turn comes.

        Raises:
            NotPlaceable: no INVITE can be sent to `command.to`.
            Overloaded: a limit of this node or of the account is reached, or the node is draining.
            Unavailable: the database is away.
        """
        if (reason := self._gate.closed) is not None:
            raise Overloaded(reason)
        if self._live.quotas.is_full(account):
            raise Overloaded(CALLS)
        record = self._live.draft(await self._placer.placement(account, command))
        if not self._placer.queue.hold(account):
            raise Overloaded(QUEUED)
        try:
            await self._live.journal.commit(record)
        except BaseException:
            self._placer.queue.give_up(account)
            raise
        self._placer.put(QueuedCall(record, command, asyncio.get_running_loop().time()))
        return record

    async def modify_call(self, sid: CallSid, command: ModifyCall) -> CallRecord:
        """Do what `command` says to the call `sid`, live or queued; its record as it stands right after.

        Raises:
            NotModifiable: the call is over, or not in a state that the command fits.
        """
        if (waiting := self._placer.queue.find(sid)) is not None:
            return self._modify_waiting(waiting, command)
        call = self._live.get(sid)
        if call is None or call.ended.is_set:
            raise NotModifiable(f"the call {sid} is not in progress")
        if command.mute is not None:
            call.leg.stream.mute(command.mute)
        if command.status is not None:
            self._end(call, command.status)
        elif command.document is not None:
            self._redirect(call, command.document, move_connected_leg=command.move_connected_leg)
        return call.record

    def _modify_waiting(self, waiting: QueuedCall, command: ModifyCall) -> CallRecord:
        if command.mute is not None:
            waiting.is_muted = command.mute
        if command.status is not None:
            self._placer.queue.take(waiting)
            return self._placer.close(waiting, CallStatus.CANCELED, REST_END)
        if command.document is not None:
            waiting.command = replace(waiting.command, document=command.document)
        return waiting.record

    def _end(self, call: Call, status: str) -> None:
        if status == "canceled" and call.leg.is_answered:
            raise NotModifiable(f"the call {call.sid} was answered; only Status=completed ends it")
        call.hang_up(REST_END)

    def _redirect(self, call: Call, document: DocumentRequest, *, move_connected_leg: bool) -> None:
        partner = call.partner
        call.release(self._story(call, document))
        if move_connected_leg and partner is not None and not partner.ended.is_set:
            partner.release(self._story(partner, document))

    def _story(self, call: Call, document: DocumentRequest) -> Story:
        if call.record.direction == "inbound" or call.leg.is_answered:
            return partial(self._script, call, document)
        return partial(self._once_answered, call, document)

    async def _once_answered(self, call: Call, document: DocumentRequest) -> None:
        if await answers(call, RING_S):
            await self._script(call, document)
