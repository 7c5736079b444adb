"""Any interleaving of a Dial of up to five nouns ends well.

Each leg ends once; the application hears of each initiated leg in order, without a gap, and of its true end exactly
once, however often its answers fail; at most one leg is joined; the action is requested once; no port, bridge or task
is left.
"""

import asyncio
import itertools
import json
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callapi.adapters.outbox_rows import as_callback
from callapi.base.ids import TrunkSid
from callapi.calls.call import Call
from callapi.calls.commands import ModifyCall
from callapi.calls.control import NotModifiable
from callapi.calls.documents.document import DocumentRequest
from callapi.media.plane.fake import FakePlayback, FakeStream
from callapi.store import BindingRecord, CallbackRecord, Change, Put, TrunkRecord
from callapi.webhooks import (
    BadStatus,
    MemoryOutboxStore,
    Outbox,
    Unconditional,
    Unreachable,
    WebAnswer,
    WebRequest,
)
from tests.verbs.world import ACCOUNT, Book, Phone, World, world
from tests.virtual_time import run

FINAL = {"completed", "busy", "no-answer", "canceled", "failed"}
SCREENS = {
    "none": None,
    "accepts": '<Response><Pause length="2"/></Response>',
    "declines": '<Response><Pause length="1"/><Hangup/></Response>',
    "fails": "<Response><Bad/></Response>",
    "dials": "<Response><Dial>sip:x@127.0.0.1</Dial></Response>",
}
ACTIONS = ['<Response><Pause length="1"/></Response>', "<Response><Hangup/></Response>", "<Bad/>", None]
REFUSALS = {"busy": 486, "decline": 603, "gone": 480}
MAX_FAILURES = 4
SEND_DIGITS = FakeStream.send_digits


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
    "answer and bye",
    "busy",
    "decline",
    "gone",
    "unreachable",
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
    who=st.integers(0, 5),
)


@dataclass(frozen=True)
class Plan:
    """A Dial of one to five nouns with any of its attributes, and an application that is not at its best."""

    document: str
    action: str | None
    answers_after_s: float
    callbacks_fail: list[int]
    """How often each delivery of a status callback fails before it is taken, over and over."""


