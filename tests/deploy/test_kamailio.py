"""What `deploy/kamailio/render` writes is a configuration that Kamailio accepts, for each kind of socket."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.harness.service import KAMAILIO, RENDER

NODES = ("--node", "node-1=udp://127.0.0.11:5060", "--node", "node-2=udp://127.0.0.12:5060")
SOCKETS = {
    "udp alone": ("udp://127.0.0.1:5060",),
    "udp and tcp": ("udp://127.0.0.1:5060", "tcp://127.0.0.1:5060"),
    "websocket": ("udp://127.0.0.1:5060", "ws://127.0.0.1:8090"),
    "everything": (
        "udp://127.0.0.1:5060",
        "tcp://127.0.0.1:5060",
        "tls://127.0.0.1:5061",
        "ws://127.0.0.1:8090",
        "wss://127.0.0.1:8443",
    ),
    "ipv6": ("udp://[::1]:5060", "tcp://[::1]:5060"),
}


def render(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RENDER), "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def edges(urls: tuple[str, ...]) -> list[str]:
    return [part for url in urls for part in ("--edge", url)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A certificate of our own, and the arguments that name it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    pem, key = folder / "edge.pem", folder / "edge.key"
    subject = ["-subj", "/CN=sip.example.test", "-days", "2"]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-out", pem, "-keyout", key, *subject],
        check=True,
        capture_output=True,
    )
    return "--tls-certificate", str(pem), "--tls-private-key", str(key)


@pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed")
@pytest.mark.parametrize("urls", SOCKETS.values(), ids=SOCKETS.keys())
def test_kamailio_accepts_what_is_written(
    urls: tuple[str, ...], certificate: tuple[str, ...], tmp_path: Path
) -> None:
    written = render(tmp_path, *edges(urls), *NODES, *certificate)
    assert written.returncode == 0, written.stderr
    checked = subprocess.run(
        [str(KAMAILIO), "-c", "-f", str(tmp_path / "kamailio.cfg"), "-Y", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "config file ok" in checked.stderr
    assert "ERROR" not in checked.stderr, checked.stderr


def test_the_nodes_are_in_the_dispatcher_list_with_their_names(tmp_path: Path) -> None:
    written = render(tmp_path, "--edge", "udp://127.0.0.1:5070", *NODES)
    assert written.returncode == 0, written.stderr
    lines = (tmp_path / "dispatcher.list").read_text(encoding="utf-8").splitlines()
    assert "1 sip:127.0.0.11:5060 0 0 duid=node-1;socket=udp:127.0.0.1:5070" in lines
    assert "@@" not in (tmp_path / "kamailio.cfg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--edge", "udp://sip.example.com:5060", *NODES), "IP address"),
        (("--edge", "sctp://127.0.0.1:5060", *NODES), "udp, tcp, tls, ws, wss"),
        (("--edge", "wss://127.0.0.1:443", *NODES), "udp:// or tcp://"),
        (("--edge", "udp://127.0.0.1:5060", "--edge", "tls://127.0.0.1:5061", *NODES), "--tls-certificate"),
        (("--edge", "udp://127.0.0.1:5060", "--node", "udp://127.0.0.11:5060"), "node-1=udp://"),
        (("--edge", "udp://127.0.0.1:5060", *NODES, *NODES), "name of its own"),
        (("--edge", "udp://127.0.0.1:99999", *NODES), "65535"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    written = render(tmp_path, *arguments)
    assert written.returncode == 2
    assert said in written.stderr
