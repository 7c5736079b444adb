"""The ASGI application: finds the operation, authenticates the client, reads parameters, answers.

This is the supervisor of the room: whatever a handler does, the client gets an answer in the shape of the API.
"""

import logging
import re
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callapi.api.deps import Deps
from callapi.api.docs.pages import Pages
from callapi.api.errors import (
    AUTHENTICATE,
    INTERNAL,
    INVALID_PARAMETER,
    NOT_FOUND,
    TOO_LARGE,
    UNSUPPORTED_TYPE,
    ApiError,
    refusal_of,
)
from callapi.api.feed.listening import PATH as AUDIO_PATH
from callapi.api.feed.listening import elsewhere, listen
from callapi.api.feed.request import PATH as FEED_PATH
from callapi.api.feed.request import follow
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.authentication import account_in_path, authenticate, require_active
from callapi.api.requests.forwarding import ForwardedRequest, OtherNodes, node_for
from callapi.api.requests.parameters import read
from callapi.api.requests.request_path import RequestPath
from callapi.api.requests.sessions import Identity
from callapi.api.resources import OPERATIONS
from callapi.api.responses.answers import answer, refusal
from callapi.api.router import Router
from callapi.api.unsupported import unsupported_in, warn_of_unsupported
from callapi.base.errors import CallApiError
from callapi.base.ids import CallSid
from callapi.store import AccountRecord, Unavailable

log = logging.getLogger(__name__)

MAX_BODY: Final = 256 * 1024
"""A document of 64 KiB fits, also percent-encoded."""
MAX_FIELDS: Final = 200
_FORM: Final = "application/x-www-form-urlencoded"


def create_app(deps: Deps, others: OtherNodes | None = None) -> "Application":
    """The REST interface of the node: every resource, `/health`, `/openapi.json`, `/docs`."""
    return Application(deps, others)


