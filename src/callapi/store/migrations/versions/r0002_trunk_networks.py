"""Trunks learn where their calls to us come from."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"


def upgrade() -> None:
    """Make the step."""
    op.add_column("trunks", sa.Column("networks", sa.Text(), nullable=False, server_default="[]"))
