"""Time as the product tells it to others: UTC, RFC 2822 (RFC 5322 §3.3)."""

from datetime import UTC, datetime
from email.utils import format_datetime


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def rfc2822(instant: datetime) -> str:
    """`instant` as `Tue, 17 Nov 2026 10:00:00 +0000`."""
    return format_datetime(instant.astimezone(UTC))
