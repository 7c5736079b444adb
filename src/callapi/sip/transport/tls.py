"""Certificates of TLS connections: the one that we show and those that we trust (RFC 3261 §26.3.1, RFC 5922).

A server's certificate is always checked, against `ca` or the system's store, and must bear the name that was looked
up (RFC 5922 §7.1), as a DNS name or IP address in its subjectAltName. Not here: `sip:` URIs in subjectAltName, and
certificates of clients.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from msgspec import Struct

from callapi.sip.errors import LocalProtocolError

if TYPE_CHECKING:
    from pathlib import Path


class TlsFiles(Struct, frozen=True):
    """PEM files. A listener needs a certificate; without `ca` the system's store is trusted."""

    certificate: Path | None = None
    private_key: Path | None = None
    ca: Path | None = None


def server_context(files: TlsFiles | None) -> ssl.SSLContext:
    """What a TLS listener shows. Raises LocalProtocolError if it has nothing to show, OSError for a bad file."""
    if files is None or files.certificate is None:
        raise LocalProtocolError("a tls:// or wss:// listener needs a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.private_key)
    return context


def client_context(files: TlsFiles | None) -> ssl.SSLContext:
    """What an outgoing TLS connection demands. Raises OSError for a bad file.

    Certificates without an Authority Key Identifier are accepted on every Python: private authorities of PBXs and
    gateways commonly leave it out, and only CPython 3.13 and later refuse them by default (`VERIFY_X509_STRICT`).
    """
    context = ssl.create_default_context(cafile=str(files.ca) if files and files.ca else None)
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files and files.certificate:
        context.load_cert_chain(files.certificate, files.private_key)
    return context
