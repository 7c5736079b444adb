"""`docs/configuration.md` names every key with its default, and its example is a valid configuration."""

import re
from pathlib import Path, PurePath

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from callapi.base.settings import NumberSettings, Settings, load_settings

DOCUMENT = Path(__file__).parents[1] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| .+ \|$", re.MULTILINE)


def _described() -> dict[str, dict[str, str]]:
    """Section -> key -> default, as the tables say."""
    text = DOCUMENT.read_text(encoding="utf-8")
    parts = re.split(r"^## `\[+(\w+)\]+`.*$", text, flags=re.MULTILINE)
    return {name: dict(ROW.findall(body)) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _sections() -> dict[str, type[BaseModel]]:
    sections = {
        name: type(field.default) for name, field in Settings.model_fields.items() if name != "numbers"
    }
    return {**sections, "numbers": NumberSettings}


def _as_written(default: object) -> str:
    match default:
        case bool():
            return str(default).lower()
        case str() | PurePath():
            return f'"{default}"'
        case tuple():
            return "[" + ", ".join(f'"{each}"' for each in default) + "]"
        case float() if default == int(default):
            return str(int(default))
    return str(default)


def test_every_key_is_described_with_its_default() -> None:
    described = _described()
    assert list(described) == list(_sections())
    for name, section in _sections().items():
        assert list(described[name]) == list(section.model_fields), name
        for key, field in section.model_fields.items():
            said = described[name][key]
            default = field.get_default(call_default_factory=True, validated_data={})
            if default is PydanticUndefined:
                assert said == "(required)", f"{name}.{key}"
            elif default is not None:
                assert said == f"`{_as_written(default)}`", f"{name}.{key}"


def test_the_example_is_a_valid_configuration(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.+?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "callapi.toml"
    path.write_text(example, encoding="utf-8")
    assert load_settings(path, {}).numbers[0].number == "+15550100"
