"""Which node has a conference: rows that the first one claims. Each method is one transaction, and blocks."""

from typing import Final

from sqlalchemy import Engine, and_, delete, select
from sqlalchemy.dialects import postgresql

from callapi.store.shared.tables import NODES, SHARED_VALUES
from callapi.store.shared.values import NodeState
from callapi.store.sql.database import mapped_errors

_RUNNING: Final = (NodeState.UP.value, NodeState.DRAINING.value)


class RoomTable:
    """The rooms of a cluster, as `node` claims them. Methods raise Unavailable."""

    def __init__(self, engine: Engine, node: str) -> None:
        self._engine = engine
        self._node = node

    def claim(self, account: str, name: str) -> str:
        """The node that has the room: this one, if none that runs has it."""
        key = _key(account, name)
        running = select(NODES.c.name).where(NODES.c.state.in_(_RUNNING))
        row = postgresql.insert(SHARED_VALUES).values(name=key, value=self._node)
        claim = row.on_conflict_do_update(
            index_elements=["name"],
            set_={"value": self._node},
            where=SHARED_VALUES.c.value.not_in(running),
        )
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(claim)
            found = connection.execute(select(SHARED_VALUES.c.value).where(SHARED_VALUES.c.name == key))
            host: str = found.scalar_one()
            return host

    def release(self, account: str, name: str) -> None:
        """The room is over."""
        mine = and_(SHARED_VALUES.c.name == _key(account, name), SHARED_VALUES.c.value == self._node)
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(delete(SHARED_VALUES).where(mine))

    def release_all(self) -> None:
        """What an earlier process of this node had is over."""
        mine = and_(SHARED_VALUES.c.name.startswith("room:"), SHARED_VALUES.c.value == self._node)
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(delete(SHARED_VALUES).where(mine))


def _key(account: str, name: str) -> str:
    return f"room:{account}:{name}"
