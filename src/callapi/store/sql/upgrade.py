"""Bringing a database's tables up to date, with the migrations that come with the package."""

from importlib import resources
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from callapi.store.errors import Unavailable

# "CallAPI" in ASCII: nodes that start at the same time take turns.
_LOCK: Final = 0x43616C6C415049
MAX_S: Final = 600
"""How long the migrations of one start may take, or be waited for."""
_STEPS: Final = "callapi.store.migrations.versions"


def newest_version() -> str:
    """The migration that leads to the tables of this CallAPI; a step's file begins with its number."""
    return max(
        each.name.partition("_")[0] for each in resources.files(_STEPS).iterdir() if each.name[0] == "r"
    )


def version(connection: Connection) -> str | None:
    """The last migration that the database had; None: not one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: Engine) -> None:
    """Run the migrations that the database has not had.

    Raises:
        Unavailable: its tables are of a later version of CallAPI than this one.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Another node may be at it, and a large table takes its time: neither is a reason not to start.
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET LOCAL {name} = '{MAX_S}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if version(connection) != newest_version():
            _run_steps(connection)


def _run_steps(connection: Connection) -> None:
    # Costs memory and a moment, and hardly a start needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "callapi.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(f"its tables are of another version of CallAPI: {error}") from error
