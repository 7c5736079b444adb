"""`callapi demo`: a node, an application, two phones, and a real call through `<Dial><Sip>`, shown as it happens.

Everything is on loopback and inside the data directory. With `--once` the exit status says whether the call worked.
"""

import argparse
import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from callapi.base.settings import Settings, load_settings
from callapi.cli.data_dir import locked_or_another
from callapi.cli.demo.agent_demo import AgentDemo
from callapi.cli.demo.application import DemoApplication
from callapi.cli.demo.call import CALLEE_HZ, NAMES, DemoFinding, Watch, demo_call
from callapi.cli.demo.setting import application_port, demo_settings, until_stopped
from callapi.cli.ladder import Ladder
from callapi.cli.phones.softphone import PhoneCall, PhoneOptions, Softphone
from callapi.cli.phones.sounds import tone
from callapi.cli.ports import free_port, split_address
from callapi.cli.serve import console_fact
from callapi.cli.terminal import Style, Terminal
from callapi.media.plane.engine import NativePlane
from callapi.node.node import Node

NUMBER: Final = "1000"


def run(arguments: argparse.Namespace) -> int:
    """Show the call; 0 if it worked."""
    terminal = Terminal()
    once: bool = arguments.once
    folder: Path | None = arguments.data_dir
    thrown_away = Path(tempfile.mkdtemp(prefix="callapi-demo-")) if once and folder is None else None
    settings = load_settings(None)
    with locked_or_another(thrown_away or folder or settings.node.data_dir) as data_dir:
        demo = AgentDemo if arguments.agent else _Demo
        status = asyncio.run(demo(terminal, settings, data_dir, stays=not once).run())
    if thrown_away is not None and status == 0:
        shutil.rmtree(thrown_away, ignore_errors=True)
    elif thrown_away is not None:
        terminal.say(f"what was recorded is kept in {thrown_away}")
    return status


class _Demo:
    def __init__(self, terminal: Terminal, settings: Settings, data_dir: Path, *, stays: bool) -> None:
        self._terminal = terminal
        self._stays = stays
        self._data_dir = data_dir
        self._application_port = application_port()
        self._callee_port = free_port()
        self._settings = demo_settings(terminal, settings, data_dir, self._application_port)

    @property
    def _sip_address(self) -> str:
        _, host, port = split_address(self._settings.sip.listen[0])
        return f"{host}:{port}"

    async def run(self) -> int:
        """The call, then the node for as long as it is wanted."""
        watch = Watch(Ladder(self._terminal, NAMES))
        callee_uri = f"sip:bob@127.0.0.1:{self._callee_port}"
        async with (
            DemoApplication(self._application_port, callee_uri, watch.http) as application,
            Node(self._settings) as node,
            NativePlane("127.0.0.1") as plane,
            Softphone(PhoneOptions("alice"), plane, trace=watch.caller) as alice,
            Softphone(PhoneOptions("bob", port=self._callee_port), plane, trace=watch.callee) as bob,
        ):
            self._announce(application)
            uri = f"sip:{NUMBER}@{self._sip_address}"
            folder = self._data_dir / "demo"
            folder.mkdir(parents=True, exist_ok=True)
            calls = bob.incoming()
            status = self._judge(await demo_call(alice, calls, uri, application, watch, folder))
            if self._stays:
                self._what_next(node)
                await _stay(calls)
        return status

    def _announce(self, application: DemoApplication) -> None:
        terminal = self._terminal
        terminal.heading("A call through <Dial><Sip>")
        terminal.say(f"alice calls {NUMBER}; the application at {application.base_url}/voice answers:")
        for line in application.document.splitlines():
            terminal.say(f"    {line}", Style.CYAN)
        terminal.say("and bob's phone rings. RTP is left out below; every other message is there.")
        terminal.say()

    def _judge(self, findings: list[DemoFinding]) -> int:
        self._terminal.say()
        for each in findings:
            (self._terminal.good if each.is_good else self._terminal.bad)(each.text)
        if all(each.is_good for each in findings):
            self._terminal.good("the call worked")
            return 0
        self._terminal.bad("the call did not work")
        return 1

    def _what_next(self, node: Node) -> None:
        sid, token = node.account_sid, node.auth_token
        base = f"{self._settings.http.public_url}/2010-04-01/Accounts/{sid}"
        terminal = self._terminal
        terminal.heading("The node is up. Ctrl-C ends it.")
        terminal.facts(
            [
                ("account sid", sid),
                ("auth token", token),
                ("SIP", ", ".join(self._settings.sip.listen)),
                ("REST", base),
                *console_fact(self._settings),
                ("application", f"http://127.0.0.1:{self._application_port}/voice (every number asks it)"),
                ("bob", f"answers sip:bob@127.0.0.1:{self._callee_port} with {CALLEE_HZ:.0f} Hz"),
                ("data", str(self._data_dir.absolute())),
            ]
        )
        terminal.say()
        terminal.say("Call it, from another terminal, and hear bob:")
        listening = "--tone 440 --hang-up-after 3 --record heard.wav"
        terminal.say(f"    .venv/bin/callapi phone sip:{NUMBER}@{self._sip_address} {listening}", Style.CYAN)
        terminal.say(
            "Let it call you: start a phone, then ask over REST for a call to the address it prints:"
        )
        terminal.say("    .venv/bin/callapi phone --listen 127.0.0.1:5070 --tone 440", Style.CYAN)
        terminal.say(
            f"    curl -u {sid}:{token} {base}/Calls.json -d From=demo -d To=sip:phone@127.0.0.1:5070"
            f" -d Url=http://127.0.0.1:{self._application_port}/voice",
            Style.CYAN,
        )
        terminal.say("Look at what happened:")
        terminal.say(f"    curl -u {sid}:{token} {base}/Calls.json", Style.CYAN)
        terminal.say()


async def _stay(calls: AsyncIterator[PhoneCall]) -> None:
    """Keep everything up, bob answering, until SIGINT or SIGTERM."""
    answering = asyncio.create_task(_answer(calls))
    await until_stopped()
    answering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await answering


async def _answer(calls: AsyncIterator[PhoneCall]) -> None:
    async for call in calls:
        call.ring()
        await call.ended(1.0)
        call.answer()
        call.say(tone(CALLEE_HZ))
