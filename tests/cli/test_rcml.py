"""`callapi rcml check`: findings as compilers print them, and the exit status."""

import gc
import io
from pathlib import Path

import pytest

from callapi.cli.main import main

GOOD = "<Response><Dial><Sip>sip:bob@example.com</Sip></Dial></Response>"
BAD = "<Response>\n  <Dail>1000</Dail>\n</Response>"
ODD = '<Response><Dial tiemout="3"><Sip>sip:bob@example.com</Sip></Dial></Response>'


def _check(path: Path, text: str, *options: str) -> int:
    path.write_text(text, encoding="utf-8")
    return main(["rcml", "check", str(path), *options])


def test_a_good_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(tmp_path / "a.xml", GOOD) == 0
    assert "would run" in capsys.readouterr().out


def test_an_error_has_place_and_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.xml"
    assert _check(path, BAD) == 1
    out = capsys.readouterr().out
    assert f"{path}:2:3: error 12200:" in out
    assert "Dail" in out
    assert "would not run (1 error, 0 warnings)" in out


def test_a_warning_does_not_stop_it_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(tmp_path / "a.xml", ODD) == 0
    assert "would run, with 1 warning" in capsys.readouterr().out
    assert _check(tmp_path / "a.xml", ODD, "--strict") == 1


def test_the_collector_works_while_a_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callapi.cli.rcml.run", lambda _: 7 if gc.isenabled() else 1)
    assert _check(tmp_path / "a.xml", GOOD) == 7


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    assert main(["rcml", "check", "-"]) == 1
    assert "-:2:3: error" in capsys.readouterr().out


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rcml", "check", str(tmp_path / "none.xml")]) == 2
    assert "No such file" in capsys.readouterr().out


def test_a_url_that_cannot_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rcml", "check", "http://127.0.0.1:1/voice"]) == 1
    assert "callapi: " in capsys.readouterr().err
