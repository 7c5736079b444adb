"""Transfers of the parties of a Dial, in virtual time: who talks with whom, and what the referrer is notified of."""

import asyncio
from collections.abc import Callable

import pytest

from callapi.calls.bridges.joined import Bridged, Joined
from callapi.calls.call import Call
from callapi.sip import InboundRefer, ReferReceived, ReferTo
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import SipUri
from callapi.sip.subscription.events import AcceptRefer, NotifierCommand, Notify, RefuseRefer
from tests.verbs.conftest import Story
from tests.verbs.world import Phone, World

RunStory = Callable[[Story], None]
DIAL = '<Response><Dial action="/after" {}><Sip statusCallback="/status">sip:bob@127.0.0.9</Sip></Dial></Response>'
CAROL = "<sip:carol@127.0.0.8>"


class Referrer:
    """What the phone that sent REFER was notified of."""

    def __init__(self) -> None:
        self.commands: list[NotifierCommand] = []

    @property
    def is_over(self) -> bool:
        return any(isinstance(each, RefuseRefer) for each in self.commands) or any(
            isinstance(each, Notify) and each.status >= 200 for each in self.commands
        )

    def command(self, command: NotifierCommand) -> None:
        self.commands.append(command)

    @property
    def codes(self) -> list[int]:
        """202 for the acceptance, then the statuses of the NOTIFYs, or the refusal alone."""
        found = []
        for each in self.commands:
            match each:
                case AcceptRefer():
                    found.append(202)
                case Notify(status=status) | RefuseRefer(status=status):
                    found.append(status)
        return found


def refer(phone: Phone, target: str = CAROL) -> Referrer:
    """The phone sends REFER."""
    reported = Referrer()
    request = Request("REFER", SipUri.parse("sip:x@127.0.0.1"))
    phone.session.put(ReferReceived(InboundRefer(request, ReferTo.parse(target), reported)))
    return reported


def joined(call: Call) -> Joined | None:
    return call.joined


async def talking(here: World, attributes: str = "") -> tuple[Call, Phone, Phone, Call]:
    """Alice has dialled bob: her call, both phones, and the call to bob."""
    caller, alice = here.caller(DIAL.format(attributes))
    await asyncio.sleep(1)
    bob = here.phone("bob")
    bob.answer()
    await asyncio.sleep(1)
    assert isinstance(caller.joined, Bridged)
    callee = here.live.get(caller.joined.other)
    assert callee is not None
    return caller, alice, bob, callee


@pytest.mark.parametrize("by_callee", [True, False])
def test_blind(run_story: RunStory, by_callee: bool) -> None:
    async def story(here: World) -> None:
        caller, alice, bob, callee = await talking(here)
        referrer, stays = (bob, caller) if by_callee else (alice, callee)
        reported = refer(referrer)
        await asyncio.sleep(0.5)
        carol = here.phone("carol")
        assert joined(caller) == Bridged(callee.sid)  # they talk on while carol rings
        carol.ring()
        await asyncio.sleep(0.5)
        carol.answer()
        await asyncio.sleep(0.5)
        assert reported.codes == [202, 180, 200]
        assert referrer.is_over
        child = next(each for each in here.live.calls() if each.record.to.startswith("sip:carol"))
        assert child.record.parent_call_sid == stays.sid
        assert joined(stays) == Bridged(child.sid)
        assert len(here.application.asked("/after")) == 1
        carol.hang_up()
        await here.live.empty.wait()
        assert here.book.calls[stays.sid].status == "completed"

    run_story(story)


@pytest.mark.parametrize("by_callee", [True, False])
def test_the_referrer_hangs_up_at_the_202(run_story: RunStory, by_callee: bool) -> None:
    async def story(here: World) -> None:
        caller, alice, bob, callee = await talking(here)
        referrer, stays = (bob, caller) if by_callee else (alice, callee)
        refer(referrer)
        await asyncio.sleep(0.1)
        referrer.hang_up()
        await asyncio.sleep(2)
        carol = here.phone("carol")
        carol.answer()
        await asyncio.sleep(0.5)
        assert isinstance(joined(stays), Bridged)
        carol.hang_up()

    run_story(story)


@pytest.mark.parametrize(("code", "notified"), [(486, 486), (603, 603), (404, 404)])
def test_after_a_failure_the_old_call_stands(run_story: RunStory, code: int, notified: int) -> None:
    async def story(here: World) -> None:
        caller, alice, bob, callee = await talking(here)
        reported = refer(bob)
        await asyncio.sleep(0.5)
        here.phone("carol").reject(code)
        await asyncio.sleep(5)
        assert reported.codes == [202, notified]
        assert joined(caller) == Bridged(callee.sid)
        assert not bob.is_over
        again = refer(alice, "<sip:dave@127.0.0.7>")
        await asyncio.sleep(0.5)
        here.phone("dave").answer()
        await asyncio.sleep(0.5)
        assert again.codes == [202, 200]
        bob.hang_up()

    run_story(story)


