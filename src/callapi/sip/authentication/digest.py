"""Digest authentication, both sides (RFC 7616, RFC 8760, RFC 3261 §22), pure: entropy and time are arguments.

MD5, SHA-256 and SHA-512-256, each also as `-sess`; qop `auth` and `auth-int`, and none (RFC 2069). Not here:
`userhash`, and `Authentication-Info`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from callapi.sip.errors import LocalProtocolError, ParseError, RemoteProtocolError
from callapi.sip.messages.header_names import TOKEN
from callapi.sip.messages.parameters import quote, unquote
from callapi.sip.messages.uri import SipUri, Uri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from callapi.sip.messages.message import Response

_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_STRENGTH = list(_HASHES)
ALGORITHMS = ("SHA-256", "SHA-512-256", "MD5")
"""What a server offers unless configured otherwise, the preferred first."""
_CHALLENGES = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}
_SCHEME = re.compile(r"\s*+digest\s++", re.IGNORECASE)
_PARAMETER = re.compile(rf'\s*+({TOKEN}++)\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^\s,"]++)\s*+(?:,|$)', re.DOTALL)
_NO_SECRET = "-" * 64
_Issue: TypeAlias = tuple[int, int]
"""When a nonce was issued, in milliseconds since the epoch, and its serial: together of one nonce only."""
_NONCE = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})-([0-9a-f]{32})")
_USE = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})-([0-9a-f]{1,8})")


class Credentials(Struct, frozen=True):
    """A user name and its password."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, ...)"


def ha1_of(algorithm: str, username: str, realm: str, password: str) -> str:
    """H(username:realm:password) as lower-case hex (RFC 7616 §3.4.2); `algorithm` is without `-sess`."""
    text = f"{username}:{realm}:{password}".encode()
    return hashlib.new(_HASHES[algorithm.upper()], text, usedforsecurity=False).hexdigest()


def parse_digest(value: str) -> dict[str, str]:
    """The parameters of a `Digest` challenge or answer, names in lower case, values without quotes.

    An escape inside quotes stays as it is: RFC 7616 §3.4 hashes what stands between the quotes. Raises ParseError,
    also for another scheme.
    """
    match = _SCHEME.match(value)
    if match is None:
        raise ParseError(f"not a digest: {value[:80]!r}")
    parameters: dict[str, str] = {}
    position = match.end()
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None:
            raise ParseError(f"not a digest: {value[:80]!r}")
        text = match[2]
        parameters.setdefault(match[1].lower(), text[1:-1] if text[0] == '"' else text)
        position = match.end()
    return parameters


class _Answer(Struct, frozen=True):
    """What one digest is computed from, besides the request and the secret."""

    algorithm: str
    """In upper case, `-SESS` and all."""
    realm: str
    nonce: str
    uri: str
    qop: str | None
    nc: str
    cnonce: str

    def response(self, ha1: str, method: str, body: bytes) -> str:
        """RFC 7616 §3.4.1 to §3.4.3; without qop as in RFC 2069. `ha1` is H(username:realm:password)."""
        name = _HASHES[self.algorithm.removesuffix("-SESS")]

        def digest(data: bytes) -> str:
            return hashlib.new(name, data, usedforsecurity=False).hexdigest()

        a1 = ha1
        if self.algorithm.endswith("-SESS"):
            a1 = digest(f"{ha1}:{self.nonce}:{self.cnonce}".encode())
        a2 = f"{method}:{self.uri}" + (f":{digest(body)}" if self.qop == "auth-int" else "")
        counted = f"{self.nc}:{self.cnonce}:{self.qop}:" if self.qop else ""
        return digest(f"{a1}:{self.nonce}:{counted}{digest(a2.encode())}".encode())


