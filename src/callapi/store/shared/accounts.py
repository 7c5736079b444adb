"""What each account uses over all nodes: live calls, and rates. One transaction for each question.

An account's questions are asked one after another (an advisory lock of PostgreSQL), so that two nodes do not give away
the last place twice. Only accounts under a limit are asked about.
"""

import hashlib
from datetime import timedelta
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.dialects import postgresql

from callapi.store.shared.tables import ACCOUNT_RATES, ACCOUNT_USE
from callapi.store.sql.database import mapped_errors

_LOCK: Final = text("SELECT pg_advisory_xact_lock(:lock)")
_NOW: Final = text("SELECT clock_timestamp()")


class Use(Struct, frozen=True):
    """The answer: whether a call may begin, and how many calls the account has on other nodes."""

    has_room: bool
    is_within_rate: bool
    elsewhere: int


class AccountUse:
    """The use of accounts, as `node` counts its own. Methods block; they raise Unavailable."""

    def __init__(self, engine: Engine, node: str) -> None:
        self._engine = engine
        self._node = node

    def reserve(self, account: str, live: int, max_live: int, rate: float) -> Use:
        """Begin one more call, if the account may: at most `max_live` at once (0: any), `rate` a second (0: any).

        `live` is what this node has. What is reserved and not used is corrected by the next `count`.
        """
        with mapped_errors(), self._engine.begin() as connection:
            _lock(connection, account)
            elsewhere = self._elsewhere(connection, account)
            if max_live and elsewhere + live >= max_live:
                return Use(has_room=False, is_within_rate=True, elsewhere=elsewhere)
            if rate and take_turn(connection, account, "calls", rate, max(1.0, rate)) > 0:
                return Use(has_room=True, is_within_rate=False, elsewhere=elsewhere)
            self._put(connection, account, live + 1)
            return Use(has_room=True, is_within_rate=True, elsewhere=elsewhere)

    def count(self, account: str, live: int) -> int:
        """This node has `live` calls of the account; how many the others have."""
        with mapped_errors(), self._engine.begin() as connection:
            self._put(connection, account, live)
            return self._elsewhere(connection, account)

    def turn(self, account: str, rate: float) -> float:
        """Take the next turn of calls over REST, `rate` a second; 0: it is now, else how long to wait and ask again."""
        with mapped_errors(), self._engine.begin() as connection:
            _lock(connection, account)
            return take_turn(connection, account, "rest", rate, 1.0)

    def _elsewhere(self, connection: Connection, account: str) -> int:
        others = select(func.coalesce(func.sum(ACCOUNT_USE.c.live_calls), 0)).where(
            ACCOUNT_USE.c.account_sid == account, ACCOUNT_USE.c.node != self._node
        )
        return int(connection.execute(others).scalar_one())

    def _put(self, connection: Connection, account: str, live: int) -> None:
        row = postgresql.insert(ACCOUNT_USE).values(account_sid=account, node=self._node, live_calls=live)
        connection.execute(
            row.on_conflict_do_update(index_elements=["account_sid", "node"], set_={"live_calls": live})
        )


def take_turn(connection: Connection, account: str, kind: str, rate: float, burst: float) -> float:
    """The generic cell rate algorithm (ITU-T I.371) on a row: 0, and the turn is taken; else the seconds to wait."""
    interval = timedelta(seconds=1 / rate)
    now = connection.execute(_NOW).scalar_one()
    key = (ACCOUNT_RATES.c.account_sid == account, ACCOUNT_RATES.c.kind == kind)
    due = connection.execute(select(ACCOUNT_RATES.c.free_at).where(*key)).scalar()
    due = now if due is None else max(due, now)
    wait = (due - now - (burst - 1) * interval).total_seconds()
    if wait > 0:
        return float(wait)
    row = postgresql.insert(ACCOUNT_RATES).values(account_sid=account, kind=kind, free_at=due + interval)
    connection.execute(
        row.on_conflict_do_update(index_elements=["account_sid", "kind"], set_={"free_at": due + interval})
    )
    return 0.0


def _lock(connection: Connection, account: str) -> None:
    digest = hashlib.blake2b(account.encode(), digest_size=8).digest()
    connection.execute(_LOCK, {"lock": int.from_bytes(digest, "big", signed=True)})
