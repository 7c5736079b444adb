"""The certificate that a node shows in DTLS handshakes: made at the first start, kept in a file, renewed in time.

Peers know it by the fingerprint in the session description (RFC 8122), so no authority signs it. It is kept because
calls that outlive a restart need the same one.
"""

import base64
import os
import re
import time
from pathlib import Path
from typing import Final

from callapi.base.values import Redacted
from callapi.media import _native

_RENEWED_AFTER_S: Final = 180 * 86_400
"""Half of the year that a certificate is valid."""
_LABELS: Final = ("CERTIFICATE", "PRIVATE KEY")
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----")


class NodeCertificate(Redacted, frozen=True):
    """Certificate and key (DER), and SHA-256 of the certificate."""

    secrets = frozenset({"private_key"})

    certificate: bytes
    private_key: bytes
    fingerprint: bytes


def make_certificate() -> NodeCertificate:
    """A new one, kept nowhere."""
    certificate, private_key = _native.generate_certificate()
    return NodeCertificate(
        bytes(certificate), bytes(private_key), bytes(_native.certificate_fingerprint(bytes(certificate)))
    )


def load_certificate(path: Path) -> NodeCertificate:
    """The certificate in `path` (PEM), or a new one if there is none, or an old one, or one that cannot be read."""
    try:
        is_young = time.time() - path.stat().st_mtime < _RENEWED_AFTER_S
        found = dict(_BLOCK.findall(path.read_text("ascii")))
        certificate, private_key = (base64.b64decode(found[label]) for label in _LABELS)
    except (OSError, KeyError, ValueError):
        is_young = False
    if is_young:
        fingerprint = bytes(_native.certificate_fingerprint(certificate))
        return NodeCertificate(certificate, private_key, fingerprint)
    made = make_certificate()
    _write(path, made)
    return made


def _write(path: Path, made: NodeCertificate) -> None:
    text = "".join(
        f"-----BEGIN {label}-----\n{base64.encodebytes(octets).decode('ascii')}-----END {label}-----\n"
        for label, octets in zip(_LABELS, (made.certificate, made.private_key), strict=True)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
