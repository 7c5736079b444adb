"""Phones that are programs with a command line of their own: Linphone's console, baresip, and a script for Net::SIP."""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy

from tests.scenarios.harness.audio import Heard, tone, write_wav
from tests.scenarios.harness.ports import free_port, free_rtp_range
from tests.scenarios.harness.waiting import WAIT_S

LINPHONE = shutil.which("linphonec")
BARESIP = shutil.which("baresip")
_SCRIPT = Path(__file__).with_name("net_sip_phone.pl")
_SETTINGS = """\
[sip]
sip_port={sip_port}
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
bind_address=127.0.0.1
[rtp]
audio_rtp_port={rtp_port}
[sound]
echocancellation=0
"""
_MIRROR = """\
sip_listen 127.0.0.1:{sip_port}
net_interface 127.0.0.1
rtp_ports {rtp_ports}
audio_player aubridge,mirror
audio_source aubridge,mirror
video_source vidbridge,mirror
video_display vidbridge,mirror
video_size 640x480
video_fps 15
video_bitrate 500000
module_path /usr/lib/baresip/modules
module g711.so
module vp8.so
module vidbridge.so
module aubridge.so
module_app account.so
module_app menu.so
"""


def has_video_baresip() -> bool:
    """Whether Debian's baresip is here, with its codec of video."""
    return BARESIP is not None and Path("/usr/lib/baresip/modules/vp8.so").is_file()


def has_net_sip() -> bool:
    """Whether Perl and its Net::SIP are here."""
    perl = shutil.which("perl")
    arguments = [str(perl), "-MNet::SIP", "-e", "1"]
    return perl is not None and subprocess.run(arguments, check=False, capture_output=True).returncode == 0


class CommandPhone:
    """A program that is sent commands on stdin and whose output is read: `async with` starts and ends it."""

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self.folder = folder
        self._arguments = arguments
        self._output = ""
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "HOME": str(self.folder)},
            cwd=self.folder,
        )
        self._reader = asyncio.get_running_loop().create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while data := await self._process.stdout.read(4096):
            self._output += data.decode("utf-8", "replace")
            self._changed.set()

    def order(self, command: str) -> None:
        """Send a line to the program."""
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")

    async def says(self, pattern: str, timeout: float = WAIT_S) -> re.Match[str]:
        """The first place of its output that `pattern` finds; what came before it is not looked at again."""
        deadline = time.monotonic() + timeout
        while (found := re.search(pattern, self._output)) is None:
            self._changed.clear()
            left = deadline - time.monotonic()
            assert left > 0, f"waited {timeout:g}s for {pattern!r}; it wrote:\n{self._output}"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()
        self._output = self._output[found.end() :]
        return found


class Linphone(CommandPhone):
    """Linphone's console with a WAV for a microphone and one for a loudspeaker."""

    def __init__(self, folder: Path) -> None:
        (folder / ".local/share/linphone").mkdir(parents=True)  # without it Linphone opens no port
        settings = folder / "linphonerc"
        self.sip_port = free_port()
        settings.write_text(
            _SETTINGS.format(sip_port=self.sip_port, rtp_port=free_rtp_range(8)[0]), encoding="ascii"
        )
        super().__init__(folder, [str(LINPHONE), "-c", str(settings), "-d", "0"])
        self._recording = folder / "heard.wav"

    async def begins(self, say: float) -> Self:
        """Ready to speak a tone of `say` Hz and to listen."""
        spoken = write_wav(self.folder / "spoken.wav", tone(say, 20.0))
        self.order("soundcard use files")
        self.order(f"play {spoken}")
        self.order(f"record {self._recording}")
        await self.says("Using wav files")
        self.order("codec disable all")
        index = (await self.says(r"(\d+): PCMA \(8000\)"))[1]
        self.order(f"codec enable {index}")
        await self.says(r"PCMA \(8000\) enabled")
        return self

    async def registers(self, login: str, password: str, registrar: str) -> None:
        """REGISTER with Digest, accepted."""
        self.order(f"register sip:{login}@{registrar} sip:{registrar} {password}")
        for _ in range(20):
            self.order("status register")
            if (await self.says(r"registered(=-1|, identity)"))[1] != "=-1":
                return
            await asyncio.sleep(0.25)
        raise AssertionError("Linphone did not register")

    async def hears(self, frequency: float, *, seconds: float = 0.5, timeout: float = WAIT_S) -> bool:
        """Whether this frequency is heard, for `seconds` on end, before `timeout`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            last = self._heard().last(seconds + 0.3)
            if last.seconds >= seconds and last.seconds_of(frequency) >= seconds - 0.05:
                return True
            await asyncio.sleep(0.05)
        print(f"linphone heard: {self._heard().score()}")
        return False

    def _heard(self) -> Heard:
        """What is in its file: 8000 Hz, as its codec. Linphone writes the header when the call ends."""
        data = self._recording.read_bytes()[44:] if self._recording.exists() else b""
        return Heard(numpy.frombuffer(data[: len(data) // 2 * 2], numpy.int16), 8000)


class NetSip(CommandPhone):
    """A phone of Net::SIP; it registers, and calls `uri` speaking a file of µ-law, or waits to be called and echoes."""

    def __init__(
        self,
        folder: Path,
        login: str,
        password: str,
        registrar: str,
        uri: str = "",
        spoken: Path | None = None,
    ) -> None:
        arguments = ["perl", str(_SCRIPT), registrar, str(free_port()), login, password]
        super().__init__(folder, [*arguments, uri, str(spoken)] if uri else arguments)


class Mirror(CommandPhone):
    """Debian's baresip: it answers each call, and sends back what it hears and sees, decoded and encoded anew."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.sip_port = free_port()
        account = f"<sip:mirror@127.0.0.1:{self.sip_port}>;regint=0;answermode=auto;video_codecs=vp8"
        (folder / "accounts").write_text(f"{account};audio_codecs=PCMU/8000/1\n", encoding="ascii")
        (folder / "contacts").touch()
        rtp = "-".join(str(port) for port in free_rtp_range(8))
        (folder / "config").write_text(
            _MIRROR.format(sip_port=self.sip_port, rtp_ports=rtp), encoding="ascii"
        )
        super().__init__(folder, [str(BARESIP), "-f", str(folder)])

    @property
    def uri(self) -> str:
        """Where it is called."""
        return f"sip:mirror@127.0.0.1:{self.sip_port}"
