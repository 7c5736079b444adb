"""The notifier of a REFER that was received, arrow by arrow."""

import pytest

from callapi.sip.dialog import Dialog
from callapi.sip.errors import LocalProtocolError
from callapi.sip.invite_session.inputs import BEGIN, RequestReceived, ResponseReceived
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.outputs import Finish, Respond, SendRequest, StartTimer, TimerFired
from callapi.sip.subscription.events import AcceptRefer, NotifierInput, Notify, RefuseRefer, SubscriptionTimer
from callapi.sip.subscription.notifier import DECISION_S, LIFETIME_S, ReferNotifier, State
from tests.sip.invite_session.support import invite, parse_request


def refer(extra: str = "") -> Request:
    return parse_request(
        f"""REFER sip:us@h SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKrefer
        From: <sip:alice@h>;tag=theirs
        To: <sip:us@h>;tag=ours
        Call-ID: 1
        CSeq: 7 REFER
        Refer-To: <sip:carol@h>{extra}
        """
    )


class Bench:
    """A machine and what it did."""

    def __init__(self, extra: str = "", *, is_first: bool = True) -> None:
        self.dialog = Dialog.of_server(invite(), "ours")
        self.machine = ReferNotifier(self.dialog, "<sip:us@h>", refer(extra), "handle", is_first=is_first)
        self.now = 0.0
        self.notifies: list[Request] = []
        self.responses: list[Response] = []
        self.timers: dict[str, float] = {}
        self.finished = 0
        self.feed(BEGIN)

    def feed(self, input_: NotifierInput) -> None:
        for output in self.machine.handle(input_, self.now):
            match output:
                case SendRequest(request):
                    self.notifies.append(request)
                case Respond(_, response):
                    self.responses.append(response)
                case StartTimer(timer, at):
                    self.timers[timer] = at
                case Finish():
                    self.finished += 1

    def answer(self, status: int = 200) -> None:
        request = self.notifies[-1]
        request.headers.set("Via", "SIP/2.0/UDP h;branch=z9hG4bK1")
        self.feed(ResponseReceived(request, make_response(request, status)))

    @property
    def last(self) -> tuple[str, str]:
        """Status line and Subscription-State of the last NOTIFY."""
        request = self.notifies[-1]
        return request.body.decode().strip(), request.headers.get("Subscription-State") or ""


def accepted(extra: str = "", *, is_first: bool = True) -> Bench:
    bench = Bench(extra, is_first=is_first)
    bench.feed(AcceptRefer())
    return bench


def test_accepting_sends_100_trying_at_once() -> None:
    bench = accepted()
    assert [each.status for each in bench.responses] == [202]
    assert bench.responses[0].headers.get("Contact") == "<sip:us@h>"
    assert bench.last == ("SIP/2.0 100 Trying", f"active;expires={LIFETIME_S}")
    [notify] = bench.notifies
    assert notify.headers.get("Event") == "refer"
    assert notify.headers.get("Content-Type") == "message/sipfrag;version=2.0"
    assert notify.to.tag == "theirs" or notify.to.tag is not None


def test_a_second_refer_has_an_id() -> None:
    assert accepted(is_first=False).notifies[0].headers.get("Event") == "refer;id=7"


def test_progress_and_the_final_status() -> None:
    bench = accepted()
    bench.answer()
    bench.feed(Notify(180, "Ringing"))
    assert bench.last[0] == "SIP/2.0 180 Ringing"
    bench.answer()
    bench.feed(Notify(486, "Busy Here"))
    assert bench.last == ("SIP/2.0 486 Busy Here", "terminated;reason=noresource")
    assert bench.finished == 0
    bench.answer()
    assert bench.finished == 1
    bench.feed(Notify(200, "OK"))
    assert len(bench.notifies) == 3


def test_one_notify_is_under_way_and_the_latest_follows() -> None:
    bench = accepted()
    bench.feed(Notify(180, "Ringing"))
    bench.feed(Notify(183, "Session Progress"))
    bench.feed(Notify(200, "OK"))
    assert len(bench.notifies) == 1
    bench.answer()
    assert bench.last == ("SIP/2.0 200 OK", "terminated;reason=noresource")
    assert len(bench.notifies) == 2
    bench.answer()
    assert bench.finished == 1


