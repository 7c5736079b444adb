"""A listening stream socket: a connection is handed on as soon as it is accepted, before the TLS handshake.

asyncio's own servers report a TLS peer only after the handshake, so that peers that never finish it go uncounted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING

from callapi.sip.transport.listen import family_of

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_BACKLOG = 512
_ACCEPTED_PER_TURN = 64
_REST_S = 1.0


class Listener:
    """`accepted(accepted_socket, host, port)` owns the socket; it is called on the loop and must not raise."""

    def __init__(self, host: str, port: int, accepted: Callable[[socket.socket, str, int], None]) -> None:
        """Bind and start to listen. Raises OSError."""
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_server((host, port), family=family_of(host), backlog=_BACKLOG)
        self._socket.setblocking(False)  # noqa: FBT003 - the parameter's only spelling
        self._rest: asyncio.TimerHandle | None = None
        self.port: int = self._socket.getsockname()[1]
        self._listen()

    def close(self) -> None:
        """Stop listening."""
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _listen(self) -> None:
        self._rest = None
        self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        for _ in range(_ACCEPTED_PER_TURN):
            try:
                accepted_socket, address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):  # none left, or gone already
                return
            except OSError as error:  # no descriptors, no memory: the peers that wait go on waiting
                log.warning("no connection can be accepted at port %d: %s", self.port, _reason(error))
                self._loop.remove_reader(self._socket.fileno())
                self._rest = self._loop.call_later(_REST_S, self._listen)
                return
            accepted_socket.setblocking(False)  # noqa: FBT003 - as above
            self._accepted(accepted_socket, address[0], address[1])


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
