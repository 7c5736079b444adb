"""The built pages: one document for every path, and files with a digest in their names."""

import mimetypes
import re
from functools import cache
from html import escape
from importlib import resources
from typing import Final

from starlette.responses import PlainTextResponse, Response

from callapi.base.entropy import random_hex

ROOT: Final = "/console"
_ASSETS: Final = f"{ROOT}/assets/"
_NONCE: Final = b"__NONCE__"
_SIP_DOMAIN: Final = b"__SIP_DOMAIN__"
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
NOT_BUILT: Final = (
    "The console is not part of this build: Node.js 20 with npm was missing when it was made. "
    "Install both and run `make console`.\n"
)
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")


def is_built() -> bool:
    """Whether this package holds the pages."""
    return _document() is not None


def page(path: str, host: str, sip_domain: str) -> Response:
    """The file or the document at `path`, which is `/console` or lies below it.

    `host` is the request's Host; `sip_domain` is that of the node's own URIs, for the phone.
    """
    if path.startswith(_ASSETS):
        return _asset(path.removeprefix(_ASSETS))
    document = _document()
    if document is None:
        return PlainTextResponse(NOT_BUILT, 503)
    nonce = random_hex()
    headers = {**_SECURITY, "Content-Security-Policy": _policy(nonce, host), "Cache-Control": "no-store"}
    document = document.replace(_NONCE, nonce.encode()).replace(_SIP_DOMAIN, escape(sip_domain).encode())
    return Response(document, media_type="text/html", headers=headers)


def _policy(nonce: str, host: str) -> str:
    """Scripts and requests of this origin alone, none within a page; the nonce is for a library's style element.

    The sockets of the phone are named by `host`: `'self'` covers them only in browsers that follow CSP level 3. A Host
    that is not plainly a name or an address adds nothing.
    """
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            f"connect-src 'self'{sockets}",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


@cache
def _document() -> bytes | None:
    file = resources.files("callapi.console") / "static" / "index.html"
    return file.read_bytes() if file.is_file() else None


@cache
def _files() -> dict[str, bytes]:
    folder = resources.files("callapi.console") / "static" / "assets"
    return {each.name: each.read_bytes() for each in folder.iterdir()} if folder.is_dir() else {}


def _asset(name: str) -> Response:
    content = _files().get(name)
    if content is None:
        return PlainTextResponse("not found\n", 404, _SECURITY)
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {**_SECURITY, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=media_type, headers=headers)
