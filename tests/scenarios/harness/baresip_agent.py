"""One baresip phone as a process, with the commands and events of `pjsua_agent.py`, as far as tests use them.

Its library is one to a process. Commands come as JSON lines on stdin, answers and events leave as JSON lines.
"""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import time
import wave
from pathlib import Path
from typing import Any

import baresip

Json = dict[str, Any]
FRAME_S = 0.02
AHEAD_S = 0.06
ENCRYPTION = {
    "optional": ("mediaenc=srtp",),
    "required": ("mediaenc=srtp-mand",),
    "dtls": ("mediaenc=dtls_srtp",),
}
"""How much speech is handed to the library beforehand."""
STATES = {
    baresip.Event.CALL_RINGING: "EARLY",
    baresip.Event.CALL_PROGRESS: "EARLY",
    baresip.Event.CALL_ESTABLISHED: "CONFIRMED",
    baresip.Event.CALL_CLOSED: "DISCONNECTED",
}


class Call:
    """One call: records what it hears from its first audio on, plays what its command names."""

    def __init__(self, phone: "Phone", number: int, call: baresip.Call) -> None:
        self.phone = phone
        self.number = number
        self.call = call
        self.speech = b""
        self._audio: asyncio.Task[None] | None = None
        call.on(self._take)

    def report(self, event: str, **more: Any) -> None:
        """Report an event of this call."""
        self.phone.report(event=event, call=self.number, **more)

    def _take(self, event: baresip.StackEvent) -> None:
        state = STATES.get(event.event)
        if state is None:
            return
        head, _, reason = (event.text or "").partition(" ")
        code = int(head) if head.isdigit() else 200
        self.report("state", state=state, code=code, reason=reason, sip_call_id=self.call.call_id or "")
        if state == "CONFIRMED":
            self._audio = asyncio.get_running_loop().create_task(self._hear_and_speak())
        elif state == "DISCONNECTED":
            self.phone.calls.pop(self.number, None)

    def play(self, path: str) -> None:
        """Say a WAV of 8000 Hz from now on, over and over."""
        with wave.open(path) as file:
            self.speech = file.readframes(file.getnframes())

    async def _hear_and_speak(self) -> None:
        path = self.phone.folder / f"{self.phone.name}-{self.number}.wav"
        place = 0
        with wave.open(str(path), "wb") as recorder:
            recorder.setparams((1, 2, 8000, 0, "NONE", ""))
            self.report("recorder", path=str(path))
            while self.call.state is not baresip.CallState.CLOSED:
                with contextlib.suppress(baresip.AudioNotActive, baresip.AudioRestarted):
                    if heard := self.call.audio.read(1 << 16):
                        recorder.writeframes(heard)
                    info = self.call.audio.info()
                    wanted = int(AHEAD_S * info.tx_sample_rate) * 2 - info.tx_buffered
                    if self.speech and info.tx_ready and wanted > 0:
                        loop = self.speech[place:] + self.speech
                        place = (place + self.call.audio.write(loop[:wanted])) % len(self.speech)
                await asyncio.sleep(FRAME_S)


