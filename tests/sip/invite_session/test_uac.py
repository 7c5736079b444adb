"""The calling side until it is answered: RFC 3261 §13.2, §9.1, §8.1.3; RFC 3262 §4; RFC 3263 §4.3; RFC 4028 §7.3."""

import pytest
from msgspec.structs import replace

from callapi.sip.authentication.digest import Credentials
from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import Accepted, Ended, InfoReceived, OfferReceived, Party, Provisional, Refused
from callapi.sip.invite_session.effects import Resolve, SessionTimer
from callapi.sip.invite_session.inputs import BEGIN, Resolved, ResponseReceived
from callapi.sip.invite_session.late_responses import MAX_ACKS
from callapi.sip.invite_session.uac import MAX_FORKS
from callapi.sip.messages.message import Response
from callapi.sip.outputs import TimerFired
from tests.sip.invite_session.support import (
    ANSWER,
    OFFER,
    SETTINGS,
    Bench,
    abandoned,
    acks,
    calling,
    cancels,
    events,
    over,
    requests,
    respond,
    responses,
    statuses,
)

CHALLENGE = ("WWW-Authenticate", 'Digest realm="r", nonce="n1", algorithm=MD5, qop="auth"')
STALE = ("WWW-Authenticate", 'Digest realm="r", nonce="n2", algorithm=MD5, qop="auth", stale=true')
ALICE = Credentials("alice", "secret")


def ringing() -> Bench:
    bench = calling()
    bench.answer(bench.invites[0], 180)
    return bench


def the_end(bench: Bench) -> Ended:
    (ended,) = [event for event in bench.events if isinstance(event, Ended)]
    assert bench.events[-1] is ended
    return ended


def refused(bench: Bench) -> Refused:
    (event,) = [event for event in bench.events if isinstance(event, Refused)]
    return event


# --- answers ---


def test_provisionals_are_reported_but_for_100() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 100)
    assert bench.events == []
    bench.answer(bench.invites[0], 180)
    bench.answer(bench.invites[0], 183, ANSWER)
    assert [event.response.status for event in bench.events if isinstance(event, Provisional)] == [180, 183]


def test_a_success_is_acknowledged_at_once() -> None:
    bench = calling()
    effects = bench.answer(bench.invites[0], 200, ANSWER)
    (ack,) = acks(effects)
    assert str(ack.uri) == "sip:bob@192.0.2.2:5060"
    assert (ack.cseq.number, ack.to.tag, ack.body) == (1, "bob", b"")
    assert [type(event) for event in events(effects)] == [Accepted]
    assert bench.machine.state == "Established.confirmed"


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
def test_a_failure(status: int) -> None:
    """A redirection is a failure: only the given target is called."""
    bench = ringing()
    bench.answer(bench.invites[0], status, extra=[("X-Why", "1")])
    assert (refused(bench).response.status, refused(bench).local) == (status, False)
    ended = the_end(bench)
    assert (ended.by, ended.status) == (Party.REMOTE, status)
    assert ended.headers is not None
    assert ended.headers.get("X-Why") == "1"
    assert bench.is_finished


def test_no_answer() -> None:
    bench = calling()
    bench.silence(bench.invites[0])
    assert (refused(bench).response.status, refused(bench).local) == (408, True)
    assert (the_end(bench).by, the_end(bench).status) == (Party.NETWORK, 408)


def test_nowhere_to_send_it() -> None:
    bench = calling(hops=())
    assert bench.invites == []
    assert (refused(bench).response.status, the_end(bench).by) == (503, Party.NETWORK)


def test_it_is_too_early_for_other_commands() -> None:
    for command in (Bench.offer, Bench.info, Bench.acknowledge, Bench.ring, Bench.accept):
        with pytest.raises(LocalProtocolError):
            command(ringing())


# --- hops ---


def test_the_next_hop_after_a_503() -> None:
    """RFC 3263 §4.3; the same call, the next CSeq."""
    bench = calling(hops=("one", "two"))
    first = bench.invites[0]
    bench.answer(first, 503)
    second = bench.invites[1]
    assert (second.cseq.number, second.call_id, second.body) == (2, first.call_id, first.body)
    assert second.headers.get("From") == first.headers.get("From")
    assert bench.events == []
    bench.answer(second, 200, ANSWER)
    assert acks(bench.effects)[0].cseq.number == 2
    bench = calling(hops=("one",))
    bench.answer(bench.invites[0], 503)
    assert the_end(bench).status == 503


