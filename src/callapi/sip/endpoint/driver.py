"""Transactions at work: the tables, the wire and the clock around the four machines.

What a machine returns is performed here and nowhere else, and each step is logged as
`machine key state input -> state outputs` at DEBUG.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, assert_never

from callapi.base.entropy import random_hex
from callapi.sip.endpoint.machine_runner import LOG, run
from callapi.sip.endpoint.options import EndpointOptions, Statistics, Traced
from callapi.sip.endpoint.timers import TimerOwner, TimerQueue
from callapi.sip.endpoint.transactions import (
    NO_USER,
    AnyTransaction,
    ClientTransaction,
    ClientUser,
    ServerTransaction,
)
from callapi.sip.errors import ParseError
from callapi.sip.messages.check import find_fault
from callapi.sip.messages.message import Message, Request, Response
from callapi.sip.messages.secrets import without_secrets
from callapi.sip.messages.uri import Transport, format_host_port
from callapi.sip.messages.writer import write_message
from callapi.sip.outputs import Finish, Report, Send, StartTimer, StopTimer, TimerFired
from callapi.sip.routing.hops import MAX_UDP_REQUEST_BYTES
from callapi.sip.transaction import (
    MAGIC_COOKIE,
    TransactionTable,
)
from callapi.sip.transaction.inputs import (
    ABANDON,
    RETRANSMITTED,
    START,
    TRANSPORT_FAILED,
    Acked,
    AckReceived,
    ClientInput,
    Output,
    Retransmitted,
    ServerInput,
    Success,
    Undeliverable,
    classify,
)
from callapi.sip.transaction.invite_client import strip_invite
from callapi.sip.transaction.table import ClientKey, ServerKey, client_key, server_key
from callapi.sip.transport import Hop, Received, TransportLayer
from callapi.sip.transport.port import TransportFactory, TransportPort

MAX_HOPS_WITHOUT_TCP = 1024
TCP_RESPONSE_S = 1.5
"""How long a large request waits for a response by TCP before it is sent by UDP: a port that is filtered, or that takes
connections and reads nothing, must not cost the call."""
_REPEATERS = (TimerFired, Retransmitted)
_UNMEASURED: tuple[None, bytes] = (None, b"")


class _DriverTimer(StrEnum):
    """Timers of a transaction that are not those of its machine."""

    UDP_FALLBACK = "udp-fallback"


class RequestReceiver(Protocol):
    """The user of the transactions: dialogs and sessions."""

    def received(self, request: Request, key: ServerKey, source: Hop) -> None:
        """A request that belongs to no transaction, other than ACK."""

    def acked(self, request: Request) -> None:
        """An ACK that ends no transaction: that of a 2xx."""

    def faulty(self, request: Request, fault: str, source: Hop) -> None:
        """A request that parses and lacks what it needs, or has it twice."""

    def unreadable(self, error: ParseError, source: Hop) -> None:
        """The bytes are not a SIP message."""

    def timer_fired(self, owner: TimerOwner, timer: StrEnum) -> None:
        """A timer that does not belong to a transaction."""

    def connection_closed(self, peer: Hop) -> None:
        """A connection has ended, for whatever cause."""


class Driver:
    """The transaction layer and the transport below it."""

    def __init__(
        self,
        options: EndpointOptions,
        above: Callable[["Driver"], RequestReceiver],
        trace: Callable[[Traced], None] | None,
        open_transport: TransportFactory = TransportLayer,
    ) -> None:
        """Must be made on the running loop. `above` makes the user of this driver, `open_transport` its transport."""
        self._loop = asyncio.get_running_loop()
        self.clock: Callable[[], float] = self._loop.time
        """Monotonic seconds."""
        self.trace = trace
        self.statistics = Statistics()
        self.table: TransactionTable[ClientTransaction, ServerTransaction] = TransactionTable()
        self.timers: TimerQueue = TimerQueue(self._loop, self._timer_fired)
        self.transport: TransportPort = open_transport(
            options.listen,
            receive=self.receive,
            failed=self.failed,
            closed=self._connection_closed,
            advertised_address=options.advertised_address,
            tls=options.tls,
            allowed_origins=options.allowed_origins,
        )
        self._above = above(self)
        self._sent_by: dict[tuple[Transport, bool], str] = {}
        self._by_hop: dict[Hop, dict[ClientKey, ClientTransaction]] = {}
        self._measured: tuple[Message | None, bytes] = _UNMEASURED  # serialised already, to measure it
        self._without_tcp: dict[tuple[str, int], None] = {}

    async def start(self) -> None:
        """Open the listeners. Raises TransportError."""
        await self.transport.start()

    async def stop(self) -> None:
        """Close everything; nothing more is reported to the users of transactions."""
        self.timers.close()
        self.table.clear()
        self._by_hop.clear()
        await self.transport.stop()

    # --- out ---

    def send(self, message: Message, hop: Hop) -> None:
        """Put a message on the wire."""
        if message is self._measured[0]:
            data, self._measured = self._measured[1], _UNMEASURED
        else:
            data = write_message(message)
        self.statistics.sent += 1
        self.transport.send(data, hop)
        if self.trace is not None:
            self.trace(Traced(self.clock(), "sent", hop, message, without_secrets(message, data)))

    def put_via(self, request: Request, hop: Hop) -> None:
        """Give a request its Via, with a new branch (RFC 3261 §8.1.1.7, RFC 3581 §3)."""
        where = (hop.transport, ":" in hop.host)
        sent_by = self._sent_by.get(where)
        if sent_by is None:
            sent_by = format_host_port(*self.transport.local_address(hop.transport, hop.host))
            self._sent_by[where] = sent_by
        branch = MAGIC_COOKIE + random_hex()[:16]
        request.headers.set("Via", f"SIP/2.0/{hop.transport.name} {sent_by};branch={branch};rport")

    def start_client(self, request: Request, hop: Hop, user: ClientUser) -> None:
        """Send a request in a new transaction; its outcome is reported to its user."""
        if "Via" not in request.headers:
            self.put_via(request, hop)
        fallback: Hop | None = None
        if hop.may_use_tcp and not hop.transport.is_reliable and self._is_too_large(request, hop):
            # RFC 3261 §18.1.1: over a congestion controlled transport, and by UDP if the peer does not take it. What
            # the URI says (`;transport=udp`) is done, whatever the size.
            fallback, hop = hop, Hop(Transport.TCP, hop.host, hop.port)
            self._measured = _UNMEASURED
            self.put_via(request, hop)
        transaction = ClientTransaction(request, hop, user)
        transaction.fallback = fallback
        self.table.add_client(transaction.key, transaction)
        self._by_hop.setdefault(hop, {})[transaction.key] = transaction
        self._step_client(transaction, START)
        if fallback is not None:
            self.timers.start(transaction, _DriverTimer.UDP_FALLBACK, self.clock() + TCP_RESPONSE_S)

    def abandon(self, request: Request) -> None:
        """Forget the transaction of a request of ours."""
        transaction = self.table.for_client(client_key(request))
        if transaction is not None:
            self._step_client(transaction, ABANDON)

    def hop_of(self, request: Request) -> Hop | None:
        """Where a request of ours went to, while its transaction lives."""
        transaction = self.table.for_client(client_key(request))
        return None if transaction is None else transaction.hop

    def start_server(self, request: Request, key: ServerKey, source: Hop) -> ServerTransaction:
        """Make the transaction of a request; an INVITE gets its 100 at once (RFC 3261 §17.2.1)."""
        transaction = ServerTransaction(request, source, key)
        transaction.merge_key = self.table.add_server(key, request, transaction)
        self._step_server(transaction, START)
        return transaction

    def respond(self, transaction: ServerTransaction, response: Response) -> None:
        """Answer through a transaction."""
        self._step_server(transaction, classify(response))

    def _is_too_large(self, request: Request, hop: Hop) -> bool:
        if (hop.host, hop.port) in self._without_tcp:
            return False
        data = write_message(request)
        self._measured = (request, data)
        return len(data) > MAX_UDP_REQUEST_BYTES

    # --- in ---

    def receive(self, received: Received) -> None:
        """One message from the transport; an unforeseen error drops this message alone."""
        self.statistics.received += 1
        try:
            self._receive(received)
        except ParseError as error:
            self.statistics.dropped += 1
            LOG.info("%s: %s", received.source, error)
        except Exception:  # the endpoint's datagram loop: one bad message must not stop the others
            self.statistics.faults += 1
            LOG.exception("a message from %s was dropped", received.source)

    def _receive(self, received: Received) -> None:
        message = received.message
        if isinstance(message, ParseError):
            self.statistics.parse_errors += 1
            self._above.unreadable(message, received.source)
            return
        if self.trace is not None:
            shown = without_secrets(message, received.data)
            self.trace(Traced(self.clock(), "received", received.source, message, shown))
        if isinstance(message, Response):
            self._response(message)
        else:
            self._request(message, received.source)

    def _response(self, response: Response) -> None:
        transaction = self.table.for_response(response)
        if transaction is None:
            self.statistics.dropped += 1
            return
        self._step_client(transaction, classify(response))

    def _request(self, request: Request, source: Hop) -> None:
        fault = find_fault(request)
        if fault is not None:
            self._above.faulty(request, fault, source)
            return
        key = server_key(request)
        transaction = self.table.for_request(key)
        if transaction is not None:
            self._step_server(transaction, Acked(request) if request.method == "ACK" else RETRANSMITTED)
        elif request.method == "ACK":
            self._above.acked(request)
        else:
            self._above.received(request, key, source)

    def failed(self, hop: Hop, error: Exception) -> None:
        """The transport could not deliver to this hop: every open request to it has failed."""
        LOG.info("%s: %s", hop, error)
        for transaction in list(self._by_hop.get(hop, {}).values()):
            transaction.trouble = str(error)
            self._step_client(transaction, TRANSPORT_FAILED)

    def _connection_closed(self, peer: Hop) -> None:
        self._above.connection_closed(peer)

    # --- the machines ---

    def _step_client(self, transaction: ClientTransaction, input_: ClientInput) -> None:
        outputs = run(transaction.machine, input_, self.clock(), transaction.key)
        if isinstance(input_, _REPEATERS):
            self._count_repeats(outputs)
        fallback: Hop | None = None
        user = transaction.user
        for output in outputs:
            if isinstance(output, Report):
                if transaction.fallback is not None and isinstance(output.event, Undeliverable):
                    fallback, transaction.user = transaction.fallback, NO_USER
                else:
                    transaction.report(output.event)
            elif isinstance(output, Finish):
                self._forget_client(transaction)
            else:
                self._perform(transaction, output)
        if isinstance(input_, Success) and transaction.request.method == "INVITE":
            transaction.request, accepted = strip_invite(transaction.request), transaction.request
            transaction.request.headers.pack()
            accepted.headers.pack()  # a call that is up seldom asks for them
        if fallback is not None:
            self._fall_back(transaction.request, fallback, user)

    def _step_server(self, transaction: ServerTransaction, input_: ServerInput) -> None:
        outputs = run(transaction.machine, input_, self.clock(), transaction.key)
        if isinstance(input_, _REPEATERS):
            self._count_repeats(outputs)
        for output in outputs:
            if isinstance(output, Report):
                if isinstance(output.event, AckReceived):
                    self._above.acked(output.event.request)
                else:
                    LOG.info("%s: %s", transaction.key, output.event)
            elif isinstance(output, Finish):
                self.timers.stop_all(transaction)
                self.table.remove_server(transaction.key, transaction.merge_key)
            else:
                self._perform(transaction, output)

    def _perform(self, transaction: AnyTransaction, output: Send | StartTimer | StopTimer) -> None:
        if isinstance(output, StartTimer):
            self.timers.start(transaction, output.timer, output.at)
        elif isinstance(output, StopTimer):
            self.timers.stop(transaction, output.timer)
        elif isinstance(output, Send):
            self.send(output.message, transaction.hop)
        else:
            assert_never(output)

    def _count_repeats(self, outputs: list[Output]) -> None:
        if outputs and isinstance(outputs[0], Send):
            self.statistics.retransmissions += 1

    def _forget_client(self, transaction: ClientTransaction) -> None:
        self.timers.stop_all(transaction)
        self.table.remove_client(transaction.key)
        same_hop = self._by_hop.get(transaction.hop)
        if same_hop is not None:
            same_hop.pop(transaction.key, None)
            if not same_hop:
                del self._by_hop[transaction.hop]
        if transaction.request.method == "INVITE":
            transaction.user.over(transaction.request)

    def _fall_back(self, request: Request, hop: Hop, user: ClientUser) -> None:
        """RFC 3261 §18.1.1: the peer does not accept TCP, which is remembered."""
        if len(self._without_tcp) >= MAX_HOPS_WITHOUT_TCP:
            self._without_tcp.clear()
        self._without_tcp[(hop.host, hop.port)] = None
        request.headers.remove("Via")
        self.start_client(request, hop, user)

    def _give_tcp_up(self, transaction: ClientTransaction) -> None:
        """No response came by TCP: the same request by UDP, in a new transaction."""
        fallback, user = transaction.fallback, transaction.user
        if fallback is None or not transaction.is_unanswered:
            return
        LOG.info("%s: no response by TCP; UDP is tried", transaction.hop)
        transaction.user, transaction.fallback = NO_USER, None
        request = transaction.request
        self._forget_client(transaction)
        self.transport.give_up(transaction.hop)
        self._fall_back(request, fallback, user)

    def _timer_fired(self, owner: TimerOwner, timer: StrEnum) -> None:
        if isinstance(owner, ClientTransaction):
            if timer == _DriverTimer.UDP_FALLBACK:
                self._give_tcp_up(owner)
            else:
                self._step_client(owner, TimerFired(timer))
        elif isinstance(owner, ServerTransaction):
            self._step_server(owner, TimerFired(timer))
        else:
            self._above.timer_fired(owner, timer)
