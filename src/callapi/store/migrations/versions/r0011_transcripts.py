"""The texts of recordings."""

import sqlalchemy as sa
from alembic import op

revision = "r0011"
down_revision = "r0010"

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "transcripts",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("recording_sid", sa.Text(), nullable=False),
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("transcripts_by_date", "transcripts", ["account_sid", "date_created", "sid"])
    op.create_index("transcripts_by_recording", "transcripts", ["recording_sid", "date_created", "sid"])
