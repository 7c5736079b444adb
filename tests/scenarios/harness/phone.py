"""Softphones of other projects (PJSUA2, baresip), driven from a test: they call, press keys, speak and listen."""

import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tests.scenarios.harness.audio import Heard, silence, tone, write_wav
from tests.scenarios.harness.ports import free_rtp_range
from tests.scenarios.harness.waiting import WAIT_S
from tests.scenarios.harness.wire import SipMessage

Header = tuple[str, str]
HERE = Path(__file__).parent


class PhoneCall:
    """One call of a `Phone`: what it has seen, and what can be done with it."""

    def __init__(self, phone: "Phone", number: int) -> None:
        self.phone = phone
        self.number = number
        self.states: list[str] = []
        self.code = 0
        self.reason = ""
        self.sip_call_id = ""
        self.received: list[SipMessage] = []
        self.digits = ""
        self.notified: list[int] = []
        """The statuses of the NOTIFYs about a REFER of ours; the library reports the 202 as 100 too."""
        self.held = False
        self.answered_at = self.ended_at = self.heard_at = 0.0
        self._recording: Path | None = None
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return (
            f"<PhoneCall {self.phone.name}#{self.number} {' '.join(self.states)} {self.code} {self.reason}>"
        )

    # ---- what happened

    def take(self, event: dict[str, Any]) -> None:
        """Note an event of the agent."""
        match event["event"]:
            case "state":
                self.states.append(event["state"])
                self.code, self.reason = event["code"], event["reason"]
                self.sip_call_id = event["sip_call_id"]
                if event.get("text"):
                    self._receive(event["text"])
                if event["state"] == "CONFIRMED":
                    self.answered_at = event["at"]
                if event["state"] in {"DISCONNECTED", "DISCONNCTD"}:
                    self.ended_at = event["at"]
            case "incoming" | "message":
                self._receive(event["text"])
            case "recorder":
                self._recording, self.heard_at = Path(event["path"]), event["at"]
            case "digit":
                self.digits += event["digit"]
            case "transfer":
                self.notified.append(event["code"])
            case "media":
                self.held = event["status"] in {2, 3}
        self._changed.set()

    def _receive(self, text: str) -> None:
        """Keep a message; the agent may report one twice, as a message and as what changed the state."""
        message = SipMessage.read(text)
        if message not in self.received:
            self.received.append(message)

    async def _until(self, what: str, condition: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            self._changed.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{self!r} waited {timeout:g}s in vain for: {what}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, 0.1)):
                    await self._changed.wait()

    async def ringing(self, timeout: float = WAIT_S) -> Self:
        """Until a 180 or 183 came."""
        await self._until("ringing", lambda: "EARLY" in self.states, timeout)
        return self

    async def answered(self, timeout: float = WAIT_S) -> Self:
        """Until both sides are up."""
        await self._until("an answer", lambda: self.answered_at > 0 or self.ended_at > 0, timeout)
        assert self.answered_at, f"{self!r} ended instead of being answered"
        return self

    async def ended(self, timeout: float = WAIT_S) -> int:
        """Until it is over; the last status code."""
        await self._until("its end", lambda: self.ended_at > 0, timeout)
        return self.code

    async def pressed(self, digits: str, timeout: float = WAIT_S) -> None:
        """Until the other side pressed these keys."""
        await self._until(f"the digits {digits}", lambda: digits in self.digits, timeout)

    @property
    def invite(self) -> SipMessage:
        """The INVITE that came in."""
        return next(each for each in self.received if each.is_request and each.method == "INVITE")

    def final(self) -> SipMessage:
        """The final response to our INVITE."""
        finals = [each for each in self.received if each.method == "INVITE" and each.status >= 200]
        assert finals, f"{self!r} got no final response"
        return finals[0]

    # ---- what to do

    async def ring(self, headers: Sequence[Header] = ()) -> Self:
        """180."""
        await self.phone.order("answer", call=self.number, code=180, headers=headers)
        return self

    async def answer(
        self, *, say: float | None = None, headers: Sequence[Header] = (), code: int = 200
    ) -> Self:
        """200 (or 183), speaking a tone of `say` Hz from then on."""
        play = self.phone.tone_file(say) if say else None
        await self.phone.order("answer", call=self.number, code=code, headers=headers, play=play)
        if code == 200:
            await self.answered()
        return self

    async def refuse(self, code: int, headers: Sequence[Header] = ()) -> None:
        """A final response other than 200."""
        await self.phone.order("answer", call=self.number, code=code, headers=headers)

    async def hang_up(self) -> None:
        """BYE or CANCEL."""
        await self.phone.order("hang_up", call=self.number)

    async def say(self, frequency: float) -> None:
        """Speak a tone from now on."""
        await self.phone.order("play", call=self.number, path=self.phone.tone_file(frequency))

    async def press(self, digits: str) -> None:
        """Press keys."""
        await self.phone.order("digits", call=self.number, digits=digits)

    async def hold(self) -> None:
        """Put the other on hold."""
        await self._change("hold")

    async def resume(self) -> None:
        """Take the other from hold."""
        await self._change("resume")

    async def _change(self, verb: str) -> None:
        """A re-INVITE, as soon as the one before it is answered: pjsua refuses to send both at once."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                await self.phone.order(verb, call=self.number)
            except AssertionError as error:
                if "PJ_EINVALIDOP" not in str(error) or time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(0.05)
            else:
                return

    async def transfer(self, to: "str | PhoneCall") -> None:
        """REFER: to a URI, or to the party of another call of this phone, with Replaces."""
        if isinstance(to, PhoneCall):
            await self.phone.order("transfer", call=self.number, to=to.number)
        else:
            await self.phone.order("transfer", call=self.number, uri=to)

    async def transferred(self, code: int, timeout: float = WAIT_S) -> None:
        """The final NOTIFY says `code`."""
        await self._until(
            f"NOTIFY {code}", lambda: bool(self.notified) and self.notified[-1] == code, timeout
        )

    async def statistics(self) -> dict[str, int]:
        """Packets `sent`, `received`, `lost`."""
        return dict(await self.phone.order("statistics", call=self.number))

    # ---- what is heard

    def heard(self) -> Heard:
        """All that was heard until now."""
        if self._recording is None:
            return Heard.from_wav(Path("/nonexistent"))
        return Heard.from_wav(self._recording)

    async def hears(self, *frequencies: float, seconds: float = 0.5, timeout: float = WAIT_S) -> bool:
        """Whether these frequencies are heard, for `seconds` on end, before `timeout`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            last = self.heard().last(seconds + 0.1)
            if last.seconds >= seconds and last.seconds_of(*frequencies) >= seconds - 0.05:
                return True
            await asyncio.sleep(0.05)
        print(f"{self!r} heard: {self.heard().score()}")
        return False

    async def hears_nothing(self, *, seconds: float = 0.5, timeout: float = WAIT_S) -> bool:
        """Whether silence is heard, for `seconds` on end, before `timeout`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            last = self.heard().last(seconds)
            if last.seconds >= seconds - 0.1 and last.seconds_of_sound == 0:
                return True
            await asyncio.sleep(0.05)
        print(f"{self!r} heard: {self.heard().score()}")
        return False


class Phone:
    """One PJSUA2 process: `async with Phone("alice", folder) as alice`."""

    agent = HERE / "pjsua_agent.py"

    def __init__(self, name: str, folder: Path, **config: str) -> None:
        self.name = name
        self.folder = folder
        self.udp_address = self.tcp_address = self.tls_address = ""
        self.log = folder / f"{name}.log"
        self._config: dict[str, Any] = {
            **config,
            "name": name,
            "folder": str(folder),
            "rtp_port": free_rtp_range(128)[0],
        }
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._incoming: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._ready = asyncio.Event()
        self.calls: dict[int, PhoneCall] = {}
        self.registrations: asyncio.Queue[int] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        silent = write_wav(self.folder / "silence.wav", silence(2.0))
        self._config["silence"] = str(silent)
        with (self.folder / f"{self.name}.stderr").open("wb") as stderr:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(self.agent),
                json.dumps(self._config),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                limit=1 << 20,
            )
        self._listener = asyncio.create_task(self._listen())
        async with asyncio.timeout(15):
            await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            await self.order("quit")
        try:
            async with asyncio.timeout(3):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listener

    @property
    def uri(self) -> str:
        """Where this phone is called over UDP."""
        return f"sip:{self.name}@{self.udp_address}"

    @property
    def tcp_uri(self) -> str:
        """Where this phone is called over TCP."""
        return f"sip:{self.name}@{self.tcp_address};transport=tcp"

    @property
    def tls_uri(self) -> str:
        """Where this phone is called over TLS, if it was given a `certificate`, `private_key` and `ca`."""
        return f"sips:{self.name}@{self.tls_address}"

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if "id" in message:
                answer = self._answers.pop(message["id"])
                if not answer.done():
                    answer.set_result(message)
            else:
                self._take(message)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(AssertionError(f"the process of {self.name} has ended"))

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "ready":
            self.udp_address, self.tcp_address = event["udp"], event["tcp"]
            self.tls_address = event.get("tls", "")
            self._ready.set()
        elif event["event"] == "registered":
            self.registrations.put_nowait(event["code"])
        else:
            call = self.calls.setdefault(event["call"], PhoneCall(self, event["call"]))
            call.take(event)
            if event["event"] == "incoming":
                self._incoming.put_nowait(call)

    async def order(self, verb: str, **command: Any) -> dict[str, Any]:
        """Have the agent do something; AssertionError with its words if it cannot."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": verb, **command}).encode() + b"\n")
        async with asyncio.timeout(WAIT_S):
            result: dict[str, Any] = await answer
        assert "error" not in result, f"{self.name} could not {verb}: {result['error']}"
        return result

    def tone_file(self, frequency: float) -> str:
        """A WAV of two seconds of whole periods, so that it loops without a click."""
        path = self.folder / f"tone-{frequency:g}.wav"
        if not path.exists():
            rate = 8000 if frequency < 3500 else 16_000
            write_wav(path, tone(frequency, 2.0, rate=rate), rate=rate)
        return str(path)

    async def invite(
        self, uri: str, *, say: float | None = None, headers: Sequence[Header] = ()
    ) -> PhoneCall:
        """Call `uri`, speaking a tone of `say` Hz once there is audio."""
        play = self.tone_file(say) if say else None
        number = (await self.order("invite", uri=uri, headers=headers, play=play))["call"]
        return self.calls.setdefault(number, PhoneCall(self, number))

    async def next_call(self, timeout: float = WAIT_S) -> PhoneCall:
        """The next call that comes in."""
        try:
            async with asyncio.timeout(timeout):
                return await self._incoming.get()
        except TimeoutError:
            raise AssertionError(f"no call reached {self.name} within {timeout:g}s") from None

    def was_called(self) -> bool:
        """Whether a call came in that was not taken from `next_call`."""
        return not self._incoming.empty()

    async def answers_always(self, *, say: float | None = None, after: float = 0.0, ring: int = 180) -> None:
        """Answer every further call by itself."""
        play = self.tone_file(say) if say else None
        await self.order("standing_order", order={"ring": ring, "after": after, "code": 200, "play": play})

    async def registered(self, timeout: float = WAIT_S) -> int:
        """The final response to the next REGISTER that was sent."""
        async with asyncio.timeout(timeout):
            return await self.registrations.get()

    async def register(self, *, on: bool = True) -> int:
        """REGISTER anew, or take the registration away; the response."""
        await self.order("register", on=on)
        return await self.registered()

    async def use_codecs(self, *names: str) -> None:
        """Offer and accept only these, such as `PCMA/8000`."""
        await self.order("codecs", names=names)

    async def reset(self) -> bool:
        """Hang up everything and forget it; whether it is as good as new for the next test.

        A call whose other end is gone keeps its place in PJSUA2 until its BYE has timed out, and places are few.
        """
        try:
            await self.order("reset")
        except (AssertionError, TimeoutError, ConnectionError):  # it has ended, or does not answer
            return False
        is_clean = True
        for call in [each for each in self.calls.values() if not each.ended_at]:
            try:
                await call.ended(3)
            except AssertionError:
                is_clean = False
        self.calls.clear()
        while not self._incoming.empty():
            self._incoming.get_nowait()
        await self.order("codecs", names=DEFAULT_CODECS)
        return is_clean


class Baresip(Phone):
    """One baresip process: a second make of phone. It registers, calls, answers, speaks and listens."""

    agent = HERE / "baresip_agent.py"


DEFAULT_CODECS = ("PCMU/8000", "PCMA/8000", "G722/16000")
