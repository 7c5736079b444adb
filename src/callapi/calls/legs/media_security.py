"""Which encryption a leg may agree on: the node's policy, or that of the trunk, the client or the `<Sip>`.

SDES keys travel in the session description. They are private if SIP goes through TLS (or WSS), or if the peer is within
`sip.trusted_networks`; elsewhere a party that can see the packets has seen the keys.
"""

from collections.abc import Callable
from typing import Final

from callapi.base.values import SrtpPolicy
from callapi.calls.placing.addresses import SipAddress
from callapi.media import DATAGRAM_SUITES, SUITES, MediaSecurity
from callapi.sip import Hop, SipUri

KEYS_REFUSED: Final = 60_060
"""Warning: the peer offered keys that were not private, and the call is not encrypted."""
KEYS_EXPOSED: Final = 60_061
"""Warning: encryption is required towards a peer to which keys travel unencrypted."""
_PRIVATE: Final = frozenset({"tls", "wss"})
_BROWSER: Final = frozenset({"ws", "wss"})
"""What speaks SIP over WebSocket is taken for a browser: it knows DTLS-SRTP and nothing else."""
_LOCALHOST: Final = "localhost"


class SecurityRules:
    """Decides what legs may agree on. `default` is `media.srtp`; `trusts` says of an IP literal that it is trusted, and
    `fingerprint` is that of the certificate for DTLS (empty: there is none);
    `webrtc_port` is `media.webrtc_port`."""

    def __init__(
        self,
        default: SrtpPolicy,
        trusts: Callable[[str], bool],
        fingerprint: bytes = b"",
        webrtc_port: int = 0,
    ) -> None:
        self._default = default
        self._trusts = trusts
        self._fingerprint = fingerprint
        self._webrtc_port = webrtc_port

    def of_source(self, policy: SrtpPolicy | None, source: Hop) -> MediaSecurity:
        """For a call that came from `source`; `policy` is the caller's own, None: it has none."""
        transport = source.transport.value.lower()
        is_private = transport in _PRIVATE or self._trusts(source.host)
        return self._security(policy, transport, is_private=is_private)

    def of_destination(self, policy: SrtpPolicy | None, address: SipAddress) -> MediaSecurity:
        """For a call to `address`: by the flow or the Route that the INVITE takes, else by its Request-URI."""
        if address.flow is not None:
            return self.of_source(policy, address.flow)
        uri = address.routes[0].uri if address.routes else address.uri
        if not isinstance(uri, SipUri):
            return self._security(policy, "udp", is_private=False)
        default = "tls" if uri.scheme == "sips" else "udp"
        transport = "tls" if uri.scheme == "sips" else (uri.parameter("transport") or default).lower()
        is_private = transport in _PRIVATE or self._is_trusted_name(uri.host)
        # Behind an edge the Route names the edge; the Contact says what is beyond it (RFC 7118 §5.2.2).
        is_browser = (
            isinstance(address.uri, SipUri) and (address.uri.parameter("transport") or "").lower() in _BROWSER
        )
        return self._security(policy, transport, is_private=is_private, is_browser=is_browser)

    def _is_trusted_name(self, host: str) -> bool:
        """Whether `host` is an address that is trusted. Of a name nothing is known before it is resolved."""
        try:
            return self._trusts("127.0.0.1" if host.lower() == _LOCALHOST else host)
        except ValueError:
            return False

    def _security(
        self, policy: SrtpPolicy | None, transport: str, *, is_private: bool, is_browser: bool = False
    ) -> MediaSecurity:
        suites = DATAGRAM_SUITES if transport == "udp" else tuple(SUITES)
        return MediaSecurity(
            policy or self._default,
            is_private,
            suites,
            fingerprint=self._fingerprint,
            webrtc_port=self._webrtc_port,
            is_browser=is_browser or transport in _BROWSER,
        )


UNENCRYPTED: Final = SecurityRules(SrtpPolicy.OFF, lambda _: False)
"""Every leg is plain."""
