"""`callapi demo --agent`: a node and an agent that talks, without a key and without a network.

With `--once` a scripted caller speaks with the agent: asks for the time, interrupts the answer, says goodbye. Its words
are made by the built-in voice; each finding says what came of them.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Final

import numpy

from callapi.base.settings import Settings
from callapi.cli.demo.agent import DOCUMENT, AgentApplication
from callapi.cli.demo.call import DemoFinding
from callapi.cli.demo.setting import application_port, demo_settings, until_stopped
from callapi.cli.phones.softphone import PhoneCall, PhoneOptions, Softphone
from callapi.cli.phones.sounds import read_wav
from callapi.cli.ports import split_address
from callapi.cli.serve import console_fact
from callapi.cli.terminal import Style, Terminal
from callapi.media import Prompt, UnplayableAudio
from callapi.media.plane.engine import NativePlane
from callapi.media.speech import Utterance, open_speaker
from callapi.node.node import Node

NUMBER: Final = "1000"
TURNS: Final = (("What time is it please?", ("time",)), ("Goodbye my friend.", ("bye",)))
"""What the scripted caller says, and the words of which the agent must have understood one."""
LISTENS_S: Final = 2.0
"""How long the caller listens before each turn, which interrupts the agent."""
HEARD_S: Final = 3.0
"""How much of the agent the caller hears at least."""
WAIT_S: Final = 30.0
"""For the voice and the recogniser to start, on a busy machine."""
INSTALL: Final = "the agent needs a voice and a recogniser: pip install 'callapi[speech]'"


class AgentDemo:
    """One run."""

    def __init__(self, terminal: Terminal, settings: Settings, data_dir: Path, *, stays: bool) -> None:
        self._terminal = terminal
        self._stays = stays
        self._data_dir = data_dir
        self._port = application_port()
        self._settings = demo_settings(terminal, settings, data_dir, self._port)
        _, host, port = split_address(self._settings.sip.listen[0])
        self._uri = f"sip:{NUMBER}@{host}:{port}"

    async def run(self) -> int:
        """The agent for as long as it is wanted, or one scripted call; 0 if that worked."""
        terminal = self._terminal
        try:
            words = await self._words() if not self._stays else []
        except UnplayableAudio as error:
            terminal.bad(f"{INSTALL} ({error.reason})")
            return 1
        async with AgentApplication(self._port, terminal.say) as agent, Node(self._settings) as node:
            terminal.heading("An agent that talks by <Connect><ConversationRelay>")
            for line in DOCUMENT.splitlines():
                terminal.say(f"    {line}", Style.CYAN)
            terminal.say()
            if self._stays:
                self._what_next(node)
                await until_stopped()
                return 0
            return self._judge(await self._converse(agent, words))

    async def _words(self) -> list[Prompt]:
        """The scripted caller's turns, spoken by the built-in voice, with the silence that ends each."""
        prompts = []
        patient = self._settings.speech.model_copy(update={"timeout_s": WAIT_S, "patience_s": WAIT_S})
        async with open_speaker(patient, self._data_dir) as speaker:
            for text, _ in TURNS:
                parts = [
                    each async for each in speaker.speak(Utterance(text, language="en-US"), lambda _: None)
                ]
                silent = numpy.zeros(parts[0].rate * 20, numpy.int16)
                samples = numpy.concatenate([*(each.samples for each in parts), silent])
                prompts.append(Prompt(samples, parts[0].rate))
        return prompts

    async def _converse(self, agent: AgentApplication, words: list[Prompt]) -> list[DemoFinding]:
        async with (
            NativePlane("127.0.0.1") as plane,
            Softphone(PhoneOptions("alice"), plane) as alice,
        ):
            call = alice.dial(self._uri)
            if not await call.is_answered(WAIT_S):
                return [DemoFinding(is_good=False, text="the call was not answered")]
            path = self._data_dir / "heard-by-caller.wav"
            recording = call.record(path)
            findings = await self._turns(agent, call, words)
            ended = await call.ended(WAIT_S)
            recording.stop()
            await recording.ended()
        said = (
            "the agent said goodbye, and its document hung up" if ended else "the agent did not end the call"
        )
        heard = _seconds_of_sound(path)
        listened = DemoFinding(heard >= HEARD_S, f"alice heard the agent for {heard:.1f} s")
        return [*findings, listened, DemoFinding(ended, said)]

    async def _turns(
        self, agent: AgentApplication, call: PhoneCall, words: list[Prompt]
    ) -> list[DemoFinding]:
        """The first turn interrupts the greeting, the second follows the answer."""
        findings = []
        for (text, expected), prompt in zip(TURNS, words, strict=True):
            speaks = await _soon(agent.utterances) == "on"
            await asyncio.sleep(LISTENS_S)  # as a caller would
            call.say(prompt, loop=1)
            understood = await _soon(agent.prompts) if speaks else None
            is_good = understood is not None and any(word in understood.lower() for word in expected)
            findings.append(DemoFinding(is_good, f"alice said {text!r}; understood was {understood!r}"))
            while not agent.utterances.empty():
                agent.utterances.get_nowait()
        interrupted = await _soon(agent.interruptions)
        findings.append(
            DemoFinding(interrupted is not None, f"she interrupted, and had heard {interrupted!r}")
        )
        return findings

    def _judge(self, findings: list[DemoFinding]) -> int:
        self._terminal.say()
        for each in findings:
            (self._terminal.good if each.is_good else self._terminal.bad)(each.text)
        if all(each.is_good for each in findings):
            self._terminal.good("the conversation worked")
            return 0
        self._terminal.bad("the conversation did not work")
        return 1

    def _what_next(self, node: Node) -> None:
        terminal, http = self._terminal, self._settings.http.public_url.rstrip("/")
        base = f"{http}/2010-04-01/Accounts/{node.account_sid}"
        terminal.facts(
            [
                ("call it", self._uri),
                ("application", f"http://127.0.0.1:{self._port}/voice (every number asks it)"),
                *console_fact(self._settings),
                ("account sid", node.account_sid),
                ("auth token", node.auth_token),
            ]
        )
        terminal.say()
        terminal.say("Call it with any softphone, or with the browser; for the browser make a client first:")
        client = "-d Login=alice -d Password=a-long-password-1"
        terminal.say(
            f"    curl -u {node.account_sid}:{node.auth_token} {base}/Clients.json {client}", Style.CYAN
        )
        terminal.say(f"then open {http}/console/phone and call {NUMBER}. Ctrl-C ends it.")
        terminal.say()


def _seconds_of_sound(path: Path) -> float:
    if not path.exists() or path.stat().st_size <= 44:
        return 0.0
    samples, rate = read_wav(path)
    step = rate // 20
    windows = samples[: len(samples) // step * step].reshape(-1, step).astype(numpy.float64)
    return float((numpy.sqrt(numpy.mean(windows**2, axis=1)) > 60).sum()) / 20


async def _soon(queue: "asyncio.Queue[str]") -> str | None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            return await queue.get()
    return None
