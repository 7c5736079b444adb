"""Raw requests on a socket: what belongs to no transaction and to no session, and what is answered out of hand."""

import asyncio

from callapi.sip.messages.message import Response
from callapi.sip.messages.parser import parse_message
from tests.sip.endpoint.test_torture import TransportPort, busy_endpoint


def text(
    method: str, *, branch: str = "1", to_tag: str = "", cseq: int = 1, call_id: str = "call", extra: str = ""
) -> bytes:
    lines = [
        f"{method} sip:bob@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{branch};rport",
        "From: <sip:alice@127.0.0.1>;tag=alice",
        f"To: <sip:bob@127.0.0.1>{';tag=' + to_tag if to_tag else ''}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        "Contact: <sip:alice@127.0.0.1:9>",
        *([extra] if extra else []),
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


async def answer(wire: TransportPort) -> Response:
    async with asyncio.timeout(5):
        message = parse_message(await wire.answers.get())
    assert isinstance(message, Response)
    return message


async def test_requests_of_dialogs_that_do_not_exist() -> None:
    async with busy_endpoint() as (endpoint, transport, wire):
        for number, method in enumerate(("BYE", "INVITE", "UPDATE", "INFO", "PRACK", "OPTIONS")):
            transport.sendto(text(method, branch=f"d{number}", to_tag="gone", cseq=number + 1))
            assert (await answer(wire)).status == 481
        transport.sendto(text("BYE", branch="b"))
        assert (await answer(wire)).status == 481
        transport.sendto(text("ACK", branch="a", to_tag="gone"))
        assert (endpoint.live_sessions, endpoint.live_transactions) == (0, 0)


async def test_a_stateless_answer_is_the_same_each_time() -> None:
    """RFC 3261 §8.2.7."""
    async with busy_endpoint() as (_, transport, wire):
        tags = set()
        for _ in range(3):
            transport.sendto(text("OPTIONS"))
            tags.add((await answer(wire)).to.tag)
        assert len(tags) == 1
        assert None not in tags


async def test_a_cancel_of_nothing() -> None:
    """§9.2."""
    async with busy_endpoint() as (endpoint, transport, wire):
        transport.sendto(text("CANCEL"))
        assert (await answer(wire)).status == 481
        transport.sendto(text("CANCEL"))  # the same again, by its transaction
        assert (await answer(wire)).status == 481
        assert endpoint.live_transactions == 1


async def test_a_merged_request() -> None:
    """§8.2.2.2: the same request by two ways."""
    async with busy_endpoint() as (_, transport, wire):
        transport.sendto(text("INVITE", branch="one"))
        statuses = [(await answer(wire)).status, (await answer(wire)).status]
        transport.sendto(text("INVITE", branch="two"))
        assert (statuses, (await answer(wire)).status) == ([100, 486], 482)


async def test_an_invite_without_a_contact() -> None:
    async with busy_endpoint() as (endpoint, transport, wire):
        transport.sendto(text("INVITE").replace(b"Contact: <sip:alice@127.0.0.1:9>\r\n", b""))
        assert (await answer(wire)).status == 400
        assert endpoint.live_transactions == 0


async def test_what_was_noted_of_the_source() -> None:
    """RFC 3581 §4."""
    async with busy_endpoint() as (_, transport, wire):
        transport.sendto(text("OPTIONS").replace(b"UDP 127.0.0.1;", b"UDP 192.0.2.5;"))
        via = (await answer(wire)).via
        assert (via.received, via.rport) == ("127.0.0.1", transport.get_extra_info("sockname")[1])


async def test_missing_and_repeated_headers() -> None:
    async with busy_endpoint() as (endpoint, transport, wire):
        transport.sendto(text("OPTIONS").replace(b"To:", b"X-To:"))
        response = await answer_status(wire)
        assert response.startswith(b"SIP/2.0 400 Bad Request (To is missing)")
        transport.sendto(text("ACK").replace(b"To:", b"X-To:"))
        transport.sendto(text("OPTIONS").replace(b"Via:", b"X-Via:"))
        transport.sendto(text("OPTIONS", branch="last"))
        assert (await answer_status(wire)).startswith(b"SIP/2.0 200")
        assert endpoint.statistics.faults == 0


async def answer_status(wire: TransportPort) -> bytes:
    async with asyncio.timeout(5):
        return await wire.answers.get()
