"""Answers to digest challenges (RFC 3261 §22.2, §22.3) with one set of credentials, for one session or request.

One try for each challenge of a realm; another only when the server says that merely the nonce was stale. The
credentials are those that were given for this request; no others are used.
"""

from callapi.sip.authentication.digest import Credentials, strongest_challenge
from callapi.sip.messages.message import Request, Response

MAX_STALE_ANSWERS = 2
_ANSWERED_BY = {401: "Authorization", 407: "Proxy-Authorization"}


class Authenticator:
    """Keeps the credentials and counts the tries."""

    __slots__ = ("_credentials", "_stale_answers")

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials
        self._stale_answers = 0

    def answer(self, request: Request, response: Response, *, cseq: int, cnonce: str) -> Request | None:
        """The request again, with credentials, the next CSeq and no Via; None: the refusal stands."""
        name = _ANSWERED_BY.get(response.status)
        if name is None or self._credentials is None:
            return None
        challenge = strongest_challenge(response)
        if challenge is None:
            return None
        if name in request.headers:
            if not challenge.is_stale or self._stale_answers >= MAX_STALE_ANSWERS:
                return None
            self._stale_answers += 1
        else:
            self._stale_answers = 0
        value = challenge.answer(request.method, str(request.uri), request.body, self._credentials, cnonce)
        headers = request.headers.copy()
        headers.remove("Via")
        headers.set(name, value)
        headers.set("CSeq", f"{cseq} {request.method}")
        return Request(request.method, request.uri, headers, request.body)
