"""Calls/{sid}/Events: what happened on a call, in order."""

from typing import Any

from callapi.store import AddEvents, EventRecord
from tests.api.world import NOW, World, call_record, finished_call


def _events(*kinds: str) -> tuple[EventRecord, ...]:
    data: dict[str, Any] = {"message": "INVITE <sip:bob@x>", "list": [1, {"404 kind": "\x00"}], "none": None}
    return tuple(EventRecord(number, NOW, kind, data) for number, kind in enumerate(kinds))


async def test_of_a_finished_call(world: World) -> None:
    """From the store."""
    call = finished_call(world.account.sid)
    await world.keep(call)
    await world.store.commit(AddEvents(call.sid, _events("sip", "http", "verb")))
    page = (await world.get(f"Calls/{call.sid}/Events.json")).json
    assert [each["kind"] for each in page["events"]] == ["sip", "http", "verb"]
    assert page["events"][0]["at"] == "2026-11-17T10:00:00.000Z"
    assert page["events"][0]["data"]["list"] == [1, {"404 kind": "\x00"}]


async def test_of_a_live_call(world: World) -> None:
    """From memory, page by page."""
    call = call_record(world.account.sid)
    await world.keep(call)
    world.events[call.sid] = _events("sip", "sip", "http")
    page = (await world.get(f"Calls/{call.sid}/Events.json?PageSize=2")).json
    assert [each["sequence"] for each in page["events"]] == [0, 1]
    rest = (await world.get(page["next_page_uri"])).json
    assert [each["sequence"] for each in rest["events"]] == [2]
    assert rest["next_page_uri"] is None


async def test_as_xml(world: World) -> None:
    """Whatever the data holds, the document is well formed."""
    call = finished_call(world.account.sid)
    await world.keep(call)
    await world.store.commit(AddEvents(call.sid, _events("sip")))
    root = (await world.get(f"/2012-04-24/Accounts/{world.account.sid}/Calls/{call.sid}/Events")).xml
    assert root.findtext("Events/Event/Data/Message") == "INVITE <sip:bob@x>"
