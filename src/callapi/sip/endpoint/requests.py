"""A request outside a dialog, as a story: each next hop in turn, one answer to a challenge, the final response."""

import asyncio
from collections.abc import Awaitable, Callable

from callapi.base.entropy import random_hex
from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.dialog import MAX_FORWARDS, is_loose, next_hop, route_request
from callapi.sip.endpoint.driver import Driver
from callapi.sip.endpoint.options import OutboundRequest
from callapi.sip.endpoint.validation import add_headers
from callapi.sip.errors import ResolutionError
from callapi.sip.messages.headers import Headers, NameAddr
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.messages.uri import Uri
from callapi.sip.routing.hops import is_usable
from callapi.sip.transport import Hop

MAX_HOPS = 10
Locate = Callable[[Uri], Awaitable[list[Hop]]]


class _Waiter:
    """The user of one transaction."""

    __slots__ = ("final",)

    def __init__(self) -> None:
        self.final: asyncio.Future[tuple[Response, bool]] = asyncio.get_running_loop().create_future()

    def answered(self, request: Request, response: Response, *, is_local: bool) -> None:
        """Only the final response counts."""
        del request
        if response.is_final and not self.final.done():
            self.final.set_result((response, is_local))

    def over(self, request: Request) -> None:
        """Not said of transactions other than INVITE's."""


async def perform(
    driver: Driver, locate: Locate, outbound: OutboundRequest, contact: Callable[[Hop], str], user_agent: str
) -> Response:
    """Send it until there is a final response that no further hop and no credentials can better."""
    request = new_request(
        outbound.method,
        (outbound.uri, outbound.routes),
        parties(outbound.from_, outbound.to),
        (outbound.call_id or new_call_id(), outbound.cseq),
    )
    request.headers.add("User-Agent", user_agent)
    add_headers(request, outbound.headers)
    request.body = outbound.body
    authenticator = Authenticator(outbound.credentials)
    try:
        if outbound.flow is not None and is_usable(outbound.flow, driver.transport):
            hops = [outbound.flow]
        else:
            hops = (await locate(next_hop(request)))[:MAX_HOPS]
    except ResolutionError as error:
        return make_response(request, 503, f"Service Unavailable ({error})")
    cseq = outbound.cseq
    while True:
        if "Contact" not in request.headers and outbound.method != "OPTIONS":
            request.headers.set("Contact", contact(hops[0]))
        response, is_local = await _ask(driver, request, hops[0])
        cseq += 1
        again = authenticator.answer(request, response, cseq=cseq, cnonce=random_hex()[:16])
        if again is None:
            is_elsewhere = response.status == 503 or (is_local and response.status == 408)
            if not is_elsewhere or len(hops) == 1:
                return response
            hops = hops[1:]
            again = request.again()
            again.headers.set("CSeq", f"{cseq} {request.method}")
        request = again


async def _ask(driver: Driver, request: Request, hop: Hop) -> tuple[Response, bool]:
    waiter = _Waiter()
    driver.start_client(request, hop, waiter)
    try:
        return await waiter.final
    except asyncio.CancelledError:
        driver.abandon(request)
        raise


def new_request(
    method: str, where: tuple[Uri, tuple[NameAddr, ...]], who: tuple[str, str], number: tuple[str, int]
) -> Request:
    """A request outside a dialog (RFC 3261 §8.1.1), without Via: URI and routes, From and To, Call-ID and CSeq."""
    uri, routes = route_request(*where)
    headers = Headers()
    headers.add("Max-Forwards", MAX_FORWARDS)
    if routes:
        headers.add("Route", ", ".join(str(route) for route in routes))
    headers.add("From", who[0])
    headers.add("To", who[1])
    headers.add("Call-ID", number[0])
    headers.add("CSeq", f"{number[1]} {method}")
    is_strict = bool(where[1]) and not is_loose(where[1][0])
    return Request(method, uri, headers, b"", is_strict)


def parties(from_: NameAddr, to: NameAddr) -> tuple[str, str]:
    """From with a tag, and To, as header values."""
    tagged = from_ if from_.tag is not None else from_.with_parameter("tag", new_tag())
    return str(tagged), str(to)


def new_tag() -> str:
    """RFC 3261 §19.3: at least 32 bits of randomness."""
    return random_hex()[:12]


def new_call_id() -> str:
    """RFC 3261 §8.1.1.4."""
    return random_hex()
