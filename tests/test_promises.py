"""What the documentation names exists: tests, codes of notifications, classes, folders and files."""

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
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src" / "callapi" / room).rglob("*.py")]
    defined = {
        code.replace("_", "")
        for source in sources
        for code in re.findall(r"^[A-Z_]+: Final = ((?:1[1-4]|21|32|60)_?\d{3})$", source, re.MULTILINE)
    }
    assert defined
    assert defined <= documented


EXAMPLES = frozenset(
    {"test_the_menu_reaches_sales", "test_app", "test_the_caller_reaches_bob", "test_the_agent_repeats"}
)
"""Tests that a page shows to users for their own applications."""
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
WALKS = [
    ROOT / "docs" / "architecture.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs" / "rooms").glob("*.md")),
]


def test_every_test_that_a_page_names_exists() -> None:
    known = {path.stem for path in (ROOT / "tests").rglob("test_*.py")} | _tests_of(ROOT / "tests")
    rust = "\n".join(path.read_text(encoding="utf-8") for path in _rust())
    for page in PAGES:
        named = set(re.findall(r"\btest_\w+", page.read_text(encoding="utf-8"))) - EXAMPLES - known
        missing = {each for each in named if f"fn {each}" not in rust}
        assert not missing, f"{page.relative_to(ROOT)} names {', '.join(sorted(missing))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links to pages and headings of the repository, and files of tests by their whole path."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    broken = []
    for link in links:
        name, _, heading = link.partition("#")
        target = (page.parent / name) if name else page
        if "://" not in link and not (target.exists() and (not heading or heading in _headings(target))):
            broken.append(link)
    broken += [each for each in re.findall(r"`(tests/[\w/]+\.py)`", text) if not (ROOT / each).exists()]
    assert not broken, f"{page.relative_to(ROOT)}: {', '.join(broken)}"


def _headings(page: Path) -> set[str]:
    """The anchors of a page, as its host makes them of the headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def _rust() -> list[Path]:
    return [path for path in (ROOT / "native").rglob("*.rs") if "target" not in path.parts]


@pytest.mark.parametrize("page", WALKS, ids=lambda page: page.name)
def test_classes_and_files_that_a_walk_names_exist(page: Path) -> None:
    """Names in backticks: `CamelCase` is defined somewhere, `folder/file` lies below the package or the repository."""
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *_rust()]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    package = ROOT / "src" / "callapi"
    bases = [package, package / page.stem, package / "media" / "plane", ROOT, ROOT / "docs", ROOT / "tests"]
    bases += [
        ROOT / "tests" / page.stem,
        ROOT / "native" / "media-core" / "src",
        ROOT / "native" / "media-py" / "src",
    ]
    missing = []
    for named in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
        if re.fullmatch(r"[a-z_]+(/[a-z_]+)+(\.py|\.rs)?/?", named) and "/test_" not in named:
            path = named.rstrip("/")
            if not any((base / f"{path}{end}").exists() for base in bases for end in ("", ".py", ".rs")):
                missing.append(named)
        elif re.fullmatch(r"[A-Z][a-z]+(?:[A-Z][a-z]+)+", named) and not re.search(rf"\b{named}\b", text):
            missing.append(named)
    assert not missing, f"{page.relative_to(ROOT)} names {', '.join(missing)}"
