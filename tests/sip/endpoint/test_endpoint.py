"""Two endpoints on loopback: every way in which a call goes, over UDP and TCP."""

import asyncio
import gc
import socket
from pathlib import Path

import pytest

from callapi.sip.authentication.digest import Credentials, DigestServer, Verified, ha1_of
from callapi.sip.endpoint import Endpoint, EndpointOptions, OutboundInvite, OutboundRequest
from callapi.sip.errors import LocalProtocolError, ResolutionError
from callapi.sip.events import (
    Accepted,
    AnswerReceived,
    Confirmed,
    InfoReceived,
    OfferReceived,
    OfferRefused,
    OfferRequested,
    Party,
    Provisional,
    Refused,
)
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.messages.uri import SipUri
from callapi.sip.session import InboundSession
from callapi.sip.transport import Hop
from tests.sip.endpoint.calls import ALICE, ANSWER, OFFER, Tape, arrival, ending, pair, settled, uri_of
from tests.sip.transport.certificates import Authority

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


@TRANSPORTS
async def test_ring_answer_and_hang_up(transport: str) -> None:
    async with pair(transport) as both:
        outbound = both.call(headers=(("X-Extra", "1"),))
        inbound = await both.arrival()
        assert inbound.request.headers.get("X-Extra") == "1"
        assert inbound.request.body == OFFER
        assert inbound.source.host == "127.0.0.1"
        inbound.ring()
        inbound.accept(ANSWER, (("X-Found", "yes"),))
        ringing, accepted = await outbound.next_event(), await outbound.next_event()
        assert isinstance(ringing, Provisional)
        assert isinstance(accepted, Accepted)
        assert (ringing.response.status, accepted.response.body) == (180, ANSWER)
        assert accepted.response.headers.get("X-Found") == "yes"
        assert outbound.final is accepted.response
        assert await inbound.next_event() == Confirmed(b"")
        assert outbound.is_answered
        assert inbound.is_answered
        assert (outbound.local_tag, outbound.remote_tag) == (inbound.remote_tag, inbound.local_tag)
        assert outbound.call_id == inbound.call_id
        outbound.hang_up(reason="Q.850;cause=16")
        _, ended = await ending(inbound)
        assert (ended.by, ended.status, ended.reason) == (Party.REMOTE, 200, "Q.850;cause=16")
        assert (await ending(outbound))[1].by is Party.LOCAL
        await settled(both.alices, "<200", 2)
        assert both.alices.words == [
            ">INVITE",
            "<100",
            "<180",
            "<200",
            ">ACK",
            ">BYE",
            "<200",
        ]
        assert str(outbound.local_uri.uri) == "sip:alice@127.0.0.1"
        assert outbound.remote_uri.tag == inbound.local_tag


@TRANSPORTS
async def test_the_callee_hangs_up(transport: str) -> None:
    async with pair(transport) as both:
        outbound, inbound = await both.talk()
        inbound.hang_up()
        assert (await ending(outbound))[1].by is Party.REMOTE
        assert (await ending(inbound))[1].by is Party.LOCAL


@TRANSPORTS
async def test_refused(transport: str) -> None:
    async with pair(transport) as both:
        outbound = both.call()
        (await both.arrival()).refuse(486, headers=(("X-Why", "lunch"),))
        (refused,), ended = await ending(outbound)
        assert isinstance(refused, Refused)
        assert (refused.response.status, refused.local, ended.status) == (486, False, 486)
        assert refused.response.headers.get("X-Why") == "lunch"
        assert not outbound.is_answered


async def test_a_redirection_is_a_failure() -> None:
    async with pair() as both:
        outbound = both.call()
        (await both.arrival()).refuse(302, headers=(("Contact", "<sip:elsewhere@127.0.0.1:1>"),))
        assert (await ending(outbound))[1].status == 302
        assert both.alices.words.count(">INVITE") == 1