class Phone:
    """The library, one account and its calls."""

    def __init__(self, config: Json) -> None:
        self._config = config
        self.name: str = config["name"]
        self.folder = Path(config["folder"])
        self.calls: dict[int, Call] = {}
        self._numbers = itertools.count(1)
        self._transfers: list[asyncio.Task[None]] = []
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def report(self, **message: Any) -> None:
        """Write one line."""
        self._out.write(json.dumps({"at": time.time(), **message}) + "\n")

    async def run(self) -> None:
        """Register, then serve until the command to quit."""
        runtime = baresip.Runtime()
        await runtime.start(
            baresip.Config(
                net_interface="127.0.0.1", max_concurrent_calls=None, extra_config_text=self._extra_config()
            )
        )
        registrar = self._config["registrar"].removeprefix("sip:")
        domain, _, transport = registrar.partition(";transport=")
        account = baresip.Account(
            user=self._config.get("username", self.name),
            password=self._config.get("password", ""),
            domain=domain,
            transport=transport or "udp",
            audio_codecs=("PCMU/8000/1", "PCMA/8000/1"),
            reg_interval=600 if self._registers else 0,
            extra_params=ENCRYPTION.get(self._config.get("srtp", "off"), ()),
        )
        self._agent = await baresip.UserAgent.create(runtime, account)
        self._agent.on_incoming(self._rings)
        addresses = {name: f"127.0.0.1:{self._config.get(name + '_port', 0)}" for name in ("udp", "tls")}
        self.report(event="ready", call=0, udp=addresses["udp"], tcp=addresses["udp"], tls=addresses["tls"])
        if self._registers:
            await self.do_register({"on": True})
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        async for line in reader:
            await self._dispatch(json.loads(line))

    @property
    def _registers(self) -> bool:
        return "password" in self._config

    def _extra_config(self) -> str:
        lines = []
        if "srtp" in self._config:
            lines += ["module srtp.so", "module dtls_srtp.so"]
        if "udp_port" in self._config:
            lines.append(f"sip_listen 127.0.0.1:{self._config['udp_port']}")
        if "certificate" in self._config:
            pem = self.folder / "certificate-and-key.pem"
            files = (Path(self._config[name]).read_text() for name in ("certificate", "private_key"))
            pem.write_text("".join(files))
            lines += [f"sip_certificate {pem}", f"sip_cafile {self._config['ca']}", "sip_verify_server yes"]
        return "\n".join(lines)

    async def _dispatch(self, command: Json) -> None:
        try:
            answer = await getattr(self, f"do_{command['do']}")(command)
            self.report(id=command["id"], **(answer or {}))
        except (baresip.BaresipError, AttributeError, KeyError, ValueError) as error:
            self.report(id=command["id"], error=repr(error))

    def _add(self, call: baresip.Call) -> Call:
        number = next(self._numbers)
        self.calls[number] = Call(self, number, call)
        return self.calls[number]

    def _rings(self, call: baresip.Call) -> None:
        self._add(call).report("incoming", text="", source=call.peer)

    # ---- commands

    async def do_register(self, command: Json) -> None:
        """REGISTER anew, or with `on` false take the registration away."""
        try:
            await (self._agent.register() if command["on"] else self._agent.unregister())
            self.report(event="registered", call=0, code=200, reason="")
        except baresip.RegistrationError as error:
            self.report(event="registered", call=0, code=error.status or 0, reason=str(error))

    async def do_invite(self, command: Json) -> Json:
        """Call `uri`, with `headers`, saying `play`."""
        call = self._add(await self._agent.dial(command["uri"], dict(command["headers"])))
        if command.get("play"):
            call.play(command["play"])
        return {"call": call.number}

    async def do_answer(self, command: Json) -> None:
        """Answer with 200; `play` from then on."""
        call = self.calls[command["call"]]
        if command.get("play"):
            call.play(command["play"])
        await call.call.answer()

    async def do_hang_up(self, command: Json) -> None:
        """BYE, CANCEL or 486; nothing if the other side was faster."""
        call = self.calls.get(command["call"])
        if call is not None:
            with contextlib.suppress(baresip.StaleHandleError):
                await call.call.hangup()

    async def do_transfer(self, command: Json) -> None:
        """REFER to `uri`; or to the party of the call `to`, with Replaces. Its outcome is an event."""
        self._transfers.append(asyncio.get_running_loop().create_task(self._transfer(command)))

    async def _transfer(self, command: Json) -> None:
        call = self.calls[command["call"]]
        code = 200
        try:
            if "to" in command:
                await call.call.attended_transfer(self.calls[command["to"]].call, timeout=8)
            else:
                await call.call.transfer(command["uri"], timeout=8)
        except baresip.TransferFailed as failure:
            head = "".join(each if each.isdigit() else " " for each in str(failure)).split()
            code = next((int(each) for each in head if len(each) == 3), 0)
        call.report("transfer", code=code, is_final=True)

    async def do_reset(self, command: Json) -> None:
        """Hang everything up."""
        for number in list(self.calls):
            await self.do_hang_up({"call": number})

    async def do_codecs(self, command: Json) -> None:
        """Nothing: the codecs of this phone are those of its account."""

    async def do_quit(self, command: Json) -> None:
        """Leave, without a farewell to the registrar."""
        for number in list(self.calls):
            await self.do_hang_up({"call": number})
        self.report(id=command["id"])
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(Phone(json.loads(sys.argv[1])).run())
