"""Rings the targets of a Dial; the first to accept wins.

Each noun is a branch; a client with several registrations rings on each of them. A 200 OK accepts, or, where there
is a screening URL, reaching the end of its document; the other branches go on ringing until then. A branch that loses
is hung up at once, and no call that was placed here outlives the ringing unless it was joined or redirected over REST.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from msgspec.structs import replace

from callapi.base.task_group import TaskGroup
from callapi.calls.call import Call
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.errors import NotPlaceable
from callapi.calls.legs.called_party import COMPLETED_ELSEWHERE
from callapi.calls.one_shot import OneShot, first_of
from callapi.calls.placing.machine_detection import DetectionCallback, DetectionOrder, begin_detection
from callapi.calls.placing.placement import Placement, Subscription
from callapi.calls.placing.unreachable import unreachable_reason
from callapi.calls.problem import Problem
from callapi.calls.status import CallStatus, best_of
from callapi.media.answering.detector import MachineDetection
from callapi.rcml import Client, DetectionMode, Dial, Number, Sip, Target
from callapi.verbs.dial.targets import placements
from callapi.verbs.execution import Execution, StoryResult
from callapi.verbs.mode import Mode
from callapi.verbs.parameters import BranchFacts, DialOutcome

SETTLE_S: Final = 1.0
"""How long to wait for the final codes of cancelled branches before the outcome is reported."""


class Branch:
    """One noun and the calls that ring for it."""

    __slots__ = ("calls", "noun", "screening")

    def __init__(self, noun: Target) -> None:
        self.noun = noun
        self.calls: list[Call] = []
        self.screening: str | None = None

    @property
    def target(self) -> str:
        """The target as written, without its headers: they may be secret."""
        match self.noun:
            case Sip(uri=uri):
                text = uri
            case Client(name=name):
                text = f"client:{name}"
            case Number(number=number):
                text = number
        return text.partition("?")[0].strip()

    def facts(self, winner: Call | None) -> BranchFacts:
        """How it stands; of several calls the one with the best outcome counts."""
        if not self.calls:
            return BranchFacts(self.target, CallStatus.FAILED)
        statuses = [_status(call, winner) for call in self.calls]
        best = CallStatus.COMPLETED if CallStatus.COMPLETED in statuses else best_of(statuses)
        call = self.calls[statuses.index(best)]
        code = call.final_response.status if call.final_response else call.record.sip_response_code
        return BranchFacts(self.target, best, call, code, self.screening)


def _status(call: Call, winner: Call | None) -> CallStatus:
    """How a call ended for the Dial; one that was redirected before it was joined is canceled."""
    if call is winner:
        return CallStatus.COMPLETED
    status = call.outcome
    return status if status.is_final and status is not CallStatus.COMPLETED else CallStatus.CANCELED


class Forking:
    """One ringing of the targets of a Dial."""

    def __init__(self, verb: Dial, execution: Execution) -> None:
        self._verb = verb
        self._execution = execution
        self.branches = [Branch(noun) for noun in verb.targets]
        self.winner: Call | None = None
        self.rang: OneShot[Call] = OneShot()
        """The first phone to ring."""

    async def ring(self) -> Call | None:
        """Ring until a party accepts, all have failed, or time is up. Losers are being hung up on return."""
        if self._verb.sequential:
            for branch in self.branches:
                if await self._try(branch) is not None:
                    break
        else:
            await self._first_accepted([self._try(branch) for branch in self.branches])
        self.close("another party accepted" if self.winner else "no party accepted")
        return self.winner

    def withdraw(self) -> None:
        """The caller left before it was joined: the party that accepted has lost as the others have."""
        if self.winner is not None and not self.winner.released.is_set:
            self.winner = None

    def close(self, reason: str, sip_reason: str | None = None) -> None:
        """Hang up every call but the winner and those that have a story of their own.

        `sip_reason` is the Reason header of the caller's CANCEL, which is passed on (RFC 3326).
        """
        elsewhere = COMPLETED_ELSEWHERE if self.winner is not None else sip_reason
        for branch in self.branches:
            for call in branch.calls:
                if call is not self.winner and not call.released.is_set:
                    call.hang_up(reason, sip_reason=elsewhere)

    async def settle(self) -> None:
        """Wait at most `SETTLE_S` until the calls that were cancelled have their final code."""
        ending = [call for branch in self.branches for call in branch.calls if not call.released.is_set]
        if ending:
            try:
                async with asyncio.timeout(SETTLE_S):
                    for call in ending:
                        await call.released.wait()
            except TimeoutError:
                return

    def outcome(self, joined_s: float | None, fallback: CallStatus | None = None) -> DialOutcome:
        """What `action` reports; `joined_s` is None if no party was joined, `fallback` for a caller gone."""
        facts = tuple(branch.facts(self.winner) for branch in self.branches)
        if joined_s is None:
            status = fallback or best_of([each.status for each in facts])
            called = [each for each in facts if each.call is not None]
            first = called[0] if called else None
            reported = next((each for each in called if each.status is status), first)
        else:
            status = CallStatus.COMPLETED
            pairs = zip(self.branches, facts, strict=True)
            reported = next(each for branch, each in pairs if self.winner in branch.calls)
        return DialOutcome(
            status=status,
            branches=facts,
            reported=reported,
            joined_s=joined_s or 0.0,
            was_bridged=joined_s is not None,
        )

    async def _first_accepted(self, attempts: Sequence[Coroutine[Any, Any, Call | None]]) -> Call | None:
        """The first call that an attempt returns; the other attempts are cancelled."""
        if len(attempts) == 1:
            return await attempts[0]
        winner: Call | None = None
        async with TaskGroup() as group:
            pending = {group.create_task(each) for each in attempts}
            while pending and winner is None:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                winner = next((call for task in done if (call := task.result()) is not None), None)
            for task in pending:
                task.cancel()
        return winner

    async def _try(self, branch: Branch) -> Call | None:
        """Ring one noun, on each of its phones."""
        execution, noun = self._execution, branch.noun
        try:
            wanted = await placements(
                execution.services.destinations,
                noun,
                execution.call,
                self._verb.caller_id,
                self._subscription(noun),
            )
            return await self._first_accepted([self._ring(branch, each) for each in wanted])
        except NotPlaceable as problem:
            text = f"{branch.target}: {problem}"
            execution.call.notify(Problem(problem.code, text, line=noun.line, column=noun.column))
            return None

    async def _ring(self, branch: Branch, placement: Placement) -> Call | None:
        """Ring one phone; the call, if it accepts."""
        noun = branch.noun
        call = self._execution.services.live.place(placement)
        branch.calls.append(call)
        if noun.url is not None:
            call.require_screening()
        call.rang.then(lambda _: self.rang.set(call))
        digits = noun.send_digits if isinstance(noun, Number) else None
        self._when_answered(call, noun, digits)
        try:
            if not await call.answered.wait(self._verb.timeout):
                self._explain(branch, call)
                return None
        except TimeoutError:
            if call is not self.winner:
                call.hang_up("no answer in time", CallStatus.NO_ANSWER)
        else:
            if digits and not call.released.is_set:  # a phone may hang up in the moment in which it answers
                await call.leg.stream.send_digits(digits).ended()
            if noun.url is not None:
                self._claim(call, is_answered=await self._accepts(branch, call, noun.url))
            elif digits:
                self._claim(call, is_answered=True)
        return call if call is self.winner else None

    def _when_answered(self, call: Call, noun: Target, digits: str | None) -> None:
        """What happens in the moment of the answer: it accepts, if nothing else must, and is listened to."""
        detection = self._detection(noun) if not digits else None

        def answered(is_answered: bool) -> None:  # noqa: FBT001 - the value of `answered`
            if is_answered and detection is not None:
                begin_detection(call, detection)
            if noun.url is None and not digits:
                self._claim(call, is_answered=is_answered)

        call.answered.then(answered)

    def _claim(self, call: Call, *, is_answered: bool) -> None:
        """The first call to accept wins at once, whatever becomes of it before the two are joined: the others end.

        A 200 of another one that arrives from now on comes too late, and is not reported.
        """
        if is_answered and self.winner is None and not call.released.is_set:
            self.winner = call
            call.accept()
            self.close("another party accepted")

    def _explain(self, branch: Branch, call: Call) -> None:
        problem = unreachable_reason(call)
        if problem is not None:
            noun = branch.noun
            self._execution.call.notify(
                replace(problem, text=f"{branch.target}: {problem.text}", line=noun.line, column=noun.column)
            )

    async def _accepts(self, branch: Branch, call: Call, url: str) -> bool:
        """Run the screening document; anything but acceptance ends this leg only."""
        execution = self._execution
        request = execution.request(url, branch.noun.method)

        async def released() -> None:
            await call.released.wait()

        accepted = await first_of(_accepted(execution.beside(Mode.SCREENING, call), request), released())
        if accepted:
            branch.screening = "accepted"
            return True
        branch.screening = "declined" if accepted is False else "hung-up"
        if not call.released.is_set:
            call.hang_up("declined in screening", CallStatus.NO_ANSWER)
        return False

    def _subscription(self, noun: Target) -> Subscription | None:
        if not noun.status_callback:
            return None
        events = tuple(sorted(noun.status_callback_events))
        return Subscription(
            self._execution.resolve(noun.status_callback), noun.status_callback_method, events
        )

    def _detection(self, noun: Target) -> DetectionOrder | None:
        party = noun.machine_detection if isinstance(noun, Sip | Number) else None
        if party is None:
            return None
        url = self._execution.resolve(party.status_callback) if party.status_callback else None
        return DetectionOrder(
            MachineDetection(
                until_message_end=party.mode is DetectionMode.DETECT_MESSAGE_END,
                timeout_ms=party.timeout_s * 1000,
                speech_threshold_ms=party.speech_threshold_ms,
                speech_end_threshold_ms=party.speech_end_threshold_ms,
                silence_timeout_ms=party.silence_timeout_ms,
            ),
            is_async=True,
            callback=DetectionCallback(url, party.status_callback_method) if url else None,
        )


async def _accepted(screening: Execution, request: DocumentRequest) -> bool:
    """Whether the screening document comes to its end; anything else declines."""
    return await screening.documents(screening, request) is StoryResult.TO_THE_END
