"""Routes a request that matches no transaction: to an existing session, a new one, or a stateless response."""

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum
from hashlib import blake2b

from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.dialog import Dialog
from callapi.sip.endpoint.bodies import keep_description
from callapi.sip.endpoint.inspection import ALLOWED, SDP, SUPPORTED, inspect
from callapi.sip.endpoint.locator import TaskSet
from callapi.sip.endpoint.machine_runner import LOG
from callapi.sip.endpoint.options import Admission, ExtraHeaders, RegisterHandler
from callapi.sip.endpoint.requests import new_tag
from callapi.sip.endpoint.runner import RunnerServices, SessionRunner
from callapi.sip.endpoint.sessions import SessionTable
from callapi.sip.endpoint.subscriptions import EVENT, SubscriptionRunner
from callapi.sip.endpoint.timers import TimerOwner
from callapi.sip.endpoint.transactions import ServerTransaction
from callapi.sip.errors import ParseError, RemoteProtocolError
from callapi.sip.invite_session import InviteSession, SessionSettings, Usage
from callapi.sip.invite_session.inputs import BEGIN, AckReceived, CancelReceived
from callapi.sip.messages.message import Request, Response, make_refusal, make_response
from callapi.sip.messages.uri import SipUri
from callapi.sip.outputs import TimerFired
from callapi.sip.routing.edges import Edges
from callapi.sip.routing.hops import answer_hop, note_source
from callapi.sip.session import InboundSession, Session
from callapi.sip.transaction.table import ServerKey, server_key
from callapi.sip.transport import Hop

RETRY_AFTER: ExtraHeaders = (("Retry-After", "2"),)