@TRANSPORTS
async def test_cancelled(transport: str) -> None:
    async with pair(transport) as both:
        outbound = both.call()
        inbound = await both.arrival()
        inbound.ring()
        await outbound.next_event()
        outbound.cancel()
        _, ended = await ending(inbound)
        assert (ended.by, ended.status) == (Party.REMOTE, 487)
        _, ended = await ending(outbound)
        assert (ended.by, ended.status) == (Party.LOCAL, 487)
        inbound.accept(ANSWER)  # too late, and harmless
        await settled(both.bobs, "<ACK")


async def test_an_offer_from_either_side() -> None:
    async with pair() as both:
        outbound, inbound = await both.talk()
        for one, other in ((outbound, inbound), (inbound, outbound)):
            one.offer(b"hold")
            assert await other.next_event() == OfferReceived(b"hold", "INVITE")
            other.answer_offer(b"held")
            assert await one.next_event() == AnswerReceived(b"held")
        outbound.offer(b"video")
        assert isinstance(await inbound.next_event(), OfferReceived)
        inbound.refuse_offer(488)
        refused = await outbound.next_event()
        assert isinstance(refused, OfferRefused)
        assert refused.response.status == 488
        outbound.hang_up()
        await ending(inbound)


async def test_glare_is_settled() -> None:
    """Both offer at once: both are refused with 491, and tried again after different pauses."""
    async with pair() as both:
        outbound, inbound = await both.talk()

        async def answer(session: object) -> set[type]:
            seen: set[type] = set()
            async with asyncio.timeout(9):
                while not {OfferReceived, AnswerReceived} <= seen:
                    event = await session.next_event()  # type: ignore[attr-defined]
                    seen.add(type(event))
                    if isinstance(event, OfferReceived):
                        session.answer_offer(b"answer")  # type: ignore[attr-defined]
                    if isinstance(event, OfferRefused):
                        session.offer(b"again")  # type: ignore[attr-defined]
            return seen

        outbound.offer(b"a")
        inbound.offer(b"b")
        await asyncio.gather(answer(outbound), answer(inbound))
        assert both.alices.words.count("<491") >= 1


async def test_an_offerless_call() -> None:
    async with pair() as both:
        outbound = both.call(body=b"")
        inbound = await both.arrival()
        inbound.accept(OFFER)
        accepted = await outbound.next_event()
        assert isinstance(accepted, Accepted)
        assert accepted.response.body == OFFER
        outbound.acknowledge(ANSWER)
        assert await inbound.next_event() == Confirmed(ANSWER)
        inbound.hang_up()
        await ending(outbound)


async def test_reliable_early_media_and_info() -> None:
    """We support 100rel, so our own early media is PRACKed (RFC 3262)."""
    async with pair() as both:
        outbound = both.call()
        inbound = await both.arrival()
        inbound.ring(183, body=ANSWER)
        assert isinstance(await outbound.next_event(), Provisional)
        inbound.accept(ANSWER)
        assert isinstance(await outbound.next_event(), Accepted)
        assert both.alices.words[:7] == [">INVITE", "<100", "<183", ">PRACK", "<200", "<200", ">ACK"]
        await inbound.next_event()
        inbound.send_info("application/dtmf-relay", b"Signal=5")
        assert await outbound.next_event() == InfoReceived("application/dtmf-relay", b"Signal=5")
        outbound.hang_up()
        await ending(inbound)


async def test_an_address_without_a_peer() -> None:
    """ICMP reports it at once, instead of a wait of 32 seconds."""
    async with pair() as both:
        uri = SipUri.parse("sip:bob@127.0.0.1:9")
        (refused,), ended = await ending(both.alice.invite(OutboundInvite(uri, ALICE, ALICE, body=OFFER)))
        assert isinstance(refused, Refused)
        assert (refused.response.status, refused.local) == (503, True)
        assert ended.by is Party.NETWORK


