"""re-INVITE and UPDATE in both directions, glare, holds: RFC 3261 §14, RFC 3311, RFC 3264 §4."""

import pytest

from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import AnswerReceived, Ended, OfferReceived, OfferRefused, OfferRequested, Party
from callapi.sip.invite_session.effects import SessionTimer
from callapi.sip.outputs import TimerFired
from tests.sip.invite_session.support import (
    ANSWER,
    OFFER,
    Bench,
    acks,
    answered_call,
    called,
    confirmed_call,
    events,
    requests,
    responses,
    statuses,
)

# --- our offers ---


def test_an_offer_and_its_answer() -> None:
    bench = answered_call()
    (invite,) = requests(bench.offer(b"new offer"))
    assert (invite.method, invite.body, invite.cseq.number) == ("INVITE", b"new offer", 2)
    assert invite.headers.get("Contact") == "<sip:alice@192.0.2.1:5060>"
    assert bench.answer(invite, 100) == []
    effects = bench.answer(invite, 200, b"new answer")
    (ack,) = acks(effects)
    assert ack.cseq.number == 2
    assert events(effects) == [AnswerReceived(b"new answer")]
    assert acks(bench.answer(invite, 200, b"new answer")) == [ack]  # our ACK was lost


def test_the_contact_of_the_answer_is_the_new_target() -> None:
    """§12.2.1.2: target refresh."""
    bench = answered_call()
    (invite,) = requests(bench.offer())
    bench.answer(invite, 200, ANSWER, tag="bob")
    bench.effects.clear()
    bench.request("UPDATE")
    (info,) = requests(bench.info())
    assert str(info.uri) == "sip:peer@192.0.2.1:5070"


def test_an_offer_that_is_refused_changes_nothing() -> None:
    bench = answered_call()
    (invite,) = requests(bench.offer())
    (refused,) = events(bench.answer(invite, 488))
    assert isinstance(refused, OfferRefused)
    assert refused.response.status == 488
    assert len(requests(bench.offer())) == 1


def test_one_offer_at_a_time() -> None:
    bench = answered_call()
    bench.offer()
    with pytest.raises(LocalProtocolError):
        bench.offer()


def test_an_answer_without_a_body_is_none() -> None:
    bench = answered_call()
    (invite,) = requests(bench.offer())
    effects = bench.answer(invite, 200)
    assert len(acks(effects)) == 1
    assert isinstance(events(effects)[0], OfferRefused)


@pytest.mark.parametrize("status", [408, 481])
def test_an_offer_that_finds_no_session_ends_it(status: int) -> None:
    bench = answered_call()
    (invite,) = requests(bench.offer())
    effects = bench.answer(invite, status)
    assert [event.by for event in events(effects) if isinstance(event, Ended)] == [Party.NETWORK]
    assert len(requests(effects, "BYE")) == 1


def test_an_offer_before_the_ack_is_held_back() -> None:
    bench = called()
    bench.accept()
    assert bench.offer() == []
    assert len(requests(bench.ack(), "INVITE")) == 1


# --- glare (§14.1) ---


@pytest.mark.parametrize(
    ("make", "entropy", "pause"),
    [
        (answered_call, 0.0, 2.1),
        (answered_call, 0.999, 3.9905),
        (confirmed_call, 0.0, 0.0),
        (confirmed_call, 0.999, 1.99),
    ],
)
def test_a_491_is_tried_again_after_a_pause(make: type, entropy: float, pause: float) -> None:
    """The owner of the Call-ID waits 2.1 to 4 seconds, the other 0 to 2."""
    bench = make(entropy=entropy)
    (invite,) = requests(bench.offer(b"new offer"))
    assert events(bench.answer(invite, 491)) == []
    assert requests(bench.until(pause - 0.01)) == []
    (again,) = requests(bench.until(pause + 0.01))
    assert (again.body, again.cseq.number) == (b"new offer", invite.cseq.number + 1)


def test_glare_again_and_again_ends_in_a_refusal() -> None:
    bench = answered_call()
    bench.offer()
    for _ in range(5):
        bench.answer(requests(bench.effects, "INVITE")[-1], 491)
        bench.until(bench.now + 5)
    assert [type(event) for event in bench.events] == [OfferRefused]


def test_the_peer_offers_while_ours_is_open() -> None:
    bench = answered_call()
    bench.offer()
    assert statuses(bench.request("INVITE", OFFER)) == [491]
    assert statuses(bench.request("UPDATE", OFFER)) == [491]


def test_the_peer_offers_while_ours_waits_for_its_second_try() -> None:
    """The peer was quicker; our offer may be out of date by now, so the story makes a new one."""
    bench = answered_call()
    bench.answer(requests(bench.offer())[0], 491)
    refused, received = events(bench.request("INVITE", b"theirs"))
    assert isinstance(refused, OfferRefused)
    assert received == OfferReceived(b"theirs", "INVITE")
    assert statuses(bench.answer_offer()) == [200]
    assert requests(bench.until(10.0)) == []


