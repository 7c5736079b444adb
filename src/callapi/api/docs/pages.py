"""What is there without authentication: `/health`, `/openapi.json`, `/docs`."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from starlette.responses import HTMLResponse, RedirectResponse, Response

from callapi.api.deps import Health
from callapi.api.docs import openapi, reference_page
from callapi.api.docs.code_pages import PATH, code_page
from callapi.api.errors import METHOD_NOT_ALLOWED, NOT_FOUND, ApiError
from callapi.api.resources import RESOURCES
from callapi.api.responses.answers import json_response

_SAFE: Final = frozenset({"GET", "HEAD"})
_RETRY_AFTER_S: Final = "30"
# The page brings all that it needs, and is to load nothing.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


class Pages:
    """The few fixed paths."""

    def __init__(self, health: Callable[[], Health], public_url: str) -> None:
        self._state = health
        self._public_url = public_url.rstrip("/")
        self._paths: dict[str, Callable[[], Response]] = {
            "/": lambda: RedirectResponse("/docs"),
            "/docs": lambda: HTMLResponse(self._reference, headers={"Content-Security-Policy": _POLICY}),
            "/health": self._health,
            "/openapi.json": lambda: json_response(self._openapi),
        }

    def answer(self, method: str, path: str) -> Response:
        """The page at `path`. Raises ApiError."""
        page = self._paths.get(path) or _of_code(path)
        if page is None:
            raise ApiError(NOT_FOUND, f"The requested resource {path} was not found")
        if method not in _SAFE:
            raise ApiError(METHOD_NOT_ALLOWED, headers=(("Allow", "GET"),))
        return page()

    def _health(self) -> Response:
        if self._state() is Health.READY:
            return json_response({"status": "ok"})
        return json_response({"status": "draining"}, 503, {"Retry-After": _RETRY_AFTER_S})

    @cached_property
    def _openapi(self) -> dict[str, Any]:
        return openapi.document(RESOURCES)

    @cached_property
    def _reference(self) -> str:
        return reference_page.page(RESOURCES, self._public_url)


def _of_code(path: str) -> Callable[[], Response] | None:
    """The page that explains the code of a notification."""
    text = code_page(path.removeprefix(PATH)) if path.startswith(PATH) else None
    if text is None:
        return None
    return lambda: HTMLResponse(text, headers={"Content-Security-Policy": _POLICY})