async def test_a_name_that_does_not_exist() -> None:
    async with pair() as both:
        uri = SipUri.parse("sip:bob@nobody.invalid;transport=sctp")
        _, ended = await ending(both.alice.invite(OutboundInvite(uri, ALICE, ALICE, body=OFFER)))
        assert (ended.by, ended.status) == (Party.NETWORK, 503)


class Names:
    """A resolver that knows what the test gives it."""

    def __init__(self, *hops: Hop) -> None:
        self.hops = list(hops)
        self.asked = 0

    async def resolve(self, uri: SipUri) -> list[Hop]:
        self.asked += 1
        await asyncio.sleep(0.01)
        if not self.hops:
            raise ResolutionError("no such name")
        return self.hops


async def test_the_next_address_of_a_name() -> None:
    tape = Tape()
    async with pair() as both:
        host, _, port = both.bob.listening[0].removeprefix("udp://").partition(":")
        good = Hop(both.bob.driver.transport.listening[0].transport, host, int(port))
        bad = Hop(good.transport, host, 9)
        names = Names(bad, good)
        async with Endpoint(EndpointOptions(), resolver=names, trace=tape) as carol:  # type: ignore[arg-type]
            uri = SipUri.parse("sip:bob@example.com")
            outbound = carol.invite(OutboundInvite(uri, ALICE, ALICE, body=OFFER))
            inbound = await both.arrival()
            assert inbound.request.cseq.number == 2
            assert str(inbound.request.uri) == "sip:bob@example.com"
            inbound.accept(ANSWER)
            await outbound.next_event()
            outbound.hang_up()
            await ending(inbound)


async def test_a_contact_that_is_a_name() -> None:
    """Requests of the dialog wait for the resolver in their order; what it said is used again."""
    names = Names()
    async with (
        Endpoint(EndpointOptions(advertised_address="bob.example")) as bob,
        Endpoint(EndpointOptions(), resolver=names) as alice,  # type: ignore[arg-type]
    ):
        port = int(bob.listening[0].rpartition(":")[2])
        names.hops = [Hop(bob.driver.transport.listening[0].transport, "127.0.0.1", port)]
        outbound = alice.invite(OutboundInvite(uri_of(bob), ALICE, ALICE, body=OFFER))
        inbound = await arrival(bob)
        inbound.accept(ANSWER)
        await outbound.next_event()
        outbound.send_info("text/plain", b"1")
        outbound.send_info("text/plain", b"2")
        assert await inbound.next_event() == Confirmed(b"")
        assert await inbound.next_event() == InfoReceived("text/plain", b"1")
        assert await inbound.next_event() == InfoReceived("text/plain", b"2")
        assert names.asked == 1
        runner = alice._sessions.find((outbound.call_id, outbound.local_tag))
        assert runner is not None
        runner._sender._known = (SipUri.parse("sip:bob@elsewhere.example"), names.hops[0])
        outbound.hang_up()
        assert (await ending(inbound))[1].by is Party.REMOTE
        assert names.asked == 2


async def test_a_contact_whose_name_is_gone() -> None:
    names = Names()
    async with (
        Endpoint(EndpointOptions(advertised_address="bob.example")) as bob,
        Endpoint(EndpointOptions(), resolver=names) as alice,  # type: ignore[arg-type]
    ):
        outbound = alice.invite(OutboundInvite(uri_of(bob), ALICE, ALICE, body=OFFER))
        inbound = await arrival(bob)
        inbound.accept(ANSWER)
        assert isinstance(await outbound.next_event(), Accepted)
        outbound.hang_up()
        assert (await ending(outbound))[1].by is Party.LOCAL
        async with asyncio.timeout(5):
            while alice.live_sessions > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_tls(tmp_path: Path) -> None:
    options = EndpointOptions(listen=("tls://127.0.0.1:0",), tls=Authority(tmp_path).issue("127.0.0.1"))
    async with Endpoint(options) as bob, Endpoint(options) as alice:
        uri = SipUri.parse(f"sips:bob@127.0.0.1:{bob.listening[0].rpartition(':')[2]}")
        outbound = alice.invite(OutboundInvite(uri, ALICE, NameAddr(None, uri), body=OFFER))
        inbound = await arrival(bob)
        assert inbound.request.contact is not None
        assert str(inbound.request.contact.uri).startswith("sips:alice@127.0.0.1")
        inbound.accept(ANSWER)
        await outbound.next_event()
        inbound.hang_up()
        assert (await ending(outbound))[1].by is Party.REMOTE