def test_the_next_hop_when_the_transport_fails() -> None:
    bench = calling(hops=("one", "two"))
    broken = Response(503, "Service Unavailable")
    bench.feed(ResponseReceived(bench.invites[0], broken, is_local=True))
    bench.feed(ResponseReceived(bench.invites[1], broken, is_local=True))
    assert (refused(bench).local, the_end(bench).by) == (True, Party.NETWORK)


def test_the_next_hop_after_silence() -> None:
    bench = calling(hops=("one", "two"))
    bench.until(6.0)
    assert len(bench.invites) == 2
    assert bench.until(20.0) == []


def test_a_hop_that_is_slow_is_not_left_ringing() -> None:
    """It was given up; when it rings after all it is cancelled, and when it answers it is hung up."""
    bench = calling(hops=("one", "two"))
    bench.until(6.0)
    slow, second = bench.invites
    (cancel,) = cancels(bench.answer(slow, 180))
    assert cancel.invite is slow
    assert cancels(bench.answer(slow, 180)) == []
    effects = bench.answer(slow, 200, ANSWER)
    assert acks(effects)[0].cseq.number == 1
    assert len(requests(effects, "BYE")) == 1
    assert events(effects) == []
    bench.answer(second, 486)
    assert the_end(bench).status == 486
    assert not bench.is_finished  # the slow one may still repeat its 2xx
    over(bench, slow)
    over(bench, second)
    assert bench.is_finished


def test_the_only_hop_is_given_up_where_another_peer_would_be_asked() -> None:
    """A 408 after six seconds instead of timer B's 32; what comes from it later is cancelled or hung up."""
    bench = calling(settings=replace(SETTINGS, gives_up_silence=True))
    bench.until(6.0)
    assert (the_end(bench).status, the_end(bench).by) == (408, Party.NETWORK)
    assert not bench.is_finished
    (late,) = bench.invites
    assert len(cancels(bench.answer(late, 180))) == 1
    assert len(requests(bench.answer(late, 200, ANSWER), "BYE")) == 1
    over(bench, late)
    assert bench.is_finished


def test_a_peer_that_says_anything_is_not_given_up() -> None:
    bench = calling(settings=replace(SETTINGS, gives_up_silence=True))
    bench.answer(bench.invites[0], 100)
    assert bench.until(100.0) == []
    bench.answer(bench.invites[0], 486)
    assert bench.is_finished


def test_a_phone_that_rings_is_no_silence() -> None:
    bench = calling(hops=("one", "two"))
    bench.answer(bench.invites[0], 100)
    assert bench.until(100.0) == []
    bench.answer(bench.invites[0], 486)
    assert len(bench.invites) == 1


# --- credentials (§22) ---


def test_a_challenge_is_answered_once() -> None:
    bench = calling(credentials=ALICE)
    first = bench.invites[0]
    bench.answer(first, 401, extra=[CHALLENGE])
    second = bench.invites[1]
    assert 'username="alice"' in (second.headers.get("Authorization") or "")
    assert (second.cseq.number, second.body, second.call_id) == (2, first.body, first.call_id)
    assert second.headers.get("Session-Expires") == "1800"
    bench.answer(second, 401, extra=[CHALLENGE])
    assert (the_end(bench).status, len(bench.invites)) == (401, 2)


def test_a_stale_nonce_is_tried_again_but_not_for_ever() -> None:
    bench = calling(credentials=ALICE)
    bench.answer(bench.invites[0], 401, extra=[CHALLENGE])
    for _ in range(3):
        bench.answer(bench.invites[-1], 401, extra=[STALE])
    assert 'nonce="n2"' in (bench.invites[-1].headers.get("Authorization") or "")
    assert (the_end(bench).status, len(bench.invites)) == (401, 4)


def test_without_credentials_a_challenge_is_a_refusal() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 407, extra=[("Proxy-Authenticate", CHALLENGE[1])])
    assert the_end(bench).status == 407


def test_the_ack_of_a_success_carries_the_credentials() -> None:
    """§22.1: they cannot be asked for."""
    bench = calling(credentials=ALICE)
    bench.answer(bench.invites[0], 407, extra=[("Proxy-Authenticate", CHALLENGE[1])])
    bench.answer(bench.invites[1], 200, ANSWER)
    (ack,) = acks(bench.effects)
    assert ack.headers.get("Proxy-Authorization") == bench.invites[1].headers.get("Proxy-Authorization")


def test_a_bye_may_be_challenged_too() -> None:
    bench = calling(credentials=ALICE)
    bench.answer(bench.invites[0], 200, ANSWER)
    (bye,) = requests(bench.hang_up())
    (again,) = requests(bench.answer(bye, 401, extra=[CHALLENGE]))
    assert (again.method, again.cseq.number) == ("BYE", 3)
    assert "Authorization" in again.headers
    bench.answer(again, 401, extra=[CHALLENGE])
    assert bench.machine.state == "_Gone.lingering"


