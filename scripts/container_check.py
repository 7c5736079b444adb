"""Build `deploy/Containerfile`, run the image as an operator does, and call it: `container_check.py [DIRECTORY]`.

Needs root, `podman` with `runc`, `sipp` (Debian: podman, runc, sip-tester) and a wheel in `dist/` (`make wheel`). Where
the base image cannot be pulled, `debootstrap` makes one of the Debian release that it is built on, with the same
version of Python. Images and containers are in DIRECTORY, which has to hold 5 GB and is kept, so that a second check
starts from the base image of the first; without it they are in a folder of the moment.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PYTHON: Final = "docker.io/library/python:3.13-slim"
STAND_IN: Final = "localhost/python:3.13-slim"
RELEASE: Final = "trixie"
CERTIFICATES: Final = "etc/ssl/certs/ca-certificates.crt"
IMAGE: Final = "localhost/callapi:check"
NAME: Final = "callapi-check"
HTTP: Final = "http://127.0.0.1:8080"
SIP_PORT: Final = 15_060
DOCUMENT: Final = b"<Response><Say>This call is answered by a container.</Say><Pause length='20'/></Response>"
LIMITS: Final = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
"""Within what a process may be given that cannot raise its own limits."""
CONFIGURATION: Final = """\
[sip]
listen = ["udp://127.0.0.1:{sip}"]
[http]
listen = "127.0.0.1:8080"
[[numbers]]
number = "*"
voice_url = "http://127.0.0.1:{application}/voice"
"""


class Application(BaseHTTPRequestHandler):
    """Answers every request with the document."""

    def do_POST(self) -> None:
        """The document."""
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(DOCUMENT)))
        self.end_headers()
        self.wfile.write(DOCUMENT)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Engine:
    """podman, with a storage of its own."""

    def __init__(self, directory: Path) -> None:
        self._options = ["--storage-driver", "vfs", "--root", str(directory / "storage")]
        self._options += ["--runroot", str(directory / "run"), "--tmpdir", str(directory / "tmp")]
        self._options += ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]

    def run(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command of it, whatever its status."""
        command = ["podman", *self._options, *arguments]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def __call__(self, *arguments: str, timeout_s: float = 60) -> str:
        """Run a command of it; what it printed.

        Raises:
            SystemExit: it failed, with what it said.
        """
        done = self.run(*arguments, timeout_s=timeout_s)
        if done.returncode:
            raise SystemExit(f"podman {' '.join(arguments)}: {(done.stderr + done.stdout)[-3000:]}")
        return done.stdout + done.stderr


def base_image(podman: Engine, directory: Path) -> str:
    """The image that ours is built on: from its registry, else one made here."""
    if podman.run("image", "exists", STAND_IN).returncode == 0:
        return STAND_IN
    if podman.run("pull", PYTHON, timeout_s=300).returncode == 0:
        return PYTHON
    print(f"{PYTHON} cannot be pulled: debootstrap makes one of {RELEASE}", flush=True)
    root, archive = directory / "base", directory / "base.tar"
    packages = "python3,python3-venv,ca-certificates"
    made = ["debootstrap", "--variant=minbase", f"--include={packages}", RELEASE, str(root)]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, timeout=600)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    # pip in the container reaches an index by the same authorities as pip here does.
    shutil.copyfile(f"/{CERTIFICATES}", root / CERTIFICATES)
    packed = ["tar", "-C", str(root), "--exclude=./proc/*", "--exclude=./sys/*", "-cf", str(archive), "."]
    subprocess.run(packed, check=True, timeout=120)
    podman("import", "--change", f"ENV PIP_CERT=/{CERTIFICATES}", str(archive), STAND_IN, timeout_s=120)
    shutil.rmtree(root)
    archive.unlink()
    return STAND_IN