def test_no_answer_in_time(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        caller, alice, bob, callee = await talking(here, 'timeout="10"')
        reported = refer(bob)
        await asyncio.sleep(15)
        assert here.phone("carol").is_over
        assert reported.codes[-1] in {480, 487}
        assert joined(caller) == Bridged(callee.sid)
        alice.hang_up()

    run_story(story)


@pytest.mark.parametrize("by_callee", [True, False])
def test_a_failure_after_the_referrer_left_ends_both_calls(run_story: RunStory, by_callee: bool) -> None:
    async def story(here: World) -> None:
        _, alice, bob, _ = await talking(here)
        referrer = bob if by_callee else alice
        refer(referrer)
        await asyncio.sleep(0.1)
        referrer.hang_up()
        await asyncio.sleep(1)
        here.phone("carol").reject(486)
        await here.live.empty.wait()
        assert len(here.application.asked("/after")) == 1

    run_story(story)


def test_both_ask_at_once(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        _, alice, bob, _ = await talking(here)
        one, other = refer(alice), refer(bob, "<sip:dave@127.0.0.7>")
        await asyncio.sleep(0.5)
        assert sorted([one.codes, other.codes]) == [[202], [491]]
        here.phones[-1].answer()
        await asyncio.sleep(0.5)
        alice.hang_up()
        bob.hang_up()

    run_story(story)


def test_attended(run_story: RunStory) -> None:
    """Bob, who talks with alice, has consulted carol in a second call of his own, and joins the two."""

    async def story(here: World) -> None:
        caller, _, bob, _ = await talking(here)
        consulting, bobs_second = here.caller(DIAL.format("").replace("bob@127.0.0.9", "carol@127.0.0.8"))
        await asyncio.sleep(1)
        carol = here.phone("carol")
        carol.answer()
        await asyncio.sleep(1)
        assert isinstance(consulting.joined, Bridged)
        party = here.live.get(consulting.joined.other)
        assert party is not None
        here.endpoint.dialogs["second"] = bobs_second.session
        reported = refer(bob, "<sip:carol@127.0.0.8?Replaces=second%3Bto-tag%3Da%3Bfrom-tag%3Db>")
        await asyncio.sleep(1)
        assert reported.codes == [202, 200]
        assert joined(caller) == Bridged(party.sid)
        assert bob.is_over
        assert bobs_second.is_over
        assert not carol.is_over
        carol.hang_up()

    run_story(story)


def test_a_dialog_that_is_not_ours(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        caller, alice, bob, callee = await talking(here)
        reported = refer(bob, "<sip:carol@127.0.0.8?Replaces=unknown%3Bto-tag%3Da%3Bfrom-tag%3Db>")
        await asyncio.sleep(1)
        assert reported.codes == [481]
        assert joined(caller) == Bridged(callee.sid)
        alice.hang_up()

    run_story(story)


def test_semi_attended(run_story: RunStory) -> None:
    """Carol still rings when bob asks: she is joined when she answers."""

    async def story(here: World) -> None:
        caller, _, bob, _ = await talking(here)
        _, bobs_second = here.caller(DIAL.format("").replace("bob@127.0.0.9", "carol@127.0.0.8"))
        await asyncio.sleep(1)
        carol = here.phone("carol")
        here.endpoint.dialogs["second"] = bobs_second.session
        reported = refer(bob, "<sip:carol@127.0.0.8?Replaces=second%3Bto-tag%3Da%3Bfrom-tag%3Db>")
        await asyncio.sleep(1)
        assert not carol.is_over
        carol.answer()
        await asyncio.sleep(1)
        assert reported.codes == [202, 180, 200]
        assert isinstance(joined(caller), Bridged)
        assert bobs_second.is_over
        carol.hang_up()

    run_story(story)


def test_the_application_decides_with_refer_url(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/refer"] = "<Response><Pause length='5'/></Response>"
        caller, alice, bob, _ = await talking(here, 'referUrl="/refer"')
        reported = refer(bob)
        await asyncio.sleep(1)
        (asked,) = here.application.asked("/refer")
        assert (asked["ReferTransferTarget"], asked["CallSid"]) == (CAROL, caller.sid)
        assert reported.codes == [202, 200]
        assert bob.is_over
        assert not alice.is_over
        await here.live.empty.wait()

    run_story(story)


def test_an_application_that_fails_leaves_the_call_as_it_was(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        caller, alice, bob, callee = await talking(here, 'referUrl="/nothing"')
        reported = refer(bob)
        await asyncio.sleep(1)
        assert reported.codes == [202, 500]
        assert joined(caller) == Bridged(callee.sid)
        alice.hang_up()

    run_story(story)


def test_a_call_that_talks_with_no_party_is_not_transferred(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        _, alice = here.caller("<Response><Play>a.wav</Play><Pause length='9'/></Response>")
        await asyncio.sleep(1)
        reported = refer(alice)
        await asyncio.sleep(1)
        assert reported.codes == [603]
        alice.hang_up()

    run_story(story)
