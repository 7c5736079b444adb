"""Domains, credential lists and address lists."""

import sqlalchemy as sa
from alembic import op

revision = "r0010"
down_revision = "r0009"

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "sip_objects",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("parent_sid", sa.Text(), nullable=True),
        sa.Column("voice_url", sa.Text(), nullable=True),
        sa.Column("voice_method", sa.Text(), nullable=False),
        sa.Column("voice_fallback_url", sa.Text(), nullable=True),
        sa.Column("voice_fallback_method", sa.Text(), nullable=False),
        sa.Column("status_callback", sa.Text(), nullable=True),
        sa.Column("status_callback_method", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("sip_objects_by_date", "sip_objects", ["account_sid", "date_created", "sid"])
