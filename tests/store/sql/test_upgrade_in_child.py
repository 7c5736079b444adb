"""`upgrade_in_child`: the tables are made, and the process that asked for it has not loaded Alembic."""

import subprocess
import sys
from pathlib import Path

from callapi.store.sql.upgrade import newest_version

SCRIPT = """\
import sys
from callapi.store import upgrade_in_child
from callapi.store.sql.database import engines
from callapi.store.sql.upgrade import version
upgrade_in_child(sys.argv[1])
with engines(sys.argv[1])[1].connect() as connection:
    print(version(connection), "alembic" in sys.modules)
"""


def upgraded(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", SCRIPT, url], capture_output=True, text=True, check=False)


def test_the_tables_are_there_and_alembic_is_not(tmp_path: Path) -> None:
    done = upgraded(f"sqlite:///{tmp_path}/new.db")
    assert done.stdout.split() == [newest_version(), "False"], done.stderr


def test_what_is_wrong_with_the_database_is_left_to_the_opener(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    file.write_text("no database")
    done = upgraded(f"sqlite:///{file}")
    assert "file is not a database" in done.stderr
