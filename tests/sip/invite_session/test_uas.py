"""The called side until it is answered: RFC 3261 §13.3, §9.2, §15; RFC 3262 §3."""

import pytest

from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import AnswerReceived, Ended, InfoReceived, OfferReceived, Party
from callapi.sip.invite_session.effects import SessionTimer
from callapi.sip.outputs import TimerFired
from tests.sip.invite_session.support import (
    ANSWER,
    OFFER,
    Bench,
    called,
    events,
    requests,
    responses,
    statuses,
)

RELIABLE = "Supported: 100rel"


def the_end(bench: Bench) -> Ended:
    (ended,) = [event for event in bench.events if isinstance(event, Ended)]
    assert bench.is_finished
    assert bench.events[-1] is ended
    return ended


def test_ringing() -> None:
    bench = called()
    (ringing,) = responses(bench.ring())
    assert ringing.status == 180
    assert ringing.to.tag == "us"
    assert ringing.headers.get("Contact") == "<sip:bob@192.0.2.2:5060>"
    assert "Require" not in ringing.headers
    assert statuses(bench.ring(183, ANSWER)) == [183]


def test_a_phone_that_rings_for_long_says_so_every_minute() -> None:
    """§13.3.1.1."""
    bench = called()
    bench.ring(183)
    assert statuses(bench.until(59.0)) == []
    assert statuses(bench.until(125.0)) == [183, 183]


def test_accepting() -> None:
    bench = called()
    (ok,) = responses(bench.accept())
    assert (ok.status, ok.body, ok.content_type) == (200, ANSWER, "application/sdp")
    assert ok.headers.get("Contact") == "<sip:bob@192.0.2.2:5060>"
    assert "UPDATE" in (ok.headers.get("Allow") or "")
    assert bench.machine.state == "Established.unconfirmed"


@pytest.mark.parametrize("again", [Bench.accept, Bench.ring, lambda bench: bench.refuse(486)])
def test_a_second_answer_is_a_fault_of_ours(again: object) -> None:
    bench = called()
    bench.accept()
    with pytest.raises(LocalProtocolError):
        again(bench)  # type: ignore[operator]


def test_refusing() -> None:
    bench = called()
    assert statuses(bench.refuse(486), "invite") == [486]
    assert the_end(bench).by is Party.LOCAL
    assert the_end(bench).status == 486
    assert bench.accept() == []  # the story may be a step behind


def test_hanging_up_is_declining() -> None:
    bench = called()
    (decline,) = responses(bench.hang_up("Q.850;cause=21"))
    assert decline.status == 603
    assert decline.headers.get("Reason") == "Q.850;cause=21"
    assert the_end(bench).by is Party.LOCAL


def test_a_cancel() -> None:
    bench = called()
    bench.ring()
    reason = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
    assert statuses(bench.cancel(extra=reason), "invite") == [487]
    ended = the_end(bench)
    assert (ended.by, ended.status, ended.reason) == (Party.REMOTE, 487, "Call completed elsewhere")


def test_a_cancel_after_the_answer_is_too_late() -> None:
    bench = called()
    bench.accept()
    assert bench.cancel() == []


def test_a_bye_in_the_early_dialog() -> None:
    """§15: both it and the INVITE are answered."""
    bench = called()
    bench.ring()
    effects = bench.request("BYE")
    assert statuses(effects, 2) == [200]
    assert statuses(effects, "invite") == [487]
    assert the_end(bench).by is Party.REMOTE


def test_other_requests_in_the_early_dialog() -> None:
    bench = called(entropy=0.95)
    bench.ring()
    (again,) = responses(bench.request("INVITE", OFFER))
    assert again.status == 500  # §14.2
    assert again.headers.get("Retry-After") == "10"
    assert events(bench.request("INFO", b"x")) == [InfoReceived("application/sdp", b"x")]
    assert statuses(bench.request("OPTIONS")) == [200]
    bench.cseq = 1
    assert statuses(bench.request("INFO")) == [500]  # §12.2.2: CSeq goes up


def test_there_is_nothing_to_offer_or_to_say_yet() -> None:
    for command in (Bench.offer, Bench.info, Bench.acknowledge):
        with pytest.raises(LocalProtocolError):
            command(called())
    assert called().answer_offer() == []


# --- reliable provisional responses ---


def prack(bench: Bench, rseq: int, body: bytes = b"", cseq: str = "1 INVITE") -> list[int]:
    return statuses(bench.request("PRACK", body, extra=f"RAck: {rseq} {cseq}"), bench.cseq)


def rseq_of(bench: Bench) -> int:
    return int(responses(bench.effects)[-1].headers.get("RSeq") or 0)


def test_reliable_only_with_a_body_or_if_required() -> None:
    bench = called(extra=RELIABLE)
    (ringing,) = responses(bench.ring())
    assert "RSeq" not in ringing.headers
    (progress,) = responses(bench.ring(183, ANSWER))
    assert progress.headers.get("Require") == "100rel"
    assert 1 <= int(progress.headers.get("RSeq") or 0) < 2**31
    (ringing,) = responses(called(extra="Require: 100rel").ring())
    assert "RSeq" in ringing.headers


