"""One node to a data directory."""

from pathlib import Path

import pytest

from callapi.cli.data_dir import DataDirInUse, locked, locked_or_another


def test_a_second_node_is_refused_until_the_first_has_left(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    with locked(folder), pytest.raises(DataDirInUse, match="in use by another node"), locked(folder):
        pass
    with locked(folder) as again:
        assert again == folder


def test_a_demo_takes_the_next_free_one(tmp_path: Path) -> None:
    with locked_or_another(tmp_path / "data") as one, locked_or_another(tmp_path / "data") as other:
        assert (one.name, other.name) == ("data", "data-2")
    with locked_or_another(tmp_path / "data") as again:
        assert again.name == "data"