NOUNS = {
    "sip": "<Sip {attributes}>sip:p{n}@127.0.0.9</Sip>",
    "client": "<Client {attributes}>twice</Client>",
    "number": '<Number sendDigits="w1" {attributes}>+1555000{n}</Number>',
    "nobody": "<Client {attributes}>nobody</Client>",
}


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any Dial."""
    nouns = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["sip", "sip", "sip", "client", "number", "nobody"]),
                st.sampled_from(sorted(SCREENS)),
            ),
            min_size=1,
            max_size=5,
        )
    )
    attributes = {
        "sequential": draw(st.booleans()),
        "answerOnBridge": draw(st.booleans()),
        "hangupOnStar": draw(st.booleans()),
        "record": draw(st.sampled_from(["do-not-record", "record-from-ringing", "record-from-answer-dual"])),
    }
    written = []
    for n, (kind, screen) in enumerate(nouns):
        more = f'statusCallback="/s{n}" statusCallbackEvent="initiated ringing answered completed"'
        more += f' url="/{screen}"' if SCREENS[screen] else ""
        written.append(NOUNS[kind].format(attributes=more, n=n))
    text = " ".join(f'{name}="{str(value).lower()}"' for name, value in attributes.items())
    return Plan(
        f'<Response><Dial action="/after" timeout="6" timeLimit="20" {text}>{"".join(written)}</Dial></Response>',
        draw(st.sampled_from(ACTIONS)),
        draw(st.sampled_from([0.0, 0.0, 0.2, 2.0])),
        draw(st.lists(st.integers(0, MAX_FAILURES), min_size=1, max_size=4)),
    )


REST = {
    "rest end": ModifyCall(status="completed"),
    "rest cancel": ModifyCall(status="canceled"),
    "rest redirect": ModifyCall(document=DocumentRequest("http://app/new")),
}


class Subscriber:
    """Where status callbacks go: fails as planned, keeps what it has taken."""

    def __init__(self, failures: list[int]) -> None:
        self.taken: list[WebRequest] = []
        self._failures = itertools.cycle(failures)
        self._left: dict[str, int] = {}
        self._more = asyncio.Event()

    async def fetch(self, request: WebRequest) -> WebAnswer:
        event_id = dict(request.headers)["X-CallAPI-Event-Id"]
        left = self._left.setdefault(event_id, next(self._failures))
        self._left[event_id] = left - 1
        await asyncio.sleep(0.03)
        answer = WebAnswer(200, "", b"", request.url, 0.0)
        if left > 0 and left % 2:
            raise Unreachable("the port is closed", request)
        if left > 0:
            raise BadStatus("500", request, WebAnswer(500, "", b"", request.url, 0.0))
        self.taken.append(request)
        self._more.set()
        return answer

    async def has_all(self, number: int) -> None:
        """Until it has taken so many."""
        while len(self.taken) < number:
            self._more.clear()
            await self._more.wait()


class Delivering:
    """Hands each callback that is written down to a real outbox, as the store does once it is durable."""

    def __init__(self, book: Book, store: MemoryOutboxStore, outbox: Outbox) -> None:
        self._write = book.write
        self._store, self._outbox = store, outbox
        book.write = self.write  # type: ignore[method-assign]  # one book, watched

    def write(self, *changes: Change) -> None:
        self._write(*changes)
        for change in changes:
            if isinstance(change, Put) and isinstance(change.record, CallbackRecord):
                callback = as_callback(change.record)
                self._store.add([callback])
                self._outbox.offer([callback])


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
        case "answer and bye":
            phone.answer()
            if phone.is_answered:
                phone.hang_up()
        case "busy" | "decline" | "gone":
            phone.reject(REFUSALS[what])
        case "unreachable":
            phone.be_unreachable()
        case "bye" if phone.is_answered:
            phone.hang_up()


async def command(here: World, what: str, phone: Phone | None, caller: Call) -> None:
    control = here.control()
    wanted = caller.leg.session if what.endswith("caller") else phone and phone.session
    target = next((each for each in here.live.calls() if each.leg.session is wanted), None)
    if target is not None:
        try:
            await control.modify_call(target.sid, REST[what.removesuffix(" caller")])
        except NotModifiable:
            return


def judge(here: World, caller: Call, taken: list[WebRequest], *, went_own_way: bool) -> None:
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
    assert len({each.event_id for each in here.book.callbacks}) == len(here.book.callbacks)
    assert len(taken) == len(here.book.callbacks)
    for child in children:
        reported = [dict(each.parameters) for each in taken if dict(each.parameters)["CallSid"] == child.sid]
        statuses = [each["CallStatus"] for each in reported]
        assert [each["SequenceNumber"] for each in reported] == [str(n) for n in range(len(reported))]
        assert [each for each in statuses if each in FINAL] == [child.status]
        assert statuses[-1] == child.status
        assert statuses[0] == "initiated"
        order = ["initiated", "ringing", "in-progress", child.status]
        assert sorted(statuses, key=order.index) == statuses
        assert len(set(statuses)) == len(statuses)
        assert child.answer_time is not None or child.status != "completed"
        branch = next((each for each in branches if each.get("call_sid") == child.sid), None)
        if branch is not None and not went_own_way:
            # What was answered ends completed, joined or not; for the Dial it was canceled if another was joined.
            unjoined = {"canceled"} if child.status == "completed" else set()
            assert branch["status"] in {child.status} | unjoined


def prepare(here: World, plan: Plan) -> None:
    """The application's pages, a client on two phones, and a trunk."""
    pages = here.application.documents
    pages |= {f"/{name}": body for name, body in SCREENS.items() if body}
    pages["/new"] = '<Response><Pause length="2"/></Response>'
    if plan.action is not None:
        pages["/after"] = plan.action
    now = datetime.now(UTC)
    until = now + timedelta(days=1)
    here.directory.registered["twice"] = [
        BindingRecord("twice", f"sip:twice@127.0.0.{place}", f"reg{place}", 1, until, now) for place in (7, 8)
    ]
    sid = TrunkSid("TK" + "0" * 32)
    here.directory.gateways = [TrunkRecord(sid, ACCOUNT, "", "sip:127.0.0.6", now, now, "2012-04-24")]


async def no_token(_: str) -> str:
    return ""


async def whole(folder: Path, plan: Plan, story: list[Step]) -> None:
    loop, started = asyncio.get_running_loop(), time.time()
    store, subscriber = MemoryOutboxStore(), Subscriber(plan.callbacks_fail)
    with (
        patch("callapi.webhooks.outbox.outbox.steady_time", lambda: started + loop.time()),
        patch.object(FakeStream, "send_digits", send_digits),
    ):
        async with (
            Outbox(store, subscriber, no_token, permit=Unconditional()) as outbox,  # type: ignore[arg-type]  # what it uses of a Fetcher
            world(folder) as here,
        ):
            Delivering(here.book, store, outbox)
            prepare(here, plan)
            maximum = 0
            caller, alice = here.caller(plan.document)
            await asyncio.sleep(0.1)
            here.application.delay_s = plan.answers_after_s
            for step in story:
                await act(here, step, caller, alice)
                await asyncio.sleep(step.after_s)
                maximum = max(maximum, here.plane.statistics().bridges)
            async with asyncio.timeout(600):
                await here.live.empty.wait()
            assert maximum <= 1
            here.assert_nothing_left()
            async with asyncio.timeout(3600):
                await subscriber.has_all(len(here.book.callbacks))
            await asyncio.sleep(3600)  # one that came twice would have come by now
            assert store.rows == {}
            judge(
                here,
                caller,
                subscriber.taken,
                went_own_way=any(step.what == "rest redirect" for step in story),
            )
    assert len(asyncio.all_tasks()) == 1


def send_digits(stream: FakeStream, digits: str) -> FakePlayback:
    """Digits that are sent in their time."""
    playback = SEND_DIGITS(stream, digits)
    asyncio.get_running_loop().call_later(0.4 * len(digits), playback.finish)
    return playback


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.lists(steps, max_size=25))
def test_any_interleaving_ends_well(plan: Plan, story: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(whole(Path(folder), plan, story))
