"""Streams: send the audio of a live call to an application over a WebSocket, and stop that."""

from typing import Any, Final

from callapi.api.errors import INVALID_PARAMETER, INVALID_STATUS_CALLBACK, INVALID_URL, NOT_FOUND, ApiError
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import METHOD, URL, choice, text
from callapi.api.requests.parameters import Given, Parameter
from callapi.api.resources.records import own_call
from callapi.api.responses.representations import Representation, instant, uri
from callapi.api.responses.representations import text as text_field
from callapi.calls.streaming.request import StreamCallback, StreamRecord, StreamRefused, StreamRequest
from callapi.streams import CODECS, INBOUND, OUTBOUND, WrongScheme, parse_url, resolve_url

COLLECTION: Final = "/Accounts/{AccountSid}/Calls/{CallSid}/Streams"
MAX_PARAMETERS: Final = 99


def _path(stream: StreamRecord) -> str:
    return f"/Accounts/{stream.account_sid}/Calls/{stream.call_sid}/Streams/{stream.sid}"


STREAM: Final[Representation[StreamRecord]] = Representation(
    "streams",
    "Stream",
    (
        text_field("sid"),
        text_field("account_sid"),
        text_field("call_sid"),
        text_field("name"),
        text_field("status"),
        instant("date_updated"),
        uri("uri", _path),
    ),
)
TRACKS: Final = {
    "inbound_track": (INBOUND,),
    "outbound_track": (OUTBOUND,),
    "both_tracks": (INBOUND, OUTBOUND),
}

SOCKET_URL: Final = Parameter(
    "Url", text(maximum=2048), "ws:// or wss://", is_required=True, fault=INVALID_URL
)
NAME: Final = Parameter("Name", text(maximum=256), "by which it can be stopped; unique on the call")
TRACK: Final = Parameter(
    "Track", choice(*TRACKS), "what the party says, what it hears, or both", default="inbound_track"
)
CALLBACK: Final = Parameter(
    "StatusCallback", URL, "requested when it starts, stops and fails", fault=INVALID_STATUS_CALLBACK
)
CALLBACK_METHOD: Final = Parameter("StatusCallbackMethod", METHOD, "of it", default="POST")
CODEC: Final = Parameter("Codec", choice(*CODECS), "an extension, as `codec` of `<Stream>`", default="PCMU")
NUMBERED: Final = tuple(
    (
        Parameter(f"Parameter{number}.Name", text(maximum=500), "a name in `start.customParameters`"),
        Parameter(f"Parameter{number}.Value", text(maximum=2048), "and its value"),
    )
    for number in range(1, MAX_PARAMETERS + 1)
)
CREATE: Final[tuple[Parameter[Any], ...]] = (
    SOCKET_URL,
    NAME,
    TRACK,
    CALLBACK,
    CALLBACK_METHOD,
    CODEC,
    *(each for pair in NUMBERED for each in pair),
)
STATUS: Final = Parameter("Status", choice("stopped"), "`stopped` ends the stream", is_required=True)


async def create(context: RequestContext) -> StreamRecord:
    """Start a stream, to the application only."""
    given, deps = context.given, context.deps
    call = await own_call(context, "CallSid")
    url = resolve_url(deps.public_url, given[SOCKET_URL])
    try:
        parse_url(url)
    except WrongScheme as error:
        raise ApiError(INVALID_URL, f"Url: {error}") from error
    callback = given.get(CALLBACK)
    request = StreamRequest(
        url=url,
        name=given.get(NAME),
        tracks=TRACKS[given[TRACK]],
        media_format=CODECS[given[CODEC]],
        parameters=_numbered(given),
        callback=StreamCallback(callback, given[CALLBACK_METHOD]) if callback else None,
    )
    try:
        return deps.streams.start_stream(call.sid, request)
    except StreamRefused as refusal:
        raise ApiError(INVALID_PARAMETER, str(refusal)) from refusal


def _numbered(given: Given) -> tuple[tuple[str, str], ...]:
    pairs = ((given.get(name), given.get(value)) for name, value in NUMBERED)
    return tuple((name, value or "") for name, value in pairs if name)


async def update(context: RequestContext) -> StreamRecord:
    """Stop a stream, found by its sid or name."""
    call = await own_call(context, "CallSid")
    stream = context.deps.streams.stop_stream(call.sid, context.path["Key"])
    if stream is None:
        raise ApiError(NOT_FOUND)
    return stream


OPERATIONS: Final = (
    Operation(
        "POST", COLLECTION, "Start a stream", create, STREAM, CREATE, status=201, faults=(INVALID_PARAMETER,)
    ),
    Operation(
        "POST", f"{COLLECTION}/{{Key}}", "Stop a stream", update, STREAM, (STATUS,), faults=(NOT_FOUND,)
    ),
)
