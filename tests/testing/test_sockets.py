"""The kit's WebSockets: Media Streams and ConversationRelay against functions, ASGI applications and real servers."""

import asyncio
import base64
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from twilio.request_validator import RequestValidator

from callapi.testing import ApplicationSocket, AskedRequest, Simulation
from callapi.testing.simulation import TOKEN

RELAY = (
    '<Response><Connect action="/after"><ConversationRelay url="wss://agent.example/relay?id=7" '
    'welcomeGreeting="How can I help?" dtmfDetection="true"><Parameter name="plan" value="gold"/>'
    "</ConversationRelay></Connect></Response>"
)
STREAM = (
    '<Response><Connect action="/after"><Stream url="wss://agent.example/media">'
    '<Parameter name="plan" value="gold"/></Stream></Connect></Response>'
)
SECOND = base64.b64encode(b"\x9f" * 8000).decode()


def documents(request: AskedRequest) -> str:
    """By path."""
    if request.path == "/after":
        return f"<Response><Say>Goodbye{request.parameters.get('HandoffData', '')}.</Say></Response>"
    return RELAY if request.path == "/relay" else STREAM


async def agent(talk: ApplicationSocket) -> None:
    """Repeats what the caller says, names the keys, and hands over at `#`."""
    async for message in talk:
        match message["type"]:
            case "setup":
                assert message["customParameters"] == {"plan": "gold"}
            case "prompt":
                for token in ("You said ", f"{message['voicePrompt']}.", " Anything else?"):
                    last = token.startswith(" ")
                    await talk.send({"type": "text", "token": token, "last": last})
            case "dtmf" if message["digit"] == "#":
                await talk.send({"type": "end", "handoffData": " from the agent"})
            case "dtmf":
                await asyncio.sleep(30)  # costs nothing: the agent thinks in virtual time
                await talk.send({"type": "text", "token": f"Key {message['digit']}.", "last": True})


def test_a_conversation_in_virtual_time() -> None:
    """Greeting, prompt, key, hand-over: half a minute of thinking passes in a moment."""
    began = time.monotonic()
    with Simulation(documents, sockets=agent) as simulation:
        call = simulation.call("/relay")
        call.hears("How can I help?")
        call.says("two tickets")
        call.hears("You said two tickets.")
        call.hears("Anything else?")
        simulation.wait(3)
        call.press("4")
        call.hears("Key 4.")
        call.press("#")
        call.hears("Goodbye from the agent")
        assert call.ends().status == "completed"
        talk = simulation.socket_to("/relay")
        assert [each["voicePrompt"] for each in talk.of_kind("prompt")] == ["two tickets"]
        assert talk.of_kind("setup")[0]["from"] == "+15550100"
        assert talk.closed == 1000
        assert simulation.requests_to("/after")[0]["SessionStatus"] == "ended"
        assert simulation.now > 30
    assert time.monotonic() - began < 20


