"""Calls say how they are encrypted; trunks and clients, how they want to be."""

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"


def upgrade() -> None:
    """Make the step."""
    for table in ("calls", "clients", "trunks"):
        op.add_column(table, sa.Column("srtp", sa.Text()))
