"""A node on SQLite needs no PostgreSQL driver."""

import subprocess
import sys

import pytest


@pytest.mark.timeout(60)
def test_the_store_is_imported_without_a_postgresql_driver() -> None:
    program = "import callapi.store, sys; print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
