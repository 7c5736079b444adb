"""Bindings know the device and the flow that registered them (RFC 5626)."""

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"


def upgrade() -> None:
    """Make the step."""
    op.add_column("bindings", sa.Column("instance", sa.Text(), nullable=False, server_default=""))
    op.add_column("bindings", sa.Column("reg_id", sa.Integer(), nullable=False, server_default="0"))
