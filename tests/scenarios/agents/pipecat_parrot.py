"""A bot of pipecat's that listens with Silero VAD: says back each turn of the caller, falls silent when interrupted.

Arguments: the port, and for how long it greets with a tone of 660 Hz (seconds, 0: not at all). Prints `turn SECONDS`
for each turn it repeats, `interrupted`, and for each call (`shape NUMBER`) the kinds of messages with keys and types.
"""

import json
import math
import sys
from array import array
from typing import Any

import uvicorn
from fastapi import FastAPI, Response, WebSocket
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

RATE = 8000
LEAD = RATE * 4
"""Octets of a turn from before it was recognised as speech."""
GREETING_S = float(sys.argv[2])
START_S = 0.1
STOP_S = 0.4
DOCUMENT = '<Response><Connect><Stream url="/ws"/></Connect><Pause length="60"/></Response>'
app = FastAPI()


def audio(samples: bytes) -> OutputAudioRawFrame:
    """A frame of PCM."""
    return OutputAudioRawFrame(audio=samples, sample_rate=RATE, num_channels=1)


def tone(seconds: float) -> bytes:
    """660 Hz."""
    count = int(seconds * RATE)
    return array("h", (int(9000 * math.sin(2 * math.pi * 660 * n / RATE)) for n in range(count))).tobytes()


class Parrot(FrameProcessor):
    """Keeps what it hears, and says a turn back when it has ended."""

    def __init__(self) -> None:
        super().__init__()
        self._heard = bytearray()
        self._is_turn = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Listen, repeat, fall silent."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._heard += frame.audio
            if not self._is_turn:
                del self._heard[:-LEAD]
            return
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame) and GREETING_S:
            await self.push_frame(audio(tone(GREETING_S)))
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._is_turn = True
            print("interrupted", flush=True)
            await self.broadcast_frame(InterruptionFrame)
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._is_turn = False
            print("turn", len(self._heard) / 2 / RATE, flush=True)
            await self.push_frame(audio(bytes(self._heard)))
            self._heard.clear()


def shape(value: Any) -> Any:
    """Keys and types, all the way down."""
    if isinstance(value, dict):
        return {key: shape(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value).__name__


class Shapes:
    """Prints each kind of message of a call when it comes for the first time."""

    calls = 0

    def __init__(self) -> None:
        Shapes.calls += 1
        self._call = Shapes.calls
        self._seen: set[str] = set()

    def note(self, text: str | bytes) -> None:
        """A message came."""
        message = json.loads(text)
        kind = f"{message['event']} {json.dumps(shape(message))}"
        if kind not in self._seen:
            self._seen.add(kind)
            print("shape", self._call, kind, flush=True)


class Watched(TwilioFrameSerializer):
    """The serializer, unchanged; notes what it was given."""

    shapes: Shapes

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Note and go on."""
        self.shapes.note(data)
        return await super().deserialize(data)


class WatchedSocket:
    """The socket; notes the two messages that `parse_telephony_websocket` reads."""

    def __init__(self, socket: WebSocket, shapes: Shapes) -> None:
        self._socket = socket
        self._shapes = shapes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    async def iter_text(self) -> Any:
        """As the socket's."""
        async for text in self._socket.iter_text():
            self._shapes.note(text)
            yield text


@app.post("/voice")
async def voice() -> Response:
    """The document."""
    return Response(DOCUMENT, media_type="text/xml")


@app.websocket("/ws")
async def stream(socket: WebSocket) -> None:
    """One call."""
    await socket.accept()
    shapes = Shapes()
    _, call = await parse_telephony_websocket(WatchedSocket(socket, shapes))
    serializer = Watched(
        stream_sid=call["stream_id"],
        call_sid=call["call_id"],
        params=TwilioFrameSerializer.InputParams(auto_hang_up=False),
    )
    serializer.shapes = shapes
    parameters = FastAPIWebsocketParams(
        audio_in_enabled=True, audio_out_enabled=True, add_wav_header=False, serializer=serializer
    )
    transport = FastAPIWebsocketTransport(websocket=socket, params=parameters)
    listens = VADProcessor(
        vad_analyzer=SileroVADAnalyzer(
            sample_rate=RATE, params=VADParams(start_secs=START_S, stop_secs=STOP_S)
        )
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), listens, Parrot(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
    )

    @transport.event_handler("on_client_disconnected")
    async def gone(*_: object) -> None:
        await worker.cancel()

    await WorkerRunner(handle_sigint=False).run(worker)
    print("over", flush=True)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="info")
