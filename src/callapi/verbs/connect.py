"""`<Connect>`: the call belongs to an application over a WebSocket until that lets the document go on."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from callapi.calls.bridges.joined import Streaming
from callapi.calls.parameters import Parameters, present
from callapi.calls.streaming.live_streams import CallStream
from callapi.calls.streaming.request import StreamCallback, StreamEnd, StreamRequest
from callapi.rcml import Connect, ConversationRelay, Stream, StreamCodec, Track
from callapi.streams import CODECS, INBOUND, OUTBOUND, resolve_url
from callapi.verbs.execution import Execution, GoTo, Next, Outcome
from callapi.verbs.relay.session import RelayEnd, RelaySession

TRACKS: Final = {
    Track.INBOUND: (INBOUND,),
    Track.OUTBOUND: (OUTBOUND,),
    Track.BOTH: (INBOUND, OUTBOUND),
}


async def connect(verb: Connect, execution: Execution) -> Outcome:
    """Answer, connect, go on. The action is asked after every end but a redirect of the call."""
    execution.call.answer()
    execution.sounded()
    match verb.peer:
        case Stream() as peer:
            request = stream_request(peer, execution, is_bidirectional=True)
            stream = execution.services.streams.start(execution.call, request)
            return await _connected(
                verb,
                execution,
                stream.sid,
                partial(_stream, stream),
                lambda: _stream_facts(StreamEnd(stream.sid)),
            )
        case ConversationRelay() as peer:
            session = RelaySession(peer, execution)
            return await _connected(
                verb, execution, session.sid, partial(_converse, session), lambda: _relay_facts(session.end())
            )
        case None:
            return Next()


async def _connected(
    verb: Connect,
    execution: Execution,
    sid: str,
    run: Callable[[], Awaitable[Parameters]],
    cut_short: Callable[[], Parameters],
) -> Outcome:
    """Wait for the end of what was connected; the facts of it go to the action."""
    call = execution.call
    call.join(Streaming(sid))
    try:
        facts = await run()
    except asyncio.CancelledError:
        if verb.action and call.ended.is_set:
            call.run_detached(partial(_report, verb.action, verb, execution, cut_short()))
        raise
    finally:
        call.part()
        call.digits.clear()  # they were the application's
    if not verb.action:
        return Next()
    return GoTo(execution.request(verb.action, verb.method, facts, must_arrive=True))


async def _stream(stream: CallStream) -> Parameters:
    try:
        return _stream_facts(await stream.ended.wait())
    finally:
        stream.stop()


async def _converse(session: RelaySession) -> Parameters:
    return _relay_facts(await session.run())


def stream_request(stream: Stream, execution: Execution, *, is_bidirectional: bool) -> StreamRequest:
    """What `stream` asks for, with its URLs resolved against the document's."""
    callback = None
    if stream.status_callback:
        url = execution.resolve(stream.status_callback)
        callback = StreamCallback(url, stream.status_callback_method.value)
    return StreamRequest(
        url=resolve_url(execution.url, stream.url) if stream.url else "",
        name=stream.name,
        tracks=TRACKS[stream.track],
        media_format=CODECS[StreamCodec(stream.codec).value],
        reconnects=stream.reconnect,
        parameters=stream.parameters,
        callback=callback,
        is_bidirectional=is_bidirectional,
        line=stream.line,
        column=stream.column,
    )


def _stream_facts(ended: StreamEnd) -> Parameters:
    error = ended.error
    return present((("StreamSid", ended.sid), ("StreamError", f"{error.code}: {error}" if error else None)))


def _relay_facts(ended: RelayEnd) -> Parameters:
    error = ended.error
    return present(
        (
            ("SessionId", ended.session_sid),
            ("SessionStatus", ended.status),
            ("SessionDuration", int(ended.duration_s + 0.5)),
            ("HandoffData", ended.handoff),
            ("ErrorCode", error.code if error else None),
            ("ErrorMessage", str(error) if error else None),
        )
    )


async def _report(action: str, verb: Connect, execution: Execution, facts: Parameters) -> None:
    """Request the action of a caller who hung up; the answer is not used."""
    await execution.notify(execution.request(action, verb.method, facts))
