"""How one media line is protected: which profile and keys are offered, answered and agreed on.

The rules (RFC 4568, RFC 8643, RFC 5763):

- `off` speaks plain RTP: SAVP and DTLS are refused, keys on an AVP line are overlooked.
- `optional` offers RTP/AVP with keys beside it, and takes SAVP and AVP with keys in kind; a plain peer stays plain.
- `required` offers RTP/SAVP, and refuses what is plain.
- Keys of SDES are taken, and offered by `optional`, only where the description travels unseen (TLS, WSS) or within
  trusted networks: elsewhere a party that sees the packets has seen the keys.
- DTLS-SRTP is answered wherever it is offered, and offered to browsers alone.

Our key stays the same for the whole life of a line, so that no re-INVITE disturbs the peer. It changes only with the
suite: a key must not be used again after another was in its place, because packets would have the same indexes.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from callapi.base.entropy import random_octets
from callapi.base.values import SrtpPolicy
from callapi.media.errors import NotAcceptable
from callapi.media.plane.types import DtlsParameters, IceParameters, MediaAddress, SrtpKeys
from callapi.media.sdp.crypto import SUITES, CryptoLine, attributes, crypto_lines, named_suites
from callapi.media.sdp.description import Attribute, MediaDescription, SessionDescription
from callapi.media.sdp.dtls import BROWSER_PROFILE, DtlsSide, RemoteDtls, is_dtls
from callapi.media.sdp.text import quotable

PLAIN_PROFILES: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
SDES_PROFILES: Final = frozenset({"RTP/SAVP", "RTP/SAVPF"})
DATAGRAM_SUITES: Final = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""What is offered over UDP, where an INVITE should stay under 1300 octets (RFC 3261 §18.1.1)."""


class MediaSecurity(Struct, frozen=True, gc=False):
    """What a leg may do."""

    policy: SrtpPolicy = SrtpPolicy.OFF
    is_private: bool = False
    """Whether the descriptions are hidden from third parties: they go through TLS, or a trusted network."""
    suites: tuple[str, ...] = tuple(SUITES)
    """Offered in this order; every suite of `SUITES` is taken."""
    fingerprint: bytes = b""
    """SHA-256 of the certificate that this node shows in DTLS handshakes; empty: it has none."""
    webrtc_port: int = 0
    """The one port of all lines with ICE; 0: each has its own."""
    is_browser: bool = False
    """Whether the peer knows DTLS-SRTP and ICE, and nothing else."""
    random: Callable[[int], bytes] = random_octets
    """Gives so many octets of a new key."""

    @property
    def offers_dtls(self) -> bool:
        """Whether a first offer is one for browsers."""
        return self.is_browser and bool(self.fingerprint) and self.policy is not SrtpPolicy.OFF

    @property
    def offers_keys(self) -> bool:
        """Whether a first offer holds keys."""
        if self.offers_dtls or self.policy is SrtpPolicy.OFF:
            return False
        return self.policy is SrtpPolicy.REQUIRED or self.is_private


PLAIN: Final = MediaSecurity()
"""What speaks plain RTP and nothing else."""


class Protection(Struct, frozen=True, gc=False):
    """What a description of ours says of it: the profile, and attributes of the line."""

    profile: str
    attributes: tuple[Attribute, ...] = ()
    is_muxed: bool = False
    """Whether RTCP must share the port."""
    port: int | None = None
    """That of the line; None: the stream's own."""


class Agreed(Struct, frozen=True, gc=False):
    """What protects the packets of a line: keys, or a handshake that brings them; neither: nothing."""

    srtp: SrtpKeys | None = None
    dtls: DtlsParameters | None = None
    ice: IceParameters | None = None


UNPROTECTED: Final = Agreed()


