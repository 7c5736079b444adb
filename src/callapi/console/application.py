"""The ASGI application at `/console`: pages, sign-in, and the few answers that are for the console alone.

::

    GET    /console/…           the pages
    POST   /console/session     sign in: `sid` and `secret` as a form; the cookie comes with the answer
    GET    /console/session     who is signed in, and the token for unsafe requests; 204: not signed in
    DELETE /console/session     sign out
    POST   /console/lint        what the node would say of an RCML document
    GET    /console/node        the figures of the node
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from callapi.api import Sessions
from callapi.api.errors import ACCESS_DENIED, AUTHENTICATE, INTERNAL, TOO_LARGE, ApiError, refusal_of
from callapi.api.requests.authentication import identify, require_csrf_token, session_of
from callapi.api.requests.sessions import COOKIE, LIFETIME_S, Session
from callapi.base.errors import CallApiError
from callapi.console.pages import ROOT, page
from callapi.console.throttle import SignInThrottle
from callapi.rcml import check
from callapi.store import Json, Store

log = logging.getLogger(__name__)

MAX_BODY: Final = 128 * 1024
_SAFE: Final = frozenset({"GET", "HEAD"})
_NO_STORE: Final = {"Cache-Control": "no-store"}


class ConsoleOptions(Struct, frozen=True):
    """What the console needs of the node besides store and sessions."""

    node: str
    sip_domain: str
    """The host, and the port unless it is 5060, of the node's own SIP URIs."""
    is_secure: bool
    """Whether browsers reach the node by HTTPS: the cookie then goes by HTTPS alone."""
    figures: Callable[[], Awaitable[dict[str, Json]]]
    """The figures of the node, and of its peers, for the page of nodes."""


class Console:
    """Everything at `/console`."""

    def __init__(
        self, store: Store, sessions: Sessions, options: ConsoleOptions, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._options = options
        self._clock = clock
        self._throttle = SignInThrottle()
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("POST", f"{ROOT}/session"): self._sign_in,
            ("GET", f"{ROOT}/session"): self._session,
            ("DELETE", f"{ROOT}/session"): self._sign_out,
            ("POST", f"{ROOT}/lint"): self._lint,
            ("GET", f"{ROOT}/node"): self._node,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an error of any kind is an answer as well."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        path = request.url.path
        try:
            handler = self._routes.get((request.method, path))
            if handler is not None:
                return await handler(request)
            if request.method in _SAFE:
                return page(path, request.headers.get("host", ""), self._options.sip_domain)
            return _refusal(405, 20004, "Method not allowed")
        except CallApiError as error:
            known = refusal_of(error)
            if known is None:
                log.exception("%s %s", request.method, path)
                known = ApiError(INTERNAL)
            return _refusal(known.fault.status, known.fault.code, str(known))
        except Exception:
            log.exception("%s %s", request.method, path)
            return _refusal(500, 20500, "Internal server error")

    async def _sign_in(self, request: Request) -> Response:
        # SameSite keeps the cookie from other sites' requests; this keeps their pages from signing a user in.
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return _refusal(403, 20006, "Sign in from the console itself")
        client = request.client.host if request.client else ""
        if (locked_s := self._throttle.locked_s(client, self._clock())) > 0:
            seconds = int(locked_s) + 1
            text = f"Too many wrong attempts; try again in {seconds} seconds"
            return _refusal(429, 20429, text, {"Retry-After": str(seconds)})
        form = parse_qs((await _body(request)).decode("utf-8", "replace"), max_num_fields=10)
        sid, secret = form.get("sid", [""])[-1].strip(), form.get("secret", [""])[-1].strip()
        try:
            identity = await identify(sid, secret, self._store)
        except ApiError as error:
            if error.fault is AUTHENTICATE:
                self._throttle.failed(client, self._clock())
                return _refusal(401, 20003, "The sid or the token is wrong")
            raise
        self._throttle.succeeded(client)
        cookie = await self._sessions.open(identity)
        session = await self._sessions.verify(cookie)
        if session is None:
            return _refusal(401, 20003, "The credentials have just been changed")
        response = JSONResponse(self._described(session), headers=_NO_STORE)
        self._set_cookie(response, cookie, LIFETIME_S)
        return response

    async def _session(self, request: Request) -> Response:
        session = await session_of(request, self._sessions)
        if session is None:
            return Response(status_code=204, headers=_NO_STORE)
        return JSONResponse(self._described(session), headers=_NO_STORE)

    async def _sign_out(self, request: Request) -> Response:
        session = await session_of(request, self._sessions)
        if session is not None:
            require_csrf_token(request, session)
            self._sessions.end(session)
        response = Response(status_code=204, headers=_NO_STORE)
        self._set_cookie(response, "", 0)
        return response

    async def _lint(self, request: Request) -> Response:
        await self._signed_in(request)
        findings = check(await _body(request), "text/xml")
        shown = [
            {
                "code": each.code,
                "message": each.message,
                "line": each.line,
                "column": each.column,
                "severity": str(each.severity),
            }
            for each in findings
        ]
        return JSONResponse({"findings": shown}, headers=_NO_STORE)

    async def _node(self, request: Request) -> Response:
        session = await self._signed_in(request)
        if session.identity.account.parent_sid is not None:
            raise ApiError(ACCESS_DENIED, "The figures of the node are for its main account")
        return JSONResponse(await self._options.figures(), headers=_NO_STORE)

    async def _signed_in(self, request: Request) -> Session:
        session = await session_of(request, self._sessions)
        if session is None:
            raise ApiError(AUTHENTICATE)
        require_csrf_token(request, session)
        return session

    def _described(self, session: Session) -> dict[str, Json]:
        identity = session.identity
        return {
            "account_sid": identity.account.sid,
            "friendly_name": identity.account.friendly_name,
            "key_sid": identity.key_sid,
            "csrf_token": session.csrf_token,
            "node": self._options.node,
        }

    def _set_cookie(self, response: Response, value: str, max_age_s: int) -> None:
        response.set_cookie(
            COOKIE,
            value,
            max_age=max_age_s,
            path="/",
            secure=self._options.is_secure,
            httponly=True,
            samesite="strict",
        )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ApiError(TOO_LARGE, f"At most {MAX_BODY} bytes")
    return bytes(body)


def _refusal(status: int, code: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(
        {"code": code, "message": text, "status": status}, status, {**_NO_STORE, **(headers or {})}
    )
