"""Several ASGI applications on one server, each below a path of its own."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Mounts:
    """Passes a request to the application whose path it has, or lies below; any other one to `default`.

    The path stays as it is: an application at `/console` sees `/console/calls`.
    """

    def __init__(self, mounts: Mapping[str, ASGIApp], default: ASGIApp) -> None:
        self._mounts = dict(mounts)
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        first = "/" + scope.get("path", "").lstrip("/").partition("/")[0]
        await self._mounts.get(first, self._default)(scope, receive, send)