def test_an_offer_of_ours_that_crosses_one_of_theirs_within_the_node() -> None:
    bench = answered_call()
    bench.request("INVITE", OFFER)
    (refused,) = events(bench.offer())
    assert isinstance(refused, OfferRefused)
    assert refused.response.status == 491


# --- the peer's offers ---


def test_a_reinvite_is_answered_by_the_story() -> None:
    bench = confirmed_call()
    assert events(bench.request("INVITE", b"hold")) == [OfferReceived(b"hold", "INVITE")]
    (ok,) = responses(bench.answer_offer(b"held"))
    assert (ok.status, ok.body, ok.headers.get("Contact")) == (200, b"held", "<sip:bob@192.0.2.2:5060>")
    assert statuses(bench.until(2.0)) == [200, 200]  # repeated until the ACK
    assert statuses(bench.request("INVITE", OFFER)) == [491]
    assert bench.ack(1) == []
    bench.ack(2)
    assert statuses(bench.until(20.0)) == []
    assert len(requests(bench.offer())) == 1


def test_a_reinvite_without_an_offer() -> None:
    bench = confirmed_call()
    assert events(bench.request("INVITE")) == [OfferRequested()]
    assert responses(bench.answer_offer(b"our offer"))[0].body == b"our offer"
    assert events(bench.ack(2, b"their answer")) == [AnswerReceived(b"their answer")]
    bench.request("INVITE")
    bench.answer_offer(b"our offer")
    assert bench.ack(3) != []  # no answer came: the old session stays
    assert bench.usage.offer_answer.state == "stable"


def test_a_reinvite_that_is_refused() -> None:
    bench = confirmed_call()
    bench.request("INVITE", OFFER)
    assert statuses(bench.refuse_offer()) == [488]
    assert bench.refuse_offer() == []
    assert len(requests(bench.offer())) == 1


def test_a_reinvite_that_is_cancelled() -> None:
    bench = confirmed_call()
    bench.request("INVITE", OFFER)
    assert statuses(bench.cancel(2)) == [487]
    assert bench.answer_offer() == []  # it was taken back
    assert bench.cancel(2) == []


def test_a_second_reinvite_before_the_first_is_answered() -> None:
    """§14.2."""
    bench = confirmed_call(entropy=0.3)
    bench.request("INVITE", OFFER)
    (refusal,) = responses(bench.request("INVITE", OFFER))
    assert (refusal.status, refusal.headers.get("Retry-After")) == (500, "3")
    assert statuses(bench.answer_offer(), 2) == [200]


def test_a_reinvite_that_is_never_acknowledged() -> None:
    bench = confirmed_call()
    bench.request("INVITE", OFFER)
    bench.answer_offer()
    effects = bench.until(32.0)
    assert [event.by for event in events(effects) if isinstance(event, Ended)] == [Party.NETWORK]
    assert len(requests(effects, "BYE")) == 1


def test_a_bye_while_a_reinvite_is_open() -> None:
    """§15.1.2: a pending request gets a 487."""
    bench = confirmed_call()
    bench.request("INVITE", OFFER)
    effects = bench.request("BYE")
    assert statuses(effects, 2) == [487]
    assert statuses(effects, 3) == [200]
    bench = confirmed_call()
    bench.request("INVITE", OFFER)
    assert statuses(bench.hang_up(), 2) == [487]


def test_a_bye_while_our_reinvite_is_open() -> None:
    bench = answered_call()
    (invite,) = requests(bench.offer())
    assert statuses(bench.request("BYE")) == [200]
    assert bench.answer(invite, 487) == []


def test_an_update() -> None:
    bench = confirmed_call()
    assert events(bench.request("UPDATE", OFFER)) == [OfferReceived(OFFER, "UPDATE")]
    assert statuses(bench.answer_offer()) == [200]
    assert statuses(bench.until(5.0)) == []  # no ACK, no repetition


def test_an_update_without_a_body_is_a_refresh() -> None:
    bench = confirmed_call()
    effects = bench.request("UPDATE")
    assert (statuses(effects), events(effects)) == ([200], [])


def test_our_story_forgets_to_answer() -> None:
    bench: Bench = confirmed_call()
    bench.request("INVITE", OFFER)
    assert statuses(bench.until(10.0)) == [504]
    assert bench.answer_offer() == []


def test_a_refusal_after_the_answer_and_a_pause_that_is_over_twice_change_nothing() -> None:
    bench = answered_call()
    (again,) = requests(bench.offer(b"ours"))
    bench.answer(again, 200, b"theirs")
    bench.effects.clear()
    assert bench.answer(again, 500) == []
    assert bench.feed(TimerFired(SessionTimer.RETRY_OFFER)) == []


def test_an_offer_of_ours_waits_until_our_answer_is_acknowledged() -> None:
    bench = confirmed_call()
    bench.request("INVITE", b"theirs")
    bench.answer_offer()
    assert requests(bench.offer(b"ours")) == []
    with pytest.raises(LocalProtocolError, match="an offer of ours is open already"):
        bench.offer(b"another")
    (ours,) = requests(bench.ack(2))
    assert (ours.method, ours.body) == ("INVITE", b"ours")
