"""Notifications: what went wrong."""

from datetime import timedelta
from typing import Any

from callapi.base.ids import new_notification_sid
from callapi.store import NotificationRecord
from tests.api.world import NOW, World, finished_call


def _notification(world: World, **changes: Any) -> NotificationRecord:
    fields: dict[str, Any] = {
        "sid": new_notification_sid(),
        "account_sid": world.account.sid,
        "log": 0,
        "error_code": 11200,
        "message_text": "the answer was 503",
        "message_date": NOW,
        "api_version": "2012-04-24",
        "request_url": "http://127.0.0.1/voice",
        "response_status": 503,
        **changes,
    }
    return NotificationRecord(**fields)


async def test_fetch_and_list(world: World) -> None:
    """Twilio's shape; by `Log`, `ErrorCode`, `MessageDate`, below the call."""
    call = finished_call(world.account.sid)
    error = _notification(world, call_sid=call.sid)
    warning = _notification(world, log=1, error_code=60_001, message_date=NOW + timedelta(days=1))
    await world.keep(call, error, warning)
    shown = (await world.get(f"Notifications/{error.sid}.json")).json
    assert (shown["log"], shown["error_code"], shown["response_status"]) == ("0", "11200", 503)
    assert shown["message_date"] == "Tue, 17 Nov 2026 10:00:00 +0000"

    async def listed(path: str) -> list[str]:
        return [each["sid"] for each in (await world.get(path)).json["notifications"]]

    assert await listed("Notifications.json") == [warning.sid, error.sid]
    assert await listed("Notifications.json?Log=0") == [error.sid]
    assert await listed("Notifications.json?ErrorCode=60001") == [warning.sid]
    assert await listed("Notifications.json?MessageDate<=2026-11-17") == [error.sid]
    assert await listed(f"Calls/{call.sid}/Notifications.json") == [error.sid]
    assert await listed(f"Calls/{call.sid}/Notifications.json?Log=1") == []