class Challenge(Struct, frozen=True):
    """One challenge that we are able to answer."""

    realm: str
    nonce: str
    opaque: str | None
    algorithm: str | None
    """As the server wrote it; None: not named, so MD5."""
    qop: str | None
    """The one that we choose: `auth` rather than `auth-int`; None: the server knows none (RFC 2069)."""
    is_stale: bool
    """Only the nonce was too old: the same credentials may be tried again."""

    @classmethod
    def parse(cls, value: str) -> Challenge:
        """Read a WWW-Authenticate or Proxy-Authenticate value. Raises ParseError for one that we cannot answer."""
        given = parse_digest(value)
        if "realm" not in given or "nonce" not in given:
            raise ParseError("a digest challenge without realm or nonce")
        algorithm = given.get("algorithm")
        if algorithm is not None and algorithm.upper().removesuffix("-SESS") not in _HASHES:
            raise ParseError(f"an unknown digest algorithm: {algorithm[:80]!r}")
        offered = [each.strip().lower() for each in given.get("qop", "").split(",")]
        qop = next((each for each in ("auth", "auth-int") if each in offered), None)
        if qop is None and "qop" in given:
            raise ParseError(f"an unknown quality of protection: {given['qop'][:80]!r}")
        is_stale = given.get("stale", "").lower() == "true"
        return cls(given["realm"], given["nonce"], given.get("opaque"), algorithm, qop, is_stale)

    @property
    def strength(self) -> int:
        """The greater the better."""
        return _STRENGTH.index((self.algorithm or "MD5").upper().removesuffix("-SESS"))

    def answer(
        self, method: str, uri: str, body: bytes, credentials: Credentials, cnonce: str, nc: int = 1
    ) -> str:
        """The Authorization or Proxy-Authorization value; `nc` counts the uses of this nonce from 1."""
        algorithm = (self.algorithm or "MD5").upper()
        count = f"{nc:08x}"
        computed = _Answer(algorithm, self.realm, self.nonce, uri, self.qop, count, cnonce)
        name, password = credentials.username, credentials.password
        ha1 = ha1_of(algorithm.removesuffix("-SESS"), name, self.realm, password)
        parts = [
            f"username={quote(credentials.username)}",
            f'realm="{self.realm}"',
            f'nonce="{self.nonce}"',
            f'uri="{uri}"',
            f'response="{computed.response(ha1, method, body)}"',
        ]
        if self.algorithm is not None:
            parts.append(f"algorithm={self.algorithm}")
        if self.opaque is not None:
            parts.append(f'opaque="{self.opaque}"')
        if self.qop is not None:
            parts += [f"qop={self.qop}", f"nc={count}"]
        if self.qop is not None or algorithm.endswith("-SESS"):
            parts.append(f"cnonce={quote(cnonce)}")
        return "Digest " + ", ".join(parts)


def strongest_challenge(response: Response) -> Challenge | None:
    """Of a 401's or 407's challenges the strongest that we can answer; among equals the first (RFC 8760 §2.4)."""
    return max(_readable_challenges(response), key=lambda each: each.strength, default=None)


def _readable_challenges(response: Response) -> list[Challenge]:
    names = _CHALLENGES.get(response.status)
    found: list[Challenge] = []
    for value in response.headers.get_all(names[0]) if names else ():
        try:
            found.append(Challenge.parse(value))
        except ParseError:
            continue  # another scheme or algorithm: another challenge may do
    return found


def challenges_by_realm(response: Response) -> list[Challenge]:
    """The strongest challenge of each realm of a 401 or 407 that we can answer, in the order of the realms."""
    strongest: dict[str, Challenge] = {}
    for challenge in _readable_challenges(response):
        known = strongest.get(challenge.realm)
        if known is None or challenge.strength > known.strength:
            strongest[challenge.realm] = challenge
    return list(strongest.values())


def answer_challenge(  # noqa: PLR0913 - each part of a digest is its own
    response: Response,
    method: str,
    uri: str,
    body: bytes,
    credentials: Credentials,
    cnonce: str,
    *,
    nc: int = 1,
) -> tuple[str, str]:
    """Name and value of the header that answers a 401 or 407, for the request with this method, URI and body.

    `cnonce` is fresh entropy. Raises RemoteProtocolError if there is no challenge that we can answer.
    """
    challenge = strongest_challenge(response)
    if challenge is None:
        raise RemoteProtocolError(f"no digest challenge that can be answered in a {response.status}")
    value = challenge.answer(method, uri, body, credentials, cnonce, nc)
    return _CHALLENGES[response.status][1], value


