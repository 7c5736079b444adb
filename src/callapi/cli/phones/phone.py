"""`callapi phone`: a scripted softphone. With a URI it calls; without one it waits for calls and answers them."""

import argparse
import asyncio
from pathlib import Path

from callapi.base.errors import CallApiError
from callapi.cli.phones.softphone import CODECS, EXPIRES_S, PhoneCall, PhoneOptions, Softphone
from callapi.cli.phones.sounds import tone
from callapi.cli.terminal import Style, Terminal
from callapi.media import Prompt
from callapi.media.plane.engine import NativePlane
from callapi.media.prompts.audio_files import decode
from callapi.sip import Credentials, SipUri, Traced

ANSWER_WITHIN_S = 180.0


class PhoneError(CallApiError):
    """The arguments ask for something that the phone cannot do."""


def run(arguments: argparse.Namespace) -> int:
    """Make or take calls; 0 if the call was answered."""
    return asyncio.run(_Script(arguments, Terminal()).run())


class _Script:
    """What the arguments say, done by a softphone."""

    def __init__(self, arguments: argparse.Namespace, terminal: Terminal) -> None:
        self._arguments = arguments
        self._terminal = terminal
        self._prompt = self._what_to_say()
        host, _, port = arguments.listen.partition(":")
        if port and not port.isdigit():
            raise PhoneError(f"--listen {arguments.listen}: the port is not a number")
        credentials = None
        if arguments.password:
            credentials = Credentials(arguments.username or arguments.name, arguments.password)
        self._options = PhoneOptions(
            arguments.name,
            host,
            int(port or 0),
            arguments.transport,
            credentials,
            _domain(arguments.register),
            _codecs(arguments.codecs),
        )

    def _what_to_say(self) -> Prompt | None:
        if self._arguments.play is not None:
            path: Path = self._arguments.play
            try:
                return decode(str(path), path.read_bytes())
            except OSError as error:
                raise PhoneError(f"--play {path}: {error.strerror}") from error
        return tone(self._arguments.tone) if self._arguments.tone else None

    async def run(self) -> int:
        """Register, then call or wait."""
        async with (
            NativePlane(self._options.host) as plane,
            Softphone(self._options, plane, happened=self._print, trace=self._show) as phone,
            asyncio.TaskGroup() as group,
        ):
            registrar: str | None = self._arguments.register
            if registrar and not await self._register(phone, registrar):
                return 1
            self._terminal.say(f"{phone.uri} is ready", Style.BOLD)
            refreshing = group.create_task(self._keep_registered(phone, registrar))
            try:
                return await self._call(phone) if self._arguments.uri else await self._wait(phone)
            finally:
                refreshing.cancel()
                if registrar:
                    await phone.register(registrar, expires_s=0)
        return 1  # pragma: no cover - the block above returns or raises

    def _print(self, text: str) -> None:
        self._terminal.say(f"  {text}")

    def _show(self, traced: Traced) -> None:
        arrow, style = ("-->", Style.CYAN) if traced.direction == "sent" else ("<--", Style.MAGENTA)
        text = traced.data.decode("utf-8", "replace")
        if self._arguments.messages:
            self._terminal.say(
                f"{arrow} {traced.hop.transport.value} {traced.hop.host}:{traced.hop.port}", Style.BOLD
            )
            self._terminal.say(text, style)
        else:
            self._terminal.say(f"{arrow} {text.partition(chr(13))[0]}", style)

    async def _register(self, phone: Softphone, registrar: str) -> bool:
        response = await phone.register(registrar)
        if response.is_success:
            self._terminal.good(f"registered with {registrar}")
        else:
            self._terminal.bad(f"not registered: {response.status} {response.reason}")
        return response.is_success

    async def _keep_registered(self, phone: Softphone, registrar: str | None) -> None:
        while registrar:
            await asyncio.sleep(EXPIRES_S * 0.8)
            await self._register(phone, registrar)

    async def _call(self, phone: Softphone) -> int:
        headers = tuple(_header(each) for each in self._arguments.header)
        call = phone.dial(self._arguments.uri, headers=headers)
        if not await call.is_answered(ANSWER_WITHIN_S):
            call.hang_up()
            await call.ended(5)
            return 1
        await self._talk(call)
        return 0

    async def _wait(self, phone: Softphone) -> int:
        count = 0
        async for call in phone.incoming():
            count += 1
            self._terminal.say(f"call from {call.remote}", Style.BOLD)
            call.ring()
            if await call.ended(self._arguments.answer_after):
                continue
            if self._arguments.refuse:
                call.refuse(self._arguments.refuse)
                await call.ended(5)
            else:
                call.answer()
                await self._talk(call)
            if count == self._arguments.calls:
                break
        return 0

    async def _talk(self, call: PhoneCall) -> None:
        recording = call.record(self._arguments.record) if self._arguments.record else None
        if self._prompt is not None:
            call.say(self._prompt, loop=0 if self._arguments.tone else 1)
        if self._arguments.digits:
            await call.press(self._arguments.digits).ended()
        try:
            if not await call.ended(self._arguments.hang_up_after):
                call.hang_up()
        except asyncio.CancelledError:
            call.hang_up()  # Ctrl-C hangs up; the BYE is sent before the process ends
            await call.ended(1)
            raise
        if recording is not None:
            recording.stop()
            kept = await recording.ended()
            self._print(
                f"recorded {kept.duration_ms / 1000:.1f} s into {kept.path}" if kept.path else f"{kept.error}"
            )
        await call.ended(5)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise PhoneError(f"--header {text!r}: must look like X-Name:value")
    return name.strip(), value.strip()


def _domain(registrar: str | None) -> str:
    """Host and port of a registrar's URI."""
    if not registrar:
        return ""
    uri = SipUri.parse(registrar)
    return f"{uri.host}:{uri.port}" if uri.port else uri.host


def _codecs(listed: str | None) -> tuple[str, ...]:
    """Of a list with commas, in the spelling of SDP."""
    if listed is None:
        return CODECS
    known = {each.lower(): each for each in CODECS}
    names = [each.strip().lower() for each in listed.split(",")]
    if unknown := [each for each in names if each not in known]:
        raise PhoneError(f"--codecs {listed}: {unknown[0]!r} is none of {', '.join(CODECS)}")
    return tuple(dict.fromkeys(known[each] for each in names))
