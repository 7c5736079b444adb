"""One session's machine on a bench: a clock, its timers, and what it did, by kind."""

from collections.abc import Iterable
from enum import StrEnum

from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.authentication.digest import Credentials
from callapi.sip.dialog import Dialog
from callapi.sip.events import SessionEvent
from callapi.sip.invite_session import InviteSession, SessionSettings, Usage
from callapi.sip.invite_session.commands import (
    Accept,
    Acknowledge,
    AnswerOffer,
    HangUp,
    Offer,
    Refuse,
    RefuseOffer,
    Ring,
    SendInfo,
)
from callapi.sip.invite_session.effects import AbandonInvite, Effect, SendAck, SendCancel, SendInvite
from callapi.sip.invite_session.inputs import (
    BEGIN,
    AckReceived,
    CancelReceived,
    FlowLost,
    Input,
    InviteOver,
    RequestReceived,
    Resolved,
    ResponseReceived,
)
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.messages.parser import parse_message
from callapi.sip.outputs import Finish, Report, Respond, SendRequest, StartTimer, StopTimer, TimerFired

OFFER, ANSWER = b"v=0 offer", b"v=0 answer"
SETTINGS = SessionSettings(
    user_agent="test",
    allow="INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO",
    session_expires=1800,
    min_se=90,
    next_hop_after=6.0,
)


def parse_request(text: str, body: bytes = b"") -> Request:
    lines = "\r\n".join(line.strip() for line in text.strip().splitlines())
    content = "Content-Type: application/sdp\r\n" if body else ""
    message = parse_message(f"{lines}\r\n{content}\r\n".encode() + body)
    assert isinstance(message, Request)
    return message


def invite(body: bytes = OFFER, extra: str = "") -> Request:
    """An INVITE of alice's, as it leaves her and as bob gets it."""
    return parse_request(
        f"""INVITE sip:bob@192.0.2.2 SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKfirst
        Max-Forwards: 70
        From: <sip:alice@192.0.2.1>;tag=alice
        To: <sip:bob@192.0.2.2>
        Call-ID: call
        CSeq: 1 INVITE
        Contact: <sip:alice@192.0.2.1:5060>
        {extra}""".rstrip(),
        body,
    )


def respond(
    request: Request,
    status: int,
    body: bytes = b"",
    *,
    tag: str = "bob",
    extra: Iterable[tuple[str, str]] = (),
) -> Response:
    """An answer of the peer."""
    response = make_response(request, status, to_tag=tag, headers=extra, body=body)
    if 100 < status < 300:
        response.headers.set("Contact", f"<sip:{tag}@192.0.2.2:5060>")
    return response


class Bench:
    """A machine under test, with everything that it did so far."""

    def __init__(self, usage: Usage, machine: InviteSession) -> None:
        self.now = 0.0
        self.usage = usage
        self.machine = machine
        self.timers: dict[StrEnum, float] = {}
        self.effects: list[Effect] = []
        self.is_finished = False
        self.cseq = 1

    def feed(self, input_: Input | FlowLost) -> list[Effect]:
        effects = self.machine.handle(input_, self.now)
        for effect in effects:
            assert not self.is_finished, "Finish is the last effect"
            match effect:
                case StartTimer(timer, at):
                    self.timers[timer] = at
                case StopTimer(timer):
                    self.timers.pop(timer, None)
                case Finish():
                    self.is_finished = True
                    self.timers.clear()
                case _:
                    pass
        self.effects += effects
        return effects

    def until(self, then: float) -> list[Effect]:
        """Let the clock run, and fire what is due."""
        done: list[Effect] = []
        while self.timers:
            timer = min(self.timers, key=lambda name: self.timers[name])
            if self.timers[timer] > then:
                break
            self.now = self.timers.pop(timer)
            done += self.feed(TimerFired(timer))
        self.now = then
        return done

    # --- what the peer does ---

    def request(self, method: str, body: bytes = b"", *, tag: str = "", extra: str = "") -> list[Effect]:
        """A request of the peer within the dialog; its handle is its CSeq number."""
        self.cseq += 1
        caller_is_peer = not self.usage.is_caller
        to_tag = self.local_tag if not caller_is_peer or self.usage.dialog is not None else ""
        asked = parse_request(
            f"""{method} sip:us@192.0.2.9 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{method}{self.cseq}
            Max-Forwards: 70
            From: <sip:peer@192.0.2.1>;tag={tag or ("alice" if caller_is_peer else "bob")}
            To: <sip:us@192.0.2.2>;tag={to_tag}
            Call-ID: call
            CSeq: {self.cseq} {method}
            Contact: <sip:peer@192.0.2.1:5070>
            {extra}""".rstrip(),
            body,
        )
        return self.feed(RequestReceived(asked, self.cseq))

    @property
    def local_tag(self) -> str:
        return "us" if not self.usage.is_caller else "alice"

    def ack(self, number: int = 1, body: bytes = b"") -> list[Effect]:
        asked = parse_request(
            f"""ACK sip:us@192.0.2.9 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKack
            From: <sip:peer@192.0.2.1>;tag=peer
            To: <sip:us@192.0.2.2>;tag=us
            Call-ID: call
            CSeq: {number} ACK""",
            body,
        )
        return self.feed(AckReceived(asked))

    def cancel(self, handle: object = "invite", extra: str = "") -> list[Effect]:
        asked = parse_request(
            f"""CANCEL sip:bob@192.0.2.2 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKfirst
            From: <sip:alice@192.0.2.1>;tag=alice
            To: <sip:bob@192.0.2.2>
            Call-ID: call
            CSeq: 1 CANCEL
            {extra}""".rstrip()
        )
        return self.feed(CancelReceived(asked, handle))

    def answer(
        self,
        request: Request,
        status: int,
        body: bytes = b"",
        *,
        tag: str = "bob",
        extra: Iterable[tuple[str, str]] = (),
    ) -> list[Effect]:
        """The peer's answer to a request of ours."""
        return self.feed(ResponseReceived(request, respond(request, status, body, tag=tag, extra=extra)))

    def silence(self, request: Request) -> list[Effect]:
        """The transaction of a request timed out."""
        return self.feed(ResponseReceived(request, Response(408, "Request Timeout"), is_local=True))

    # --- what the story does ---

    def ring(self, status: int = 180, body: bytes = b"") -> list[Effect]:
        return self.feed(Ring(status, None, body, ()))

    def accept(self, body: bytes = ANSWER) -> list[Effect]:
        return self.feed(Accept(body, ()))

    def refuse(self, status: int) -> list[Effect]:
        return self.feed(Refuse(status, None, ()))

    def hang_up(self, reason: str | None = None) -> list[Effect]:
        return self.feed(HangUp(reason, ()))

    def offer(self, body: bytes = OFFER) -> list[Effect]:
        return self.feed(Offer(body))

    def answer_offer(self, body: bytes = ANSWER) -> list[Effect]:
        return self.feed(AnswerOffer(body))

    def refuse_offer(self, status: int = 488) -> list[Effect]:
        return self.feed(RefuseOffer(status, ()))

    def acknowledge(self, body: bytes = ANSWER) -> list[Effect]:
        return self.feed(Acknowledge(body))

    def info(self) -> list[Effect]:
        return self.feed(SendInfo("text/plain", b"hello"))

    def lose_flow(self) -> list[Effect]:
        """The connection of the peer closed."""
        return self.feed(FlowLost())

    # --- what it did ---

    @property
    def events(self) -> list[SessionEvent]:
        return events(self.effects)

    @property
    def invites(self) -> list[Request]:
        """Initial INVITEs and their tries."""
        return [effect.request for effect in self.effects if isinstance(effect, SendInvite)]


