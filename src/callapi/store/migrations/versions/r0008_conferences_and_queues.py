"""Conferences, queues, and recordings of conferences."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_BY_DATE = ["account_sid", "date_created", "sid"]


def _text(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _dates() -> list[sa.Column[Any]]:
    return [sa.Column(name, _INSTANT, nullable=False) for name in ("date_created", "date_updated")]


def upgrade() -> None:
    """Make the step."""
    op.create_table(
        "conferences",
        *_text("sid", "account_sid", "friendly_name", "status"),
        *_dates(),
        *_text("api_version", "node"),
        *_text("reason_conference_ended", "call_sid_ending_conference", nullable=True),
        *_text("status_callback", "status_callback_method", nullable=True),
        *_text("status_callback_events"),
        sa.Column("sequence_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("conferences_by_date", "conferences", _BY_DATE)
    op.create_table(
        "queues",
        *_text("sid", "account_sid", "friendly_name"),
        sa.Column("max_size", sa.Integer(), nullable=False),
        *_dates(),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("queues_by_date", "queues", _BY_DATE)
    op.add_column("recordings", sa.Column("conference_sid", sa.Text(), nullable=True))
