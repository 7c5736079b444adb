"""A transaction of PostgreSQL in two round trips, on a connection that is not asked first whether it still lives.

Statements are sent one behind the other (libpq's pipeline mode) with the question whether this node may write; their
answers are read at once, and the commit is sent only if it may. Each round trip saved is a wait of the writer's thread,
for which it would give the interpreter away and have it again.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Engine, exc

from callapi.store.sql.rows import Write

_ATTEMPTS: Final = 2
"""To get as far as the commit: the server may have been restarted since the connection was used last."""


def write_in_pipeline(engine: Engine, guard: Write | None, writes: Callable[[], Iterable[Write]]) -> bool:
    """Run `writes` in one transaction; False, and nothing is written, if `guard` finds no row.

    Raises what SQLAlchemy makes of the driver's errors. Once the commit was sent it may have been made nevertheless.
    """
    for left in reversed(range(_ATTEMPTS)):
        attempt = _Attempt(engine, guard)
        try:
            return attempt.run(writes())
        except exc.DBAPIError as error:
            if not (left and error.connection_invalidated) or attempt.is_committing:
                raise
    raise AssertionError("the last attempt returns or raises")


class _Attempt:
    def __init__(self, engine: Engine, guard: Write | None) -> None:
        self._engine = engine
        self._guard = guard
        self.is_committing = False

    def run(self, writes: Iterable[Write]) -> bool:
        dialect = self._engine.dialect
        errors: Any = dialect.loaded_dbapi
        with self._engine.connect() as connection:
            pooled = connection.connection
            driver: Any = pooled.driver_connection
            try:
                return self._send(driver, writes, errors.Error)
            except errors.Error as error:
                is_lost = dialect.is_disconnect(error, driver, None)
                if is_lost:
                    pooled.invalidate(error)
                raise exc.DBAPIError.instance(
                    None, None, error, errors.Error, connection_invalidated=is_lost, dialect=dialect
                ) from error

    def _send(self, driver: Any, writes: Iterable[Write], error_kind: type[Exception]) -> bool:
        failure: Exception | None = None
        is_free = True
        with driver.pipeline() as pipeline, driver.cursor() as asking, driver.cursor() as writing:
            try:
                if self._guard is not None:
                    asking.execute(*self._guard, prepare=True)
                for statement, values in writes:
                    if isinstance(values, list):
                        writing.executemany(statement, values)
                    else:
                        writing.execute(statement, values)
                is_free = self._guard is None or asking.fetchone() is not None
                if is_free:
                    self.is_committing = True
                    writing.execute("COMMIT")
            except error_kind as error:
                failure = error
                with suppress(error_kind):  # what was sent behind the statement that failed
                    pipeline.sync()
        if failure is not None:
            raise failure
        return is_free
