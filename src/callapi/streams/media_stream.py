"""The story of one Media Stream: connect, send what is heard, play what comes, open the socket again, stop.

The stream ends when the application closes its socket, when it fails for good, or when `stop` is called. Audio sources
are opened once the first socket is open, so that timestamps begin there; they go on, unsent, while a lost socket is
opened again, and what was queued waits meanwhile.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

from msgspec import Struct

from callapi.base.notifier import Notifier
from callapi.base.task_group import TaskGroup
from callapi.streams.connection import Connection, Headers, SocketClient
from callapi.streams.errors import ProtocolViolation, StreamError
from callapi.streams.media_machine import MediaMachine, PlaceMark, StreamPlan
from callapi.streams.media_messages import Clear, Media
from callapi.streams.ports import AudioSink, AudioSource
from callapi.streams.reconnect import ReconnectPolicy
from callapi.streams.url import SocketUrl


class StreamAudio(Protocol):
    """The call's audio, opened when the stream needs it."""

    def open_sources(self) -> Sequence[AudioSource]:
        """One source for each track of the stream."""
        ...

    def open_sink(self) -> AudioSink:
        """The queue of a stream in both directions."""
        ...


class StreamReports(Protocol):
    """Hears of the stream; must not block."""

    def started(self) -> None:
        """The first socket is open."""
        ...

    def interrupted(self, error: StreamError) -> None:
        """The socket broke and is being opened again."""
        ...

    def resumed(self, times: int) -> None:
        """The socket is open again, for the `times`-th time."""
        ...

    def overflowed(self, octets: int) -> None:
        """So many octets of the application's audio found no room and were dropped; reported once."""
        ...


class SocketPlan(Struct, frozen=True):
    """Where the stream connects to. `headers` are made anew for each handshake, since they carry a time."""

    url: SocketUrl
    headers: Callable[[], Headers]
    reconnects: bool = False