class Verified(Struct, frozen=True):
    """The request comes from this user."""

    username: str


class Stale(Struct, frozen=True):
    """The credentials are right, the nonce is too old, unknown or used: challenge again with `is_stale`."""


class Rejected(Struct, frozen=True):
    """The answer is wrong or unreadable."""

    reason: str


Verdict = Verified | Stale | Rejected


class DigestServer:
    """Challenges, and verifies what comes back.

    A nonce says by an HMAC that it is ours and when it was made, so that nothing is kept of a challenge that is not
    answered. Of a used nonce its last `nc` is kept, of a bounded number of nonces.
    """

    def __init__(  # noqa: PLR0913 - options of one server, by their names
        self,
        realm: str,
        secret: bytes,
        *,
        algorithms: Sequence[str] = ALGORITHMS,
        qop: Sequence[str] = ("auth",),
        nonce_lifetime_s: float = 300,
        max_nonces: int = 16384,
        first_serial: int = 0,
        on_use: Callable[[str], None] | None = None,
    ) -> None:
        """`algorithms` in order of preference; `secret` is fresh entropy, or shared by servers that accept each other's
        nonces: then `first_serial` is fresh entropy, and `on_use` gets each use for their `used_elsewhere`.

        Raises LocalProtocolError.
        """
        unknown = set(algorithms) - _HASHES.keys() | set(qop) - {"auth", "auth-int"}
        if unknown or not algorithms or not qop:
            raise LocalProtocolError(f"digest needs known algorithms and qop, not {sorted(unknown)}")
        self._realm = quote(realm)[1:-1]
        self._secret = secret
        self._algorithms = tuple(algorithms)
        self._qop = tuple(qop)
        self._lifetime_s = nonce_lifetime_s
        self._max_nonces = max_nonces
        self._issued = first_serial
        self._on_use = on_use
        self._used: OrderedDict[_Issue, int] = OrderedDict()  # when a nonce was issued -> its last nc
        # The newest that `_used` has dropped: older ones count as used.
        self._forgotten: _Issue = (0, 0)

    def challenge(
        self, now: float, *, is_stale: bool = False, algorithms: Sequence[str] | None = None
    ) -> list[str]:
        """One WWW-Authenticate value for each algorithm, the preferred first (RFC 8760 §2.3).

        `algorithms` replaces the server's own for a client that knows fewer.
        """
        self._issued += 1
        stem = f"{int(now * 1000):x}-{self._issued:x}"
        common = f'realm="{self._realm}", nonce="{stem}-{self._seal(stem)}", qop="{",".join(self._qop)}"'
        stale = ", stale=true" if is_stale else ""
        return [
            f"Digest {common}, algorithm={algorithm}{stale}" for algorithm in algorithms or self._algorithms
        ]

    def verify(  # noqa: PLR0913 - the parts that a digest covers
        self,
        value: str,
        method: str,
        uri: Uri,
        body: bytes,
        secret_of: Callable[[str, str], str | None],
        now: float,
        *,
        algorithms: Sequence[str] | None = None,
    ) -> Verdict:
        """Judge an Authorization value of a request with this method, Request-URI and body.

        `secret_of(username, algorithm)` gives H(username:realm:password) by MD5, SHA-256 or SHA-512-256, None for a
        stranger, who costs the same work; an empty text opens nothing. `algorithms`: those that were offered,
        if not the server's own.
        """
        try:
            given = parse_digest(value)
            answer = self._read(given, uri, algorithms or self._algorithms)
            username = unquote(f'"{given["username"]}"')
        except ParseError as error:
            return Rejected(str(error))
        except KeyError as error:
            return Rejected(f"{error.args[0]} is missing")
        ha1 = secret_of(username, answer.algorithm.removesuffix("-SESS"))
        expected = answer.response(ha1 or _NO_SECRET, method, body)
        is_right = hmac.compare_digest(expected.encode(), given["response"].lower().encode())
        if not is_right or not ha1:
            return Rejected("wrong user name or password")
        issue = self._issue(answer.nonce, now)
        if issue is None or not self._use(issue, int(answer.nc, 16)):
            return Stale()
        return Verified(username)

    def pick(self, values: Sequence[str]) -> str | None:
        """Of the Authorization values of a request the one that is for us (RFC 3261 §22.3); None: it has none.

        A phone may answer each of our challenges, and those of other realms with them.
        """
        own: list[str] = []
        for value in values:
            try:
                given = parse_digest(value)
            except ParseError:
                continue  # RFC 4475 §3.3.7: an unknown scheme is as good as none
            if given.get("realm") == self._realm:
                if given.get("algorithm", "MD5").upper() in self._algorithms:
                    return value
                own.append(value)
        return own[0] if own else None

    def _read(self, given: dict[str, str], uri: Uri, algorithms: Sequence[str]) -> _Answer:
        algorithm, qop = given.get("algorithm", "MD5").upper(), given.get("qop")
        if algorithm not in algorithms:
            raise ParseError(f"algorithm {algorithm[:80]!r} was not offered")
        if given["realm"] != self._realm:
            raise ParseError(f"realm {given['realm'][:80]!r} is not ours")
        if qop is not None and qop not in self._qop:
            raise ParseError(f"qop {qop[:80]!r} was not offered")
        if not _is_same_user(parse_uri(given["uri"]), uri):
            raise ParseError("the digest is for another URI")
        nc = given["nc"] if qop else "1"
        if not re.fullmatch("[0-9a-fA-F]{1,8}", nc):
            raise ParseError(f"not a nonce count: {nc[:80]!r}")
        cnonce = given["cnonce"] if qop else ""
        return _Answer(algorithm, given["realm"], given["nonce"], given["uri"], qop, nc, cnonce)

    def _seal(self, stem: str) -> str:
        return hmac.digest(self._secret, stem.encode(), "sha256")[:16].hex()

    def _issue(self, nonce: str, now: float) -> _Issue | None:
        match = _NONCE.fullmatch(nonce)
        if match is None or not hmac.compare_digest(self._seal(f"{match[1]}-{match[2]}"), match[3]):
            return None
        issue = int(match[1], 16), int(match[2], 16)
        return issue if now - issue[0] / 1000 <= self._lifetime_s else None

    def _use(self, issue: _Issue, nc: int) -> bool:
        last = self._used.get(issue)
        if last is None and issue <= self._forgotten:
            return False
        if nc <= (last or 0):
            return False  # RFC 7616 §3.4: a count that has been seen is a replay
        self._note(issue, nc)
        if self._on_use is not None:
            self._on_use(f"{issue[0]:x}-{issue[1]:x}-{nc:x}")
        return True

    def used_elsewhere(self, use: str) -> None:
        """Another server has accepted a nonce with a count: that count and lower ones are not good here any more."""
        match = _USE.fullmatch(use)
        if match is None:
            return  # a server of another version
        issue, nc = (int(match[1], 16), int(match[2], 16)), int(match[3], 16)
        if issue > self._forgotten:
            self._note(issue, max(nc, self._used.get(issue, 0)))

    def _note(self, issue: _Issue, nc: int) -> None:
        self._used[issue] = nc
        self._used.move_to_end(issue)
        if len(self._used) > self._max_nonces:
            self._forgotten = max(self._forgotten, self._used.popitem(last=False)[0])


def _is_same_user(signed: Uri, uri: Uri) -> bool:
    # RFC 3261 §22.4 (8): a proxy may have changed the Request-URI since it was signed; the user must stay.
    # SIPp signs the domain alone, whomever it calls.
    if isinstance(signed, SipUri) and isinstance(uri, SipUri):
        return signed.user in {None, uri.user}
    return signed == uri
