"""The wheel, as most people install it: an empty environment without a Rust toolchain, then `callapi demo --once`."""

import asyncio
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.isolation import outside_network

ROOT = Path(__file__).parents[2]
MATURIN = Path(sys.executable).with_name("maturin")
BARE_PATH = "/usr/bin:/bin"


def _run(*command: str | Path, cwd: Path, path: str | None = None, is_outside: bool = False) -> str:
    environ = {**os.environ, "PATH": path or os.environ["PATH"], "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
        preexec_fn=outside_network() if is_outside else None,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


_OFFLINE = ("Could not find a version", "Failed to establish", "Failed to resolve")
"""What pip says where no package can be fetched."""


@pytest.mark.timeout(600)
async def test_a_wheel_needs_no_compiler(tmp_path: Path) -> None:
    dist, environment = tmp_path / "dist", tmp_path / "environment"
    await asyncio.to_thread(
        lambda: _run(
            ROOT / "scripts/with-rust", MATURIN, "build", "--release", "--locked", "--out", dist,
            cwd=ROOT, is_outside=True,
        )
    )  # fmt: skip
    [wheel] = dist.glob("callapi-*-abi3-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert "callapi/api/notifications.md" in names, "the page of each code comes from it"
    if (ROOT / "src/callapi/console/static/index.html").exists():
        assert "callapi/console/static/index.html" in names
    await asyncio.to_thread(
        lambda: _run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    )
    python = environment / "bin/python"
    constraints = ROOT / "constraints.txt"
    try:
        await asyncio.to_thread(
            lambda: _run(
                sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile",
                "--only-binary", ":all:", "--constraint", constraints, wheel,
                cwd=tmp_path, path=BARE_PATH, is_outside=True,
            )
        )  # fmt: skip
    except AssertionError as error:
        if any(sign in str(error) for sign in _OFFLINE):
            pytest.skip("the dependencies of the wheel cannot be fetched here")
        raise
    shown = await asyncio.to_thread(
        lambda: _run(environment / "bin/callapi", "demo", "--once", cwd=tmp_path, path=BARE_PATH)
    )
    assert "660 Hz" in shown, shown