# --- the session interval (RFC 4028 §7.3) ---


def test_an_interval_that_is_too_small_is_stretched_once() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 422, extra=[("Min-SE", "3600")])
    assert bench.invites[1].headers.get("Session-Expires") == "3600"
    assert bench.invites[1].headers.get("Min-SE") == "3600"
    bench.answer(bench.invites[1], 422, extra=[("Min-SE", "7200")])
    assert the_end(bench).status == 422


# --- CANCEL ---


def test_cancelling_a_phone_that_rings() -> None:
    bench = ringing()
    (cancel,) = cancels(bench.hang_up("SIP;cause=200"))
    assert cancel.headers == (("Reason", "SIP;cause=200"),)
    assert bench.hang_up() == []
    bench.answer(bench.invites[0], 487)
    assert (refused(bench).response.status, the_end(bench).by, the_end(bench).status) == (
        487,
        Party.LOCAL,
        487,
    )
    assert bench.is_finished


def test_a_cancel_waits_for_a_provisional_response() -> None:
    """§9.1."""
    bench = calling()
    assert cancels(bench.hang_up()) == []
    assert len(cancels(bench.answer(bench.invites[0], 100))) == 1
    assert bench.hang_up() == []


def test_a_cancel_that_waits_in_vain() -> None:
    bench = calling(hops=("one", "two"))
    bench.hang_up()
    assert bench.until(31.0) == []  # nor is another hop tried
    bench.silence(bench.invites[0])
    assert len(bench.invites) == 1
    assert (the_end(bench).by, the_end(bench).status) == (Party.LOCAL, 487)


def test_a_200_that_crosses_the_cancel() -> None:
    bench = ringing()
    bench.hang_up("SIP;cause=200")
    effects = bench.answer(bench.invites[0], 200, ANSWER)
    (ack,), (bye,) = acks(effects), requests(effects)
    assert (ack.cseq.number, bye.method, bye.headers.get("Reason")) == (1, "BYE", "SIP;cause=200")
    assert (the_end(bench).by, the_end(bench).status) == (Party.LOCAL, 487)
    assert Accepted not in [type(event) for event in bench.events]
    assert acks(bench.answer(bench.invites[0], 200, ANSWER)) == [ack]


def test_a_200_that_comes_before_the_cancel_could_go() -> None:
    bench = calling()
    bench.hang_up()
    effects = bench.answer(bench.invites[0], 200, ANSWER)
    assert (len(acks(effects)), len(requests(effects, "BYE"))) == (1, 1)


def test_another_refusal_crosses_the_cancel() -> None:
    bench = ringing()
    bench.hang_up()
    bench.answer(bench.invites[0], 486)
    assert (refused(bench).response.status, the_end(bench).by) == (486, Party.LOCAL)


def test_a_challenge_or_503_crosses_the_cancel() -> None:
    bench = calling(credentials=ALICE, hops=("one", "two"))
    bench.hang_up()
    bench.answer(bench.invites[0], 401, extra=[CHALLENGE])
    assert len(bench.invites) == 1
    assert the_end(bench).by is Party.LOCAL


def test_a_cancel_that_is_never_answered() -> None:
    """§9.1: after 64*T1 the INVITE counts as cancelled."""
    bench = ringing()
    bench.hang_up()
    assert abandoned(bench.until(32.0)) == [bench.invites[0]]
    assert (the_end(bench).by, the_end(bench).status) == (Party.LOCAL, 487)


def test_hanging_up_before_there_is_an_address() -> None:
    bench = calling()
    fresh = Bench(bench.usage, type(bench.machine).outbound(bench.usage, bench.invites[0]))
    bench.usage.offer_answer = type(bench.usage.offer_answer)()
    effects = fresh.feed(BEGIN)
    assert isinstance(effects[-1], Resolve)
    fresh.hang_up()
    assert (the_end(fresh).by, the_end(fresh).status) == (Party.LOCAL, 487)
    assert fresh.feed(Resolved(("hop",))) == []


def test_a_phone_does_not_ring_for_ever() -> None:
    bench = ringing()
    assert len(cancels(bench.until(900.0))) == 1


# --- forks ---


