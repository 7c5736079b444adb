"""Asterisk's ConfBridge as a peer: as few modules as it takes, its parties as channels of plain RTP (`chan_rtp`).

It is found as `asterisk` on the path, or by the environment's ASTERISK; it needs app_confbridge, bridge_softmix,
chan_rtp with res_rtp_multicast, res_rtp_asterisk, codec_ulaw, a timing module, and res_clioriginate. Its modules are
looked for beside it (../lib/asterisk/modules) and in /usr/lib/asterisk/modules.
"""

import subprocess
import time
from pathlib import Path
from typing import Final

from bench.conference.parties import ADDRESS, Party
from bench.harness.asterisk import modules_of

MODULES: Final = (
    "app_confbridge", "bridge_softmix", "bridge_simple", "chan_rtp", "chan_bridge_media", "codec_ulaw", "format_wav",
    "res_clioriginate", "res_rtp_asterisk", "res_rtp_multicast", "res_timing_timerfd",
)  # fmt: skip
FIRST_PORT: Final = 30_000
_TIMEOUT_S: Final = 30.0


class Asterisk:
    """Its configuration in `folder`, and what is said to its console."""

    def __init__(self, program: Path, folder: Path, *, drops_silence: bool) -> None:
        self._program = program
        self._config = folder / "asterisk.conf"
        modules = modules_of(program)
        names = (
            "astetcdir",
            "astvarlibdir",
            "astdbdir",
            "astkeydir",
            "astdatadir",
            "astspooldir",
            "astrundir",
            "astlogdir",
        )
        lines = [f"{name} => {folder}" for name in names]
        files = {
            "asterisk.conf": ["[directories]", f"astmoddir => {modules}", *lines],
            "modules.conf": ["[modules]", "autoload=no", *(f"load => {each}.so" for each in MODULES)],
            "rtp.conf": [
                "[general]",
                f"rtpstart={FIRST_PORT}",
                f"rtpend={FIRST_PORT + 4000}",
                "strictrtp=no",
            ],
            "confbridge.conf": [
                *("[general]", "[bench]", "type=bridge", "mixing_interval=20", "internal_sample_rate=8000"),
                *(
                    "[party]",
                    "type=user",
                    "quiet=yes",
                    f"dsp_drop_silence={'yes' if drops_silence else 'no'}",
                ),
            ],
        }
        for name, text in files.items():
            (folder / name).write_text("\n".join([*text, ""]))

    @property
    def command(self) -> list[str]:
        """In the foreground, without colours."""
        return [str(self._program), "-C", str(self._config), "-f", "-n"]

    def say(self, text: str) -> str:
        """A command of its console, and the answer."""
        command = [str(self._program), "-C", str(self._config), "-rx", text]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S).stdout

    def wait(self) -> None:
        """Until it takes commands. Raises TimeoutError."""
        end = time.monotonic() + _TIMEOUT_S
        while "ConfBridge" not in self.say("core show application ConfBridge"):
            if time.monotonic() > end:
                raise TimeoutError("Asterisk does not start, or has no ConfBridge")
            time.sleep(0.2)

    def version(self) -> str:
        """What it calls itself."""
        return next(
            (line for line in self.say("core show version").splitlines() if line.startswith("Asterisk")), ""
        )

    def join(self, parties: list[Party], members: int) -> None:
        """Put the parties into rooms of `members`; each learns where to send. Raises TimeoutError."""
        for number, party in enumerate(parties):
            room = f"room{number // members},bench,party"
            self.say(
                f"channel originate UnicastRTP/{ADDRESS}:{party.port}/c(ulaw) application ConfBridge {room}"
            )
        end = time.monotonic() + _TIMEOUT_S
        unknown = parties
        while unknown := [each for each in unknown if not each.learn()]:
            if time.monotonic() > end:
                raise TimeoutError("Asterisk sends nothing to some of the parties")
            time.sleep(0.05)
