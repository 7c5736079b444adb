"""A dialog (RFC 3261 §12): tags, sequence numbers, route set and remote target, and the requests made from them.

A dialog is state without time: it makes requests and judges them. The INVITE usage on top of it is
`invite_session`. Header values of the two parties are kept as they were written, so that they are echoed exactly.
"""

from dataclasses import dataclass, field

from callapi.sip.errors import RemoteProtocolError
from callapi.sip.messages.headers import Headers, NameAddr
from callapi.sip.messages.message import Message, Request, Response
from callapi.sip.messages.uri import SipUri, Uri

MAX_FORWARDS = "70"
CREDENTIAL_HEADERS = ("Authorization", "Proxy-Authorization")
_TARGET_REFRESHES = frozenset({"INVITE", "UPDATE"})


@dataclass(slots=True)
class Dialog:
    """One dialog; early until `is_confirmed`."""

    call_id: str
    local_tag: str
    remote_tag: str
    local_header: str
    """From of our requests, with tag."""
    remote_header: str
    """To of our requests."""
    remote_target: Uri
    route_set: tuple[NameAddr, ...]
    local_cseq: int
    """Of the last request we sent."""
    remote_cseq: int | None
    """Of the last request we received; None: there was none."""
    is_confirmed: bool = False
    _route: str | None = field(init=False)
    _is_strict: bool = field(init=False, default=False)
    _request_uri: Uri = field(init=False)

    def __post_init__(self) -> None:
        self._direct()

    @classmethod
    def of_server(cls, invite: Request, local_tag: str) -> "Dialog":
        """The dialog of an INVITE that came to us (§12.1.1). Raises RemoteProtocolError without a Contact."""
        contact = invite.contact
        if contact is None:
            # A phone of RFC 2543, which knows no tags, need not give one: its From is where it is reached, and
            # RFC 4475 §3.4.1 wants it accepted.
            if invite.from_.tag is not None:
                raise RemoteProtocolError("an INVITE needs a Contact (RFC 3261 §8.1.1.8)", 400)
            contact = invite.from_
        to = invite.headers.get("To") or ""
        return cls(
            call_id=invite.call_id,
            local_tag=local_tag,
            remote_tag=invite.from_.tag or "",
            local_header=to if invite.to.tag is not None else f"{to};tag={local_tag}",
            remote_header=invite.headers.get("From") or "",
            remote_target=contact.uri,
            route_set=invite.record_routes,
            local_cseq=0,
            remote_cseq=invite.cseq.number,
        )

    @classmethod
    def of_client(cls, invite: Request, response: Response) -> "Dialog":
        """The dialog that a tagged response to our INVITE makes (§12.1.2)."""
        contact = response.contact
        return cls(
            call_id=invite.call_id,
            local_tag=invite.from_.tag or "",
            remote_tag=response.to.tag or "",
            local_header=invite.headers.get("From") or "",
            remote_header=response.headers.get("To") or "",
            # A response without a Contact breaks §12.1.2, yet the old Request-URI is a fair guess.
            remote_target=invite.uri if contact is None else contact.uri,
            route_set=response.record_routes[::-1],
            local_cseq=invite.cseq.number,
            remote_cseq=None,
        )

    def confirm(self, response: Response) -> None:
        """Our INVITE's 2xx: the route set is computed anew (§13.2.2.4), for the last time."""
        self.is_confirmed = True
        self.route_set = response.record_routes[::-1]
        self.refresh_target(response)
        self._direct()

    def request(self, method: str, *, cseq: int | None = None) -> Request:
        """A request within the dialog (§12.2.1.1), without Via and Contact.

        It takes the next sequence number; an ACK is given that of its INVITE.
        """
        if cseq is None:
            cseq = self.local_cseq = self.local_cseq + 1
        headers = Headers()
        headers.add("Max-Forwards", MAX_FORWARDS)
        if self._route is not None:
            headers.add("Route", self._route)
        headers.add("From", self.local_header)
        headers.add("To", self.remote_header)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{cseq} {method}")
        return Request(method, self._request_uri, headers, b"", self._is_strict)

    def acknowledge(self, invite: Request) -> Request:
        """The ACK of a 2xx to `invite`, with its credentials (§13.2.2.4)."""
        ack = self.request("ACK", cseq=invite.cseq.number)
        for name in CREDENTIAL_HEADERS:
            for value in invite.headers.get_all(name):
                ack.headers.add(name, value)
        return ack

    def receive(self, request: Request) -> None:
        """Judge a request other than ACK and CANCEL, and note its number (§12.2.2).

        Raises RemoteProtocolError (500) when its CSeq is not above that of the one before.
        """
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:
            raise RemoteProtocolError(f"CSeq {number} is not above {self.remote_cseq}", 500)
        self.remote_cseq = number

    def refresh_target(self, message: Message) -> None:
        """Take the Contact of an INVITE or UPDATE, or of a 2xx to one, as the remote target (§12.2)."""
        contact = message.contact
        if contact is not None and message.cseq.method in _TARGET_REFRESHES:
            self.remote_target = contact.uri
            self._direct()

    def _direct(self) -> None:
        """Request-URI and Route of what we send (§12.2.1.1): loose routing, or strict if the first hop asks so."""
        if not self.route_set:
            self._request_uri, self._route, self._is_strict = self.remote_target, None, False
        else:
            self._is_strict = not is_loose(self.route_set[0])
            self._request_uri, route = route_request(self.remote_target, self.route_set)
            self._route = ", ".join(str(hop) for hop in route)


def route_request(target: Uri, routes: tuple[NameAddr, ...]) -> tuple[Uri, tuple[NameAddr, ...]]:
    """Request-URI and Route values for a target by way of a route set (§12.2.1.1)."""
    if not routes or is_loose(routes[0]):
        return target, routes
    first = routes[0].uri
    # A strict router wants itself in the Request-URI and the target last; §19.1.1 table 1 forbids headers there.
    request_uri = first.without_headers() if isinstance(first, SipUri) else first
    return request_uri, (*routes[1:], NameAddr(None, target))


def is_loose(route: NameAddr) -> bool:
    """Whether a route's URI has the `lr` parameter."""
    return isinstance(route.uri, SipUri) and route.uri.has_parameter("lr")


def next_hop(request: Request) -> Uri:
    """The URI that decides where a request is sent (§8.1.2): the first Route, or the Request-URI."""
    routes = () if request.is_strictly_routed else request.routes
    return routes[0].uri if routes else request.uri
