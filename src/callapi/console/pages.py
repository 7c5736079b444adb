"""The built pages: one document for every path, and files with a digest in their names."""

import mimetypes
from functools import cache
from importlib import resources
from typing import Final

from starlette.responses import PlainTextResponse, Response

from callapi.base.entropy import random_hex

ROOT: Final = "/console"
_ASSETS: Final = f"{ROOT}/assets/"
_NONCE: Final = b"__NONCE__"
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


def page(path: str) -> Response:
    """The file or the document at `path`, which is `/console` or lies below it."""
    if path.startswith(_ASSETS):
        return _asset(path.removeprefix(_ASSETS))
    document = _document()
    if document is None:
        return PlainTextResponse(NOT_BUILT, 503)
    nonce = random_hex()
    headers = {**_SECURITY, "Content-Security-Policy": _policy(nonce), "Cache-Control": "no-store"}
    return Response(document.replace(_NONCE, nonce.encode()), media_type="text/html", headers=headers)


def _policy(nonce: str) -> str:
    """Scripts and requests of this origin alone, none within a page; the nonce is for a library's style element."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "connect-src 'self'",
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