@pytest.mark.parametrize("status", [481, 408, 503])
def test_a_notify_that_is_refused_ends_it(status: int) -> None:
    """RFC 6665 §4.2.2; a peer that hangs up at the 202 forgets the dialog."""
    bench = accepted()
    bench.answer(status)
    assert bench.finished == 1
    bench.feed(Notify(200, "OK"))
    assert len(bench.notifies) == 1


def test_refusing() -> None:
    bench = Bench()
    bench.feed(RefuseRefer(481, None, (("X-Why", "no"),)))
    [response] = bench.responses
    assert (response.status, response.headers.get("X-Why")) == (481, "no")
    assert bench.finished == 1
    bench.feed(AcceptRefer())
    assert len(bench.responses) == 1


def test_an_application_that_does_not_decide() -> None:
    bench = Bench()
    assert bench.timers[SubscriptionTimer.DECISION] == DECISION_S
    bench.feed(TimerFired(SubscriptionTimer.DECISION))
    assert [each.status for each in bench.responses] == [603]
    assert bench.finished == 1


def test_progress_before_the_decision_is_a_fault_of_ours() -> None:
    with pytest.raises(LocalProtocolError):
        Bench().feed(Notify(180, "Ringing"))


def test_without_a_subscription() -> None:
    """RFC 4488."""
    bench = accepted("\nRefer-Sub: false")
    [response] = bench.responses
    assert (response.status, response.headers.get("Refer-Sub")) == (202, "false")
    assert bench.finished == 1
    assert not bench.notifies


def subscribe(expires: str = "") -> RequestReceived:
    request = parse_request(
        f"""SUBSCRIBE sip:us@h SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKsub
        From: <sip:alice@h>;tag=theirs
        To: <sip:us@h>;tag=ours
        Call-ID: 1
        CSeq: 8 SUBSCRIBE
        Event: refer{expires}
        """
    )
    return RequestReceived(request, "handle")


def test_a_subscription_is_refreshed_and_left() -> None:
    bench = accepted()
    bench.answer()
    bench.now = 60.0
    bench.feed(subscribe())
    assert bench.responses[-1].headers.get("Expires") == str(LIFETIME_S - 60)
    assert bench.last[0] == "SIP/2.0 100 Trying"
    bench.answer()
    bench.feed(subscribe("\nExpires: 0"))
    assert bench.responses[-1].headers.get("Expires") == "0"
    assert bench.last[1] == "terminated;reason=timeout"
    assert bench.machine.state is State.CLOSING
    bench.answer()
    assert bench.finished == 1
    bench.feed(subscribe())
    assert bench.responses[-1].status == 481


def test_its_time_is_over() -> None:
    bench = accepted()
    bench.answer()
    bench.now = bench.timers[SubscriptionTimer.EXPIRES]
    bench.feed(TimerFired(SubscriptionTimer.EXPIRES))
    assert bench.last[1] == "terminated;reason=timeout"


def test_a_decision_is_taken_once() -> None:
    bench = Bench()
    bench.feed(RefuseRefer(486, None, ()))
    bench.feed(RefuseRefer(603, None, ()))
    bench.feed(AcceptRefer())
    assert [each.status for each in bench.responses] == [486]
    assert bench.finished == 1


def test_a_provisional_answer_to_a_notify_is_not_an_answer() -> None:
    bench = accepted()
    bench.feed(Notify(180, "Ringing"))
    bench.answer(100)
    assert len(bench.notifies) == 1
    bench.answer(200)
    assert len(bench.notifies) == 2


def test_an_expiry_after_the_last_notify_changes_nothing() -> None:
    bench = accepted()
    bench.answer()
    bench.feed(Notify(200, "OK"))
    bench.feed(TimerFired(SubscriptionTimer.EXPIRES))
    assert len(bench.notifies) == 2