def start(podman: Engine, directory: Path, port: int) -> None:
    """The node as a container, until it takes calls."""
    config = directory / "callapi.toml"
    config.write_text(CONFIGURATION.format(sip=SIP_PORT, application=port))
    volumes = ["-v", "callapi-check:/var/lib/callapi", "-v", f"{config}:/etc/callapi/callapi.toml:ro"]
    # The timer of a health check is systemd's, which need not be there: the check itself is run below.
    how = ["--network", "host", "--health-interval", "disable", *LIMITS, *volumes]
    podman("run", "--detach", "--name", NAME, *how, IMAGE)
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{HTTP}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"the node did not come up: {podman('logs', NAME)}")


def call(directory: Path) -> None:
    """A call of three seconds."""
    command = ["sipp", "-sn", "uac", "-m", "1", "-d", "3000", "-s", "1000", f"127.0.0.1:{SIP_PORT}"]
    done = subprocess.run(
        command, cwd=directory, capture_output=True, timeout=40, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise SystemExit(f"sipp: {done.stdout.decode(errors='replace')[-2000:]}")


def stop(podman: Engine) -> list[dict[str, object]]:
    """End the container as an operator does; its log."""
    podman("stop", "--time", "30", NAME)
    status = podman("inspect", "--format", "{{.State.ExitCode}}", NAME).strip()
    if status != "0":
        raise SystemExit(f"the container ended with {status}: {podman('logs', NAME)}")
    lines: list[dict[str, object]] = [json.loads(line) for line in podman("logs", NAME).splitlines()]
    podman("rm", NAME)
    return lines


def expect(what: str, holds: bool) -> None:  # noqa: FBT001
    """Print what was seen, or fail with it."""
    if not holds:
        raise SystemExit(f"failed: {what}")
    print(f"seen: {what}", flush=True)


def packets_sent() -> float:
    """RTP packets of the node."""
    with urllib.request.urlopen(f"{HTTP}/metrics", timeout=5) as metrics:
        lines = metrics.read().decode().splitlines()
    wanted = 'callapi_rtp_packets_total{direction="sent"} '
    return next(float(each.removeprefix(wanted)) for each in lines if each.startswith(wanted))


def main(directory: Path) -> None:
    """Build, run, call, stop, run again."""
    if not list((ROOT / "dist").glob("callapi-*.whl")):
        raise SystemExit("no wheel in dist/: run `make wheel`")
    podman = Engine(directory)
    begin = time.monotonic()
    argument = f"PYTHON={base_image(podman, directory)}"
    how = ("--format", "docker", "--isolation", "chroot", "--build-arg", argument)
    podman("build", *how, "-f", "deploy/Containerfile", "-t", IMAGE, ".", timeout_s=900)
    size = podman("image", "inspect", "--format", "{{.Size}}", IMAGE).strip()
    expect(f"the image is built ({time.monotonic() - begin:.0f} s, {int(size) / 1e6:.0f} MB)", holds=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        start(podman, directory, server.server_address[1])
        identity = podman("exec", NAME, "id", "-u").strip()
        expect(f"the node runs as user {identity}, not as root", identity not in {"", "0"})
        expect("its HEALTHCHECK passes", podman.run("healthcheck", "run", NAME).returncode == 0)
        call(directory)
        sent = packets_sent()
        expect(f"SIPp's call was answered and spoken to ({sent:.0f} packets)", sent > 50)
        lines = stop(podman)
        ends = [each for each in lines if " ended: completed, code 200" in str(each["message"])]
        expect(
            f"`podman stop` ends it with 0; its log is JSON and has the call ({len(lines)} lines)",
            len(ends) == 1,
        )
        start(podman, directory, server.server_address[1])
        listed = podman(
            "exec", NAME, "/opt/callapi/bin/callapi", "calls", "--config", "/etc/callapi/callapi.toml"
        )
        expect("a new container with the same volume has the call", str(ends[0]["call_sid"]) in listed)
        stop(podman)
    finally:
        podman.run("rm", "--force", "--all")
        server.shutdown()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        given = Path(sys.argv[1]).resolve()
        given.mkdir(parents=True, exist_ok=True)
        main(given)
    else:
        with tempfile.TemporaryDirectory(prefix="callapi-container-") as folder:
            main(Path(folder))
