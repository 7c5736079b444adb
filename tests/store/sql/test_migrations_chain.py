"""The steps of migration are one chain: two that were written at the same time do not stand beside each other."""

import re
from pathlib import Path

from callapi.store.migrations import versions

STEPS = sorted(Path(versions.__file__).parent.glob("r*.py"))
REVISION = re.compile(r'^(?:down_)?revision(?:: \S+)? = (?:"(r\d{4})"|None)$', re.MULTILINE)


def test_each_step_follows_the_one_before() -> None:
    numbers = [path.name.partition("_")[0] for path in STEPS]
    assert len(set(numbers)) == len(numbers), "give the later one the next number"
    for before, path in zip([None, *numbers], STEPS, strict=False):
        assert REVISION.findall(path.read_text(encoding="utf-8")) == [
            path.name.partition("_")[0],
            before or "",
        ]
