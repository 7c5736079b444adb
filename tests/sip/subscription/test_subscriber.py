"""The subscriber of a REFER that was sent, arrow by arrow."""

import pytest

from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.authentication.digest import Credentials
from callapi.sip.dialog import Dialog
from callapi.sip.invite_session.inputs import BEGIN, RequestReceived, ResponseReceived
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.outputs import Finish, Report, Respond, SendRequest, StartTimer, StopTimer, TimerFired
from callapi.sip.subscription.events import (
    ReferAccepted,
    ReferEnded,
    ReferEvent,
    ReferProgress,
    ReferRefused,
    SubscriberInput,
    SubscriptionTimer,
)
from callapi.sip.subscription.subscriber import MAX_SILENCE_S, ReferSubscriber, refer_request
from callapi.sip.transaction.timers import T1_64
from tests.sip.invite_session.support import invite, parse_request


class Bench:
    """A machine whose REFER is on its way, and what it did."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self.dialog = Dialog.of_server(invite(), "ours")
        request = refer_request(
            self.dialog, "<sip:us@h>", "<sip:carol@h>", referred_by="<sip:us@h>", headers=(("X-A", "1"),)
        )
        self.machine = ReferSubscriber(self.dialog, request, Authenticator(credentials), "cnonce")
        self.now = 0.0
        self.sent: list[Request] = []
        self.responses: list[Response] = []
        self.events: list[ReferEvent] = []
        self.timers: dict[str, float] = {}
        self.finished = 0
        self.feed(BEGIN)

    def feed(self, input_: SubscriberInput) -> None:
        for output in self.machine.handle(input_, self.now):
            match output:
                case SendRequest(request):
                    self.sent.append(request)
                case Respond(_, response):
                    self.responses.append(response)
                case Report(event):
                    self.events.append(event)
                case StartTimer(timer, at):
                    self.timers[timer] = at
                case StopTimer(timer):
                    self.timers.pop(timer, None)
                case Finish():
                    self.finished += 1

    def answer(self, status: int, *headers: tuple[str, str], is_local: bool = False) -> Response:
        request = self.sent[-1]
        request.headers.set("Via", "SIP/2.0/UDP h;branch=z9hG4bK1")
        response = make_response(request, status, headers=headers)
        self.feed(ResponseReceived(request, response, is_local))
        return response

    def notify(self, line: str, state: str = "active;expires=60") -> None:
        request = parse_request(
            f"""NOTIFY sip:us@h SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnotify
            From: <sip:alice@h>;tag=theirs
            To: <sip:us@h>;tag=ours
            Call-ID: 1
            CSeq: 9 NOTIFY
            Event: refer
            Subscription-State: {state}
            """
        )
        request.body = line.encode()
        self.feed(RequestReceived(request, "handle"))


def test_the_request() -> None:
    [request] = Bench().sent
    assert request.method == "REFER"
    fields = [request.headers.get(name) for name in ("Refer-To", "Referred-By", "Contact", "X-A")]
    assert fields == ["<sip:carol@h>", "<sip:us@h>", "<sip:us@h>", "1"]


def test_accepted_followed_and_over() -> None:
    bench = Bench()
    response = bench.answer(202)
    assert bench.events == [ReferAccepted(response)]
    assert bench.timers[SubscriptionTimer.FIRST_NOTIFY] == T1_64
    bench.notify("SIP/2.0 100 Trying\r\n")
    assert bench.timers == {SubscriptionTimer.EXPIRES: MAX_SILENCE_S}
    bench.notify("SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
    assert bench.events[1:] == [ReferProgress(100, "Trying"), ReferEnded(200, "OK")]
    assert [each.status for each in bench.responses] == [200, 200]
    assert bench.finished == 1
    assert bench.timers == {}


def test_a_notify_may_overtake_the_202() -> None:
    bench = Bench()
    bench.notify("SIP/2.0 100 Trying\r\n")
    response = bench.answer(202)
    assert bench.events == [ReferProgress(100, "Trying"), ReferAccepted(response)]
    assert SubscriptionTimer.FIRST_NOTIFY not in bench.timers


def test_a_final_status_ends_it_and_the_closing_notify_is_answered() -> None:
    bench = Bench()
    bench.answer(202)
    bench.notify("SIP/2.0 486 Busy Here\r\n")
    assert bench.events[-1] == ReferEnded(486, "Busy Here")
    assert bench.finished == 0
    bench.notify("SIP/2.0 486 Busy Here\r\n", "terminated;reason=noresource")
    assert bench.finished == 1
    assert len(bench.events) == 2


def test_a_last_notify_without_a_body() -> None:
    bench = Bench()
    bench.answer(202)
    bench.notify("", "terminated;reason=giveup")
    assert bench.events[-1] == ReferEnded(None, "reason=giveup")
    assert bench.finished == 1


@pytest.mark.parametrize("timer", [SubscriptionTimer.FIRST_NOTIFY, SubscriptionTimer.EXPIRES])
def test_notifies_that_do_not_come(timer: SubscriptionTimer) -> None:
    bench = Bench()
    bench.answer(202)
    if timer is SubscriptionTimer.EXPIRES:
        bench.notify("SIP/2.0 180 Ringing\r\n")
    bench.now = bench.timers[timer]
    bench.feed(TimerFired(timer))
    last = bench.events[-1]
    assert isinstance(last, ReferEnded)
    assert last.status is None
    assert bench.finished == 1
    bench.notify("SIP/2.0 200 OK\r\n")
    assert bench.responses[-1].status == 481


@pytest.mark.parametrize(("status", "is_local"), [(603, False), (405, False), (408, True)])
def test_refused(status: int, is_local: bool) -> None:
    bench = Bench()
    response = bench.answer(status, is_local=is_local)
    assert bench.events == [ReferRefused(response, is_local)]
    assert bench.finished == 1


def test_a_challenge_is_answered_once() -> None:
    bench = Bench(Credentials("us", "secret"))
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n"')
    bench.answer(401, challenge)
    assert len(bench.sent) == 2
    assert "Authorization" in bench.sent[1].headers
    assert bench.machine.event_id == str(bench.sent[1].cseq.number)
    bench.answer(401, challenge)
    assert isinstance(bench.events[-1], ReferRefused)


def test_without_a_subscription() -> None:
    """RFC 4488."""
    bench = Bench()
    bench.answer(202, ("Refer-Sub", "false"))
    assert isinstance(bench.events[-1], ReferEnded)
    assert bench.finished == 1


def test_a_provisional_answer_and_answers_after_the_end_change_nothing() -> None:
    bench = Bench()
    bench.answer(100)
    assert bench.events == []
    bench.answer(202, ("Refer-Sub", "false"))
    assert bench.finished == 1
    bench.answer(202)
    assert bench.finished == 1


def test_a_refusal_after_a_notify_is_overlooked() -> None:
    """The NOTIFY says that the REFER was accepted; the answer to it was lost, and the transaction timed out."""
    bench = Bench()
    bench.notify("SIP/2.0 100 Trying\r\n")
    bench.answer(408, is_local=True)
    assert bench.events == [ReferProgress(100, "Trying")]
    assert bench.finished == 0


def test_a_notify_without_a_status_keeps_the_subscription_alive() -> None:
    bench = Bench()
    bench.answer(202)
    bench.now = 10.0
    bench.notify("")
    assert len(bench.events) == 1
    assert bench.timers == {SubscriptionTimer.EXPIRES: 10.0 + MAX_SILENCE_S}


def test_timers_before_the_answer_and_after_the_end_change_nothing() -> None:
    bench = Bench()
    bench.feed(TimerFired(SubscriptionTimer.EXPIRES))
    assert (bench.events, bench.finished) == ([], 0)


def test_a_closing_notify_that_does_not_come() -> None:
    bench = Bench()
    bench.answer(202)
    bench.notify("SIP/2.0 486 Busy Here\r\n")
    bench.now = bench.timers[SubscriptionTimer.EXPIRES]
    bench.feed(TimerFired(SubscriptionTimer.EXPIRES))
    assert bench.events[-1] == ReferEnded(486, "Busy Here")
    assert bench.finished == 1
