"""Any interleaving of a Dial of up to five legs ends well.

Each leg ends once; each initiated leg has exactly one final callback with the true status and gapless sequence
numbers; at most one leg is joined; the action is requested once; no port, bridge or task is left.
"""

import asyncio
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callapi.calls.call import Call
from callapi.calls.commands import ModifyCall
from callapi.calls.live import DocumentRequest
from callapi.calls.outbound import NotModifiable
from tests.verbs.world import Phone, World, world
from tests.virtual_time import run

FINAL = {"completed", "busy", "no-answer", "canceled", "failed"}
SCREENS = {
    "none": None,
    "accepts": '<Response><Pause length="2"/></Response>',
    "declines": '<Response><Pause length="1"/><Hangup/></Response>',
    "fails": "<Response><Bad/></Response>",
    "dials": "<Response><Dial>sip:x@127.0.0.1</Dial></Response>",
}


@dataclass(frozen=True)
class Step:
    """Something that happens: to a phone (by number), to the caller, or over REST."""

    after_s: float
    what: str
    who: int


WHAT = [
    "ring",
    "media",
    "answer",
    "answer",
    "busy",
    "decline",
    "gone",
    "bye",
    "caller leaves",
    "star",
    "rest end",
    "rest cancel",
    "rest redirect",
    "rest end caller",
    "rest redirect caller",
]
steps = st.builds(
    Step,
    after_s=st.sampled_from([0.0, 0.0, 0.01, 0.05, 0.5, 1.0, 3.0]),
    what=st.sampled_from(WHAT),
    who=st.integers(0, 4),
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A Dial of one to five nouns with any of its attributes."""
    screens = draw(st.lists(st.sampled_from(sorted(SCREENS)), min_size=1, max_size=5))
    attributes = {
        "sequential": draw(st.booleans()),
        "answerOnBridge": draw(st.booleans()),
        "hangupOnStar": draw(st.booleans()),
        "record": draw(st.sampled_from(["do-not-record", "record-from-ringing", "record-from-answer-dual"])),
    }
    nouns = "".join(
        f'<Sip statusCallback="/s{n}" statusCallbackEvent="initiated ringing answered completed"'
        + (f' url="/{screen}"' if SCREENS[screen] else "")
        + f">sip:p{n}@127.0.0.9</Sip>"
        for n, screen in enumerate(screens)
    )
    text = " ".join(f'{name}="{str(value).lower()}"' for name, value in attributes.items())
    return (
        f'<Response><Dial action="/after" timeout="6" timeLimit="20" {text}>{nouns}</Dial></Response>',
        screens,
    )


REST = {
    "rest end": ModifyCall(status="completed"),
    "rest cancel": ModifyCall(status="canceled"),
    "rest redirect": ModifyCall(document=DocumentRequest("http://app/new")),
}


async def act(here: World, step: Step, caller: Call, alice: Phone) -> None:
    """Make one step happen, if it can happen now."""
    phone = here.phones[step.who] if step.who < len(here.phones) else None
    if step.what.startswith("rest"):
        await command(here, step.what, phone, caller)
    elif step.what == "caller leaves":
        alice.hang_up()
    elif step.what == "star":
        if not caller.ended.is_set:
            here.stream_of(caller).press("*")
    elif phone is not None:
        move(phone, step.what)


def move(phone: Phone, what: str) -> None:
    match what:
        case "ring":
            phone.ring()
        case "media":
            phone.ring(183, has_audio=True)
        case "answer":
            phone.answer()
        case "busy":
            phone.reject(486)
        case "decline":
            phone.reject(603)
        case "gone":
            phone.reject(480)
        case "bye" if phone.is_answered:
            phone.hang_up()


async def command(here: World, what: str, phone: Phone | None, caller: Call) -> None:
    outbound = here.outbound()
    wanted = caller.leg.session if what.endswith("caller") else phone and phone.session
    target = next((each for each in here.live.calls() if each.leg.session is wanted), None)
    if target is not None:
        try:
            await outbound.modify_call(target.sid, REST[what.removesuffix(" caller")])
        except NotModifiable:
            return


def judge(here: World, caller: Call, *, went_own_way: bool) -> None:
    actions = here.application.asked("/after")
    assert len(actions) == 1, here.application.requests
    outcome = actions[0]
    assert outcome["DialCallStatus"] in FINAL
    branches = json.loads(outcome["DialBranches"])
    joined = [each for each in branches if each["status"] == "completed"]
    assert len(joined) <= 1
    assert (outcome["DialBridged"] == "true") == (outcome["DialCallStatus"] == "completed") or joined == []
    children = [each for each in here.book.calls.values() if each.parent_call_sid == caller.sid]
    assert len(children) == len(here.phones)
    for child in children:
        told = [
            dict(each.parameters)
            for each in here.book.callbacks
            if dict(each.parameters)["CallSid"] == child.sid
        ]
        statuses = [each["CallStatus"] for each in told]
        assert [each["SequenceNumber"] for each in told] == [str(n) for n in range(len(told))]
        assert [each for each in statuses if each in FINAL] == [child.status]
        assert statuses[-1] == child.status
        assert statuses[0] == "initiated"
        order = ["initiated", "ringing", "in-progress", child.status]
        assert sorted(statuses, key=order.index) == statuses
        assert len(set(statuses)) == len(statuses)
        assert len({each.event_id for each in here.book.callbacks}) == len(here.book.callbacks)
        assert child.answer_time is not None or child.status != "completed"
        if not went_own_way:
            assert (
                next(each for each in branches if each.get("call_sid") == child.sid)["status"] == child.status
            )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.lists(steps, max_size=25))
def test_any_interleaving_ends_well(document: tuple[str, list[str]], story: list[Step]) -> None:
    text, screens = document

    async def whole(folder: Path) -> None:
        async with world(folder) as here:
            most = 0
            for screen in screens:
                if body := SCREENS[screen]:
                    here.application.documents[f"/{screen}"] = body
            here.application.documents["/after"] = '<Response><Pause length="1"/></Response>'
            here.application.documents["/new"] = '<Response><Pause length="2"/></Response>'
            caller, alice = here.caller(text)
            await asyncio.sleep(0.1)
            for step in story:
                await act(here, step, caller, alice)
                await asyncio.sleep(step.after_s)
                most = max(most, here.plane.statistics().bridges)
            async with asyncio.timeout(600):
                await here.live.empty.wait()
            assert most <= 1
            here.assert_nothing_left()
            judge(here, caller, went_own_way=any(step.what == "rest redirect" for step in story))
            assert len(asyncio.all_tasks()) == 1

    with tempfile.TemporaryDirectory() as folder:
        run(whole(Path(folder)))
