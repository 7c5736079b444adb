"""Calls are found by their SIP Call-ID."""

from alembic import op

revision = "r0009"
down_revision = "r0008"


def upgrade() -> None:
    """Make the step."""
    op.create_index("calls_by_call_id", "calls", ["sip_call_id", "date_created", "sid"])
