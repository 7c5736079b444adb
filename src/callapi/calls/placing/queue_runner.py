"""Places the calls that REST has queued, one after another, and runs their stories."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, CallSid
from callapi.calls.arriving.admission import AdmissionControl
from callapi.calls.call import STORY_FAILED, Call
from callapi.calls.commands import CreateCall, ModifyCall
from callapi.calls.control import REST_END
from callapi.calls.documents.document import Script
from callapi.calls.errors import NotPlaceable
from callapi.calls.events import CallbackChanged, CallEnded, ProblemRaised
from callapi.calls.live import LiveCalls
from callapi.calls.placing.answering import answers
from callapi.calls.placing.destinations import Destinations
from callapi.calls.placing.keeper import QueueKeeper
from callapi.calls.placing.machine_detection import begin_detection, detection_parameters
from callapi.calls.placing.placement import Placement
from callapi.calls.placing.queue import CallQueue, QueuedCall
from callapi.calls.placing.unreachable import unreachable_reason
from callapi.calls.problem import Problem
from callapi.calls.recording.recordings import OF_PLACED_CALL, Recordings
from callapi.calls.records.call_record import ended, with_callback
from callapi.calls.status import CallStatus, Ending
from callapi.calls.status_machine import EndRequested, SessionEnded, StatusMachine
from callapi.sip import Credentials, Party
from callapi.store import CallRecord, Unavailable

log = logging.getLogger(__name__)

RETRY_S: Final = 0.1
"""Poll interval while a queued call waits for capacity."""
MAX_REST_S: Final = 60.0
"""The longest time between two checks for calls that have waited too long."""
UNAVAILABLE_S: Final = 1.0
"""How long a queue that others share rests while the database is away."""
MAX_QUEUED_S: Final = 86_400.0
"""A call that waits longer has failed; `store.calls` relies on this bound."""


class QueueRunner:
    """Removes calls from the queue and places them; from then on the live directory owns them."""

    def __init__(  # noqa: PLR0913 - each is needed, and none may be forgotten
        self,
        live: LiveCalls,
        destinations: Destinations,
        script: Script,
        admission: AdmissionControl,
        recordings: Recordings,
        *,
        queue: CallQueue,
        keeper: QueueKeeper,
        may_call: Callable[[AccountSid], Awaitable[bool]],
    ) -> None:
        """`may_call`: whether an account may call when its turn comes; it may have been suspended meanwhile."""
        self.live = live
        self.queue = queue
        self.keeper = keeper
        self._may_call = may_call
        self._destinations = destinations
        self._script = script
        self._admission = admission
        self._recordings = recordings
        self._awake = asyncio.Event()

    async def placement(self, account: AccountSid, command: CreateCall) -> Placement:
        """What `command` asks for, as things stand now. Raises NotPlaceable."""
        credentials = None
        if command.sip_username is not None:
            credentials = Credentials(command.sip_username, command.sip_password or "")
        identity = self._destinations.identity(command.from_, command.caller_name)
        shown = identity.from_
        if command.caller_id is not None:
            shown = self._destinations.identity(command.caller_id, command.caller_name).from_
        first, *others = (
            each.complete(
                Placement(
                    account_sid=account,
                    direction="outbound-api",
                    address=each.address,
                    from_=shown,
                    from_name=identity.name,
                    to_name=each.name,
                    caller_name=command.caller_name,
                    codecs=each.codecs,
                    callbacks=command.callbacks,
                )
            )
            for each in await self._destinations.find(command.to, account, credentials)
        )
        return replace(first, parallel=tuple(others))

    @property
    def is_closed(self) -> bool:
        """Whether no call can be placed now."""
        return self._admission.closed is not None

    def adopt(self, waiting: QueuedCall) -> None:
        """Let a call wait that another node had accepted."""
        self.queue.adopt(waiting)
        self._awake.set()

    def put(self, waiting: QueuedCall) -> None:
        """Let a call wait for its turn, in the place that was reserved for it."""
        self.queue.put(waiting)
        self._awake.set()

    async def serve(self) -> None:
        """Place what waits until cancelled; what waits then has failed."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._awake.clear()
                while (late := self.queue.overdue(loop.time() - MAX_QUEUED_S)) is not None:
                    self._fail(late, "it waited for more than a day")
                waiting = self.queue.due(loop.time(), self.live.quotas.is_full)
                if waiting is None or not await self._place(waiting):
                    await self._rest()
                else:
                    # A long queue without a rate must not keep the loop from live calls.
                    await asyncio.sleep(0)
        finally:
            self.abandon("the node was stopped before the call was placed")

    def abandon(self, reason: str) -> None:
        """Nothing that waits will be placed."""
        for waiting in self.queue.all():
            self._fail(waiting, reason)

    def close(self, waiting: QueuedCall, status: CallStatus, reason: str) -> CallRecord:
        """End a call that was removed from the queue and not placed; its final record."""
        now = utc_now()
        machine = StatusMachine(CallStatus.QUEUED)
        machine.handle(EndRequested(status))
        machine.handle(SessionEnded(Party.LOCAL))
        ending = Ending(Party.LOCAL, reason)
        record = ended(waiting.record, machine.status, ending, now)
        self.keeper.ended(record.sid)
        self.live.bus.publish(CallEnded(record, now, ending))
        return record

    def modify(self, sid: CallSid, command: ModifyCall) -> CallRecord | None:
        """Carry out `command` on a call that was not placed yet; None if the queue does not have it."""
        waiting = self.queue.find(sid)
        if waiting is None:
            return None
        if command.mute is not None:
            waiting.is_muted = command.mute
        if command.status is not None:
            self.queue.remove(waiting)
            return self.close(waiting, CallStatus.CANCELED, REST_END)
        if command.time_limit_s is not None:
            waiting.command = replace(waiting.command, time_limit_s=command.time_limit_s)
        if command.status_callback is not None or command.status_callback_method is not None:
            now = utc_now()
            url, method = command.status_callback, command.status_callback_method
            waiting.record = with_callback(waiting.record, url, method, now)
            self.live.bus.publish(CallbackChanged(waiting.record, now))
        if command.document is not None:
            waiting.command = replace(waiting.command, document=command.document)
        return waiting.record

    async def _has_turn(self, waiting: QueuedCall) -> bool:
        """Whether the call may be placed now, by this node: from then on no other one does."""
        account = waiting.record.account_sid
        if self._admission.refusal() is not None:
            return False
        try:
            if (wait_s := await self.keeper.turn(account)) > 0:
                self.queue.defer(account, asyncio.get_running_loop().time() + wait_s)
                return False
            if await self.keeper.claim(waiting.record.sid):
                return True
        except Unavailable:
            self.queue.defer(account, asyncio.get_running_loop().time() + UNAVAILABLE_S)
            return False
        self.queue.remove(waiting)
        return False

    def release(self) -> list[QueuedCall]:
        """Empty the queue without ending its calls: other nodes place them."""
        waiting = self.queue.all()
        for each in waiting:
            self.queue.remove(each)
        return waiting

    async def _rest(self) -> None:
        """Wait until the next call can be due: one was queued, a rate allows it, or the node may have capacity."""
        wait_s = self.queue.wait_s(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(min(wait_s or RETRY_S, MAX_REST_S) if wait_s is not None else None):
                await self._awake.wait()
        except TimeoutError:
            return

    async def _place(self, waiting: QueuedCall) -> bool:
        """Place a call that is due, or end it if it cannot be placed; False: the node is at its limit."""
        account = waiting.record.account_sid
        if not await self._may_call(account):
            self._fail(waiting, "the account is not active")
            return True
        try:
            placement = await self.placement(account, waiting.command)
        except NotPlaceable as problem:
            self._fail(waiting, str(problem), problem.code)
            return True
        if self.queue.find(waiting.record.sid) is None:  # canceled meanwhile
            return True
        if not await self._has_turn(waiting):
            return False
        if not self.queue.remove(waiting):  # canceled, or given to another node meanwhile
            return True
        self.queue.placed(account, asyncio.get_running_loop().time())
        try:
            self._send(waiting, placement)
        except NotPlaceable as problem:
            self._end(waiting, str(problem), problem.code)
        except Exception:
            log.exception("%s: cannot be placed", waiting.record.sid)
            self._end(waiting, "internal error", STORY_FAILED)
        return True

    def _send(self, waiting: QueuedCall, placement: Placement) -> None:
        call = self.live.place(
            placement, lambda call: self._when_answered(call, waiting.command), waiting.record
        )
        call.limit_duration(waiting.command.time_limit_s)
        if waiting.is_muted:
            call.leg.stream.mute(waiting.is_muted)

    async def _when_answered(self, call: Call, command: CreateCall) -> None:
        call.run_detached(partial(_notify_if_unreached, call))
        if not await answers(call, command.timeout_s):
            return
        detection = command.detection if not command.send_digits else None
        verdict = begin_detection(call, detection) if detection is not None else None
        if (order := command.recording) is not None:
            self._recordings.start(
                call, OF_PLACED_CALL, order.options, order.callback, sent_only=order.sent_only
            )
        if command.send_digits:
            await call.leg.stream.send_digits(command.send_digits).ended()
        document = command.document
        if detection is not None and verdict is not None and not detection.is_async:
            facts = detection_parameters(await verdict.wait())
            document = replace(document, parameters=(*document.parameters, *facts))
        await self._script(call, document)

    def _fail(self, waiting: QueuedCall, reason: str, code: int | None = None) -> None:
        """End a call that waits, unless that was done already."""
        if self.queue.remove(waiting):
            self._end(waiting, reason, code)

    def _end(self, waiting: QueuedCall, reason: str, code: int | None) -> None:
        record = self.close(waiting, CallStatus.FAILED, reason)
        if code is not None:
            problem = Problem(code, f"{record.to}: {reason}")
            self.live.bus.publish(ProblemRaised(problem, record.account_sid, utc_now(), record.sid))


async def _notify_if_unreached(call: Call) -> None:
    """Write a notification if the way to the called party failed. Beside the story, which ends with the call."""
    await call.ended.wait()
    if call.answered_at is None and (problem := unreachable_reason(call)) is not None:
        call.notify(replace(problem, text=f"{call.record.to}: {problem.text}"))
