"""An application that costs next to nothing: one HTTP server, documents by the called user, everything counted.

    python -m bench.harness.application PORT ANSWERING BUSY RINGING

`POST /voice` answers with the document of the user called (`document_for`), `/action` and `/status` with nothing to do,
`GET /prompt.wav` with five seconds of sound.
`GET /figures` answers, as JSON, how often each was asked, and when the document of each caller left (seconds since the
epoch, by the caller's user); it begins anew with each answer.
"""

import asyncio
import io
import json
import math
import struct
import sys
import time
import wave
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import parse_qs

import uvloop

DIAL: Final = '<Response><Dial action="/action" timeout="{timeout}"{record}>{noun}</Dial></Response>'
NOUN: Final = '<Sip{screening} statusCallback="/status">sip:{user}@127.0.0.1:{port}</Sip>'
PROMPT: Final = '<Response><Play loop="0">/prompt.wav</Play></Response>'
STREAM: Final = "stream-"
"""A user called so, and a port: the call is a stream to the WebSocket there."""
CONNECT: Final = '<Response><Connect><Stream url="ws://127.0.0.1:{port}/"/></Connect></Response>'
CONFERENCE: Final = (
    '<Response><Dial action="/action"><Conference statusCallback="/status" statusCallbackEvent="leave" '
    'waitUrl="">{room}</Conference></Dial></Response>'
)
NOTHING: Final = b"<Response/>"


@dataclass(frozen=True)
class Phones:
    """The ports of the phones that answer, that are busy, and that ring on."""

    answering: int
    busy: int
    ringing: int


def document_for(user: str, caller: str, phones: Phones) -> bytes:
    """The document of a call from `caller` to `user`, whose name says what will become of it."""
    if user == "listening":
        return PROMPT.encode()
    if user.startswith(STREAM):
        return CONNECT.format(port=user.removeprefix(STREAM)).encode()
    if user in {"room", "alone"}:
        return CONFERENCE.format(room=user if user == "room" else caller).encode()
    port = {"busy": phones.busy, "unanswered": phones.ringing, "cancelled": phones.ringing}.get(user)
    screening = ' url="/screen"' if user == "screened" else ""
    noun = NOUN.format(screening=screening, user=user, port=port or phones.answering)
    record = ' record="record-from-answer-dual"' if user == "recorded" else ""
    return DIAL.format(noun=noun, timeout=2 if user == "unanswered" else 30, record=record).encode()


def prompt(seconds: int = 5, rate: int = 16_000) -> bytes:
    """A WAV file of a tone that swells and fades."""
    loudness = [8000 * math.sin(math.pi * place / rate) for place in range(rate)]
    samples = [
        round(loudness[at % rate] * math.sin(2 * math.pi * 440 * at / rate)) for at in range(seconds * rate)
    ]
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, len(samples), "NONE", ""))
        writer.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()


def answer_of(body: bytes, kind: str = "text/xml") -> bytes:
    """A whole HTTP answer around `body`."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Figures:
    """What was asked so far."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.documents: dict[str, float] = {}

    def taken(self) -> dict[str, Any]:
        """All of it; counting begins anew."""
        taken = {"asked": dict(self.asked), "documents": self.documents}
        self.asked, self.documents = Counter(), {}
        return taken


class Application(asyncio.Protocol):
    """One connection."""

    def __init__(self, figures: Figures, phones: Phones) -> None:
        self._figures = figures
        self._phones = phones
        self._received = b""
        self._documents: dict[str, bytes] = {}
        self._nothing = answer_of(NOTHING)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody asks."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            _, _, length = head.lower().partition(b"content-length:")
            whole = end + 4 + int(length.split(b"\r", 1)[0] or b"0")
            if len(self._received) < whole:
                return
            body, self._received = self._received[end + 4 : whole], self._received[whole:]
            self._answer(head.split(b" ", 2)[1].decode(), body)

    def _answer(self, path: str, body: bytes) -> None:
        if path == "/figures":
            self._transport.write(answer_of(json.dumps(self._figures.taken()).encode()))
            return
        self._figures.asked[path] += 1
        if path != "/voice":
            self._transport.write(
                answer_of(prompt(), "audio/wav") if path == "/prompt.wav" else self._nothing
            )
            return
        form = parse_qs(body.decode())
        user, caller = (form[name][0].removeprefix("sip:").partition("@")[0] for name in ("To", "From"))
        document = self._documents.get(user)
        if document is None:
            document = answer_of(document_for(user, caller, self._phones))
            if user != "alone":
                self._documents[user] = document
        self._figures.documents[caller] = time.time()
        self._transport.write(document)


async def serve(port: int, phones: Phones) -> None:
    """Until the process gets a signal to stop."""
    figures = Figures()
    server = await asyncio.get_running_loop().create_server(
        lambda: Application(figures, phones), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Phones(*map(int, sys.argv[2:5]))))