class Application:
    """The ASGI application. `others` are the nodes that share its database; None: there are none."""

    def __init__(self, deps: Deps, others: OtherNodes | None) -> None:
        self._others = others
        self._deps = deps
        self._router = Router(OPERATIONS)
        self._pages = Pages(deps.health, deps.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def execute(self, forwarded: ForwardedRequest) -> Response:
        """Carry out what another node passes on; it has authenticated the client."""
        request_path = self._path(forwarded.path, forwarded.accept, forwarded.query)
        if request_path is None:
            return refusal(ApiError(NOT_FOUND), None)
        return await self._guarded(forwarded.method, request_path, self._execute(forwarded, request_path))

    async def _execute(self, forwarded: ForwardedRequest, request_path: RequestPath) -> Response:
        principal = await self._deps.store.accounts.by_sid(forwarded.principal)
        if principal is None:
            raise ApiError(AUTHENTICATE)
        operation, context = await self._read(forwarded.method, request_path, principal, forwarded.form)
        return await _carry_out(operation, context)

    async def _respond(self, request: Request) -> Response:
        request_path = self._path(request.scope["path"], request.headers.get("accept", ""), request.url.query)
        if request_path is None:
            return await self._guarded(request.method, None, self._page(request))
        return await self._guarded(request.method, request_path, self._operate(request, request_path))

    def _path(self, path: str, accept: str, query: str) -> RequestPath | None:
        return RequestPath.of(path, accept, query, self._deps.public_url.rstrip("/"))

    async def _page(self, request: Request) -> Response:
        return self._pages.answer(request.method, request.url.path)

    async def _guarded(
        self, method: str, request_path: RequestPath | None, answering: Coroutine[Any, Any, Response]
    ) -> Response:
        where = request_path.path if request_path is not None else "a page"
        try:
            return await answering
        except CallApiError as error:
            if (known := refusal_of(error)) is None:
                log.exception("%s %s", method, where)
            return refusal(known or ApiError(INTERNAL), request_path)
        except Exception:
            log.exception("%s %s", method, where)
            return refusal(ApiError(INTERNAL), request_path)

    async def _operate(self, request: Request, request_path: RequestPath) -> Response:
        identity = await authenticate(request, self._deps.store, self._deps.sessions)
        principal = identity.account
        if (of_feed := FEED_PATH.fullmatch(request_path.path)) is not None:
            return await self._follow(request, of_feed["AccountSid"], principal)
        if (of_audio := AUDIO_PATH.fullmatch(request_path.path)) is not None:
            return await self._listen(request, of_audio, identity)
        # The operation comes before the body: a body that no operation reads is not read.
        self._router.find(request.method, request_path)
        form = await _form(request)
        operation, context = await self._read(request.method, request_path, principal, form)
        if self._others is None:
            return await _carry_out(operation, context)
        node = await node_for(operation, context, self._others)
        if node is None:
            return await _carry_out(operation, context)
        forwarded = ForwardedRequest(
            request.method,
            request.scope["path"],
            request.url.query,
            request_path.accept,
            form,
            principal.sid,
        )
        return (await self._others.forward(node, forwarded)).as_response()

    async def _read(
        self, method: str, request_path: RequestPath, principal: AccountRecord, form: str
    ) -> tuple[Operation, RequestContext]:
        """The operation, and the request as its handler sees it. Raises ApiError."""
        deps = self._deps
        operation, path = self._router.find(method, request_path)
        account = principal
        if "AccountSid" in path:
            account = await account_in_path(path["AccountSid"], principal, deps.store)
        if not operation.on_inactive:
            require_active(account, method)
        fields = _fields(form)
        given = read(operation.parameters, fields)
        await deps.store.settle()  # what a live call has just written can be read
        unsupported = unsupported_in(operation, fields)
        return operation, RequestContext(deps, account, principal, request_path, given, path, unsupported)

    async def _follow(self, request: Request, sid: str, principal: AccountRecord) -> Response:
        account = await account_in_path(sid, principal, self._deps.store)
        fields = _fields(request.url.query)
        return follow(self._deps.feed, account, request, fields, partial(self._may_read, request))

    async def _listen(self, request: Request, path: re.Match[str], identity: Identity) -> Response:
        store = self._deps.store
        account = await account_in_path(path["AccountSid"], identity.account, store)
        require_active(account, request.method)
        sid = CallSid(path["CallSid"])
        await store.settle()
        call = await store.calls.fetch(sid)
        if call is None or call.account_sid != account.sid:
            raise ApiError(NOT_FOUND)
        if self._others is not None and (node := await self._others.node_of_call(sid)) is not None:
            raise elsewhere(node)
        listener = identity.key_sid or identity.account.sid
        return listen(self._deps.listeners, sid, listener, request, partial(self._may_read, request))

    async def _may_read(self, request: Request) -> bool:
        """Whether the credentials of a request are valid at this moment."""
        try:
            await authenticate(request, self._deps.store, self._deps.sessions)
        except ApiError:
            return False
        except Unavailable:
            return True  # the database is away: what was allowed stays so
        return True


async def _carry_out(operation: Operation, context: RequestContext) -> Response:
    outcome = await operation.handler(context)
    if context.unsupported:
        warn_of_unsupported(operation, context, outcome)
    return answer(outcome, operation, context.request_path)


async def _form(request: Request) -> str:
    """Parameters as text: of the query for GET and DELETE, of the body for POST and PUT."""
    if request.method in {"POST", "PUT"}:
        return (await _body(request)).decode("utf-8", "replace")
    return request.url.query


def _fields(form: str) -> Mapping[str, Sequence[str]]:
    try:
        return parse_qs(form, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise ApiError(INVALID_PARAMETER, f"At most {MAX_FIELDS} parameters can be sent") from error


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ApiError(TOO_LARGE, f"The body must have at most {MAX_BODY} bytes")
    content_type = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if body and content_type != _FORM:
        raise ApiError(UNSUPPORTED_TYPE)
    return bytes(body)