class CallerAuthentication:
    """Challenges every INVITE; the story of a registered client's call."""

    def __init__(self) -> None:
        self.digest = DigestServer("here", b"secret")

    def secret_of(self, username: str, algorithm: str) -> str | None:
        """What is kept of the one password there is."""
        return ha1_of(algorithm, username, "here", "pw") if username == "alice" else None

    def check(self, session: InboundSession) -> bool:
        value = session.request.headers.get("Proxy-Authorization")
        request = session.request
        verdict = None
        if value is not None:
            verdict = self.digest.verify(value, "INVITE", request.uri, request.body, self.secret_of, 0.0)
        if isinstance(verdict, Verified):
            return True
        challenges = tuple(("Proxy-Authenticate", each) for each in self.digest.challenge(0.0))
        session.refuse(407, headers=challenges)
        return False


@pytest.mark.parametrize(("password", "status"), [("pw", 200), ("wrong", 407)])
@TRANSPORTS
async def test_credentials(transport: str, password: str, status: int) -> None:
    async with pair(transport) as both:
        caller_authentication = CallerAuthentication()
        outbound = both.call(credentials=Credentials("alice", password), headers=(("X-Extra", "1"),))
        assert not caller_authentication.check(await both.arrival())
        second = await both.arrival()
        assert second.request.headers.get("X-Extra") == "1"
        assert (second.request.cseq.number, second.request.body) == (2, OFFER)
        if caller_authentication.check(second):
            second.accept(ANSWER)
            await outbound.next_event()
            outbound.hang_up()
        _, ended = await ending(outbound)
        assert ended.status == status
        assert both.alices.words.count(">INVITE") == 2


async def test_credentials_are_not_offered_unasked() -> None:
    async with pair() as both:
        outbound = both.call()
        CallerAuthentication().check(await both.arrival())
        assert (await ending(outbound))[1].status == 407
        assert both.alices.words == [">INVITE", "<100", "<407", ">ACK"]


# --- outside dialogs ---


async def test_options() -> None:
    async with pair() as both:
        uri = both.uri()
        response = await both.alice.request(OutboundRequest("OPTIONS", uri, ALICE, NameAddr(None, uri)))
        assert response.status == 200
        allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY"
        assert response.headers.get("Allow") == allowed
        assert response.headers.get("Accept") == "application/sdp"
        assert {"100rel", "timer"} <= response.supported
        assert response.to.tag is not None


async def test_register_without_a_registrar() -> None:
    async with pair() as both:
        response = await both.alice.request(OutboundRequest("REGISTER", both.uri(), ALICE, ALICE))
        assert response.status == 405


class Book:
    def __init__(self) -> None:
        self.seen: list[Request] = []

    async def register(self, request: Request, source: Hop) -> Response:
        self.seen.append(request)
        if request.call_id == "bad":
            raise RuntimeError("a fault of the handler")
        if "Authorization" not in request.headers:
            challenge = 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'
            return make_response(request, 401, headers=[("WWW-Authenticate", challenge)])
        return make_response(request, 200, headers=[("Expires", "60")])


