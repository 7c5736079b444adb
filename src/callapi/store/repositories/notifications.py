"""Notifications: what went wrong, for the application's developer."""

from callapi.store.reading.repository import Repository
from callapi.store.records import NotificationRecord


class NotificationRepository(Repository[NotificationRecord]):
    """Notifications, of an account or (`Equals("call_sid", …)`) of one call."""

    kind = NotificationRecord
    newest_by = ("message_date", "sid")
