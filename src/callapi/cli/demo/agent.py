"""The agent of `callapi demo --agent`: a web application of some sixty lines that talks by ConversationRelay.

It has no model: a few words of the caller choose the answer. What it needs of the node is what any agent needs: the
text of each turn, and a voice for the answer, which is sent a sentence at a time.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp import web
from msgspec import Struct

GREETING: Final = (
    "Hello! I am the demo agent. Ask me what time it is, or what I can do. Say goodbye to end the call."
)
DOCUMENT: Final = (
    "<Response>\n"
    '  <Connect action="/after">\n'
    f'    <ConversationRelay url="/talk" welcomeGreeting="{GREETING}"'
    ' dtmfDetection="true" events="speaker-events"/>\n'
    "  </Connect>\n"
    "</Response>"
)
Shown = Callable[[str], None]
"""Called with each step of a conversation, in words."""


class Reply(Struct, frozen=True):
    """What the agent says, sentence by sentence, and whether it then ends the session."""

    sentences: tuple[str, ...]
    ends: bool = False


def reply_to(text: str, now: datetime) -> Reply:
    """The answer to a turn of the caller."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    if words & {"goodbye", "bye"}:
        return Reply(("Thank you for calling.", "Goodbye."), ends=True)
    if "time" in words:
        return Reply((f"It is {now:%H:%M}.", "What else would you like to know?"))
    if words & {"do", "help", "can"}:
        return Reply(
            (
                "I listen, and I speak, on this machine alone.",
                "You may interrupt me at any time.",
                "An agent of your own gets what you say as text, and sends text back.",
            )
        )
    return Reply((f"You said: {text.strip()}", "Ask me for the time, or say goodbye."))


class AgentApplication:
    """Answers /voice with the document, talks on /talk, and hangs up at /after."""

    def __init__(self, port: int, shown: Shown) -> None:
        self.base_url = f"http://127.0.0.1:{port}"
        self.prompts: asyncio.Queue[str] = asyncio.Queue()
        """What callers said, turn by turn."""
        self.interruptions: asyncio.Queue[str] = asyncio.Queue()
        """What was heard of the answers that callers interrupted."""
        self.utterances: asyncio.Queue[str] = asyncio.Queue()
        """`on` and `off`, as the agent begins and ends to be heard."""
        self.finished: asyncio.Queue[str] = asyncio.Queue()
        """The `SessionStatus` of each session that is over."""
        self._port = port
        self._shown = shown

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/voice", self._voice)
        application.router.add_post("/after", self._after)
        application.router.add_get("/talk", self._talk)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _voice(self, _: web.Request) -> web.Response:
        return web.Response(text=DOCUMENT, content_type="text/xml")

    async def _after(self, request: web.Request) -> web.Response:
        form = await request.post()
        status = str(form.get("SessionStatus", ""))
        self._shown(f"over: {status}, after {form.get('SessionDuration', '?')} s")
        self.finished.put_nowait(status)
        return web.Response(text="<Response><Hangup/></Response>", content_type="text/xml")

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        is_leaving = False
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            event = message.json()
            if event["type"] == "prompt":
                is_leaving = await self._answer(socket, str(event["voicePrompt"]))
                continue
            self._happened(event)
            if is_leaving and (event["type"], event.get("value")) == ("info", "off"):
                await socket.send_json({"type": "end"})  # the farewell has been heard
        return socket

    async def _answer(self, socket: web.WebSocketResponse, text: str) -> bool:
        """Answer a turn; whether that was the farewell."""
        self._shown(f"caller: {text}")
        self.prompts.put_nowait(text)
        reply = reply_to(text, datetime.now().astimezone())
        self._shown(f"agent:  {' '.join(reply.sentences)}")
        for number, sentence in enumerate(reply.sentences, 1):
            is_last = number == len(reply.sentences)
            await socket.send_json({"type": "text", "token": f"{sentence} ", "last": is_last})
        return reply.ends

    def _happened(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "setup":
                self._shown(f"a call from {event['from']}")
                self._shown(f"agent:  {GREETING}")
            case "interrupt":
                heard = str(event["utteranceUntilInterrupt"])
                self._shown(f"        (interrupted; heard was {heard!r})")
                self.interruptions.put_nowait(heard)
            case "info" if event["name"] == "agentSpeaking":
                self.utterances.put_nowait(str(event["value"]))
            case "dtmf":
                self._shown(f"caller: the key {event['digit']}")
            case "error":
                self._shown(f"        (error: {event['description']})")
