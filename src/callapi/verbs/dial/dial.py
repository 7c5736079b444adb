"""`<Dial>`: ring the targets, join the caller with the first to accept, request the action."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from callapi.calls.bridges.bridge import bridged
from callapi.calls.call import Call
from callapi.calls.one_shot import first_of
from callapi.calls.status import CallStatus
from callapi.rcml import Client, Dial, Sip
from callapi.sip import InboundRefer
from callapi.verbs.audio.recordings import RecordedDial
from callapi.verbs.dial.application import dial_application
from callapi.verbs.dial.conference import dial_conference
from callapi.verbs.dial.forking import Forking
from callapi.verbs.dial.queue import dial_queue
from callapi.verbs.dial.ringback import ringback
from callapi.verbs.dial.transfer import REQUEST_PENDING, Transfer
from callapi.verbs.execution import Execution, GoTo, Next, Outcome
from callapi.verbs.parameters import DialOutcome, dial_action
from callapi.verbs.waiting import star


async def dial(verb: Dial, execution: Execution) -> Outcome:
    """What `<Dial>` holds: parties to ring, a conference to join, a queue to serve, an application to run."""
    if verb.conference is not None:
        return await dial_conference(verb, verb.conference, execution)
    if verb.queue is not None:
        return await dial_queue(verb, verb.queue, execution)
    if verb.application is not None:
        return await dial_application(verb, verb.application, execution)
    return await _dial_parties(verb, execution)


async def _dial_parties(verb: Dial, execution: Execution) -> Outcome:
    """Ring, join, request `action`. A caller that leaves on any line of this still has its `action` requested, once."""
    forking = Forking(verb, execution)
    bridge = DialBridge(verb, execution)
    recording = RecordedDial(verb, execution)
    if any(isinstance(noun, Client | Sip) and noun.video for noun in verb.targets):
        execution.call.leg.accept_video(execution.services.plane)
    try:
        execution.step("ringing")
        async with ringback(verb, execution, forking):
            recording.begin()
            callee = await forking.ring()
        if callee is not None and callee.released.is_set and not callee.ended.is_set:
            callee = forking.winner = None  # given a document of its own between accepting and being joined
        if callee is None:
            await forking.settle()
        else:
            recording.begin(callee)
            execution.step("joined")
            await bridge.join(callee)
        recording.stop()
    except asyncio.CancelledError:
        if bridge.joined_s is None:
            forking.withdraw()
        outcome = forking.outcome(bridge.joined_s, CallStatus.CANCELED)
        caller = execution.call
        forking.close("the caller left", caller.ended.value.sip_reason if caller.ended.is_set else None)
        winner = forking.winner
        if winner is not None and not winner.released.is_set and not bridge.keeps(winner):
            winner.hang_up("the caller left")
        recording.stop()
        if verb.action:
            execution.call.run_detached(
                partial(_request_action, verb.action, verb, execution, outcome, recording)
            )
        raise
    outcome = forking.outcome(bridge.joined_s)
    if callee is None and not execution.call.leg.is_answered:
        execution.call.final_code = _final_code(outcome)
    if not verb.action:
        return Next()
    parameters = dial_action(outcome, await recording.facts())
    return GoTo(execution.request(verb.action, verb.method, parameters, must_arrive=True))


class DialBridge:
    """The time that caller and callee are joined. `joined_s`: None until they were."""

    __slots__ = ("_execution", "_verb", "joined_s", "transfer")

    def __init__(self, verb: Dial, execution: Execution) -> None:
        self._verb = verb
        self._execution = execution
        self.joined_s: float | None = None
        self.transfer: Transfer | None = None
        """What either party has asked for last."""

    async def join(self, callee: Call) -> None:
        """Join the two until either leaves, the time is up, or the caller presses its star.

        A callee that hung up in the moment in which it answered was joined for no time at all.
        """
        caller, verb = self._execution.call, self._verb
        caller.leg.limit_video(callee.leg)
        caller.answer()
        caller.leg.renew_video()
        self._execution.sounded()
        if callee.released.is_set:
            self.joined_s = 0.0
            return
        clock = asyncio.get_running_loop().time
        joined_at = clock()
        try:
            with bridged(self._execution.services.plane, caller, callee), self._transferable(caller, callee):
                if verb.hangup_on_star:
                    async with asyncio.timeout(verb.time_limit):
                        await first_of(callee.released.wait(), star(verb, caller))
                else:
                    await callee.released.wait(verb.time_limit)
            reason = "the caller pressed star"
        except TimeoutError:
            reason = f"time limit of {verb.time_limit} s"
        finally:
            self.joined_s = clock() - joined_at
        if not callee.released.is_set:
            callee.hang_up(reason)
        await self._transferred()

    def keeps(self, callee: Call) -> bool:
        """Whether a transfer still decides what becomes of `callee`, though the caller has left."""
        transfer = self.transfer
        return transfer is not None and transfer.is_pending and transfer.transferee is callee

    @contextmanager
    def _transferable(self, caller: Call, callee: Call) -> Iterator[None]:
        """Let either party ask for a transfer, one at a time."""

        def ask(referrer: Call, transferee: Call, refer: InboundRefer) -> None:
            if self.transfer is not None and self.transfer.is_pending:
                refer.refuse(REQUEST_PENDING)
                return
            self.transfer = Transfer(self._verb, self._execution, refer, referrer, transferee)
            self.transfer.begin()

        caller.on_refer, callee.on_refer = partial(ask, caller, callee), partial(ask, callee, caller)
        try:
            yield
        finally:
            caller.on_refer = callee.on_refer = None

    async def _transferred(self) -> None:
        """The callee has left after asking for a transfer of the caller, who hears ringing until that is decided."""
        transfer = self.transfer
        if transfer is None or not transfer.is_pending:
            return
        tone = self._execution.call.leg.stream.play_tone(self._verb.ring_tone)
        try:
            await transfer.done.wait()
        finally:
            tone.stop()


async def _request_action(
    action: str, verb: Dial, execution: Execution, outcome: DialOutcome, recording: RecordedDial
) -> None:
    """Request the action of a Dial whose caller is gone; the answer is not used."""
    parameters = dial_action(outcome, await recording.facts())
    await execution.notify(execution.request(action, verb.method, parameters))


def _final_code(outcome: DialOutcome) -> int:
    """What an unanswered caller is refused with if no other verb follows: the callee's own failure."""
    branch = outcome.reported
    code = branch.sip_code if branch else None
    if outcome.status is CallStatus.NO_ANSWER and code in (None, 487):
        return 408
    return code if code is not None and code >= 400 else 500
