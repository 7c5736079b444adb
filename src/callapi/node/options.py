"""From the settings of a node to the options of its rooms. Pure: reads settings, opens nothing."""

from ipaddress import ip_address
from pathlib import Path
from typing import Final

from callapi.base.api_version import API_VERSION
from callapi.base.listen_address import parse_listen_address
from callapi.base.settings import Settings
from callapi.calls.placing.queue import CallQueue
from callapi.calls.quotas import Quotas
from callapi.http.connections import Bounds
from callapi.media.plane.certificate import NodeCertificate
from callapi.media.plane.engine import NativePlane
from callapi.sip import EndpointOptions, TlsFiles
from callapi.webhooks import FetchOptions, Limits

RECORDINGS: Final = "recordings"
PROMPTS: Final = "prompts"
HEP_PORT: Final = 9060
SIP_PATH: Final = "/sip"
"""Where the HTTP server takes SIP over WebSocket (`http.sip_websocket`)."""


def domain(settings: Settings) -> str:
    """`sip.domain`, or the host (and the port unless it is 5060) of the node's own SIP addresses.

    It is the realm of digests too, so nodes that share clients need the same.
    """
    if settings.sip.domain:
        return settings.sip.domain
    first = parse_listen_address(settings.sip.listen[0])
    host = (settings.sip.advertised_address or first.host).strip("[]")
    address = first._replace(host=host, scheme="").host_port
    return address.removesuffix(":0") if first.port == 0 else address.removesuffix(":5060")


def endpoint_options(settings: Settings) -> EndpointOptions:
    """`[sip]` as the endpoint's options."""
    sip = settings.sip
    tls = None
    if sip.tls_certificate or sip.tls_ca:
        tls = TlsFiles(sip.tls_certificate, sip.tls_private_key, sip.tls_ca)
    return EndpointOptions(
        listen=sip.listen,
        advertised_address=sip.advertised_address,
        tls=tls,
        session_expires_s=sip.session_expires_s,
        allowed_origins=tuple(filter(None, (settings.http.public_url, *settings.http.allowed_origins))),
        edges=settings.cluster.edge,
    )


def plane(settings: Settings, certificate: NodeCertificate) -> NativePlane:
    """The media plane of `[media]`, not started."""
    media = settings.media
    return NativePlane(
        media.address,
        advertised_address=media.advertised_address,
        rtp_ports=media.rtp_ports,
        threads=media.threads,
        timeout_s=media.timeout_s,
        realtime=media.realtime,
        certificate=certificate,
        webrtc_port=media.webrtc_port,
        ipv6_address=media.ipv6_address,
    )


def fetch_options(settings: Settings) -> FetchOptions:
    """`[webhooks]` as the fetcher's options."""
    return FetchOptions(settings.webhooks.timeout_s, settings.webhooks.allow_private_networks)


def outbox_limits(settings: Settings) -> Limits:
    """The bounds of the outbox."""
    return Limits(max_age_s=settings.webhooks.max_retry_age_s)


def quotas(settings: Settings) -> Quotas:
    """What one account may use of this node."""
    limits = settings.limits
    return Quotas(calls=limits.calls_per_account, calls_per_second=limits.calls_per_second_per_account)


def call_queue(settings: Settings) -> CallQueue:
    """The queue of calls placed over REST."""
    limits = settings.limits
    return CallQueue(
        calls_per_second=limits.rest_calls_per_second_per_account, max_waiting=limits.queued_calls_per_account
    )


def http_bounds(settings: Settings) -> Bounds:
    """The bounds of the HTTP server."""
    return Bounds(settings.http.max_connections, settings.http.request_timeout_s)


def http_tls(settings: Settings) -> tuple[Path, Path] | None:
    """Certificate and key of HTTPS; None: plain HTTP."""
    http = settings.http
    return (
        (http.tls_certificate, http.tls_private_key)
        if http.tls_certificate and http.tls_private_key
        else None
    )


def recordings_dir(settings: Settings) -> Path:
    """Where recordings are written."""
    return settings.node.data_dir / RECORDINGS


def prompts_dir(settings: Settings) -> Path:
    """Where fetched audio is cached."""
    return settings.node.data_dir / PROMPTS


def recording_url(settings: Settings, account: str, sid: str) -> str:
    """The `RecordingUrl` of a recording, without a suffix."""
    base = settings.http.public_url.rstrip("/")
    return f"{base}/{API_VERSION}/Accounts/{account}/Recordings/{sid}"


def own_address(settings: Settings) -> tuple[str, int]:
    """Where the node's first SIP listener is reached, as an IP address and a port: for captures of its messages."""
    host, _, port = settings.sip.listen[0].partition("://")[2].rpartition(":")
    host = settings.sip.advertised_address or host.strip("[]")
    try:
        ip_address(host)
    except ValueError:
        host = "127.0.0.1"
    return host, int(port)