def test_a_caller_who_speaks_interrupts() -> None:
    """The agent learns how much of its sentence was heard."""

    async def talkative(talk: ApplicationSocket) -> None:
        await talk.receive()
        await talk.send({"type": "text", "token": "This is a very long sentence. " * 20, "last": True})
        async for _ in talk:
            pass

    with Simulation(documents, sockets=talkative) as simulation:
        call = simulation.call("/relay")
        call.hears("very long sentence")
        simulation.wait(4)
        call.says("stop please")
        simulation.wait(3)
        talk = simulation.socket_to("/relay")
        (interrupted,) = talk.of_kind("interrupt")
        assert "This is a very long sentence." in interrupted["utteranceUntilInterrupt"]
        assert talk.of_kind("prompt")[-1]["voicePrompt"] == "stop please"
        call.hang_up()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application: documents over HTTP, a stream that answers speech with a second of its own and a mark."""
    if scope["type"] == "http":
        form = json.dumps(documents(AskedRequest("POST", "", scope["path"], {}, {})))
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/xml")]}
        )
        await send({"type": "http.response.body", "body": json.loads(form).encode()})
        return
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    stream, loud = "", 0
    while (event := await receive())["type"] == "websocket.receive":
        message = json.loads(event["text"])
        stream = message.get("streamSid", stream)
        if message["event"] == "mark":
            await send({"type": "websocket.close", "code": 1000})
            return
        if message["event"] == "media":
            loud += base64.b64decode(message["media"]["payload"]).count(b"\x9f") > 50
            if loud == 20:
                media = {"event": "media", "streamSid": stream, "media": {"payload": SECOND}}
                mark = {"event": "mark", "streamSid": stream, "mark": {"name": "said"}}
                for answer in (media, mark):
                    await send({"type": "websocket.send", "text": json.dumps(answer)})


def test_a_stream_of_an_asgi_application() -> None:
    """It hears the caller's speech as µ-law; the caller hears its second, after which the mark comes back."""
    with Simulation(echo) as simulation:
        call = simulation.call("/stream")
        call.says("one two three")
        call.hears("(audio of the application)")
        call.hears_audio(1.0)
        call.hears("Goodbye")
        stream = simulation.socket_to("/media")
        start = stream.of_kind("start")[0]["start"]
        assert start["customParameters"] == {"plan": "gold"}
        assert start["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        media = stream.of_kind("media")
        assert [int(each["media"]["timestamp"]) for each in media[:3]] == [0, 20, 40]
        assert [each["mark"]["name"] for each in stream.of_kind("mark")] == ["said"]
        assert RequestValidator(TOKEN).validate(stream.url, {}, stream.headers["X-Twilio-Signature"])
        assert call.ends().status == "completed"


def test_what_went_wrong_is_seen() -> None:
    """An application that raises ends its socket with 1011; nonsense is a notification; a function needs `sockets`."""

    async def broken(talk: ApplicationSocket) -> None:
        await talk.receive()
        raise ZeroDivisionError

    with Simulation(documents, sockets=broken) as simulation:
        simulation.call("/relay").hears("Goodbye")
        talk = simulation.socket_to("/relay")
        assert talk.closed == 1011
        assert isinstance(talk.error, ZeroDivisionError)

    async def nonsense(talk: ApplicationSocket) -> None:
        await talk.send("nonsense")
        async for _ in talk:
            pass

    with Simulation(documents, sockets=nonsense) as simulation:
        call = simulation.call("/relay")
        simulation.wait(1)
        assert [each.error_code for each in simulation.notifications] == [64107]
        assert call.status == "in-progress"
    with Simulation(documents) as simulation:
        simulation.call("/relay").hears("Goodbye")
        assert "give `sockets=`" in simulation.notifications[0].message_text


@contextmanager
def real_server() -> Iterator[str]:
    """An application on a port of its own, in a thread: its base URL."""

    async def document(request: web.Request) -> web.Response:
        text = documents(AskedRequest("POST", "", request.path, {}, {}))
        return web.Response(
            text=text.replace("wss://agent.example", f"ws://{request.host}"), content_type="text/xml"
        )

    async def relay(request: web.Request) -> web.WebSocketResponse:
        talk = web.WebSocketResponse()
        await talk.prepare(request)
        async for message in talk:
            if message.type is WSMsgType.TEXT and message.json()["type"] == "prompt":
                said = message.json()["voicePrompt"]
                await talk.send_json({"type": "text", "token": f"A real server heard {said}.", "last": True})
        return talk

    application = web.Application()
    application.add_routes([web.get("/relay", relay), web.post("/{any:.*}", document)])
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(application)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))

        async def start() -> None:
            await runner.setup()
            await web.SockSite(runner, listener).start()

        loop.run_until_complete(start())
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()


@pytest.mark.timeout(60)
def test_a_conversation_with_a_real_server() -> None:
    """Its WebSocket is a real one; time passes as it does for the server while it is open."""
    with real_server() as base, Simulation(base) as simulation:
        call = simulation.call("/relay")
        call.hears("How can I help?")
        simulation.wait(1.5)
        call.says("good morning")
        call.hears("A real server heard good morning.")
        call.hang_up()
        assert simulation.socket_to("/relay").closed == 1000


def test_the_example_of_the_page() -> None:
    """docs/testing.md says what works."""
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    (example,) = [
        each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "sockets=agent" in each
    ]
    names: dict[str, Any] = {}
    exec(example, names)
    names["test_the_agent_repeats"]()