class Reception:
    """Routes what the transactions do not know."""

    def __init__(  # noqa: PLR0913 - what it works with, and three services of the node
        self,
        services: RunnerServices,
        sessions: SessionTable,
        settings: SessionSettings,
        tasks: TaskSet,
        *,
        admission: Admission | None,
        registrar: RegisterHandler | None,
        flow_closed: Callable[[Hop], None],
        edges: Edges,
    ) -> None:
        self._services = services
        self._driver = services.driver
        self._sessions = sessions
        self._settings = settings
        self._tasks = tasks
        self._admission = admission
        self._registrar = registrar
        self._flow_closed = flow_closed
        self._edges = edges
        self._allow = ALLOWED if registrar is None else (*ALLOWED, "REGISTER")

    # --- what the driver brings ---

    def received(self, request: Request, key: ServerKey, source: Hop) -> None:
        """A request that belongs to no transaction, other than ACK."""
        hop = answer_hop(request.via, source)
        note_source(request, source)
        origin = self._edges.origin(request, source)
        if request.method == "CANCEL":
            self._cancel(request, key, hop)
            return
        if self._driver.table.is_merged(request):
            self._refuse(request, 482, hop)  # §8.2.2.2
            return
        refusal = inspect(request, allow=self._allow, min_se=self._settings.min_se)
        if refusal is not None:
            self._refuse(request, refusal.status, hop, refusal.headers)
            return
        keep_description(request)
        if request.to.tag is not None:
            self._within_dialog(request, key, hop)
        elif request.method == "INVITE":
            self._invite(request, key, hop, source, origin)
        else:
            self._without_dialog(request, key, hop, origin)

    def acked(self, request: Request) -> None:
        """The ACK of a 2xx."""
        runner = self._sessions.find((request.call_id, request.to.tag or ""))
        if runner is None:
            self._driver.statistics.dropped += 1
        else:
            keep_description(request)
            runner.feed(AckReceived(request))

    def faulty(self, request: Request, fault: str, source: Hop) -> None:
        """It lacks a header that it needs, or has it twice: 400, if there is somewhere to send it."""
        if request.method == "ACK" or "Via" not in request.headers:
            self._driver.statistics.dropped += 1
            return
        response = make_response(request, 400, f"Bad Request ({fault})")
        self._driver.send(response, answer_hop(request.via, source))

    def unreadable(self, error: ParseError, source: Hop) -> None:
        """The bytes are not a SIP message: 400 or 505, if there is somewhere to send it."""
        LOG.info("%s: %s", source, error)
        response = make_refusal(error, new_tag())
        if response is None:
            self._driver.statistics.dropped += 1
        else:
            self._driver.send(response, source)

    def timer_fired(self, owner: TimerOwner, timer: StrEnum) -> None:
        """A timer of a session or of a subscription."""
        if isinstance(owner, SessionRunner):
            owner.feed(TimerFired(timer))
        elif isinstance(owner, SubscriptionRunner):
            owner.timer_fired(timer)

    def connection_closed(self, peer: Hop) -> None:
        """A WebSocket that has closed ends the dialogs that depend on it: only its client could open another."""
        if peer.transport.is_websocket:
            for runner in self._sessions.runners():
                if runner.websocket == peer:
                    runner.flow_lost()
        self._flow_closed(peer)

    # --- requests ---

    def _refuse(self, request: Request, status: int, hop: Hop, headers: ExtraHeaders = ()) -> None:
        """Answer without a transaction (§8.2.7): the same answer, tag included, to each repetition."""
        self._stateless(
            request, make_response(request, status, to_tag=_steady_tag(request), headers=headers), hop
        )

    def _stateless(self, request: Request, response: Response, hop: Hop) -> None:
        is_ping = request.method == "OPTIONS" and response.status == 200
        level = logging.DEBUG if is_ping else logging.INFO  # a proxy asks each second
        LOG.log(level, "%s %s: %s %s", request.method, request.uri, response.status, response.reason)
        self._driver.send(response, hop)

    def _cancel(self, cancel: Request, key: ServerKey, hop: Hop) -> None:
        """§9.2: the CANCEL is answered by itself; what it cancels is its session's business."""
        driver = self._driver
        invite = driver.table.to_be_cancelled(cancel)
        transaction = driver.start_server(cancel, key, hop)
        dialog_key = None if invite is None else invite.dialog_key
        tag = dialog_key[1] if dialog_key is not None else _steady_tag(cancel)
        driver.respond(transaction, make_response(cancel, 481 if invite is None else 200, to_tag=tag))
        runner = None if dialog_key is None else self._sessions.find(dialog_key)
        if runner is not None and invite is not None:
            runner.feed(CancelReceived(cancel, invite))

    def _within_dialog(self, request: Request, key: ServerKey, hop: Hop) -> None:
        dialog_key = (request.call_id, request.to.tag or "")
        runner = self._sessions.find(dialog_key)
        if runner is None:
            self._refuse(request, 481, hop)
            return
        transaction = self._driver.start_server(request, key, hop)
        transaction.dialog_key = dialog_key
        runner.receive(request, transaction)

    def _without_dialog(self, request: Request, key: ServerKey, hop: Hop, source: Hop) -> None:
        if request.method == "OPTIONS" and self._admission is not None and self._admission.is_draining:
            self._refuse(request, 503, hop, RETRY_AFTER)
        elif request.method == "OPTIONS":  # §11.2
            capabilities = (
                ("Allow", ", ".join(self._allow)),
                ("Accept", SDP),
                ("Supported", ", ".join(SUPPORTED)),
            )
            self._refuse(request, 200, hop, capabilities)
        elif request.method == "REGISTER" and self._registrar is not None:
            transaction = self._driver.start_server(request, key, hop)
            work = self._register(self._registrar, request, transaction, source)
            if not self._tasks.spawn(work):
                self._driver.respond(transaction, make_response(request, 503, headers=RETRY_AFTER))
        elif request.method == "REFER":  # only within a dialog: anyone could make us call otherwise
            self._refuse(request, 403 if "Refer-To" in request.headers else 400, hop)
        elif request.method == "SUBSCRIBE":
            self._refuse(request, 489, hop, (("Allow-Events", EVENT),))
        else:
            self._refuse(request, 481, hop)  # BYE, UPDATE, ... of a dialog that has no tag of ours

    async def _register(
        self, registrar: RegisterHandler, request: Request, transaction: ServerTransaction, source: Hop
    ) -> None:
        try:
            response = await registrar.register(request, source)
        except asyncio.CancelledError:
            raise
        except Exception:  # a fault of the handler is answered 500
            LOG.exception("the registrar failed")
            self._driver.statistics.faults += 1
            response = make_response(request, 500)
        self._driver.respond(transaction, response)
        if source.transport.is_websocket and not self._driver.transport.is_connected(source):
            self._flow_closed(source)  # it closed before its binding was made

    def _invite(self, request: Request, key: ServerKey, hop: Hop, source: Hop, origin: Hop) -> None:
        if self._sessions.is_full:
            self._refuse(request, 503, hop, RETRY_AFTER)
            return
        if self._admission is not None:
            refusal = self._admission.admit(request, origin)
            if refusal is not None:
                status, reason, headers = refusal
                tag = _steady_tag(request)
                response = make_response(request, status, reason, to_tag=tag, headers=headers)
                self._stateless(request, response, hop)
                return
        try:
            dialog = Dialog.of_server(request, new_tag())
            replaced = self._sessions.replaced_by(request)
        except (RemoteProtocolError, ParseError) as error:
            LOG.info("%s %s: %s", request.method, request.uri, error)
            self._refuse(request, error.status_hint, hop)
            return
        contact = self._contact(request, source)
        transaction = self._driver.start_server(request, key, hop)
        self._open(request, dialog, transaction, contact, origin, replaced)

    def _contact(self, request: Request, source: Hop) -> str:
        uri = request.uri
        user, is_secure = (uri.user, uri.is_secure) if isinstance(uri, SipUri) else (None, False)
        return self._services.locator.contact_for(source, user, is_secure=is_secure)

    def _open(
        self,
        request: Request,
        dialog: Dialog,
        transaction: ServerTransaction,
        contact: str,
        origin: Hop,
        replaced: Session | None,
    ) -> None:
        usage = Usage(
            self._settings,
            contact,
            is_caller=False,
            entropy=self._services.entropy,
            authenticator=Authenticator(None),
        )
        usage.dialog = dialog
        runner = SessionRunner(
            self._services, usage, InviteSession.inbound(usage, request, transaction), request
        )
        session = InboundSession(request, origin, runner, replaced)
        runner.attach(session)
        transaction.dialog_key = (runner.call_id, runner.local_tag)
        self._sessions.add(runner)
        runner.feed(BEGIN)
        self._sessions.put(session)


def _steady_tag(request: Request) -> str:
    """The tag of a stateless answer (§8.2.7)."""
    return blake2b("".join(server_key(request)).encode(), digest_size=6).hexdigest()
