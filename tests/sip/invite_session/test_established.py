"""An answered session: ACK, BYE, INFO, and parting (RFC 3261 §13.3.1.4, §15, §12.2)."""

import pytest

from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import Accepted, Confirmed, Ended, InfoReceived, Party
from callapi.sip.invite_session.effects import SessionTimer
from callapi.sip.outputs import TimerFired
from tests.sip.invite_session.support import (
    ANSWER,
    OFFER,
    Bench,
    acks,
    answered_call,
    called,
    calling,
    confirmed_call,
    events,
    over,
    requests,
    responses,
    statuses,
)


def ends(bench: Bench) -> list[Ended]:
    return [event for event in bench.events if isinstance(event, Ended)]


# --- the called side: 2xx and ACK ---


def test_the_200_is_repeated_until_the_ack() -> None:
    bench = called()
    bench.accept()
    assert statuses(bench.until(16.0)) == [200] * 6  # after 0.5 1.5 3.5 7.5 11.5 15.5 s
    assert events(bench.ack()) == [Confirmed(b"")]
    assert statuses(bench.until(100.0)) == []
    assert bench.ack() == []


def test_the_ack_brings_the_answer_to_our_offer() -> None:
    bench = called(body=b"")
    bench.accept(OFFER)
    assert events(bench.ack(body=ANSWER)) == [Confirmed(ANSWER)]
    assert bench.usage.offer_answer.state == "stable"


def test_no_ack_ever() -> None:
    """§13.3.1.4: after 64*T1 the session is terminated by BYE."""
    bench = called()
    bench.accept()
    (bye,) = requests(bench.until(32.0), "BYE")
    assert (ends(bench)[0].by, ends(bench)[0].status) == (Party.NETWORK, 200)
    bench.answer(bye, 481)
    assert bench.is_finished


def test_an_ack_of_another_invite_is_not_ours() -> None:
    bench = called()
    bench.accept()
    assert bench.ack(7) == []


def test_hanging_up_before_the_ack_waits_for_it() -> None:
    """§15: the called side must not send a BYE before the ACK; the story need not wait."""
    bench = called()
    bench.accept()
    effects = bench.hang_up()
    assert [type(event) for event in events(effects)] == [Ended]
    assert requests(effects) == []
    assert statuses(bench.until(2.0)) == [200, 200]
    assert bench.ack(9) == []
    (bye,) = requests(bench.ack())
    assert bye.method == "BYE"
    assert statuses(bench.until(10.0)) == []
    bench.answer(bye, 200)
    assert bench.is_finished
    assert len(ends(bench)) == 1


def test_hanging_up_before_an_ack_that_never_comes() -> None:
    bench = called()
    bench.accept()
    bench.hang_up()
    (bye,) = requests(bench.until(32.0))
    bench.silence(bye)
    assert bench.is_finished


def test_both_hang_up_while_the_ack_is_missing() -> None:
    bench = called()
    bench.accept()
    bench.hang_up()
    assert statuses(bench.request("BYE")) == [200]
    assert bench.is_finished
    assert len(ends(bench)) == 1


def test_a_reinvite_before_the_ack_has_to_wait() -> None:
    bench = called()
    bench.accept()
    assert statuses(bench.request("INVITE", OFFER)) == [491]


# --- the calling side: an ACK that waits for our answer ---


def test_an_offerless_call_is_acknowledged_with_the_answer() -> None:
    bench = calling(b"")
    effects = bench.answer(bench.invites[0], 200, OFFER)
    assert acks(effects) == []
    assert isinstance(events(effects)[0], Accepted)
    (ack,) = acks(bench.acknowledge(ANSWER))
    assert (ack.body, ack.content_type, ack.cseq.number) == (ANSWER, "application/sdp", 1)
    with pytest.raises(LocalProtocolError):
        bench.acknowledge()


def test_hanging_up_instead_of_answering() -> None:
    bench = calling(b"")
    bench.answer(bench.invites[0], 200, OFFER)
    effects = bench.hang_up()
    assert len(acks(effects)) == 1
    assert len(requests(effects, "BYE")) == 1


# --- BYE ---


@pytest.mark.parametrize("make", [answered_call, confirmed_call])
def test_hanging_up(make: type) -> None:
    bench = make()
    effects = bench.hang_up("Q.850;cause=16")
    (bye,) = requests(effects)
    assert bye.headers.get("Reason") == "Q.850;cause=16"
    assert (ends(bench)[0].by, ends(bench)[0].status) == (Party.LOCAL, 200)
    assert bench.hang_up() == []  # idempotent
    bench.answer(bye, 200)
    if make is answered_call:
        assert bench.machine.state == "_Gone.lingering"
    else:
        assert bench.is_finished


def test_the_end_of_a_re_invite_is_not_that_of_the_invite() -> None:
    """While the INVITE's transaction lives, a 2xx that comes again is acknowledged, before and after the BYE."""
    bench = calling()
    (invite,) = bench.invites
    bench.answer(invite, 200, ANSWER)
    (again,) = requests(bench.offer())
    bench.answer(again, 488)
    assert over(bench, again) == []
    assert len(acks(bench.answer(invite, 200, ANSWER))) == 1
    (bye,) = requests(bench.hang_up())
    bench.answer(bye, 200)
    assert len(acks(bench.answer(invite, 200, ANSWER))) == 1
    over(bench, invite)
    assert bench.is_finished