class LineSecurity:
    """The keys of one media line, `audio` or `video`. `security` says what may be agreed on."""

    __slots__ = ("_dtls", "_ours", "note", "security")

    def __init__(self, security: MediaSecurity, kind: str = "audio") -> None:
        self.security = security
        self.note: str | None = None
        """Why the last offer's keys were not taken although the line was."""
        self._ours: dict[str, bytes] = {}
        self._dtls = DtlsSide(security.fingerprint, security.random, kind)

    # --- offers of the peer

    def problem(self, session: SessionDescription, line: MediaDescription) -> NotAcceptable | None:
        """Why an open line cannot be taken as it is offered; None: it can."""
        security, profile = self.security, line.protocol.upper()
        is_dtls_line = is_dtls(session, line)
        if security.policy is SrtpPolicy.OFF and (is_dtls_line or profile in SDES_PROFILES):
            return NotAcceptable(302, quotable(f"{line.protocol} is refused: srtp is off, offer RTP/AVP"))
        if is_dtls_line and security.fingerprint:
            is_known = bool(RemoteDtls.read(session, line).fingerprints)
            return None if is_known else NotAcceptable(302, "DTLS needs a=fingerprint:sha-256")
        if profile in SDES_PROFILES:
            if not security.is_private:
                return NotAcceptable(302, quotable(f"{line.protocol}: keys are taken over TLS only"))
            return None if crypto_lines(line) else _no_common_suite(line)
        if profile not in PLAIN_PROFILES:
            return NotAcceptable(302, quotable(f"{line.protocol} is not spoken here, RTP/AVP is"))
        if security.policy is SrtpPolicy.REQUIRED and not (security.is_private and crypto_lines(line)):
            return NotAcceptable(399, "srtp is required: offer RTP/SAVP with a=crypto, over TLS")
        return None

    def answer(
        self, session: SessionDescription, line: MediaDescription, local: MediaAddress
    ) -> tuple[Protection, Agreed]:
        """How a line without a `problem` is answered, and what is in force then.

        Raises:
            NotAcceptable: the peer has sent our own key back.
        """
        self.note = None
        if is_dtls(session, line):
            remote = RemoteDtls.read(session, line)
            ours = self._with_ice(local) if remote.ice is not None else local
            said, agreed = self._dtls.answer(remote, ours, line.value("mid"))
            return Protection(line.protocol, said, port=ours.port), Agreed(dtls=agreed.dtls, ice=agreed.ice)
        theirs = next(iter(crypto_lines(line)), None) if self._takes_keys(line) else None
        if theirs is None:
            return Protection(line.protocol), UNPROTECTED
        keys = self._agreed(theirs, self._our_key(theirs.suite))
        said = attributes([CryptoLine(theirs.tag, theirs.suite, keys.send)])
        return Protection(line.protocol, said), Agreed(keys)

    def _takes_keys(self, line: MediaDescription) -> bool:
        if self.security.policy is SrtpPolicy.OFF or not crypto_lines(line):
            return False
        if not self.security.is_private:
            self.note = "the offer's keys came unencrypted and were not taken: SRTP needs SIP over TLS"
        return self.security.is_private

    # --- offers of ours

    def offer(self, agreed: Agreed | None, like: MediaDescription | None, local: MediaAddress) -> Protection:
        """What an offer says: what was `agreed` on is offered again, on a line `like` the one that stands."""
        security = self.security
        if (like is not None and like.has("fingerprint")) or (like is None and security.offers_dtls):
            profile = like.protocol if like is not None else BROWSER_PROFILE
            mid = like.value("mid") if like is not None else None
            has_ice = like is None or like.has("ice-ufrag")
            ours = self._with_ice(local) if has_ice else local
            said = self._dtls.offer(ours, mid, has_ice=has_ice)
            is_muxed = has_ice or (like is not None and like.has("rtcp-mux"))
            return Protection(profile, said, is_muxed=is_muxed, port=ours.port)
        suites: tuple[str, ...] = ()
        profile = "RTP/AVP"
        if like is not None:
            suites = (agreed.srtp.suite,) if agreed is not None and agreed.srtp is not None else ()
            profile = like.protocol
        elif security.offers_keys:
            suites = security.suites
            profile = "RTP/SAVP" if security.policy is SrtpPolicy.REQUIRED else "RTP/AVP"
        keys = [CryptoLine(tag, suite, self._our_key(suite)) for tag, suite in enumerate(suites, 1)]
        return Protection(profile, attributes(keys))

    def take_answer(
        self,
        ours: MediaDescription,
        session: SessionDescription,
        theirs: MediaDescription,
        local: MediaAddress,
    ) -> Agreed:
        """What an answer to our line `ours` puts in force.

        Raises:
            NotAcceptable: the line wanted keys and has none, or the peer sent our own key back.
        """
        if ours.has("fingerprint"):
            agreed = self._dtls.take_answer(RemoteDtls.read(session, theirs), self._with_ice(local))
            return Agreed(dtls=agreed.dtls, ice=agreed.ice)
        if answered := crypto_lines(theirs):
            offered = {each.suite: each for each in reversed(crypto_lines(ours))}
            for line in answered:
                if (match := offered.get(line.suite)) is not None:
                    return Agreed(self._agreed(line, match.key))
        is_keyed = any(each.protocol.upper() in SDES_PROFILES for each in (ours, theirs))
        if is_keyed:
            raise NotAcceptable(302, "the answer to RTP/SAVP holds no key of an offered suite")
        return UNPROTECTED

    def _with_ice(self, local: MediaAddress) -> MediaAddress:
        port = self.security.webrtc_port
        return MediaAddress(local.host, port) if port else local

    # --- keys

    def _our_key(self, suite: str) -> bytes:
        if suite not in self._ours:
            self._ours[suite] = self.security.random(SUITES[suite])
        return self._ours[suite]

    def _agreed(self, theirs: CryptoLine, ours: bytes) -> SrtpKeys:
        if theirs.key == ours:
            raise NotAcceptable(302, "the peer has sent our own key back")
        self._ours = {theirs.suite: ours}
        return SrtpKeys(theirs.suite, ours, theirs.key)


def _no_common_suite(line: MediaDescription) -> NotAcceptable:
    named = " ".join(named_suites(line)) or "no a=crypto"
    return NotAcceptable(302, quotable(f"no common suite: offered {named}, spoken here {' '.join(SUITES)}"))
