"""`media.ice_servers`: STUN and TURN servers that pages are given, with credentials that expire where they can.

A server is a URL (`stun:…`, `turn:…`, `turns:…`), or a table with `urls` and either `username` and `credential`, or
the `secret` that the TURN server shares with the node: then each page gets a username that expires and its HMAC
(coturn's `use-auth-secret`).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, model_validator

_URL: Final = re.compile(r"(?:stuns?|turns?):[^\s/?]+(?:\?transport=(?:udp|tcp))?")


def _ice_url(text: str) -> str:
    if _URL.fullmatch(text) is None:
        raise ValueError(
            "must look like stun:stun.example.com:3478 or turn:turn.example.com:3478?transport=udp"
        )
    return text


class IceServer(BaseModel):
    """One server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    urls: Annotated[str, AfterValidator(_ice_url)]
    username: str = ""
    credential: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _turn_has_credentials(self) -> "IceServer":
        is_turn = self.urls.startswith("turn")
        if is_turn and not (self.secret.get_secret_value() or self.username):
            raise ValueError("a TURN server needs username and credential, or a secret")
        return self

    def for_page(self, expires_at: int) -> dict[str, str]:
        """As `RTCConfiguration.iceServers` and Twilio's Tokens have it; `expires_at` is Unix time."""
        said = {"url": self.urls, "urls": self.urls}
        if secret := self.secret.get_secret_value():
            username = f"{expires_at}:{self.username or 'callapi'}"
            digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
            return said | {"username": username, "credential": base64.b64encode(digest).decode("ascii")}
        if self.username:
            return said | {"username": self.username, "credential": self.credential.get_secret_value()}
        return said


def _as_table(given: Any) -> Any:
    return {"urls": given} if isinstance(given, str) else given


IceServerEntry = Annotated[IceServer, BeforeValidator(_as_table)]


def for_page(servers: Iterable[IceServer], expires_at: int) -> list[dict[str, str]]:
    """All of them."""
    return [each.for_page(expires_at) for each in servers]