def events(effects: Iterable[Effect]) -> list[SessionEvent]:
    return [effect.event for effect in effects if isinstance(effect, Report)]


def requests(effects: Iterable[Effect], method: str | None = None) -> list[Request]:
    """Requests in transactions, within a dialog."""
    found = [effect.request for effect in effects if isinstance(effect, SendRequest)]
    return [request for request in found if method is None or request.method == method]


def acks(effects: Iterable[Effect]) -> list[Request]:
    return [effect.request for effect in effects if isinstance(effect, SendAck)]


def cancels(effects: Iterable[Effect]) -> list[SendCancel]:
    return [effect for effect in effects if isinstance(effect, SendCancel)]


def abandoned(effects: Iterable[Effect]) -> list[Request]:
    return [effect.invite for effect in effects if isinstance(effect, AbandonInvite)]


def responses(effects: Iterable[Effect], handle: object = None) -> list[Response]:
    """Answers that we gave, to one request or to all."""
    given = [effect for effect in effects if isinstance(effect, Respond)]
    return [effect.response for effect in given if handle is None or effect.handle == handle]


def statuses(effects: Iterable[Effect], handle: object = None) -> list[int]:
    return [response.status for response in responses(effects, handle)]


def called(body: bytes = OFFER, extra: str = "", entropy: float = 0.5) -> Bench:
    """Bob's side, before he did anything; the INVITE's handle is "invite"."""
    request = invite(body, extra)
    usage = Usage(SETTINGS, "<sip:bob@192.0.2.2:5060>", False, lambda: entropy, Authenticator(None))
    usage.dialog = Dialog.of_server(request, "us")
    bench = Bench(usage, InviteSession.inbound(usage, request, "invite"))
    bench.feed(BEGIN)
    return bench


def calling(
    body: bytes = OFFER,
    *,
    hops: tuple[object, ...] = ("hop",),
    credentials: Credentials | None = None,
    entropy: float = 0.5,
    settings: SessionSettings = SETTINGS,
) -> Bench:
    """Alice's side, with her INVITE on its way to the first hop."""
    request = invite(body, "Supported: 100rel, timer\nSession-Expires: 1800")
    request.headers.remove("Via")
    usage = Usage(settings, "<sip:alice@192.0.2.1:5060>", True, lambda: entropy, Authenticator(credentials))
    bench = Bench(usage, InviteSession.outbound(usage, request))
    bench.feed(BEGIN)
    bench.feed(Resolved(hops))
    return bench


def over(bench: Bench, request: Request) -> list[Effect]:
    """The transaction of an INVITE of ours has ended."""
    return bench.feed(InviteOver(request))


def answered_call(answer: bytes = ANSWER, **options: object) -> Bench:
    """Alice's side, answered and acknowledged; what it did before is forgotten."""
    bench = calling(**options)  # type: ignore[arg-type]
    bench.answer(bench.invites[0], 200, answer)
    bench.effects.clear()
    return bench


def confirmed_call(**options: object) -> Bench:
    """Bob's side, accepted and acknowledged; what it did before is forgotten."""
    bench = called(**options)  # type: ignore[arg-type]
    bench.accept()
    bench.ack()
    bench.effects.clear()
    return bench