def test_the_first_success_of_several_forks_wins() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 180, tag="bob")
    bench.answer(bench.invites[0], 180, tag="carol")
    bench.answer(bench.invites[0], 200, ANSWER, tag="carol")
    assert bench.usage.dialog is not None
    assert bench.usage.dialog.remote_tag == "carol"
    effects = bench.answer(bench.invites[0], 200, ANSWER, tag="bob")
    assert acks(effects)[0].to.tag == "bob"
    assert requests(effects, "BYE")[0].to.tag == "bob"
    assert events(effects) == []
    again = bench.answer(bench.invites[0], 200, ANSWER, tag="bob")
    assert (len(acks(again)), requests(again)) == (1, [])


# --- PRACK (RFC 3262 §4) ---


def reliable(number: int) -> list[tuple[str, str]]:
    return [("Require", "100rel"), ("RSeq", str(number))]


def test_a_reliable_response_is_acknowledged_in_order() -> None:
    bench = calling()
    first = bench.invites[0]
    (prack,) = requests(bench.answer(first, 183, ANSWER, extra=reliable(7)))
    assert (prack.method, prack.headers.get("RAck"), prack.cseq.number) == ("PRACK", "7 1 INVITE", 2)
    assert str(prack.uri) == "sip:bob@192.0.2.2:5060"
    reported = list(bench.events)
    assert requests(bench.answer(first, 183, ANSWER, extra=reliable(7))) == []  # the PRACK repeats itself
    assert requests(bench.answer(first, 180, extra=reliable(9))) == []  # 8 is missing
    assert bench.events == reported
    (prack,) = requests(bench.answer(first, 180, extra=reliable(8)))
    assert prack.headers.get("RAck") == "8 1 INVITE"
    assert bench.answer(prack, 200) == []


def test_each_fork_counts_by_itself() -> None:
    bench = calling()
    for tag in ("bob", "carol"):
        (prack,) = requests(bench.answer(bench.invites[0], 183, ANSWER, tag=tag, extra=reliable(1)))
        assert (prack.to.tag, prack.cseq.number) == (tag, 2)


def test_the_answer_in_a_reliable_response_counts() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 183, ANSWER)
    assert bench.usage.offer_answer.state == "first-sent"
    bench.answer(bench.invites[0], 183, ANSWER, extra=reliable(1))
    assert bench.usage.offer_answer.state == "stable"
    bench.answer(bench.invites[0], 200, ANSWER)
    assert bench.usage.offer_answer.state == "stable"


# --- requests in the early dialog ---


def test_an_update_in_the_early_dialog() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 183, ANSWER, extra=reliable(1))
    assert events(bench.request("UPDATE", b"new offer")) == [OfferReceived(b"new offer", "UPDATE")]
    assert responses(bench.answer_offer(b"new answer"))[0].body == b"new answer"
    [accepted] = events(bench.answer(bench.invites[0], 200))
    assert isinstance(accepted, Accepted)
    assert accepted.is_settled, "the answer in the 183 is out of date"


def test_an_update_that_is_refused_changes_nothing() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 183, ANSWER, extra=reliable(1))
    bench.request("UPDATE", b"new offer")
    assert statuses(bench.refuse_offer(488)) == [488]
    [accepted] = events(bench.answer(bench.invites[0], 200))
    assert isinstance(accepted, Accepted)
    assert (accepted.description, accepted.is_settled) == (ANSWER, False)


def test_an_update_while_our_offer_is_open() -> None:
    bench = ringing()
    assert statuses(bench.request("UPDATE", OFFER)) == [491]


def test_other_requests_in_the_early_dialog() -> None:
    bench = ringing()
    assert statuses(bench.request("INVITE", OFFER)) == [491]
    assert events(bench.request("INFO", b"x")) == [InfoReceived("application/sdp", b"x")]
    assert statuses(bench.request("INFO", tag="stranger")) == [481]
    assert statuses(bench.request("PUBLISH")) == [405]
    bench.cseq = 1
    assert statuses(bench.request("INFO")) == [500]


def test_a_bye_in_place_of_a_final_response() -> None:
    """§15 forbids it to a called side; the phone is gone nevertheless, and the INVITE is withdrawn."""
    bench = ringing()
    effects = bench.request("BYE", extra='Reason: SIP;cause=487;text="gone"')
    assert statuses(effects) == [200]
    assert len(cancels(effects)) == 1
    refused, ended = events(effects)
    assert isinstance(refused, Refused)
    assert (refused.response.status, refused.local) == (487, False)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status, ended.reason) == (Party.REMOTE, 487, "gone")
    late = bench.answer(bench.invites[0], 200, ANSWER)
    assert len(acks(late)) == 1
    assert len(requests(late, "BYE")) == 1
    over(bench, bench.invites[0])
    assert bench.is_finished