class MediaStream:
    """One stream. `run` it once; `stop` and `press` may be called at any time."""

    def __init__(
        self,
        plan: StreamPlan,
        target: SocketPlan,
        client: SocketClient,
        audio: StreamAudio,
        reports: StreamReports,
    ) -> None:
        self._plan = plan
        self._target = target
        self._client = client
        self._audio = audio
        self._reports = reports
        self._machine = MediaMachine(plan)
        self.changed = Notifier()
        self._connection: Connection | None = None
        self._sink: AudioSink | None = None
        self._rest = b""
        self._is_stopping = False
        self._has_overflowed = False

    def stop(self) -> None:
        """End the stream in good order. Idempotent."""
        self._is_stopping = True
        self.changed.ring()

    def press(self, digit: str) -> None:
        """The caller pressed a key."""
        self._send(self._machine.digit(digit))

    async def run(self) -> StreamError | None:
        """The whole life of the stream; why it failed, None if it ended in good order.

        Cancelled, it breaks the socket off without `stop`.
        """
        async with AsyncExitStack() as stack:
            if self._plan.is_bidirectional:
                self._sink = self._audio.open_sink()
                stack.callback(self._sink.close)
            try:
                connection = await self._open()
            except StreamError as error:
                return error
            if connection is None:
                return None
            stack.callback(self._abort)
            return await self._converse(stack, connection)

    async def _converse(self, stack: AsyncExitStack, connection: Connection) -> StreamError | None:
        sources = self._audio.open_sources()
        for source in sources:
            stack.callback(source.close)
        async with TaskGroup() as tasks:
            workers = [tasks.create_task(self._send_heard(source)) for source in sources]
            if self._sink is not None:
                workers.append(tasks.create_task(self._return_marks(self._sink)))
            error = await self._attend(connection)
            for worker in workers:
                worker.cancel()
        return error

    async def _attend(self, connection: Connection) -> StreamError | None:
        """Until the stream is over, whatever its socket does."""
        policy = ReconnectPolicy()
        while True:
            error = await self._until_closed(connection)
            closed = connection.closed
            if self._is_stopping or closed is None or isinstance(error, ProtocolViolation):
                return error
            if closed.is_normal or not self._target.reconnects:
                return None if closed.is_clean else closed.as_error()
            self._reports.interrupted(closed.as_error())
            reopened = await self._reopen(policy)
            if not isinstance(reopened, Connection):
                return reopened
            connection = reopened

    async def _until_closed(self, connection: Connection) -> StreamError | None:
        """Until one side ends this socket, which is closed then."""
        while not self._is_stopping and not connection.is_over:
            await self.changed.wait()
        if connection.closed is None:
            self._send(self._machine.stopped())
        else:
            self._machine.lost()
        self._connection = None
        await connection.close()
        return connection.violation

    async def _reopen(self, policy: ReconnectPolicy) -> Connection | StreamError | None:
        """Another socket; the last failure if none can be had; None if the stream was stopped meanwhile."""
        loop = asyncio.get_running_loop()
        failure: StreamError | None = None
        if self._sink is not None:
            self._sink.pause()
        while (delay := policy.next_delay(loop.time())) is not None:
            await self._pause(delay)
            if self._is_stopping:
                return None
            try:
                connection = await self._open()
            except StreamError as error:
                failure = error
                continue
            return connection
        return failure or StreamError("the WebSocket broke again and again")

    async def _pause(self, delay_s: float) -> None:
        """Wait, or until the stream is stopped."""
        try:
            async with asyncio.timeout(delay_s):
                while not self._is_stopping:
                    await self.changed.wait()
        except TimeoutError:
            return

    async def _open(self) -> Connection | None:
        """An open socket; None if the stream was stopped meanwhile."""
        connecting = asyncio.ensure_future(
            self._client.connect(self._target.url, self._target.headers(), self)
        )
        try:
            while not connecting.done():
                if self._is_stopping:
                    return None
                await self._either(connecting)
            return connecting.result()
        finally:
            connecting.cancel()

    async def _either(self, connecting: "asyncio.Future[Connection]") -> None:
        """Until `connecting` is done or something changed."""
        changed = asyncio.ensure_future(self.changed.wait())
        try:
            await asyncio.wait((connecting, changed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()

    def _abort(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    # --- messages ---------------------------------------------------------------------------------------------------

    def _send(self, messages: Sequence[bytes]) -> None:
        if self._connection is not None:
            for message in messages:
                self._connection.send(message)

    async def _send_heard(self, source: AudioSource) -> None:
        media, track = self._machine.media, source.track
        while frames := await source.read():
            connection = self._connection
            if connection is not None and not connection.can_write:
                await connection.writable()
            if connection is None or connection.is_over:
                continue
            for frame in frames:
                connection.send(media(track, frame.timestamp_ms, frame.payload))

    async def _return_marks(self, sink: AudioSink) -> None:
        while (reached := await sink.next_mark()) is not None:
            self._send(self._machine.mark_reached(reached.number, cleared=reached.is_cleared))

    def opened(self, connection: Connection) -> None:
        """As SocketHandler: the first messages, before anything is received."""
        self._connection = connection
        self._send(self._machine.opened())
        times = self._machine.sockets - 1
        if times:
            self._reports.resumed(times)
        else:
            self._reports.started()
        if times and self._sink is not None:
            self._sink.resume()

    def received(self, message: bytes) -> None:
        """As SocketHandler: do what the application asks for."""
        action = self._machine.received(message)
        if self._sink is None:
            return
        match action:
            case Media(payload):
                self._play(self._sink, payload)
            case PlaceMark(number):
                self._sink.mark(number)
            case Clear():
                self._rest = b""
                self._sink.clear()

    def _play(self, sink: AudioSink, payload: bytes) -> None:
        """Queue whole samples; half a sample waits for its other half."""
        if self._plan.media_format.sample_octets > 1:
            payload = self._rest + payload
            odd = len(payload) % self._plan.media_format.sample_octets
            self._rest = payload[len(payload) - odd :]
            payload = payload[: len(payload) - odd]
        written = sink.write(payload)
        if written < len(payload) and not self._has_overflowed:
            self._has_overflowed = True
            self._reports.overflowed(len(payload) - written)
