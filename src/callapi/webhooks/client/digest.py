"""Digest authentication towards an application (RFC 7616): MD5, SHA-256 and SHA-512-256, qop `auth` or none.

The Basic credentials of a URL are sent at once; a server that wants Digest says so, and is remembered.
"""

import hashlib
from collections.abc import Iterable
from typing import Final, Self
from urllib.request import parse_http_list, parse_keqv_list

_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
MAX_CHALLENGE: Final = 4096


class Digest:
    """A server's challenge, answered with one user's password for each request."""

    def __init__(self, parameters: dict[str, str]) -> None:
        """`parameters` of the challenge, names in lower case; ValueError: they cannot be answered."""
        self._realm, self._nonce = parameters.get("realm", ""), parameters.get("nonce", "")
        self._opaque, self._algorithm = parameters.get("opaque"), parameters.get("algorithm", "MD5")
        name = self._algorithm.upper()
        self._is_session = name.endswith("-SESS")
        self._hash = _HASHES.get(name.removesuffix("-SESS"), "")
        offered = [each.strip().lower() for each in parameters.get("qop", "").split(",") if each.strip()]
        if not self._hash or not self._nonce or (offered and "auth" not in offered):
            raise ValueError("a challenge that cannot be answered")
        self._has_qop = bool(offered)
        self.strength = list(_HASHES.values()).index(self._hash)
        """The greater the better."""
        self._count = 0

    @classmethod
    def strongest(cls, headers: Iterable[tuple[str, str]]) -> Self | None:
        """The best challenge among the `WWW-Authenticate` fields of an answer."""
        found = []
        for name, value in headers:
            scheme, _, rest = value.strip().partition(" ")
            is_ours = name.lower() == "www-authenticate" and scheme.lower() == "digest"
            if is_ours and len(value) <= MAX_CHALLENGE:
                try:
                    pairs = parse_keqv_list(parse_http_list(rest))
                    found.append(cls({each.lower(): text for each, text in pairs.items()}))
                except ValueError:
                    continue
        return max(found, key=lambda each: each.strength, default=None)

    def answer(self, method: str, target: str, user: str, password: str, cnonce: str) -> str:
        """The value of `Authorization` for one request; `target` as in its request line."""
        self._count += 1
        count = f"{self._count:08x}"
        secret = self._hashed(f"{user}:{self._realm}:{password}")
        if self._is_session:
            secret = self._hashed(f"{secret}:{self._nonce}:{cnonce}")
        counted = f"{count}:{cnonce}:auth:" if self._has_qop else ""
        response = self._hashed(f"{secret}:{self._nonce}:{counted}{self._hashed(f'{method}:{target}')}")
        fields = [
            f"username={_quoted(user)}",
            f"realm={_quoted(self._realm)}",
            f"nonce={_quoted(self._nonce)}",
            f"uri={_quoted(target)}",
            f"algorithm={self._algorithm}",
            f'response="{response}"',
        ]
        if self._opaque is not None:
            fields.append(f"opaque={_quoted(self._opaque)}")
        if self._has_qop:
            fields += ["qop=auth", f"nc={count}"]
        if self._has_qop or self._is_session:
            fields.append(f'cnonce="{cnonce}"')
        return f"Digest {', '.join(fields)}"

    def _hashed(self, text: str) -> str:
        return hashlib.new(self._hash, text.encode(), usedforsecurity=False).hexdigest()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
