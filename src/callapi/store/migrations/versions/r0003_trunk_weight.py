"""Trunks of one priority share calls by weight."""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"


def upgrade() -> None:
    """Make the step."""
    op.add_column("trunks", sa.Column("weight", sa.Integer(), nullable=False, server_default="1"))
