"""Sends the requests of one dialog to where its peer can be reached (RFC 3261 §12.2.1.1, §8.1.2; RFC 5626 §5.3).

Beyond the RFCs: a peer whose Contact cannot be reached, behind a NAT or on a connection, is sent requests to where its
own came from. The client of a WebSocket is always sent them on its connection: its Contact is a `.invalid` name.
"""

from collections import deque

from callapi.sip.dialog import next_hop
from callapi.sip.endpoint.driver import Driver
from callapi.sip.endpoint.locator import Locator
from callapi.sip.endpoint.machine_runner import LOG
from callapi.sip.endpoint.transactions import ClientUser
from callapi.sip.errors import ResolutionError
from callapi.sip.messages.message import Request, make_response
from callapi.sip.messages.uri import Uri
from callapi.sip.routing.hops import is_usable, literal_hop, reachable_hop
from callapi.sip.transport import Hop

MAX_WAITING_REQUESTS = 16


class DialogSender:
    """The way to the peer of one dialog."""

    __slots__ = ("_driver", "_flow", "_known", "_locator", "_waiting", "last_invite", "peer")

    def __init__(self, driver: Driver, locator: Locator, flow: Hop | None) -> None:
        """`flow`: as of `OutboundInvite`."""
        self._driver = driver
        self._locator = locator
        self._flow = flow
        self.peer: Hop | None = None
        """Where the peer was heard from, or where its INVITE went to."""
        self._known: tuple[Uri, Hop] | None = None  # the last name that was resolved for this dialog
        self._waiting: deque[tuple[Request, ClientUser]] | None = None  # in order, while a name is resolved
        self.last_invite: Request | None = None
        """The last INVITE that was sent within the dialog."""

    @property
    def open_flow(self) -> Hop | None:
        """The flow of a registration, while it can carry requests."""
        flow = self._flow
        return flow if flow is not None and is_usable(flow, self._driver.transport) else None

    @property
    def websocket(self) -> Hop | None:
        """The WebSocket that this dialog depends on; None: it can be reached in another way."""
        peer = self.peer
        return peer if peer is not None and peer.transport.is_websocket else None

    def close(self) -> None:
        """Send nothing more: requests that wait for a name are dropped."""
        self._waiting = None

    def send(self, request: Request, user: ClientUser) -> None:
        """Send a request of the dialog to its next hop; while a name is resolved, requests wait in their order."""
        if self._waiting is not None:
            if len(self._waiting) < MAX_WAITING_REQUESTS:
                self._waiting.append((request, user))
            return
        hop = None if "Route" in request.headers else (self.websocket or self.open_flow)
        if hop is not None:
            self._dispatch(request, hop, user)
            return
        uri = next_hop(request)
        try:
            hop = literal_hop(uri)
        except ResolutionError as error:
            self._unreachable(request, str(error), user)
            return
        if hop is None and self._known is not None and self._known[0] == uri:
            hop = self._known[1]
        if hop is None:
            self._waiting = deque([(request, user)])
            self._locator.resolve(uri, self._located)
        else:
            self._dispatch(request, hop, user)

    def _located(self, hops: tuple[Hop, ...], why_none: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting and hops:
            self._known = (next_hop(waiting[0][0]), hops[0])
        for request, user in waiting or ():
            if hops:
                self.send(request, user)
            else:
                self._unreachable(request, why_none, user)

    @staticmethod
    def _unreachable(request: Request, why: str, user: ClientUser) -> None:
        LOG.info("%s %s cannot be sent: %s", request.method, request.uri, why)
        if request.method != "ACK":
            user.answered(request, make_response(request, 503), is_local=True)

    def _dispatch(self, request: Request, hop: Hop, user: ClientUser) -> None:
        driver = self._driver
        if "Route" not in request.headers:
            hop = reachable_hop(hop, self.peer, is_connected=self._is_connected())
        if request.method != "ACK":
            if request.method == "INVITE":
                self.last_invite = request
            driver.start_client(request, hop, user)
            return
        if "Via" not in request.headers:
            driver.put_via(request, hop)
        driver.send(request, hop)
        request.headers.pack()  # it is kept for a 2xx that comes again

    def _is_connected(self) -> bool:
        peer = self.peer
        return peer is not None and peer.transport.is_reliable and self._driver.transport.is_connected(peer)