def test_a_bye_of_one_fork_while_another_rings() -> None:
    bench = ringing()
    bench.answer(bench.invites[0], 180, tag="carol")
    effects = bench.request("BYE")
    assert statuses(effects) == [200]
    assert events(effects) == []
    assert statuses(bench.request("INFO")) == [481]
    accepted = bench.answer(bench.invites[0], 200, ANSWER, tag="carol")
    assert isinstance(events(accepted)[0], Accepted)


# --- forks ---


@pytest.mark.parametrize("is_reliable", [True, False])
def test_each_fork_has_an_answer_of_its_own(is_reliable: bool) -> None:
    """§12.1, §13.2.2.4: two answers in 183, and the 200 of the first without a body."""
    bench = calling()
    extra = reliable(1) if is_reliable else ()
    bench.answer(bench.invites[0], 183, b"first", tag="bob", extra=extra)
    bench.answer(bench.invites[0], 183, b"second", tag="carol", extra=extra)
    [accepted] = events(bench.answer(bench.invites[0], 200, tag="bob"))
    assert isinstance(accepted, Accepted)
    assert accepted.description == b"first"
    assert bench.usage.offer_answer.remote == b"first"
    assert bench.usage.offer_answer.state == "stable"


def test_a_fork_that_accepts_without_any_answer() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 183, b"second", tag="carol")
    [accepted] = events(bench.answer(bench.invites[0], 200, tag="bob"))
    assert isinstance(accepted, Accepted)
    assert accepted.description == b""


# --- what comes where nothing is expected of it ---


def test_a_second_resolution_changes_nothing() -> None:
    bench = calling()
    assert bench.feed(Resolved(("another",))) == []
    assert len(bench.invites) == 1


def test_a_provisional_without_a_tag_makes_no_dialog() -> None:
    """§12.1.2 needs a tag; the status is still reported."""
    bench = calling()
    invite = bench.invites[0]
    ringing = respond(invite, 180)
    ringing.headers.set("To", invite.headers.get("To") or "")
    bench.feed(ResponseReceived(invite, ringing))
    assert [event.response.status for event in bench.events if isinstance(event, Provisional)] == [180]
    assert bench.usage.dialog is None


def test_forks_beyond_the_bound_are_reported_without_a_dialog() -> None:
    bench = calling()
    for number in range(MAX_FORKS + 1):
        bench.answer(bench.invites[0], 180, tag=f"fork{number}")
    assert len(bench.events) == MAX_FORKS + 1
    assert bench.machine.has_dialog(f"fork{MAX_FORKS - 1}")
    assert not bench.machine.has_dialog(f"fork{MAX_FORKS}")


def test_the_connection_of_the_called_party_is_lost() -> None:
    bench = ringing()
    effects = bench.lose_flow()
    assert abandoned(effects) == [bench.invites[0]]
    assert (refused(bench).response.status, refused(bench).local) == (503, True)
    assert (the_end(bench).by, the_end(bench).reason) == (
        Party.NETWORK,
        "the connection of the called party closed",
    )
    assert bench.lose_flow() == []


def test_late_forks_are_hung_up_within_a_bound() -> None:
    """§13.2.2.4: each 2xx of another fork is acknowledged and ended; one that repeats gets the same ACK."""
    bench = calling()
    invite = bench.invites[0]
    bench.answer(invite, 200, ANSWER)
    for number in range(MAX_ACKS - 1):
        effects = bench.answer(invite, 200, ANSWER, tag=f"fork{number}")
        assert len(acks(effects)) == len(requests(effects, "BYE")) == 1
    assert len(acks(bench.answer(invite, 200, ANSWER, tag="fork0"))) == 1
    assert bench.answer(invite, 200, ANSWER, tag="last") == []


def test_timers_of_another_phase_change_nothing() -> None:
    bench = ringing()
    assert bench.feed(TimerFired(SessionTimer.REFRESH)) == []
    assert bench.feed(TimerFired(SessionTimer.OFFER_UNANSWERED)) == []
    assert bench.feed(TimerFired(SessionTimer.NEXT_HOP)) == []


def test_a_failure_that_comes_again_after_the_end_needs_nothing() -> None:
    """The transaction has acknowledged it; late provisionals are cancelled once."""
    bench = calling()
    invite = bench.invites[0]
    bench.answer(invite, 200, ANSWER)
    assert bench.answer(invite, 486, tag="fork") == []
    assert len(cancels(bench.answer(invite, 180, tag="fork"))) == 1
    assert bench.answer(invite, 180, tag="fork") == []
