"""Whatever SQLAlchemy and the drivers raise has one of two meanings."""

import sqlite3

import psycopg
import pytest
from sqlalchemy import exc

from callapi.store import Conflict, StoreError, Unavailable
from callapi.store.sql.database import mapped_errors


def _wrapped(kind: type[exc.DBAPIError], origin: Exception) -> exc.DBAPIError:
    return kind("INSERT", None, origin)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (_wrapped(exc.IntegrityError, sqlite3.IntegrityError("UNIQUE constraint failed")), Conflict),
        (_wrapped(exc.DataError, psycopg.DataError("NUL")), Conflict),
        (_wrapped(exc.ProgrammingError, sqlite3.ProgrammingError("Error binding parameter 1")), Conflict),
        (_wrapped(exc.ProgrammingError, psycopg.ProgrammingError("cannot adapt type")), Conflict),
        (_wrapped(exc.ProgrammingError, psycopg.errors.UndefinedTable("calls")), Unavailable),
        (_wrapped(exc.ProgrammingError, psycopg.errors.InsufficientPrivilege("calls")), Unavailable),
        (_wrapped(exc.OperationalError, sqlite3.OperationalError("database is locked")), Unavailable),
        (_wrapped(exc.OperationalError, psycopg.errors.AdminShutdown("bye")), Unavailable),
        (_wrapped(exc.InternalError, psycopg.errors.ReadOnlySqlTransaction("standby")), Unavailable),
        (_wrapped(exc.DatabaseError, sqlite3.DatabaseError("malformed")), Unavailable),
        (exc.TimeoutError("pool"), Unavailable),
        (exc.InvalidRequestError("odd"), Unavailable),
        (sqlite3.OperationalError("disk I/O error"), Unavailable),
        (OSError("no such directory"), Unavailable),
        (UnicodeEncodeError("utf-8", "\udc80", 0, 1, "surrogates not allowed"), Conflict),
        (OverflowError("int too large"), Conflict),
        (TypeError("odd"), Conflict),
        (Conflict("already said"), Conflict),
    ],
    ids=repr,
)
def test_every_error_is_mapped(error: Exception, meaning: type[StoreError]) -> None:
    with pytest.raises(meaning), mapped_errors():
        raise error


ERRORS = [
    each for each in vars(exc).values() if isinstance(each, type) and issubclass(each, exc.SQLAlchemyError)
]


@pytest.mark.parametrize("kind", ERRORS)
def test_no_error_of_sqlalchemy_is_forgotten(kind: type[exc.SQLAlchemyError]) -> None:
    is_of_driver = issubclass(kind, exc.StatementError)
    error = kind("INSERT", None, ValueError("odd"), False) if is_of_driver else kind.__new__(kind)
    with pytest.raises(StoreError), mapped_errors():
        raise error
