"""Live modification over REST, of the parent and of a child by its own sid, in each phase."""

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.phone import PhoneCall

VOICE = (
    '<Dial action="after" {attributes}><Sip url="{screen}" statusCallback="status" '
    'statusCallbackEvent="initiated ringing answered completed">{uri}</Sip></Dial>'
)
# of the leg itself, which was answered in the latter two, and of the Dial ("hung up there": no-answer)
ENDS = {"initiated": "canceled", "ringing": "canceled", "screening": "completed", "talking": "completed"}
"""The child's own end: one that was reported `in-progress` ends `completed`."""
DIAL_ENDS = {**ENDS, "screening": "canceled"}
"""The Dial's: a party that did not accept yet was canceled over REST."""
PHASES = pytest.mark.parametrize("phase", ["initiated", "ringing", "screening", "talking"])


class Stage:
    """A Dial brought to one of its phases."""

    def __init__(self, server: Server, webhook: Webhook, phase: str, attributes: str = "") -> None:
        self.server, self.webhook, self.phase = server, webhook, phase
        self.attributes = attributes
        self.call: PhoneCall
        self.ringing: PhoneCall
        self.parent = self.child = ""

    async def begin(self, phone: PhoneFactory) -> None:
        """Alice calls, Bob's phone is brought to the phase."""
        alice, bob = await phone("alice"), await phone("bob")
        screened = self.phase == "screening"
        self.webhook["voice"] = response(
            VOICE.format(attributes=self.attributes, screen="screen" if screened else "", uri=bob.uri)
        )
        self.webhook["screen"] = response('<Pause length="30"/>')
        self.webhook["after"] = response("<Redirect>next</Redirect>")
        self.webhook["next"] = response("<Hangup/>")
        self.webhook["status"] = ""
        self.call = await alice.invite(self.server.uri, say=440)
        self.parent = (await self.webhook.next("voice"))["CallSid"]
        self.ringing = await bob.next_call()
        self.child = (await self.webhook.next("status"))["CallSid"]
        if self.phase == "ringing":
            await self.ringing.ring()
            await self.webhook.next("status")
        elif self.phase != "initiated":
            await self.ringing.answer(say=660)
            if screened:
                await self.webhook.next("screen")
            else:
                assert await self.call.hears(660)

    async def modify(self, sid: str, **form: str) -> tuple[int, dict[str, object]]:
        """POST to Calls/{sid}."""
        return await self.server.node.rest("POST", f"Calls/{sid}.json", **form)

    async def last_status(self) -> str:
        """The CallStatus of the child's last callback; there is exactly one final one."""
        statuses = [await self.webhook.next("status")]
        while statuses[-1]["CallStatus"] in {"ringing", "in-progress"}:
            statuses.append(await self.webhook.next("status"))
        numbers = [int(each["SequenceNumber"]) for each in self.webhook.all("status")]
        assert numbers == list(range(len(numbers)))
        await self.webhook.never("status", within=0.2)
        return statuses[-1]["CallStatus"]


@PHASES
async def test_the_parent_is_ended(server: Server, phone: PhoneFactory, webhook: Webhook, phase: str) -> None:
    """`Status=completed`: both phones are let go; the child ends canceled, or completed if it talked."""
    stage = Stage(server, webhook, phase)
    await stage.begin(phone)
    status, _ = await stage.modify(stage.parent, Status="completed")
    assert status == 200
    assert await stage.call.ended() == 200
    await stage.ringing.ended()
    assert await stage.last_status() == ENDS[phase]
    assert (await server.node.final(stage.parent))["status"] == "completed"


