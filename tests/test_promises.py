"""`docs/rooms/dial.md` names the test of each promise, and `docs/notifications.md` each code: what they name exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "rooms" / "dial.md"
CODES = ROOT / "docs" / "notifications.md"


def _tests_of(folder: Path) -> set[str]:
    return {
        node.name
        for path in folder.rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_each_promise_names_tests_that_exist() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not row.startswith(("| ---", "| promise", "| not here"))]
    assert len(promises) > 60
    known = {folder: _tests_of(ROOT / "tests" / folder) for folder in ("scenarios", "verbs")}
    for row in promises:
        named = re.findall(r"`(?:(\w+)/)?(test_\w+)`", row)
        assert named, row
        for folder, name in named:
            assert name in known[folder or "scenarios"], f"{row}: there is no {name}"


@pytest.mark.parametrize("room", ["calls", "verbs"])
def test_the_page_has_the_code_of_each_notification(room: str) -> None:
    documented = set(re.findall(r"\b\d{5}\b", CODES.read_text(encoding="utf-8")))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src" / "callapi" / room).glob("*.py")]
    defined = {
        code.replace("_", "")
        for source in sources
        for code in re.findall(r"^[A-Z_]+: Final = ((?:1[1-4]|21|32|60)_?\d{3})$", source, re.MULTILINE)
    }
    assert defined
    assert defined <= documented
