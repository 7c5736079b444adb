"""A transfer that either party of a Dial asks for by REFER (RFC 3515, 5589): blind, semi-attended or attended.

With `referUrl` the application decides. Without, the node does it: it calls the target (or takes the party of the
consultation that Replaces names, whose dialog is our own) and joins it with the party that stays. The referrer is sent
the true progress, and after success the BYE; after a failure the old call stands.
"""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from callapi.base.clock import utc_now
from callapi.calls.bridges.conversation import Conversation
from callapi.calls.bridges.transfers import Consultation, consultation
from callapi.calls.call import Call
from callapi.calls.errors import NotPlaceable
from callapi.calls.events import TransferStep
from callapi.calls.one_shot import OneShot, first_of
from callapi.calls.placing.destinations import Destinations
from callapi.calls.placing.placement import Placement
from callapi.calls.placing.unreachable import unreachable_reason
from callapi.calls.problem import Problem
from callapi.rcml import Client, Dial, Number, Sip, Target
from callapi.sip import InboundRefer, SipUri, Uri
from callapi.verbs.dial.targets import placements
from callapi.verbs.execution import Execution
from callapi.verbs.mode import Mode

REQUEST_PENDING = 491
NO_DIALOG = 481
DECLINED = 603


class Transfer:
    """One REFER. `referrer` has sent it, `transferee` is the party that stays."""

    def __init__(
        self, verb: Dial, execution: Execution, refer: InboundRefer, referrer: Call, transferee: Call
    ) -> None:
        self._verb = verb
        self._execution = execution
        self._refer = refer
        self._referrer = referrer
        self.transferee = transferee
        self.done: OneShot[bool] = OneShot()
        """Whether it succeeded, once that is known."""

    @property
    def is_pending(self) -> bool:
        """Whether its outcome is still open."""
        return not self.done.is_set

    def begin(self) -> bool:
        """Accept or refuse the REFER; whether it goes on."""
        refer, account = self._refer, self.transferee.record.account_sid
        target = refer.refer_to
        consulted: Consultation | None = None
        self._report(TransferStep.REQUESTED)
        if target.replaces is not None and self._verb.refer_url is None:
            consulted = consultation(self._execution.services.live, target.replaces, account)
            if consulted is None:
                return self._refuse(NO_DIALOG)
            if consulted.party is self.transferee:  # Replaces names the very call that is to be transferred
                return self._refuse(DECLINED)
        if self._verb.refer_url is None and not self._execution.services.allows_refer:
            return self._refuse(DECLINED)
        if not isinstance(target.uri, SipUri) or target.method != "INVITE":
            return self._refuse(DECLINED)
        refer.accept()
        self._report(TransferStep.ACCEPTED, 202)
        self.transferee.run_detached(partial(self._run, consulted))
        return True

    def _refuse(self, code: int) -> bool:
        self._refer.refuse(code)
        self._report(TransferStep.REFUSED, code)
        self.done.set(False)
        return False

    async def _run(self, consulted: Consultation | None) -> None:
        try:
            if self._verb.refer_url is not None:
                code = await self._ask_application(self._verb.refer_url)
            elif consulted is not None:
                code = await self._attended(consulted)
            else:
                code = await self._blind()
            is_done = code == 200
            self._report(TransferStep.SUCCEEDED if is_done else TransferStep.FAILED, code)
            if not self._refer.is_over:
                self._refer.notify(code)
            if is_done:
                self._referrer.hang_up("transferred")
                if consulted is not None:
                    consulted.leg.hang_up("transferred")
            elif self._referrer.ended.is_set and not self.transferee.released.is_set:
                self._orphaned()
            self.done.set(is_done)
        finally:
            self.done.set(False)

    def _orphaned(self) -> None:
        """The referrer is gone and the transfer failed: a called party is hung up, a caller's document goes on."""
        if self.transferee is not self._execution.call:
            self.transferee.hang_up("the transfer failed, and the other party had left")

    async def _ask_application(self, url: str) -> int:
        """The document of `referUrl` takes the place of what the transferee is in."""
        moved = self._execution.beside(Mode.CALL, self.transferee)
        parameters = (("ReferTransferTarget", self._refer.refer_to.text),)
        document = await moved.fetch(moved.request(url, self._verb.refer_method, parameters))
        if document is None:
            return 500
        self.transferee.redirect(partial(moved.run_document, document))
        return 200

    async def _attended(self, consulted: Consultation) -> int:
        party = consulted.party
        if not party.leg.is_answered and party.record.direction != "inbound":
            self._progress()
            party.redirect(OneShot[None]().wait)  # out of the Dial that rings it; replaced by the talk
            if not await self._answers(party):
                return self._code_of(party)
        self._join(party)
        return 200

    async def _blind(self) -> int:
        try:
            party = await self._place()
        except NotPlaceable as problem:
            self.transferee.notify(Problem(problem.code, f"transfer: {problem}"))
            return 404
        party.rang.then(lambda _: self._progress())
        if not await self._answers(party):
            if (why := unreachable_reason(party)) is not None:
                self.transferee.notify(why)
            return self._code_of(party)
        self._join(party)
        return 200

    async def _place(self) -> Call:
        services, refer = self._execution.services, self._refer
        target = refer.refer_to
        headers = "&".join(f"{name}={value}" for name, value in target.headers)
        uri = f"{target.uri}?{headers}" if headers else str(target.uri)
        wanted: list[Placement] = []
        for noun in (*_own(services.destinations, target.uri), Sip(uri)):
            try:
                wanted = await placements(services.destinations, noun, self.transferee, None, None)
                break
            except NotPlaceable:
                if isinstance(noun, Sip):
                    raise
        return services.live.place(wanted[0])

    async def _answers(self, party: Call) -> bool:
        """Whether the new party answers in time, while the one that is transferred is still there."""
        waits: tuple[Coroutine[Any, Any, bool], ...] = (
            _answered(party, self._verb.timeout),
            _ended(self.transferee),
        )
        if await first_of(*waits):
            return True
        party.hang_up("the transfer was given up")
        return False

    def _join(self, party: Call) -> None:
        Conversation(self._execution.services.plane, self.transferee, party).begin()

    def _progress(self) -> None:
        if not self._refer.is_over:
            self._refer.notify(180)
        self._report(TransferStep.RINGING, 180)

    def _code_of(self, party: Call) -> int:
        """The final response of the new party, as reported to the referrer."""
        response = party.final_response
        if self.transferee.ended.is_set:
            return 487
        return response.status if response is not None and response.status >= 300 else 480

    def _report(self, step: TransferStep, code: int | None = None) -> None:
        self.transferee.live_record.transfer_changed(step, str(self._refer.refer_to.uri), code, utc_now())


def _own(destinations: Destinations, uri: Uri) -> tuple[Target, ...]:
    """What a user of the node's own domain may be: a client, else a number."""
    if not isinstance(uri, SipUri) or not uri.user or not destinations.is_own(uri):
        return ()
    return Client(uri.user), Number(uri.user)


async def _answered(party: Call, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await party.answered.wait()
    except TimeoutError:
        return False


async def _ended(call: Call) -> bool:
    await call.ended.wait()
    return False