async def test_registering_as_a_phone_does(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    async with Endpoint(EndpointOptions(), registrar=book) as server, Endpoint(EndpointOptions()) as phone:
        uri = uri_of(server)
        register = OutboundRequest(
            "REGISTER", uri, ALICE, ALICE, (("Expires", "60"),), credentials=Credentials("alice", "pw")
        )
        response = await phone.request(register)
        assert (response.status, response.expires) == (200, 60)
        assert [request.cseq.number for request in book.seen] == [1, 2]
        assert book.seen[1].contact is not None
        response = await phone.request(OutboundRequest("REGISTER", uri, ALICE, ALICE, call_id="bad", cseq=7))
        assert response.status == 500
        assert server.statistics.faults == 1


async def test_a_request_to_an_unknown_dialog() -> None:
    async with pair() as both:
        uri = SipUri.parse("sip:bob@127.0.0.1:9")
        assert (await both.alice.request(OutboundRequest("OPTIONS", uri, ALICE, ALICE))).status == 503
        uri = SipUri.parse("sip:bob@127.0.0.1;transport=sctp")
        assert (await both.alice.request(OutboundRequest("OPTIONS", uri, ALICE, ALICE))).status == 503


async def test_a_request_that_is_given_up() -> None:
    async with Endpoint(EndpointOptions()) as alice:
        silent = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        port = silent[0].get_extra_info("sockname")[1]
        request = OutboundRequest("OPTIONS", SipUri.parse(f"sip:bob@127.0.0.1:{port}"), ALICE, ALICE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await alice.request(request)
        assert alice.live_transactions == 0
        silent[0].close()


# --- bounds ---


class Full:
    is_draining = False

    def admit(self, request: Request, source: Hop) -> tuple[int, str, tuple[tuple[str, str], ...]] | None:
        return (503, "Overloaded", (("Retry-After", "2"),)) if source.host else None


async def test_admission_keeps_no_state() -> None:
    tape = Tape()
    async with (
        Endpoint(EndpointOptions(), admission=Full(), trace=tape) as bob,
        Endpoint(EndpointOptions()) as alice,
    ):
        outbound = alice.invite(OutboundInvite(uri_of(bob), ALICE, ALICE, body=OFFER))
        (refused,), _ = await ending(outbound)
        assert isinstance(refused, Refused)
        assert (refused.response.reason, refused.response.headers.get("Retry-After")) == ("Overloaded", "2")
        await settled(tape, "<ACK")
        assert tape.words == ["<INVITE", ">503", "<ACK"]
        assert (bob.live_sessions, bob.live_transactions) == (0, 0)


async def test_calls_without_a_handler() -> None:
    async with pair(max_waiting_calls=1) as both:
        first, second = both.call(), both.call()
        (_,), ended = await ending(second)
        assert (ended.status, ended.by) == (503, Party.REMOTE)
        (await both.arrival()).refuse(480)
        await ending(first)


async def test_a_large_invite_falls_back_to_udp() -> None:
    """RFC 3261 §18.1.1: by TCP, and by UDP where TCP is refused; that is remembered."""
    body = b"v=0\r\n" + b"a=x\r\n" * 300
    async with pair() as both:
        for transports in (["TCP", "UDP"], ["UDP"]):
            both.alices.all.clear()
            outbound = both.call(body=body)
            inbound = await both.arrival()
            assert (inbound.request.body, inbound.source.transport) == (body, "udp")
            inbound.accept(ANSWER)
            await outbound.next_event()
            outbound.hang_up()
            await ending(inbound)
            invites = both.alices.messages(">INVITE")
            assert [one.hop.transport.name for one in invites] == transports
            for one, transport in zip(invites, transports, strict=True):
                assert f"Via: SIP/2.0/{transport} ".encode() in one.data


async def test_a_large_invite_by_tcp() -> None:
    body = b"v=0\r\n" + b"a=x\r\n" * 300
    async with Endpoint(EndpointOptions(listen=("udp://127.0.0.1:0",))) as probe:
        free = probe.listening[0].rpartition(":")[2]
    listen = (f"udp://127.0.0.1:{free}", f"tcp://127.0.0.1:{free}")
    async with Endpoint(EndpointOptions(listen=listen)) as bob, Endpoint(EndpointOptions()) as alice:
        outbound = alice.invite(OutboundInvite(uri_of(bob), ALICE, ALICE, body=body))
        async for inbound in bob.incoming():
            assert inbound.source.transport == "tcp"
            inbound.accept(ANSWER)
            break
        await outbound.next_event()
        outbound.hang_up()
        await ending(inbound)


async def test_a_large_invite_by_udp_if_the_uri_says_so() -> None:
    """What `;transport=udp` asks for is done, whatever the size."""
    async with pair() as both:
        uri = SipUri.parse(f"{both.uri()};transport=udp")
        outbound = both.alice.invite(OutboundInvite(uri, ALICE, ALICE, body=b"v=0\r\n" + b"a=x\r\n" * 300))
        inbound = await both.arrival()
        assert [one.hop.transport.name for one in both.alices.messages(">INVITE")] == ["UDP"]
        inbound.refuse(486)
        await ending(outbound)


async def test_a_tcp_port_that_says_nothing_does_not_cost_the_call() -> None:
    """It takes connections and reads nothing; a filtered one never opens. UDP follows within two seconds."""
    async with pair() as both:
        where = both.uri()
        with socket.create_server((where.host, where.port or 0)):
            outbound = both.call(body=b"v=0\r\n" + b"a=x\r\n" * 300)
            async with asyncio.timeout(3):
                inbound = await both.arrival()
            assert inbound.source.transport == "udp"
            inbound.refuse(486)
            await ending(outbound)
            assert [one.hop.transport.name for one in both.alices.messages(">INVITE")] == ["TCP", "UDP"]


# --- the shell itself ---


async def test_a_header_that_would_break_out_is_refused_before_anything_moves() -> None:
    async with pair() as both:
        outbound = both.call()
        inbound = await both.arrival()
        for bad in ((("X", "a\r\nVia: b"),), (("X\n", "a"),)):
            with pytest.raises(LocalProtocolError):
                inbound.accept(ANSWER, bad)
            with pytest.raises(LocalProtocolError):
                outbound.hang_up(headers=bad)
        inbound.accept(ANSWER)
        assert isinstance(await outbound.next_event(), Accepted)
        outbound.hang_up()
        await ending(inbound)


async def test_stopping_ends_what_is_live() -> None:
    async with pair() as both:
        outbound, inbound = await both.talk()
        await both.bob.__aexit__()
        _, ended = await ending(inbound)
        assert ended.by is Party.NETWORK
        assert [session async for session in both.bob.incoming()] == []
        assert (both.bob.live_sessions, both.bob.live_transactions) == (0, 0)
        outbound.hang_up()
        await ending(outbound)


async def test_transitions_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "callapi.sip"):
        async with pair() as both:
            outbound, inbound = await both.talk()
            outbound.hang_up()
            await ending(inbound)
    assert any("InviteClient" in line and "calling, " in line for line in caplog.messages)
    assert any("InviteSession" in line and "Established.confirmed" in line for line in caplog.messages)


async def test_a_call_leaves_no_cycles_behind() -> None:
    """Nothing is left for the cyclic collector, which would stop every call of a busy node at once."""
    async with pair() as both:
        for _ in range(3):  # caches fill
            outbound, inbound = await both.talk()
            outbound.hang_up()
            await ending(inbound)
            await ending(outbound)
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                outbound, inbound = await both.talk()
                outbound.hang_up()
                await ending(inbound)
                await ending(outbound)
            del outbound, inbound
            assert gc.collect() < 20
        finally:
            gc.enable()


async def test_offers_requested_by_the_peer() -> None:
    """A re-INVITE without a body, as a SIPp script or an SBC sends it."""
    async with pair() as both:
        outbound, inbound = await both.talk()
        runner = both.alice._sessions.find((outbound.call_id, outbound.local_tag))
        runner._machine._usage.offer_answer.local = b""  # type: ignore[union-attr]
        outbound.offer(b"")
        assert await inbound.next_event() == OfferRequested()
        inbound.refuse_offer(488)
        await outbound.next_event()
        outbound.hang_up()
        await ending(inbound)
