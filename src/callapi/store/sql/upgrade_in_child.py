"""Migrations in a child process: what Alembic takes (10 MB) is given back with its end."""

import contextlib
import os

from callapi.store.errors import StoreError
from callapi.store.sql.backend import SqlBackend


def upgrade_in_child(url: str) -> None:
    """Bring the database's tables up to date. To be called before this process has any thread.

    Raises nothing: an error of the database occurs again, and is reported, when the store is opened.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        backend = SqlBackend(url)
        with contextlib.suppress(StoreError):
            backend.open()
            backend.close()
    finally:
        os._exit(0)
