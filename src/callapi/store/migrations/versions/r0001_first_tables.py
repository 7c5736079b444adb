"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the step."""
    _accounts()
    _applications()
    _bindings()
    _calls()
    _callbacks()
    _clients()
    _call_events()
    _notifications()
    _numbers()
    _recordings()
    _trunks()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("auth_token", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("parent_sid", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("secondary_auth_token", sa.Text()),
        sa.Column("family", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("accounts_by_date", "accounts", ["family", "date_created", "sid"])


def _applications() -> None:
    op.create_table(
        "applications",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("voice_url", sa.Text()),
        sa.Column("voice_method", sa.Text(), nullable=False),
        sa.Column("voice_fallback_url", sa.Text()),
        sa.Column("voice_fallback_method", sa.Text(), nullable=False),
        sa.Column("status_callback", sa.Text()),
        sa.Column("status_callback_method", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("applications_by_date", "applications", ["account_sid", "date_created", "sid"])


def _bindings() -> None:
    op.create_table(
        "bindings",
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("cseq", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("q", sa.Float(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("login", "contact"),
    )


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("from_", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("parent_call_sid", sa.Text()),
        sa.Column("number_sid", sa.Text()),
        sa.Column("start_time", _INSTANT),
        sa.Column("answer_time", _INSTANT),
        sa.Column("end_time", _INSTANT),
        sa.Column("duration", sa.Integer()),
        sa.Column("ring_duration", sa.Integer()),
        sa.Column("caller_name", sa.Text()),
        sa.Column("forwarded_from", sa.Text()),
        sa.Column("answered_by", sa.Text()),
        sa.Column("sip_call_id", sa.Text()),
        sa.Column("sip_response_code", sa.Integer()),
        sa.Column("ended_by", sa.Text()),
        sa.Column("end_reason", sa.Text()),
        sa.Column("status_callback", sa.Text()),
        sa.Column("status_callback_method", sa.Text()),
        sa.Column("status_callback_events", sa.Text(), nullable=False),
        sa.Column("sequence_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sid"),
    )
    alive = sa.text("end_time IS NULL")
    op.create_index("calls_alive", "calls", ["node"], sqlite_where=alive, postgresql_where=alive)
    op.create_index("calls_by_date", "calls", ["account_sid", "date_created", "sid"])
    op.create_index("calls_by_from", "calls", ["account_sid", "from_", "date_created", "sid"])
    dialled = sa.text("parent_call_sid IS NOT NULL")
    op.create_index(
        "calls_by_parent",
        "calls",
        ["parent_call_sid", "date_created", "sid"],
        sqlite_where=dialled,
        postgresql_where=dialled,
    )
    op.create_index("calls_by_status", "calls", ["account_sid", "status", "date_created", "sid"])
    op.create_index("calls_by_to", "calls", ["account_sid", "to", "date_created", "sid"])


def _callbacks() -> None:
    op.create_table(
        "callbacks",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("next_at", _INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("callbacks_by_event_id", "callbacks", ["event_id"], unique=True)
    op.create_index("callbacks_by_host", "callbacks", ["host", "position"])
    op.create_index("callbacks_by_stream", "callbacks", ["stream", "host", "position"])
    op.create_index("callbacks_by_time", "callbacks", ["host", "next_at"])


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("ha1_md5", sa.Text(), nullable=False),
        sa.Column("ha1_sha256", sa.Text(), nullable=False),
        sa.Column("ha1_sha512_256", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("voice_url", sa.Text()),
        sa.Column("voice_method", sa.Text(), nullable=False),
        sa.Column("voice_fallback_url", sa.Text()),
        sa.Column("voice_fallback_method", sa.Text(), nullable=False),
        sa.Column("voice_application_sid", sa.Text()),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("clients_by_date", "clients", ["account_sid", "date_created", "sid"])
    op.create_index("clients_by_login", "clients", ["login"], unique=True)


def _call_events() -> None:
    op.create_table(
        "call_events",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call_sid", "sequence"),
    )


def _notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("log", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Integer(), nullable=False),
        sa.Column("message_text", sa.Text(), nullable=False),
        sa.Column("message_date", _INSTANT, nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("call_sid", sa.Text()),
        sa.Column("more_info", sa.Text()),
        sa.Column("request_url", sa.Text()),
        sa.Column("request_method", sa.Text()),
        sa.Column("request_variables", sa.Text()),
        sa.Column("response_status", sa.Integer()),
        sa.Column("response_headers", sa.Text()),
        sa.Column("response_body", sa.Text()),
        sa.Column("document_line", sa.Integer()),
        sa.Column("document_column", sa.Integer()),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("notifications_by_call", "notifications", ["call_sid", "message_date", "sid"])
    op.create_index("notifications_by_date", "notifications", ["account_sid", "message_date", "sid"])


def _numbers() -> None:
    op.create_table(
        "numbers",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("phone_number", sa.Text(), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("voice_url", sa.Text()),
        sa.Column("voice_method", sa.Text(), nullable=False),
        sa.Column("voice_fallback_url", sa.Text()),
        sa.Column("voice_fallback_method", sa.Text(), nullable=False),
        sa.Column("voice_application_sid", sa.Text()),
        sa.Column("status_callback", sa.Text()),
        sa.Column("status_callback_method", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("numbers_by_date", "numbers", ["account_sid", "date_created", "sid"])
    op.create_index("numbers_by_phone_number", "numbers", ["phone_number"], unique=True)


def _recordings() -> None:
    op.create_table(
        "recordings",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("start_time", _INSTANT, nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("duration", sa.Integer()),
        sa.Column("path", sa.Text()),
        sa.Column("error_code", sa.Integer()),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("recordings_by_call", "recordings", ["call_sid", "date_created", "sid"])
    op.create_index("recordings_by_date", "recordings", ["account_sid", "date_created", "sid"])


def _trunks() -> None:
    op.create_table(
        "trunks",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("account_sid", sa.Text(), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("date_created", _INSTANT, nullable=False),
        sa.Column("date_updated", _INSTANT, nullable=False),
        sa.Column("api_version", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("username", sa.Text()),
        sa.Column("password", sa.Text()),
        sa.Column("caller_id", sa.Text()),
        sa.Column("codecs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sid"),
    )
    op.create_index("trunks_by_date", "trunks", ["account_sid", "date_created", "sid"])
