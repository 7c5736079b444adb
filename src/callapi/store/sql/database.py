"""Connections to SQLite and PostgreSQL, and what their errors mean.

SQLite runs in WAL mode with `synchronous=NORMAL`: what is committed survives the death of the process at any moment,
for it is in the system's hands; a power cut may take the last moments before it, but never the file's integrity.
PostgreSQL's own setting (`synchronous_commit`) decides there.
"""

import fcntl
import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from callapi.store.errors import Conflict, StoreError, Unavailable

READERS: Final = 4
_BUSY_TIMEOUT_MS: Final = 1000
_POSTGRESQL: Final = {
    "connect_timeout": 3,
    "application_name": "callapi",
    "tcp_user_timeout": 5000,
    # A process that is suspended within a transaction must not keep others from taking over what it had.
    "options": "-c statement_timeout=10000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=2000",
}
_SHORT: Final = "-c statement_timeout=4000 -c lock_timeout=3000"
"""The patience of what nodes do among themselves."""
_REFUSED: Final = (exc.IntegrityError, exc.DataError)
_NOT_SQL: Final = (exc.ProgrammingError, exc.InterfaceError)
_NOT_A_VALUE: Final = (ValueError, TypeError, OverflowError, AttributeError)


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn what SQLAlchemy and the drivers raise into `Conflict` or `Unavailable`."""
    try:
        yield
    except StoreError:
        raise
    except (exc.SQLAlchemyError, sqlite3.Error, OSError, *_NOT_A_VALUE) as error:
        raise _mapped(error) from error


def _mapped(error: Exception) -> StoreError:
    origin = getattr(error, "orig", None) or error
    detail = f"{type(origin).__name__}: {origin}".splitlines()[0]
    if isinstance(error, (*_REFUSED, *_NOT_A_VALUE)):
        return Conflict(detail)
    # The driver could not make SQL of a value: the server, which has codes for its errors, never saw it.
    if isinstance(error, _NOT_SQL) and getattr(origin, "sqlstate", None) is None:
        return Conflict(detail)
    return Unavailable(detail)


def engines(url: str) -> tuple[Engine, Engine]:
    """One engine for the thread that writes, one for those that read.

    Raises:
        Unavailable: the URL, its directory or its driver is not usable.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed, is_reader=False), _sqlite(parsed, is_reader=True)
        # Writes try again by themselves on a new connection (`pipelined`), so theirs is not asked before each.
        return _postgresql(parsed, pool_size=1, is_asked=False), _postgresql(parsed, pool_size=READERS)
    except ImportError as error:
        raise Unavailable(
            f"{error}; PostgreSQL needs the extra: pip install 'callapi[postgresql]'"
        ) from error
    except (exc.ArgumentError, OSError) as error:
        raise Unavailable(str(error)) from error


def _sqlite(url: URL, *, is_reader: bool) -> Engine:
    if url.database in {None, "", ":memory:"}:
        raise Unavailable("a SQLite database must be a file, such as sqlite:///data/callapi.db")
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        pool_size=READERS if is_reader else 1,
        max_overflow=0,
        pool_timeout=5,
        # Transactions are begun by us (below), not by the driver's guess; threads take turns by the pool.
        connect_args={
            "isolation_level": None,
            "check_same_thread": False,
            "timeout": _BUSY_TIMEOUT_MS / 1000,
        },
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        if is_reader:
            connection.execute("PRAGMA query_only=ON")
        else:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA journal_size_limit=67108864")
            # Calls touch the same pages again and again: moved to the file less often, they are moved once.
            connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA synchronous=NORMAL")

    if not is_reader:

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # A transaction that starts by reading could not become a writing one when another process writes.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def nodes_engine(url: str, writing: Engine) -> Engine:
    """The engine for what nodes do among themselves: connections of its own, and short patience. SQLite: `writing`."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return writing
    return _postgresql(parsed, pool_size=2, options=_SHORT)


def heartbeat_engine(url: str) -> Engine:
    """The engine for heartbeats, one connection that is not asked first: a beat tries again by itself.

    Each statement stands alone: a heartbeat cannot wait for what a slow database makes of two more.
    """
    return _postgresql(make_url(url), pool_size=1, options=_SHORT, is_asked=False, autocommit=True)


def session_name(node: str, epoch: int) -> str:
    """The `application_name` of a session while it writes for the process of `node` at `epoch`; for no other.

    PostgreSQL keeps 63 octets and replaces what is not printable ASCII: a digest keeps names apart.
    """
    digest = hashlib.sha256(f"{epoch} {node}".encode()).hexdigest()[:20]
    return f"callapi {re.sub('[^!-~]', '?', node)[:32]} {digest}"


def bus_engine(url: str) -> Engine:
    """The engine for commands between nodes."""
    return _postgresql(make_url(url), pool_size=2, options=_SHORT)


def listen_conninfo(url: str) -> str:
    """`url` for a driver's own connection. It must reach the server itself, not a pooler of transactions."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def lock_file(url: str) -> IO[bytes]:
    """Hold the file of a SQLite database for this process: a second node on it would end the calls of the first.

    The kernel gives the lock back when the process ends, however that happens. Raises Unavailable.
    """
    path = Path(f"{make_url(url).database}.lock")
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Unavailable(
            f"{path.with_suffix('')} is in use by another node; nodes that share a database need PostgreSQL"
        ) from None
    return file


def _postgresql(
    url: URL,
    *,
    pool_size: int,
    options: str = "",
    is_asked: bool = True,
    autocommit: bool = False,
) -> Engine:
    """`is_asked`: each connection is asked whether it lives before it is used, and replaced if it does not."""
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        paramstyle="format",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=is_asked,
        connect_args={
            **_POSTGRESQL,
            "options": f"{_POSTGRESQL['options']} {options}",
            "autocommit": autocommit,
        },
    )
