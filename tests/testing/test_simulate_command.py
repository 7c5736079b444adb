"""`callapi simulate`: a script against a real server of an application."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from callapi.cli.main import main
from tests.testing.test_sockets import real_server

MENU = '<Response><Gather numDigits="1" action="/menu"><Say>Press 1.</Say></Gather></Response>'


class Handler(BaseHTTPRequestHandler):
    """A menu."""

    def do_POST(self) -> None:
        """Answer with a document."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        digits = form.get("Digits", [""])[0]
        text = f"<Response><Say>You pressed {digits}.</Say></Response>" if self.path == "/menu" else MENU
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """A server of the menu."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/voice"
        server.shutdown()


def test_a_script(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0 when every step came true; what was heard is printed."""
    steps = ["hears Press 1", "press 7", "hears You pressed 7", "asked /menu Digits=7", "ends completed"]
    assert main(["simulate", url, *(part for step in steps for part in ("--step", step))]) == 0
    assert "heard: You pressed 7." in capsys.readouterr().out


def test_asked_waits_for_what_follows(url: str) -> None:
    """The request comes once the Gather has its digit, which is after the step that presses it."""
    assert main(["simulate", url, "--step", "press 7", "--step", "asked /menu Digits=7"]) == 0


def test_rcml_check_of_a_url_that_takes_post_alone(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rcml", "check", url]) == 0
    assert "would run" in capsys.readouterr().out


def test_a_step_that_does_not_come_true(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, and what was heard instead."""
    assert main(["simulate", url, "--step", "hears Press 2"]) == 1
    assert "Press 1." in capsys.readouterr().out


@pytest.mark.timeout(60)
def test_a_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    """A real server's WebSocket; a message that was not sent is said to be missing."""
    steps = ["hears How can I help", "says tickets", "hears A real server heard tickets", "hang-up"]
    asked = "socket /relay prompt voicePrompt=tickets last=true"
    with real_server() as base:
        script = [part for step in (*steps[:3], asked, steps[3]) for part in ("--step", step)]
        assert main(["simulate", f"{base}/relay", *script]) == 0
        assert main(["simulate", f"{base}/relay", "--step", "hang-up", "--step", "socket /relay dtmf"]) == 1
    assert "'dtmf'" in capsys.readouterr().out


@pytest.mark.parametrize("step", ["sings a song", "press"])
def test_bad_steps(url: str, step: str) -> None:
    """An unknown word is an error that names the known ones."""
    assert main(["simulate", url, "--step", step, "--step", "hang-up"]) == (
        1 if step.startswith("sings") else 0
    )
