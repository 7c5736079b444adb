"""Recordings and their texts that a crash left unfinished are found, and reported where they were to be."""

import sqlalchemy as sa
from alembic import op

revision = "r0012"
down_revision = "r0011"

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the step."""
    for name in ("status_callback", "status_callback_method"):
        op.add_column("recordings", sa.Column(name, sa.Text(), nullable=True))
    events = sa.Column("status_callback_events", sa.Text(), nullable=False, server_default="[]")
    op.add_column("recordings", events)
    op.add_column("transcripts", sa.Column("node", sa.Text(), nullable=False, server_default=""))
    for name in ("recordings", "transcripts"):
        op.add_column(name, sa.Column("end_time", _INSTANT, nullable=True))
        table = sa.table(name, sa.column("status"), sa.column("end_time"), sa.column("date_updated"))
        over = table.c.status.not_in(("in-progress", "paused"))
        op.execute(table.update().where(over).values(end_time=table.c.date_updated))
        without_end = sa.text("end_time IS NULL")
        op.create_index(
            f"{name}_alive", name, ["node"], sqlite_where=without_end, postgresql_where=without_end
        )