@PHASES
async def test_the_parent_gets_another_document(
    server: Server, phone: PhoneFactory, webhook: Webhook, phase: str
) -> None:
    """`Url`: the caller leaves the Dial for the new document; the callee is let go."""
    stage = Stage(server, webhook, phase)
    await stage.begin(phone)
    carol = await phone("carol")
    webhook["other"] = response(f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    status, _ = await stage.modify(stage.parent, Url=webhook.url("other"))
    assert status == 200
    other = await carol.next_call()
    await other.answer(say=880)
    assert await stage.call.hears(880)
    await stage.ringing.ended()
    assert await stage.last_status() in {"completed", "canceled"}


@PHASES
async def test_the_child_is_ended(server: Server, phone: PhoneFactory, webhook: Webhook, phase: str) -> None:
    """`Status=completed` on the child: its phone is let go; the caller's document goes on with the action."""
    stage = Stage(server, webhook, phase)
    await stage.begin(phone)
    status, _ = await stage.modify(stage.child, Status="completed")
    assert status == 200
    await stage.ringing.ended()
    after = await webhook.next("after")
    assert after["DialCallStatus"] == DIAL_ENDS[phase]
    await webhook.next("next")
    assert await stage.call.ended() == 200
    assert await stage.last_status() == ENDS[phase]


@PHASES
async def test_the_child_gets_another_document(
    server: Server, phone: PhoneFactory, webhook: Webhook, phase: str
) -> None:
    """`Url` on the child: it leaves the Dial for a document of its own, which a ringing phone hears once it answers;

    "the other party of the bridge goes on with its own document".
    """
    stage = Stage(server, webhook, phase)
    await stage.begin(phone)
    carol = await phone("carol")
    webhook["other"] = response(f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    status, _ = await stage.modify(stage.child, Url=webhook.url("other"))
    assert status == 200
    assert (await webhook.next("after"))["DialCallStatus"] == DIAL_ENDS[phase]
    await webhook.next("next")
    if phase in {"initiated", "ringing"}:
        assert not stage.ringing.ended_at
        await stage.ringing.answer(say=660)
    other = await carol.next_call()
    await other.answer(say=880)
    assert await stage.ringing.hears(880)
    assert await stage.call.ended() == 200
    assert not stage.ringing.ended_at
    assert (await webhook.next("other"))["CallSid"] == stage.child
    await stage.ringing.hang_up()
    assert await other.ended() == 200


@PHASES
async def test_the_child_is_canceled(
    server: Server, phone: PhoneFactory, webhook: Webhook, phase: str
) -> None:
    """`Status=canceled` on the child: a phone that rings stops, and the Dial goes on; one that was answered stays."""
    stage = Stage(server, webhook, phase)
    await stage.begin(phone)
    status, answer = await stage.modify(stage.child, Status="canceled")
    if phase in {"initiated", "ringing"}:
        assert status == 200
        assert await stage.ringing.ended() == 487
        assert (await webhook.next("after"))["DialCallStatus"] == "canceled"
        await webhook.next("next")
        assert await stage.call.ended() == 200
    else:
        assert (status, answer["code"]) == (400, 21220)
        await webhook.never("after", within=0.2)
        assert not stage.ringing.ended_at
        await stage.call.hang_up()
    assert await stage.last_status() == ENDS[phase]


@PHASES
async def test_the_parent_is_canceled(
    server: Server, phone: PhoneFactory, webhook: Webhook, phase: str
) -> None:
    """`Status=canceled` on the parent: "completed" alone ends a caller that the Dial has answered."""
    stage = Stage(server, webhook, phase)
    await stage.begin(phone)
    status, answer = await stage.modify(stage.parent, Status="canceled")
    assert (status, answer["code"]) == (400, 21220)
    await webhook.never("after", within=0.2)
    assert not stage.ringing.ended_at
    await stage.call.hang_up()
    await stage.ringing.ended()
    assert await stage.last_status() == ENDS[phase]


@pytest.mark.parametrize("phase", ["initiated", "ringing", "screening"])
@pytest.mark.parametrize("status", ["canceled", "completed"])
async def test_an_unanswered_parent_is_ended(
    server: Server, phone: PhoneFactory, webhook: Webhook, phase: str, status: str
) -> None:
    """With `answerOnBridge` the caller still rings: either word ends it, with everything that rings for it."""
    stage = Stage(server, webhook, phase, 'answerOnBridge="true"')
    await stage.begin(phone)
    assert (await stage.modify(stage.parent, Status=status))[0] == 200
    assert await stage.call.ended() >= 400
    assert not stage.call.answered_at
    await stage.ringing.ended()
    assert await stage.last_status() == ENDS[phase]
    assert (await webhook.next("after"))["DialCallStatus"] == "canceled"
    assert (await server.node.final(stage.parent))["status"] == "canceled"


async def test_both_parties_get_another_document(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`MoveConnectedCallLeg=true`: the other party of the bridge goes where this one goes."""
    stage = Stage(server, webhook, "talking")
    await stage.begin(phone)
    webhook["other"] = response('<Pause length="20"/>')
    form = {"Url": webhook.url("other"), "MoveConnectedCallLeg": "true"}
    assert (await stage.modify(stage.parent, **form))[0] == 200
    moved = {(await webhook.next("other"))["CallSid"] for _ in range(2)}
    assert moved == {stage.parent, stage.child}
    assert not stage.call.ended_at
    assert not stage.ringing.ended_at
    await stage.call.hang_up()
    await stage.ringing.hang_up()


async def test_a_call_that_is_over_cannot_be_modified(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """400, 21220."""
    alice = await phone("alice")
    webhook["voice"] = response("<Reject/>")
    await (await alice.invite(server.uri)).ended()
    sid = (await webhook.next("voice"))["CallSid"]
    await server.node.final(sid)
    status, body = await server.node.rest("POST", f"Calls/{sid}.json", Status="completed")
    assert (status, body["code"]) == (400, 21220)


async def test_mute(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`Mute=true`: what this party says is not passed on, what it hears is; `false` undoes it."""
    stage = Stage(server, webhook, "talking")
    await stage.begin(phone)
    assert await stage.ringing.hears(440)
    assert (await stage.modify(stage.parent, Mute="true"))[0] == 200
    assert await stage.ringing.hears_nothing()
    assert await stage.call.hears(660)
    assert (await stage.modify(stage.parent, Mute="false"))[0] == 200
    assert await stage.ringing.hears(440)
    await stage.call.hang_up()
