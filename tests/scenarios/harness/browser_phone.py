"""Phones in Chromium: pages made with JsSIP and SIP.js as they come from npm, driven from a test."""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.scenarios.harness.audio import tone, write_wav
from tests.scenarios.harness.waiting import WAIT_S

FOLDER: Final = Path(__file__).parents[1] / "browser"
NODE: Final = shutil.which("node")
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
_RATE: Final = 48_000
_START_S: Final = 40.0
_ANSWER_S: Final = 20.0
_NEAR_HZ: Final = 25


def missing() -> str | None:
    """Why there are no browsers here; None: there are."""
    if NODE is None or CHROMIUM is None:
        return "node or chromium is not installed"
    if not (FOLDER / "node_modules/jssip").is_dir():
        return "the packages of tests/scenarios/browser are not installed (make test installs them)"
    return None


def pictures() -> dict[str, str]:
    """What a script of the console is to know of the folder that keeps its pictures (`make screenshots`)."""
    folder = os.environ.get("CALLAPI_SCREENSHOTS")
    return {"PICTURES": folder} if folder else {}


class BrowserPage:
    """One tab that is a phone: its events, and what can be done with it."""

    def __init__(self, browser: "Browser", name: str) -> None:
        self.browser = browser
        self.name = name
        self.events: list[dict[str, Any]] = []

    async def event(self, kind: str, timeout: float = WAIT_S) -> dict[str, Any]:
        """The first event of this kind that was not taken yet, waiting for it if need be."""
        deadline = time.monotonic() + timeout
        while True:
            for each in self.events:
                if each["event"] == kind:
                    self.events.remove(each)
                    return each
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} waited {timeout:g} s for {kind}; it has {self.events}")
            await self.browser.changed()

    async def run(self, verb: str, given: Any = None) -> Any:
        """`call`, `film` (a call with video), `answer`, `answerWithVideo`, `hangUp`, `hold`, `resume`, `press`,
        `transfer`, `statistics`, and `picture`, those of the video.

        JsSIP alone: `change`, a regular expression and what stands in its place in our descriptions from now on.
        """
        return (await self.browser.order("run", page=self.name, called=verb, given=given)).get("result")

    async def hears(self, hertz: float, timeout: float = WAIT_S) -> bool:
        """Whether this tone is the strongest of what comes for half a second, before `timeout`. 0: silence."""
        deadline = time.monotonic() + timeout
        heard: list[int] = []
        while time.monotonic() < deadline:
            heard = await self.run("heard", 10)
            if len(heard) == 10 and all(abs(each - hertz) <= _NEAR_HZ for each in heard):
                return True
            await asyncio.sleep(0.1)
        print(f"{self.name} heard {heard}")
        return False

    async def close(self) -> None:
        """Close the tab."""
        await self.browser.order("close", page=self.name)


class Browser:
    """`async with Browser(folder, 700) as browser`: a Chromium whose microphone says a tone of 700 Hz."""

    def __init__(self, folder: Path, hertz: float) -> None:
        self.folder = folder
        self._microphone = write_wav(
            folder / f"microphone-{hertz:g}.wav", tone(hertz, 2.0, rate=_RATE), rate=_RATE
        )
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._changed = asyncio.Event()
        self.pages: dict[str, BrowserPage] = {}
        self.origin = ""

    async def __aenter__(self) -> Self:
        assert NODE is not None
        assert CHROMIUM is not None
        environ = {
            **os.environ,
            "CHROMIUM": CHROMIUM,
            "MICROPHONE": str(self._microphone),
            "HOME": str(self.folder),
        }
        with (self.folder / "browser.stderr").open("wb") as stderr:
            self._process = await asyncio.create_subprocess_exec(
                NODE,
                str(FOLDER / "phone.mjs"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=environ,
                limit=1 << 20,
            )
        self._reader = asyncio.create_task(self._read())
        async with asyncio.timeout(_START_S):
            while not self.origin:
                await self.changed()
                assert self._process.returncode is None, (self.folder / "browser.stderr").read_text()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def changed(self) -> None:
        """Until something comes from the browser, or for a moment."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await self._changed.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if "id" in message:
                answer = self._answers.pop(message["id"])
                if not answer.done():
                    answer.set_result(message)
            elif message["event"] == "ready":
                self.origin = message["origin"]
            else:
                self.pages[message["page"]].events.append(message)
            self._changed.set()

    async def order(self, verb: str, **command: Any) -> dict[str, Any]:
        """Have something done; AssertionError with the browser's words if it cannot be."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": verb, **command}).encode() + b"\n")
        async with asyncio.timeout(_ANSWER_S):
            result: dict[str, Any] = await answer
        assert "error" not in result, f"{verb} {command}: {result['error']}"
        return result

    async def open(self, name: str, *, library: str, uri: str, password: str, server: str) -> BrowserPage:
        """A new tab that registers `uri` at `server` (`ws://…`)."""
        page = self.pages[name] = BrowserPage(self, name)
        await self.order("open", page=name, library=library, uri=uri, password=password, server=server)
        return page

    async def cut(self, *, is_cut: bool = True) -> None:
        """Take the network away from all tabs, or give it back."""
        await self.order("cut", page="", is_cut=is_cut)