def test_repeated_until_the_prack() -> None:
    bench = called(extra=RELIABLE)
    bench.ring(183, ANSWER)
    assert statuses(bench.until(4.0)) == [183, 183, 183]  # after 0.5, 1.5, 3.5 s
    rseq = rseq_of(bench)
    assert prack(bench, rseq + 1) == [481]
    assert prack(bench, rseq, cseq="2 INVITE") == [481]
    assert prack(bench, rseq) == [200]
    assert prack(bench, rseq) == [481]
    assert statuses(bench.until(40.0)) == []


def test_one_at_a_time_in_order() -> None:
    bench = called(extra="Require: 100rel")
    bench.ring(180)
    first = rseq_of(bench)
    assert responses(bench.ring(183, ANSWER)) == []
    effects = bench.request("PRACK", extra=f"RAck: {first} 1 INVITE")
    assert statuses(effects, "invite") == [183]
    assert rseq_of(bench) == first + 1


def test_no_prack_ever() -> None:
    bench = called(extra=RELIABLE)
    bench.ring(183, ANSWER)
    assert statuses(bench.until(40.0))[-1] == 504
    assert the_end(bench).by is Party.NETWORK


def test_the_200_waits_for_the_prack_of_a_description() -> None:
    """RFC 3262 §3, and the 180 that was queued is not overtaken."""
    bench = called(extra=RELIABLE)
    bench.ring(183, ANSWER)
    assert responses(bench.accept()) == []
    with pytest.raises(LocalProtocolError):
        bench.accept()
    effects = bench.request("PRACK", extra=f"RAck: {rseq_of(bench)} 1 INVITE")
    assert statuses(effects) == [200, 200]
    assert statuses(effects, "invite") == [200]
    assert bench.machine.state == "Established.unconfirmed"


def test_a_cancel_meets_a_200_that_waits() -> None:
    bench = called(extra=RELIABLE)
    bench.ring(183, ANSWER)
    bench.accept()
    assert statuses(bench.cancel(), "invite") == [487]
    assert the_end(bench).by is Party.REMOTE


def test_without_a_description_the_200_does_not_wait() -> None:
    bench = called(extra="Require: 100rel")
    bench.ring(180)
    assert statuses(bench.accept()) == [200]
    assert statuses(bench.until(3.0)) == [200, 200]  # only the 200 is repeated
    assert prack(bench, rseq_of(bench) or 1) == [200]  # §3: be prepared for a late PRACK


def test_our_offer_in_a_reliable_response_is_answered_in_the_prack() -> None:
    bench = called(body=b"", extra=RELIABLE)
    bench.ring(183, OFFER)
    effects = bench.request("PRACK", ANSWER, extra=f"RAck: {rseq_of(bench)} 1 INVITE")
    assert events(effects) == [AnswerReceived(ANSWER)]
    bench.accept(b"")
    assert bench.usage.offer_answer.state == "stable"


def test_a_new_offer_in_the_prack() -> None:
    """RFC 3262 §5: it is answered in the 200 to the PRACK."""
    bench = called(extra=RELIABLE)
    bench.ring(183, ANSWER)
    effects = bench.request("PRACK", b"second offer", extra=f"RAck: {rseq_of(bench)} 1 INVITE")
    assert events(effects) == [OfferReceived(b"second offer", "PRACK")]
    (ok,) = responses(bench.answer_offer(b"second answer"))
    assert (ok.status, ok.body, ok.cseq.method) == (200, b"second answer", "PRACK")


# --- UPDATE in the early dialog (RFC 3311 §5.2) ---


def test_an_update_before_the_first_answer() -> None:
    (refusal,) = responses(called(entropy=0.5).request("UPDATE", OFFER))
    assert refusal.status == 500
    assert refusal.headers.get("Retry-After") == "5"


def test_an_update_after_the_first_answer() -> None:
    bench = called(extra=RELIABLE)
    bench.ring(183, ANSWER)
    prack(bench, rseq_of(bench))
    assert events(bench.request("UPDATE", b"new offer")) == [OfferReceived(b"new offer", "UPDATE")]
    (ok,) = responses(bench.answer_offer(b"new answer"))
    assert (ok.status, ok.body, ok.headers.get("Contact")) == (200, b"new answer", "<sip:bob@192.0.2.2:5060>")
    assert requests(bench.effects) == []


def test_an_update_that_our_story_forgets() -> None:
    bench = called(extra=RELIABLE)
    bench.ring(183, ANSWER)
    prack(bench, rseq_of(bench))
    bench.request("UPDATE", b"new offer")
    assert statuses(bench.until(10.0)) == [504]
    assert bench.answer_offer() == []


def test_the_callers_connection_is_lost() -> None:
    bench = called()
    bench.ring()
    assert statuses(bench.lose_flow()) == [487]
    assert (the_end(bench).by, the_end(bench).reason) == (Party.REMOTE, "the caller's connection closed")
    assert bench.lose_flow() == []


@pytest.mark.parametrize("command", [Bench.offer, Bench.info, Bench.acknowledge])
def test_what_needs_an_answered_invite_is_a_fault_of_ours(command: object) -> None:
    with pytest.raises(LocalProtocolError, match="the INVITE is not answered yet"):
        command(called())  # type: ignore[operator]


def test_inputs_of_another_phase_change_nothing() -> None:
    bench = called()
    assert bench.ack() == []
    assert bench.feed(TimerFired(SessionTimer.REFRESH)) == []
    assert bench.feed(TimerFired(SessionTimer.OFFER_UNANSWERED)) == []
