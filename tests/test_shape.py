"""The ceilings of the house: modules of 600 lines, functions of 60; every module says what it is."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src").rglob("*.py"))
RUST = sorted(path for path in (ROOT / "native").rglob("*.rs") if "target" not in path.parts)
MAX_MODULE = 600
MAX_FUNCTION = 60


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES + RUST, ids=_name)
def test_no_module_is_over_the_ceiling(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_MODULE, f"{_name(path)} has {lines} lines; split it"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_functions_are_short_and_the_module_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{_name(path)} has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION, f"{_name(path)}:{node.lineno} {node.name} has {length} lines"


def test_rooms_have_a_docstring_and_do_nothing_else_than_re_export() -> None:
    for path in (ROOT / "src").rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node in body:
            allowed = isinstance(node, ast.Expr | ast.Import | ast.ImportFrom | ast.Assign)
            assert allowed, f"{_name(path)}:{node.lineno} does more than re-export"


def test_only_the_media_room_touches_the_native_module() -> None:
    importers = [_name(path) for path in MODULES if "import _native" in path.read_text(encoding="utf-8")]
    assert importers
    assert all(each.startswith("src/callapi/media/") for each in importers), importers


def test_the_architecture_names_each_folder_and_no_other() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [row.split("|")[2] for row in page.splitlines() if re.match(r"\| \d ", row)]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    source = ROOT / "src" / "callapi"
    folders = {str(path.parent.relative_to(source)) for path in source.rglob("__init__.py")} - {"."}
    assert named == folders
