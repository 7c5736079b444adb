"""SIPVicious, the scanner that every SIP port on the internet meets, as programs of their own.

It is licensed under the GPL and is therefore nothing that we import: `make test` puts it into a folder beside the
environment, from where it is run.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.scenarios.harness.ports import free_port

FOLDER = Path(sys.prefix) / "sipvicious"
IS_THERE = (FOLDER / "sipvicious").is_dir()
TIMEOUT_S = 60


async def scan(tool: str, *arguments: str, home: Path) -> str:
    """What `svmap`, `svwar` or `svcrack` says, when it is done."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"from sipvicious.{tool} import main; main()",
        "-P",
        str(free_port()),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(FOLDER)},
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode(errors="replace")
