"""What both demos have alike: a node on free ports whose every number asks the demo's application."""

import asyncio
import signal
from pathlib import Path
from typing import Final

from callapi.base.settings import NumberSettings, Settings
from callapi.cli.ports import choose_addresses, free_port, problem_with
from callapi.cli.terminal import Terminal

APPLICATION_PORT: Final = 9000


def application_port() -> int:
    """9000 if it is free, else another."""
    return free_port() if problem_with("tcp", "127.0.0.1", APPLICATION_PORT) else APPLICATION_PORT


def demo_settings(terminal: Terminal, settings: Settings, data_dir: Path, port: int) -> Settings:
    """`settings` on free addresses, in `data_dir`, with the application at `port` behind every number."""
    chosen = choose_addresses(settings)
    for remark in chosen.remarks:
        terminal.doubtful(remark)
    number = NumberSettings(number="*", voice_url=f"http://127.0.0.1:{port}/voice")
    return chosen.settings.model_copy(
        update={
            "node": chosen.settings.node.model_copy(update={"data_dir": data_dir}),
            "numbers": (*chosen.settings.numbers, number),
        }
    )


async def until_stopped() -> None:
    """Until SIGINT or SIGTERM."""
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave.set)
    await leave.wait()