@pytest.mark.parametrize("make", [answered_call, confirmed_call])
def test_the_peer_hangs_up(make: type) -> None:
    bench = make()
    effects = bench.request("BYE", extra='Reason: Q.850;cause=16;text="Normal call clearing"')
    assert statuses(effects) == [200]
    (ended,) = events(effects)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status, ended.reason) == (Party.REMOTE, 200, "Normal call clearing")
    assert ended.headers is not None


def test_byes_that_cross() -> None:
    bench = confirmed_call()
    (bye,) = requests(bench.hang_up())
    assert statuses(bench.request("BYE")) == [200]
    assert statuses(bench.request("INFO")) == [481]
    bench.answer(bye, 200)
    assert bench.is_finished
    assert len(ends(bench)) == 1


def test_a_bye_without_an_answer() -> None:
    bench = confirmed_call()
    bench.silence(requests(bench.hang_up())[0])
    assert bench.is_finished


# --- a caller lingers for late 2xx ---


def test_a_caller_lingers_until_its_invite_transaction_ends() -> None:
    bench = calling()
    (first,) = bench.invites
    (ack,) = acks(bench.answer(first, 200, ANSWER))
    bench.answer(requests(bench.hang_up())[0], 200)
    assert not bench.is_finished
    assert acks(bench.answer(first, 200, ANSWER)) == [ack]  # our ACK was lost
    effects = bench.answer(first, 200, ANSWER, tag="carol")  # another fork
    assert acks(effects)[0].to.tag == "carol"
    assert requests(effects, "BYE")[0].to.tag == "carol"
    assert statuses(bench.request("INVITE", OFFER)) == [481]
    over(bench, first)
    assert bench.is_finished


def test_a_long_call_ends_with_its_bye() -> None:
    bench = answered_call()
    over(bench, bench.usage.dialog.request("INVITE", cseq=1))  # type: ignore[union-attr]
    bench.answer(requests(bench.hang_up())[0], 200)
    assert bench.is_finished


# --- other requests ---


def test_info_both_ways() -> None:
    bench = answered_call()
    (info,) = requests(bench.info())
    assert (info.method, info.body, info.content_type) == ("INFO", b"hello", "text/plain")
    assert bench.answer(info, 200) == []
    effects = bench.request("INFO", b"x")
    assert statuses(effects) == [200]
    assert events(effects) == [InfoReceived("application/sdp", b"x")]


def test_an_info_that_is_not_understood_is_refused() -> None:
    """RFC 6086 §4.2.2."""
    bench = answered_call()
    effects = bench.request("INFO", b"x", extra="Content-Type: application/isup")
    assert statuses(effects) == [415]
    assert events(effects) == []


@pytest.mark.parametrize("status", [481, 408])
def test_the_peer_has_forgotten_the_dialog(status: int) -> None:
    """§12.2.1.2."""
    bench = answered_call()
    effects = bench.answer(requests(bench.info())[0], status)
    assert len(requests(effects, "BYE")) == 1
    assert ends(bench)[0].by is Party.NETWORK


def test_a_peer_that_is_silent() -> None:
    bench = answered_call()
    bench.silence(requests(bench.info())[0])
    assert (ends(bench)[0].by, ends(bench)[0].reason) == (Party.NETWORK, "the peer does not answer")


def test_requests_out_of_order() -> None:
    """§12.2.2."""
    bench = confirmed_call()
    bench.request("INFO")
    bench.cseq = 1
    (refusal,) = responses(bench.request("BYE"))
    assert refusal.status == 500
    assert ends(bench) == []


def test_other_methods() -> None:
    bench = confirmed_call()
    assert statuses(bench.request("OPTIONS")) == [200]
    assert statuses(bench.request("PRACK")) == [200]
    assert bench.cancel() == []


def test_a_method_that_no_usage_knows() -> None:
    """RFC 3261 §8.2.1: not a 200 for a request that is then ignored."""
    for bench in (confirmed_call(), answered_call()):
        (refusal,) = responses(bench.request("PUBLISH"))
        assert refusal.status == 405
        assert "INVITE" in (refusal.headers.get("Allow") or "")


def test_it_cannot_be_answered_twice() -> None:
    for command in (Bench.ring, Bench.accept, lambda bench: bench.refuse(486)):
        with pytest.raises(LocalProtocolError):
            command(answered_call())


# --- a lost connection ---


def test_a_lost_connection_ends_the_session_with_a_bye_for_the_peer() -> None:
    """The peer may come back by another connection (RFC 5626 §4.4.1)."""
    bench = answered_call()
    effects = bench.lose_flow()
    assert len(requests(effects, "BYE")) == 1
    (ended,) = ends(bench)
    assert (ended.by, ended.reason) == (Party.NETWORK, "the peer's connection closed")
    bench.lose_flow()
    assert bench.lose_flow() == []
    assert len(ends(bench)) == 1


def test_without_a_dialog_nothing_is_sent() -> None:
    with pytest.raises(LocalProtocolError, match="there is no dialog yet"):
        calling().usage.confirmed_dialog()


# --- timers ---


def test_a_timer_of_another_phase_changes_nothing() -> None:
    bench = answered_call()
    assert bench.feed(TimerFired(SessionTimer.NEXT_HOP)) == []
    assert bench.feed(TimerFired(SessionTimer.RETRY_OFFER)) == []


def test_a_session_that_is_not_refreshed_expires() -> None:
    """RFC 4028 §10."""
    bench = answered_call()
    effects = bench.feed(TimerFired(SessionTimer.SESSION_EXPIRES))
    assert len(requests(effects, "BYE")) == 1
    (ended,) = ends(bench)
    assert (ended.by, ended.reason) == (Party.NETWORK, "the session timer expired")
