"""Twilio's `twilio-agent-connect`, with its own server: answers every prompt, and calls whom `/call` names.

Arguments: the port, a certificate and its key. Only the address that Twilio's REST client talks to is changed
(`BASE_URL`); everything else is the library's own configuration, from `TWILIO_…`.
"""

import os
import sys
from typing import Any

import uvicorn
from tac import TAC, TACConfig
from tac.channels.voice import VoiceChannel
from tac.models.outbound import CallOptions, InitiateVoiceConversationOptions
from tac.server import TACFastAPIServer
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

config = TACConfig.from_env()
tac = TAC(config=config)
voice = VoiceChannel(tac)
server = TACFastAPIServer(tac=tac, voice_channel=voice)


class Node(TwilioHttpClient):
    """The SDK's client, pointed elsewhere."""

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
        """Send it to the node."""
        url = url.replace("https://api.twilio.com", os.environ["BASE_URL"])
        return super().request(method, url, *arguments, **named)


voice._twilio_client = Client(config.api_key, config.api_secret, config.account_sid, http_client=Node())


async def answer(message: str, context: Any, _: Any) -> str | None:
    """Say it again; hang up over REST when asked to stop."""
    print("prompt", message, flush=True)
    if "stop" in message.lower():
        await voice.end_call(context.conversation_id)
        return None
    return f"You said: {message}"


def interrupted(_: Any, message: Any) -> None:
    """Show what was heard."""
    print("interrupt", message.utterance_until_interrupt, message.duration_until_interrupt_ms, flush=True)


async def status(event: Any) -> None:
    """Show the end of a call."""
    print("status", event.call_sid, event.call_status, event.call_duration, flush=True)


async def machine(event: Any) -> None:
    """Show who answered."""
    print("answered by", event.call_sid, event.answered_by, flush=True)


async def recording(event: Any) -> None:
    """Show where it is."""
    print("recording", event.call_sid, event.recording_status, event.recording_url, flush=True)


tac.on_message_ready(answer)
tac.on_interrupt(interrupted)
voice.on_call_status(status)
voice.on_amd(machine)
voice.on_recording(recording)


@server.app.get("/call")
async def call(to: str) -> dict[str, str]:
    """Call `to`, find out who answers, and record the call."""
    calls = CallOptions(
        machine_detection="Enable", machine_detection_silence_timeout=2000, async_amd=True, record=True
    )
    options = InitiateVoiceConversationOptions(to=to, call_options=calls)
    placed = await voice.initiate_outbound_conversation(options)
    return {"sid": placed.call_sid}


uvicorn.run(
    server.app, host="127.0.0.1", port=int(sys.argv[1]), ssl_certfile=sys.argv[2], ssl_keyfile=sys.argv[3]
)
