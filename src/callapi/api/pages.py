"""What is there without authentication: `/health`, `/openapi.json`, `/docs`."""

from collections.abc import Callable
from typing import Final

from starlette.responses import Response

from callapi.api.answers import json_response
from callapi.api.deps import Health
from callapi.api.errors import METHOD_NOT_ALLOWED, NOT_FOUND, ApiError

_SAFE: Final = frozenset({"GET", "HEAD"})


class Pages:
    """The few fixed paths."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health
        self._paths: dict[str, Callable[[], Response]] = {"/health": self._health_page}

    def answer(self, method: str, path: str) -> Response:
        """The page at `path`. Raises ApiError."""
        page = self._paths.get(path)
        if page is None:
            raise ApiError(NOT_FOUND, f"The requested resource {path} was not found")
        if method not in _SAFE:
            raise ApiError(METHOD_NOT_ALLOWED, headers=(("Allow", "GET"),))
        return page()

    def _health_page(self) -> Response:
        if self._health() is Health.READY:
            return json_response({"status": "ok"})
        return json_response({"status": "draining"}, 503, {"Retry-After": "30"})
