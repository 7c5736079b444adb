"""Answers to digest challenges (RFC 3261 §22.2, §22.3) with one set of credentials, for one session or request.

Several proxies on the way may challenge in turn, or a forking one for several realms at once: the answer for each realm
is kept, and all of them go into the next try (§22.3). There is one try for each realm; another only when the server
says that merely the nonce was stale. The credentials are those that were given for this request; no others are used.
"""

from callapi.sip.authentication.digest import Challenge, Credentials, challenges_by_realm
from callapi.sip.messages.message import Request, Response

MAX_STALE_ANSWERS = 2
MAX_REALMS = 4
_ANSWERED_BY = {401: "Authorization", 407: "Proxy-Authorization"}


class Authenticator:
    """Keeps the credentials, the challenges by realm, and counts the tries."""

    __slots__ = ("_answered", "_credentials", "_stale_answers")

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials
        self._answered: dict[tuple[str, str], tuple[Challenge, int]] = {}
        """(Header, realm) -> the challenge and how often its nonce was used, for the request under way."""
        self._stale_answers = 0

    def answer(self, request: Request, response: Response, *, cseq: int, cnonce: str) -> Request | None:
        """The request again, with credentials, the next CSeq and no Via; None: the refusal stands."""
        name = _ANSWERED_BY.get(response.status)
        credentials = self._credentials
        if name is None or credentials is None:
            return None
        if not any(each in request.headers for each in _ANSWERED_BY.values()):
            self._answered.clear()
            self._stale_answers = 0
        news = [
            each for each in challenges_by_realm(response) if self._is_worth_a_try((name, each.realm), each)
        ]
        if not news:
            return None
        self._answered.update({(name, each.realm): (each, 0) for each in news})
        again = request.again()
        for each in _ANSWERED_BY.values():
            again.headers.remove(each)
        for key, (challenge, used) in list(self._answered.items()):
            self._answered[key] = (challenge, used + 1)
            value = challenge.answer(
                request.method, str(request.uri), request.body, credentials, cnonce, used + 1
            )
            again.headers.add(key[0], value)
        again.headers.set("CSeq", f"{cseq} {request.method}")
        return again

    def _is_worth_a_try(self, key: tuple[str, str], challenge: Challenge) -> bool:
        if key not in self._answered:
            return len(self._answered) < MAX_REALMS
        if not challenge.is_stale or self._stale_answers >= MAX_STALE_ANSWERS:
            return False
        self._stale_answers += 1
        return True
