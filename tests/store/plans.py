"""How SQLite means to answer a query."""

from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from callapi.store.query import Query
from callapi.store.sql.backend import SqlBackend, statement
from callapi.store.sql.tables import TABLES


def plan_of(query: Query[Any], directory: Path) -> str:
    """The plan, on the database in `directory`, which is made if there is none."""
    file = directory / "callapi.db"
    url = f"sqlite:///{file}"
    if not file.exists():
        backend = SqlBackend(url)
        backend.open()
        backend.close()
    engine = create_engine(url)
    text = statement(query, list(TABLES[query.kind].c)).compile(
        engine, compile_kwargs={"literal_binds": True}
    )
    with engine.connect() as connection:
        lines = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    engine.dispose()
    return "; ".join(lines)
