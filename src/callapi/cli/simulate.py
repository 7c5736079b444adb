"""`callapi simulate URL`: play a call against an application in virtual time, for tests in any language.

A script has a step a line (or `--step`, repeated)::

    hears Press 1 for sales     wait until the caller hears it
    press 1                     keys
    says two tickets            speech, for a <Gather input="speech">
    answer sales                the phone that the application dials by that name answers
    reject sales 486            it refuses
    hang-up sales               it hangs up; without a name: the caller
    wait 3                      seconds, which cost no time
    status in-progress          the call's status is that word
    asked /menu Digits=1        the application is asked there within 10 s, with these parameters
    socket /relay prompt last=true   a message of that kind, with these fields, was sent on the WebSocket to that path
    hears-audio 1.5             the caller has heard so many seconds of the application's stream
    ends completed              wait for the end; its status
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from callapi.base.errors import CallApiError
from callapi.cli.terminal import Style, Terminal
from callapi.testing import SimulatedCall, Simulation
from callapi.testing.simulation import TIMEOUT_S

_COMMENT: Final = "#"
_ASKED_WITHIN_S: Final = 10.0
"""Virtual seconds in which a request that follows from the step before must be made."""


class ScriptError(CallApiError):
    """A step that is none."""


def run(arguments: argparse.Namespace) -> int:
    """Play the call; 0 if every step came true."""
    steps = _steps(arguments)
    terminal = Terminal()
    parts = urlsplit(arguments.url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ScriptError(f"{arguments.url} must be the http:// or https:// URL that is asked for the call")
    with Simulation(f"{parts.scheme}://{parts.netloc}", auth_token=arguments.token) as simulation:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        call = simulation.call(path or "/", from_=arguments.from_, to=arguments.to, method=arguments.method)
        status = _play(terminal, simulation, call, steps)
        _report(terminal, simulation, call)
    return status


def _steps(arguments: argparse.Namespace) -> list[str]:
    script: Path | None = arguments.script
    text = ""
    if script is not None:
        text = sys.stdin.read() if str(script) == "-" else script.read_text("utf-8")
    lines = [line.strip() for line in (*text.splitlines(), *arguments.step)]
    return [line for line in lines if line and not line.startswith(_COMMENT)] or ["ends"]


def _play(terminal: Terminal, simulation: Simulation, call: SimulatedCall, steps: list[str]) -> int:
    for step in steps:
        word, _, rest = step.partition(" ")
        action = _ACTIONS.get(word)
        if action is None:
            raise ScriptError(f"{step!r}: a step begins with one of {', '.join(_ACTIONS)}")
        try:
            action(simulation, call, rest.strip())
        except AssertionError as error:
            terminal.bad(f"{step}: {error}")
            return 1
        terminal.good(f"{simulation.now:8.2f} s  {step}")
    return 0


def _report(terminal: Terminal, simulation: Simulation, call: SimulatedCall) -> None:
    terminal.say()
    for heard in call.heard:
        terminal.say(f"{heard.at:8.2f} s  heard: {heard.text}", Style.DIM)
    for request in simulation.requests:
        terminal.say(f"            {request.method} {request.path}", Style.DIM)
    for note in simulation.notifications:
        terminal.doubtful(f"{note.error_code}: {note.message_text}")


def _status(_: Simulation, call: SimulatedCall, word: str) -> None:
    if call.status != word:
        raise AssertionError(f"the status is {call.status}")


def _ends(_: Simulation, call: SimulatedCall, word: str) -> None:
    record = call.ends(within=86_400)
    if word and record.status != word:
        raise AssertionError(f"it ended {record.status}: {record.end_reason}")


def _asked(simulation: Simulation, _: SimulatedCall, rest: str) -> None:
    path, *pairs = rest.split()
    wanted = dict(pair.partition("=")[::2] for pair in pairs)

    def found() -> bool:
        asked = simulation.requests_to(path)
        return any(
            all(each.parameters.get(name) == value for name, value in wanted.items()) for each in asked
        )

    try:
        simulation.until(f"a request to {path}", found, _ASKED_WITHIN_S)
    except AssertionError as error:
        asked = [dict(each.parameters) for each in simulation.requests_to(path)]
        raise AssertionError(f"{asked or 'it was not asked there'}") from error


def _socket(simulation: Simulation, _call: SimulatedCall, rest: str) -> None:
    path, _, after = rest.partition(" ")
    kind, *pairs = after.split() or [""]
    wanted = dict(pair.partition("=")[::2] for pair in pairs)

    def found() -> bool:
        socket = next((each for each in reversed(simulation.sockets) if each.path == path), None)
        return socket is not None and any(
            all(_word(each.get(name)) == value for name, value in wanted.items())
            for each in socket.of_kind(kind)
        )

    simulation.until(f"{kind!r} with {wanted} on a WebSocket; {simulation.sockets}", found, TIMEOUT_S)


def _word(value: object) -> str:
    """A field of a message as a step writes it: JSON, text without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def _reject(simulation: Simulation, _: SimulatedCall, rest: str) -> None:
    user, code = (*rest.split(), "486")[:2]
    simulation.phone(user).reject(int(code))


def _hang_up(simulation: Simulation, call: SimulatedCall, user: str) -> None:
    if user:
        simulation.phone(user).hang_up()
    else:
        call.hang_up()


def _answer(simulation: Simulation, _: SimulatedCall, user: str) -> None:
    simulation.phone(user).answer()


_ACTIONS: Final[dict[str, Callable[[Simulation, SimulatedCall, str], None]]] = {
    "hears": lambda _, call, text: call.hears(text),
    "press": lambda _, call, digits: call.press(digits),
    "says": lambda _, call, text: call.says(text),
    "answer": _answer,
    "reject": _reject,
    "hang-up": _hang_up,
    "wait": lambda simulation, _, seconds: simulation.wait(float(seconds)),
    "status": _status,
    "asked": _asked,
    "socket": _socket,
    "hears-audio": lambda _, call, seconds: call.hears_audio(float(seconds)),
    "ends": _ends,
}
