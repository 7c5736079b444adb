"""A bot of pipecat's that repeats what it hears; a key ends its pipeline, and `EndFrame` hangs up over REST.

Arguments: the port. The environment names the node (`BASE_URL`) and the credentials (`LOGIN`, `PASSWORD`).
"""

import os
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, Response, WebSocket
from pipecat.frames.frames import EndFrame, Frame, InputAudioRawFrame, InputDTMFFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

DOCUMENT = """<Response>
  <Connect><Stream url="/ws"><Parameter name="to_number" value="42"/></Stream></Connect>
  <Pause length="60"/>
</Response>"""
"""The call outlives the stream, unless REST ends it."""
app = FastAPI()


class Echo(FrameProcessor):
    """Audio that came in goes out."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn it round."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            out = OutputAudioRawFrame(
                audio=frame.audio, sample_rate=frame.sample_rate, num_channels=frame.num_channels
            )
            await self.push_frame(out)
        elif isinstance(frame, InputDTMFFrame):
            print("key", frame.button.value, flush=True)
            await self.push_frame(EndFrame())
        else:
            await self.push_frame(frame, direction)


def credentials(account: str) -> dict[str, Any]:
    """Token or API key, as the serializer wants them."""
    login, password = os.environ["LOGIN"], os.environ["PASSWORD"]
    if login == account:
        return {"auth_token": password}
    return {"api_key_sid": login, "api_key_secret": password}


@app.post("/voice")
async def voice() -> Response:
    """The document."""
    return Response(DOCUMENT, media_type="text/xml")


@app.websocket("/ws")
async def stream(socket: WebSocket) -> None:
    """One call."""
    await socket.accept()
    kind, call = await parse_telephony_websocket(socket)
    print("stream", kind, call["stream_id"], call["call_id"], call.get("body", {}), flush=True)
    account = os.environ["ACCOUNT_SID"]
    serializer = TwilioFrameSerializer(
        stream_sid=call["stream_id"],
        call_sid=call["call_id"],
        account_sid=account,
        base_url=os.environ["BASE_URL"],
        **credentials(account),
    )
    parameters = FastAPIWebsocketParams(
        audio_in_enabled=True, audio_out_enabled=True, add_wav_header=False, serializer=serializer
    )
    transport = FastAPIWebsocketTransport(websocket=socket, params=parameters)
    worker = PipelineWorker(
        Pipeline([transport.input(), Echo(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=8000, audio_out_sample_rate=8000),
    )

    @transport.event_handler("on_client_disconnected")
    async def gone(*_: object) -> None:
        await worker.cancel()

    await WorkerRunner(handle_sigint=False).run(worker)
    print("over", flush=True)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="info")
