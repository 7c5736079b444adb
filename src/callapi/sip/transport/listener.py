"""A listening stream socket: who connects is handed on at once, before a word of TLS was said.

asyncio's own servers tell of a TLS peer when it has shaken hands, so that nobody could count those who never do.
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
    """`welcome(taken, host, port)` owns the socket that it is given; it is called on the loop and must not raise."""

    def __init__(self, host: str, port: int, welcome: Callable[[socket.socket, str, int], None]) -> None:
        """Bind and start to listen. Raises OSError."""
        self._welcome = welcome
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_server((host, port), family=family_of(host), backlog=_BACKLOG)
        self._socket.setblocking(False)  # noqa: FBT003 - the name that it has
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
                taken, address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):  # nobody more, or gone already
                return
            except OSError as error:  # no descriptors, no memory: whoever waits goes on waiting
                log.warning("no connection can be taken at port %d: %s", self.port, _reason(error))
                self._loop.remove_reader(self._socket.fileno())
                self._rest = self._loop.call_later(_REST_S, self._listen)
                return
            taken.setblocking(False)  # noqa: FBT003 - as above
            self._welcome(taken, address[0], address[1])


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
