"""Calls that an application asks for over REST, and what it may do to live ones."""

import asyncio
from functools import partial
from typing import Final

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid
from callapi.calls.admission import Gate
from callapi.calls.call import Call, Story
from callapi.calls.commands import CreateCall, ModifyCall
from callapi.calls.destinations import Destinations
from callapi.calls.live import DocumentRequest, LiveCalls, Placement, Script
from callapi.calls.recordings import Recordings
from callapi.calls.status import CallStatus
from callapi.calls.unreached import why_unreached
from callapi.media import RecordOptions
from callapi.sip import Credentials
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

    def __init__(
        self, live: LiveCalls, destinations: Destinations, script: Script, gate: Gate, recordings: Recordings
    ) -> None:
        self._recordings = recordings
        self._live = live
        self._destinations = destinations
        self._script = script
        self._gate = gate

    async def create_call(self, account: AccountSid, command: CreateCall) -> CallRecord:
        """Place a call; its record as it stands right after.

        A client with several phones is rung on the preferred one.

        Raises:
            NotPlaceable: no INVITE can be sent to `command.to`.
            Overloaded: a limit of this node or of the account is reached, or the node is draining.
        """
        if (reason := self._gate.refusal() or self._live.quotas.refusal(account)) is not None:
            raise Overloaded(reason)
        credentials = None
        if command.sip_username is not None:
            credentials = Credentials(command.sip_username, command.sip_password or "")
        destination = (await self._destinations.find(command.to, account, credentials))[0]
        identity = self._destinations.identity(command.from_, command.caller_name)
        placement = Placement(
            account_sid=account,
            direction="outbound-api",
            address=destination.address,
            from_=identity.from_,
            from_name=identity.name,
            to_name=destination.name,
            caller_name=command.caller_name,
            codecs=destination.codecs,
            callbacks=command.callbacks,
        )
        placement = destination.complete(placement)
        return self._live.place(placement, lambda call: self._when_answered(call, command)).record

    async def modify_call(self, sid: CallSid, command: ModifyCall) -> CallRecord:
        """Do what `command` says to the live call `sid`; its record as it stands right after.

        Raises:
            NotModifiable: the call is not live, or not in a state that the command fits.
        """
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
        if await _answers(call, RING_S):
            await self._script(call, document)

    async def _when_answered(self, call: Call, command: CreateCall) -> None:
        if not await _answers(call, command.timeout_s):
            return
        if command.record:
            self._recordings.start(call, "OutboundAPI", RecordOptions(), None)
        limit = asyncio.get_running_loop().call_later(command.time_limit_s, call.hang_up, "time limit")
        try:
            await self._script(call, command.document)
        finally:
            limit.cancel()


async def _answers(call: Call, timeout_s: float) -> bool:
    """Whether the called party answers within `timeout_s`; a call that does not is ended as `no-answer`."""
    try:
        async with asyncio.timeout(timeout_s):
            is_answered = await call.answered.wait()
    except TimeoutError:
        call.hang_up("no answer in time", CallStatus.NO_ANSWER)
        return False
    if not is_answered and (problem := why_unreached(call)) is not None:
        call.notify(problem)
    return is_answered
