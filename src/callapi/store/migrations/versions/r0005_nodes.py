"""Several nodes on one database: who they are, what belongs to whom, commands between them."""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_BIG = sa.BigInteger()
_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the step."""
    for table in ("callbacks", "bindings", "recordings"):
        op.add_column(table, sa.Column("node", sa.Text(), nullable=False, server_default=""))
    _nodes()
    _commands()
    _queue()
    op.create_table(
        "shared_values",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("epoch", _BIG, nullable=False),
        sa.Column("beat", _BIG, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sip", sa.Text(), nullable=False),
        sa.Column("http", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("live_calls", sa.Integer(), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("is_drain_wanted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("epoch", _BIG, nullable=False),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("is_taken", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("commands_by_node", "commands", ["node", "is_taken"])


def _queue() -> None:
    op.create_table(
        "queued_calls",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("position", _POSITION, nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call_sid"),
    )
    op.create_index("queued_calls_by_node", "queued_calls", ["node", "position"])
    op.create_table(
        "account_use",
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("live_calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_sid", "node"),
    )
    op.create_table(
        "account_rates",
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("free_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("account_sid", "kind"),
    )
