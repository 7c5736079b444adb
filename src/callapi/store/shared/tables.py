"""The tables that nodes share. They hold no records: nothing here belongs to an account."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from callapi.store.sql.tables import METADATA
from callapi.store.sql.types import Instant, Texts

NODES: Final = Table(
    "nodes",
    METADATA,
    Column("name", Text, primary_key=True),
    # Made at the first start and kept in the data directory: a node that comes back is known by it.
    Column("identity", Text, nullable=False),
    # Grows at each start and when another node takes over: the fencing token of every write.
    Column("epoch", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # up, draining, left, dead
    Column("sip", Text, nullable=False),
    Column("http", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("live_calls", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    # The numbers of its configuration file, so that another node does not delete them.
    Column("numbers", Texts, nullable=False),
    Column("is_drain_wanted", Boolean, nullable=False),
)

COMMANDS: Final = Table(
    "commands",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("asker", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("is_taken", Boolean, nullable=False),
    Column("answer", Text),
    Column("created_at", Instant, nullable=False),
)
Index("commands_by_node", COMMANDS.c.node, COMMANDS.c.is_taken)

SHARED_VALUES: Final = Table(
    "shared_values",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

QUEUED_CALLS: Final = Table(
    "queued_calls",
    METADATA,
    Column("call_sid", Text, primary_key=True),
    Column("account_sid", Text, nullable=False),
    Column("node", Text, nullable=False),  # '' while no node has it
    Column("position", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
    Column("command", Text, nullable=False),
)
Index("queued_calls_by_node", QUEUED_CALLS.c.node, QUEUED_CALLS.c.position)

ACCOUNT_USE: Final = Table(
    "account_use",
    METADATA,
    Column("account_sid", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("live_calls", Integer, nullable=False),
)

ACCOUNT_RATES: Final = Table(
    "account_rates",
    METADATA,
    Column("account_sid", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("free_at", Instant, nullable=False),
)

# Who waits in the queues of callers, as the node of each call writes it.
QUEUE_PLACES: Final = Table(
    "queue_places",
    METADATA,
    Column("queue_sid", Text, primary_key=True),
    Column("call_sid", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("is_agent", Boolean, nullable=False),
    Column("priority", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
)
