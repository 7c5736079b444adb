"""Any order of inputs leaves a session legal: `Ended` once and last, `Finish` once and last, every request answered."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import Ended
from callapi.sip.invite_session.effects import SendInvite, SessionTimer
from callapi.sip.messages.message import Request
from callapi.sip.outputs import Respond, SendRequest, TimerFired
from tests.sip.invite_session.support import ANSWER, OFFER, Bench, called, calling, over

Step = Callable[[Bench], object]


def last_request(bench: Bench) -> Request | None:
    sent = [effect.request for effect in bench.effects if isinstance(effect, SendRequest | SendInvite)]
    return sent[-1] if sent else None


def answering(status: int, body: bytes, tag: str) -> Step:
    def step(bench: Bench) -> None:
        request = last_request(bench)
        if request is not None:
            extra = [("Require", "100rel"), ("RSeq", "1")] if 100 < status < 200 and body else []
            bench.answer(request, status, body, tag=tag, extra=extra)

    return step


def answering_the_invite(status: int, body: bytes, tag: str) -> Step:
    def step(bench: Bench) -> None:
        if bench.invites:
            bench.answer(bench.invites[-1], status, body, tag=tag)

    return step


def silent(bench: Bench) -> None:
    request = last_request(bench)
    if request is not None:
        bench.silence(request)


def ended_invite(bench: Bench) -> None:
    if bench.invites:
        over(bench, bench.invites.pop())


bodies = st.sampled_from([b"", OFFER])
statuses = st.sampled_from([100, 180, 183, 200, 401, 408, 422, 481, 486, 487, 491, 500, 503])
tags = st.sampled_from(["bob", "carol"])
commands: st.SearchStrategy[Step] = st.sampled_from(
    [
        Bench.ring,
        lambda bench: bench.ring(183, ANSWER),
        Bench.accept,
        lambda bench: bench.accept(b""),
        lambda bench: bench.refuse(486),
        Bench.hang_up,
        Bench.offer,
        Bench.answer_offer,
        Bench.refuse_offer,
        Bench.acknowledge,
        Bench.info,
    ]
)
peer: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        lambda method, body: lambda bench: bench.request(method, body, extra="RAck: 1 1 INVITE"),
        st.sampled_from(["INVITE", "UPDATE", "PRACK", "INFO", "BYE", "OPTIONS"]),
        bodies,
    ),
    st.builds(lambda number, body: lambda bench: bench.ack(number, body), st.integers(1, 4), bodies),
    st.builds(lambda handle: lambda bench: bench.cancel(handle), st.sampled_from(["invite", 2, 3])),
    st.builds(answering, statuses, bodies, tags),
    st.builds(answering_the_invite, statuses, bodies, tags),
    st.just(silent),
    st.just(ended_invite),
)
clock: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from([0.1, 1.0, 10.0, 40.0, 1000.0]).map(
        lambda seconds: lambda bench: bench.until(bench.now + seconds)
    ),
    # Timers that run or do not, as if they had fired while they were being stopped.
    st.sampled_from(sorted(SessionTimer)).map(lambda timer: lambda bench: bench.feed(TimerFired(timer))),
)
scripts = st.lists(st.one_of(commands, peer, clock), max_size=25)


def play(bench: Bench, script: list[Step]) -> None:
    for step in script:
        if bench.is_finished:
            break
        try:
            step(bench)
        except LocalProtocolError:
            continue
    if not bench.is_finished:
        bench.hang_up()
        bench.until(bench.now + 5000)
        silent(bench)
        bench.until(bench.now + 5000)
        silent(bench)
    check(bench)


def check(bench: Bench) -> None:
    ends = [event for event in bench.events if isinstance(event, Ended)]
    assert len(ends) == 1
    assert bench.events[-1] is ends[0]
    assert bench.is_finished or bench.machine.state == "_Gone.lingering"
    for effect in bench.effects:
        if isinstance(effect, Respond) and effect.response.is_final:
            assert effect.handle is not None
    handles = {effect.handle for effect in bench.effects if isinstance(effect, Respond)}
    finals = {
        effect.handle for effect in bench.effects if isinstance(effect, Respond) and effect.response.is_final
    }
    assert handles == finals, "each that got a provisional answer got a final one"
    asked = set(range(2, bench.cseq + 1))
    assert asked <= finals, "every request of the peer was answered"


# How far a call has come when chance takes over.
called_so_far: st.SearchStrategy[list[Step]] = st.sampled_from(
    [
        [],
        [lambda bench: bench.ring(183, ANSWER)],
        [Bench.accept],
        [Bench.accept, Bench.ack],
        [Bench.accept, Bench.ack, Bench.offer],
        [Bench.accept, Bench.ack, lambda bench: bench.request("INVITE", OFFER)],
    ]
)
calling_so_far: st.SearchStrategy[list[Step]] = st.sampled_from(
    [
        [],
        [answering_the_invite(180, b"", "bob")],
        [answering_the_invite(180, b"", "bob"), Bench.hang_up],
        [answering_the_invite(200, ANSWER, "bob")],
        [answering_the_invite(200, ANSWER, "bob"), Bench.offer],
        [answering_the_invite(200, ANSWER, "bob"), lambda bench: bench.request("INVITE", b"")],
    ]
)


@settings(max_examples=500, deadline=None)
@given(body=bodies, past=called_so_far, script=scripts, reliable=st.booleans(), entropy=st.floats(0, 0.99))
def test_called(body: bytes, past: list[Step], script: list[Step], reliable: bool, entropy: float) -> None:
    play(called(body, "Supported: 100rel, timer" if reliable else "", entropy), past + script)


@settings(max_examples=500, deadline=None)
@given(body=bodies, past=calling_so_far, script=scripts, hops=st.integers(0, 3), entropy=st.floats(0, 0.99))
def test_calling(body: bytes, past: list[Step], script: list[Step], hops: int, entropy: float) -> None:
    play(calling(body, hops=tuple(range(hops)), entropy=entropy), past + script)
