"""Applications below paths of their own."""

from typing import Any

import pytest

from callapi.http.mounts import Mounts


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "rest"),
        ("/health", "rest"),
        ("/console", "console"),
        ("/console/", "console"),
        ("/console/calls/CA1", "console"),
        ("/consoles", "rest"),
        ("/metrics", "metrics"),
        ("/2010-04-01/console", "rest"),
    ],
)
async def test_the_first_part_of_the_path_decides(path: str, expected: str) -> None:
    """And the path stays whole."""
    seen: list[tuple[str, str]] = []

    def app(name: str) -> Any:
        async def answer(scope: Any, _receive: Any, _send: Any) -> None:
            seen.append((name, scope["path"]))

        return answer

    async def nothing(*_: Any) -> Any:
        return None

    mounts = Mounts({"/console": app("console"), "/metrics": app("metrics")}, app("rest"))
    await mounts({"type": "http", "path": path}, nothing, nothing)
    assert seen == [(expected, path)]
