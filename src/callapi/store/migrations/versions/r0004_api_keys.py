"""API keys."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "api_keys",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("api_keys_by_date", "api_keys", ["account_sid", "date_created", "sid"])
