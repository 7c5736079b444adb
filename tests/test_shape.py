"""The ceilings: modules of 600 lines, functions of 60; every module says what it is."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src").rglob("*.py"))
RUST = sorted(path for path in (ROOT / "native").rglob("*.rs") if "target" not in path.parts)
MAX_MODULE = 600
MAX_FUNCTION = 60


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _listed(found: list[str], what: str) -> None:
    """Fail with every finding, a line each."""
    assert not found, f"{what}:\n" + "\n".join(found)


def test_no_module_is_over_the_ceiling() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES + RUST}
    long = [f"{_name(path)} has {lines} lines" for path, lines in lengths.items() if lines > MAX_MODULE]
    _listed(long, f"split what is over {MAX_MODULE} lines")


def test_functions_are_short_and_the_module_says_what_it_is() -> None:
    found = []
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            found.append(f"{_name(path)} has no docstring")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION:
                    found.append(f"{_name(path)}:{node.lineno} {node.name} has {length} lines")
    _listed(found, f"a docstring for each module, functions of at most {MAX_FUNCTION} lines")


def test_rooms_have_a_docstring_and_do_nothing_else_than_re_export() -> None:
    for path in (ROOT / "src").rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node in body:
            allowed = isinstance(node, ast.Expr | ast.Import | ast.ImportFrom | ast.Assign)
            assert allowed, f"{_name(path)}:{node.lineno} does more than re-export"


def test_what_says_that_it_is_pure_is_held_to_it() -> None:
    """A module or class whose docstring says `pure` is in the purity contract of import-linter."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    held = next(each["source_modules"] for each in contracts["contracts"] if each["type"] == "forbidden")
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts: list[ast.Module | ast.ClassDef] = [tree]
        parts += [each for each in tree.body if isinstance(each, ast.ClassDef)]
        if any(re.search(r"\bpure\b", ast.get_docstring(each) or "", re.IGNORECASE) for each in parts):
            name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
            assert any(name == each or name.startswith(f"{each}.") for each in held), (
                f"{name} says that it is pure: add it to the contract `Machines do no I/O` in pyproject.toml"
            )


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


MIGRATIONS = sorted((ROOT / "src/callapi/store/migrations/versions").glob("r*.py"))
REVISION = re.compile(r'^(?:down_)?revision(?:: \S+)? = (?:"(r\d{4})"|None)$', re.MULTILINE)


def test_the_steps_of_migration_are_one_chain() -> None:
    """Two that were written at the same time do not stand beside each other."""
    numbers = [path.name.partition("_")[0] for path in MIGRATIONS]
    assert len(set(numbers)) == len(numbers), "give the later one the next number"
    for before, path in zip([None, *numbers], MIGRATIONS, strict=False):
        found = REVISION.findall(path.read_text(encoding="utf-8"))
        assert found == [path.name.partition("_")[0], before or ""], _name(path)


TESTED_ELSEWHERE = {
    "calls/bridges": "tests/verbs/dial/test_transfer.py",
    "calls/documents": "tests/verbs/test_leaving.py",
    "cli/demo": "tests/scenarios/test_cli.py",
    "cli/doctor": "tests/scenarios/test_cli.py",
    "media/plane/fake": "tests/media/plane/test_fake.py",
    "media/prompts/containers": "tests/media/prompts/test_containers.py",
    "store/migrations": "tests/store/sql/test_upgrade.py",
    "store/migrations/versions": "tests/test_shape.py",
    "verbs/relay": "tests/scenarios/test_conversation_relay.py",
}
"""Rooms whose tests do not lie at their own path below `tests/`, and where they lie."""


def test_tests_mirror_the_rooms() -> None:
    source = ROOT / "src" / "callapi"
    for package in source.rglob("__init__.py"):
        room = str(package.parent.relative_to(source))
        if room == ".":
            continue
        mirrored = list((ROOT / "tests" / room).glob("test_*.py"))
        elsewhere = TESTED_ELSEWHERE.get(room)
        assert mirrored or elsewhere, (
            f"{room} has no tests: make tests/{room}, or name them in TESTED_ELSEWHERE"
        )
        assert not (mirrored and elsewhere), (
            f"{room} has tests at its own path: leave it out of TESTED_ELSEWHERE"
        )
        assert elsewhere is None or (ROOT / elsewhere).exists(), f"{elsewhere} does not exist"


PRIVATE_WORDS = re.compile(
    r"\btold\b|\btells?\b|\bwhoever\b|\bnobody\b(?!@|\"|<|\.)|\bfor want of\b|\blet go of\b|\bfor ever\b"
    r"|\ball the same\b|(?<!there )\b(?:is|are) no (?!longer|different|more)[a-z]+",
    re.IGNORECASE,
)
"""Turns that CONTRIBUTING.md asks to put otherwise; `nobody` remains as the name of a client that does not exist."""
PRIVATE_NAMES = re.compile(
    r"(?:^|_)(?:told|tells?|contest|doorman|guesses|placer|births?|errand|obey|presser|gatekeeper|discreet|strays"
    r"|essence|hungry|whoever|nobody|ears?|mouth|house)(?:_|$)|^_?(?:most|longest)_(?!text)|^_?most$"
)
PRIVATE_RUST_NAMES = re.compile(rf"{PRIVATE_NAMES.pattern}|(?:^|_)(?:patience|longest)(?:_|$)")
"""Names that had several meanings, or none for a reader; upper and lower case alike, in any part of a name."""
QUOTING = {"tests/test_shape.py", "CONTRIBUTING.md"}
"""Files that name the words in order to forbid them."""
OWN_PYTHON = sorted(
    path
    for folder in ("src", "tests", "bench", "fuzz")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts
)
PROSE = [*OWN_PYTHON, *RUST, *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]


def test_sentences_have_a_subject() -> None:
    found = [
        f"{_name(path)}:{number}: {line.strip()}"
        for path in PROSE
        if _name(path) not in QUOTING
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PRIVATE_WORDS.search(line)
    ]
    _listed(found, "plain technical English (CONTRIBUTING.md, Words)")


def _names(path: Path) -> set[str]:
    """What the module defines: functions, classes, parameters, variables and attributes."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _rust_names(path: Path) -> set[str]:
    """Every identifier of the module outside comments and strings."""
    code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
    code = re.sub(r'"(?:\\.|[^"\\])*"', "", code, flags=re.DOTALL)
    return set(re.findall(r"\b[A-Za-z_]\w*\b", code))


def test_names_are_the_field_s_in_rust_too() -> None:
    found = [
        f"{_name(path)} names {name}"
        for path in RUST
        for name in sorted(_rust_names(path))
        if PRIVATE_RUST_NAMES.search(_snake(name))
    ]
    _listed(found, "the field's word (CONTRIBUTING.md, Words)")


def test_what_a_phone_sends_is_a_digit() -> None:
    """RFC 4733's event of a key press is a digit here; a key encrypts."""
    dtmf = [path for path in RUST if {"dtmf", "tone"} & set(path.parts) or path.stem == "inband_dtmf"]
    assert dtmf
    for path in dtmf:
        keys = sorted(name for name in _rust_names(path) if re.search(r"(?:^|_)keys?(?:_|$)", _snake(name)))
        assert not keys, f"{_name(path)} names {', '.join(keys)}"


def test_names_are_the_field_s() -> None:
    found = [
        f"{_name(path)} names {name}"
        for path in OWN_PYTHON
        for name in sorted(_names(path))
        if PRIVATE_NAMES.search(_snake(name))
    ]
    _listed(found, "the field's word (CONTRIBUTING.md, Words)")
