"""`docs/twilio.md` says of each word of Twilio's library what becomes of it here: it is what the code says."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "twilio_table.py"


@pytest.mark.timeout(120)
def test_the_page_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("twilio_table", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), (
        f"run {SCRIPT.name}: the surface has changed"
    )
