"""The ASGI application: finds the operation, authenticates the client, reads parameters, answers.

This is the supervisor of the room: whatever a handler does, the client gets an answer in the shape of the API.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from callapi.api.answers import answer, refusal
from callapi.api.authentication import account_in_path, authenticate, require_active
from callapi.api.deps import Deps
from callapi.api.errors import (
    INTERNAL,
    INVALID_PARAMETER,
    TOO_LARGE,
    UNSUPPORTED_TYPE,
    ApiError,
    refusal_of,
)
from callapi.api.operation import RequestContext
from callapi.api.pages import Pages
from callapi.api.parameters import read
from callapi.api.request_path import RequestPath
from callapi.api.resources import OPERATIONS
from callapi.api.router import Router
from callapi.base.errors import CallApiError

log = logging.getLogger(__name__)

MAX_BODY: Final = 256 * 1024
"""A document of 64 KiB fits, also percent-encoded."""
MAX_FIELDS: Final = 200
_FORM: Final = "application/x-www-form-urlencoded"


def create_app(deps: Deps) -> ASGIApp:
    """The REST interface of the node: every resource, `/health`, `/openapi.json`, `/docs`."""
    return _Application(deps)


class _Application:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._router = Router(OPERATIONS)
        self._pages = Pages(deps.health, deps.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        accept = request.headers.get("accept", "")
        request_path = RequestPath.of(
            scope["path"], accept, request.url.query, self._deps.public_url.rstrip("/")
        )
        response = await self._respond(request, request_path)
        await response(scope, receive, send)

    async def _respond(self, request: Request, request_path: RequestPath | None) -> Response:
        try:
            if request_path is None:
                return self._pages.answer(request.method, request.url.path)
            return await self._operate(request, request_path)
        except CallApiError as error:
            if (known := refusal_of(error)) is None:
                log.exception("%s %s", request.method, request.url.path)
            return refusal(known or ApiError(INTERNAL), request_path)
        except Exception:
            log.exception("%s %s", request.method, request.url.path)
            return refusal(ApiError(INTERNAL), request_path)

    async def _operate(self, request: Request, request_path: RequestPath) -> Response:
        deps = self._deps
        principal = await authenticate(request.headers.get("authorization"), deps.store)
        operation, path = self._router.find(request.method, request_path)
        account = principal
        if "AccountSid" in path:
            account = await account_in_path(path["AccountSid"], principal, deps.store)
        if not operation.on_inactive:
            require_active(account, request.method)
        given = read(operation.parameters, await _form(request))
        await deps.store.settle()  # what a live call has just written can be read
        outcome = await operation.handler(RequestContext(deps, account, principal, request_path, given, path))
        return answer(outcome, operation, request_path)


async def _form(request: Request) -> Mapping[str, Sequence[str]]:
    """Parameters of the query for GET and DELETE, of the body for POST and PUT."""
    text = request.url.query
    if request.method in {"POST", "PUT"}:
        text = (await _body(request)).decode("utf-8", "replace")
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
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
