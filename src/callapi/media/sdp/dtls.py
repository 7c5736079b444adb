"""DTLS-SRTP and ICE in a session description (RFC 5763, RFC 8122, RFC 8842; RFC 8839 for ICE).

We are a lite agent with one candidate, the address in `c=` and `m=`, and read none of the peer's: it finds us, and its
checks show where it is. Credentials of ICE and the certificate stay the same for the life of a line; new credentials
of the peer in an offer are an ICE restart, which ours follow.
"""

import re
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from callapi.base.values import Redacted
from callapi.media.errors import NotAcceptable
from callapi.media.plane.types import DtlsParameters, IceParameters, MediaAddress
from callapi.media.sdp.description import Attribute, MediaDescription, SessionDescription

DTLS_PROFILES: Final = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
BROWSER_PROFILE: Final = "UDP/TLS/RTP/SAVPF"
FIRST_MIDS: Final = {"audio": "0", "video": "1"}
"""What our own offers call their lines."""
MSID: Final = "callapi"

_FINGERPRINT: Final = re.compile(r"sha-256\s+((?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2})", re.IGNORECASE)
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9+/=_-]{4,256}")
_HOST_PRIORITY: Final = 2_130_706_431
"""Of a host candidate, component 1 (RFC 8445 §5.1.2)."""


class Credentials(Redacted, frozen=True, gc=False):
    """`a=ice-ufrag` and `a=ice-pwd`."""

    secrets = frozenset({"pwd"})

    ufrag: str
    pwd: str


class RemoteDtls(Struct, frozen=True, gc=False):
    """What a peer's line says of DTLS and ICE, by itself or by its session part."""

    fingerprints: tuple[bytes, ...]
    setup: str
    ice: Credentials | None

    @classmethod
    def read(cls, session: SessionDescription, line: MediaDescription) -> "RemoteDtls":
        """As written; SHA-256 fingerprints alone count."""
        whole = MediaDescription("", 0, "", (), attributes=line.attributes + session.attributes)
        found = (_FINGERPRINT.fullmatch(each.strip()) for each in whole.values("fingerprint"))
        fingerprints = tuple(bytes.fromhex(each[1].replace(":", "")) for each in found if each)
        ufrag, pwd = whole.value("ice-ufrag") or "", whole.value("ice-pwd") or ""
        has_ice = _CREDENTIAL.fullmatch(ufrag) and _CREDENTIAL.fullmatch(pwd)
        setup = (whole.value("setup") or "actpass").lower()
        return cls(fingerprints, setup, Credentials(ufrag, pwd) if has_ice else None)


def is_dtls(session: SessionDescription, line: MediaDescription) -> bool:
    """Whether a line's keys are to come by DTLS; some old peers say RTP/SAVPF and mean it."""
    profile = line.protocol.upper()
    if profile in DTLS_PROFILES:
        return True
    is_keyed = line.has("crypto") or not profile.startswith("RTP/SAVP")
    return not is_keyed and bool(RemoteDtls.read(session, line).fingerprints)


class AgreedDtls(Struct, frozen=True, gc=False):
    """What is in force on a line."""

    dtls: DtlsParameters
    ice: IceParameters | None


class DtlsSide:
    """Our side of one line, `audio` or `video`: certificate, role, credentials.

    `random` gives octets of new credentials.
    """

    __slots__ = ("_fingerprint", "_is_client", "_kind", "_local", "_random", "_remote")

    def __init__(self, fingerprint: bytes, random: Callable[[int], bytes], kind: str) -> None:
        self._kind = kind
        self._fingerprint = fingerprint
        self._random = random
        self._local: Credentials | None = None
        self._remote: Credentials | None = None
        self._is_client: bool | None = None
        """None: no role was agreed on."""

    def offer(self, local: MediaAddress, mid: str | None, *, has_ice: bool) -> tuple[Attribute, ...]:
        """What an offer of ours says; the peer chooses its role."""
        if not has_ice:
            return self._attributes(local, mid, "actpass", None)
        return self._attributes(local, mid or FIRST_MIDS[self._kind], "actpass", self._credentials())

    def answer(
        self, remote: RemoteDtls, local: MediaAddress, mid: str | None
    ) -> tuple[tuple[Attribute, ...], AgreedDtls]:
        """The answer to an offer with a fingerprint: we wait for the handshake, unless the peer does."""
        if remote.ice is not None and self._remote not in {None, remote.ice}:
            self._local = None  # an ICE restart
        is_client = remote.setup == "passive" or (remote.setup == "actpass" and bool(self._is_client))
        agreed = self._agree(remote, local, is_client=is_client)
        setup = "active" if is_client else "passive"
        credentials = self._credentials() if remote.ice is not None else None
        return self._attributes(local, mid, setup, credentials), agreed

    def take_answer(self, remote: RemoteDtls, local: MediaAddress) -> AgreedDtls:
        """What the peer's answer puts in force.

        Raises:
            NotAcceptable: it shows no certificate that could be checked.
        """
        if not remote.fingerprints:
            raise NotAcceptable(302, "the answer holds no a=fingerprint:sha-256")
        return self._agree(remote, local, is_client=remote.setup == "passive")

    def _agree(self, remote: RemoteDtls, local: MediaAddress, *, is_client: bool) -> AgreedDtls:
        self._is_client, self._remote = is_client, remote.ice
        ice = None
        if remote.ice is not None:
            ours = self._credentials()
            ice = IceParameters(ours.ufrag, ours.pwd, remote.ice.ufrag, remote.ice.pwd, local)
        return AgreedDtls(DtlsParameters(is_client, remote.fingerprints), ice)

    def _credentials(self) -> Credentials:
        if self._local is None:
            self._local = Credentials(self._random(4).hex(), self._random(16).hex())
        return self._local

    def _attributes(
        self, local: MediaAddress, mid: str | None, setup: str, credentials: Credentials | None
    ) -> tuple[Attribute, ...]:
        attributes: list[Attribute] = []
        if mid is not None:
            attributes.append(("mid", mid))
        if credentials is not None:
            candidate = f"1 1 udp {_HOST_PRIORITY} {local.host} {local.port} typ host"
            attributes += [
                ("ice-ufrag", credentials.ufrag),
                ("ice-pwd", credentials.pwd),
                ("candidate", candidate),
                ("end-of-candidates", None),
            ]
        digest = self._fingerprint.hex(":").upper()
        attributes += [("fingerprint", f"sha-256 {digest}"), ("setup", setup)]
        if credentials is not None:
            attributes.append(("msid", f"{MSID} {self._kind}"))
        return tuple(attributes)


def session_attributes(media: tuple[MediaDescription, ...], *, bundles: bool) -> tuple[Attribute, ...]:
    """What the session part says of the lines: that we are lite, and which line is bundled (the audio alone)."""
    open_ice = [each for each in media if each.port and each.has("ice-ufrag")]
    if not open_ice:
        return ()
    mid = next((each.value("mid") for each in open_ice if each.kind == "audio"), None)
    group: tuple[Attribute, ...] = (("group", f"BUNDLE {mid}"),) if bundles and mid is not None else ()
    return (("ice-lite", None), *group)
