"""Lists a page at a time, with Twilio's keys."""

from datetime import timedelta

from tests.api.world import NOW, World, finished_call


async def _fill(world: World, count: int) -> list[str]:
    """Sids of `count` calls, the newest first."""
    calls = [
        finished_call(world.account.sid, date_created=NOW + timedelta(seconds=number))
        for number in range(count)
    ]
    await world.keep(*calls)
    return [each.sid for each in reversed(calls)]


async def test_envelope(world: World) -> None:
    """Every key, on a first page with another one after it."""
    sids = await _fill(world, 5)
    page = (await world.get("Calls.json?Status=completed&PageSize=2")).json
    calls = f"{world.base}/Calls.json?Status=completed&PageSize=2"
    assert [each["sid"] for each in page.pop("calls")] == sids[:2]
    assert page == {
        "page": 0,
        "page_size": 2,
        "start": 0,
        "end": 1,
        "uri": calls,
        "first_page_uri": f"{calls}&Page=0",
        "previous_page_uri": None,
        "next_page_uri": f"{calls}&Page=1&PageToken=PA{sids[1]}",
    }


async def test_walk(world: World) -> None:
    """By `next_page_uri` every record comes once, also if others arrive meanwhile; back by `previous_page_uri`."""
    sids = await _fill(world, 7)
    seen: list[str] = []
    address = f"{world.base}/Calls.json?PageSize=3"
    while address:
        page = (await world.get(address)).json
        seen += [each["sid"] for each in page["calls"]]
        await world.keep(finished_call(world.account.sid, date_created=NOW + timedelta(hours=1)))
        address = page["next_page_uri"]
    assert seen == sids
    assert (page["page"], page["start"], page["end"]) == (2, 6, 6)
    assert (await world.get(page["previous_page_uri"])).json["page"] == 1


async def test_the_oldest_first(world: World) -> None:
    """`SortBy=DateCreated:asc`, kept from page to page; what it does not know it says."""
    sids = await _fill(world, 7)
    seen: list[str] = []
    address = f"{world.base}/Calls.json?PageSize=3&SortBy=DateCreated:asc"
    while address:
        page = (await world.get(address)).json
        seen += [each["sid"] for each in page["calls"]]
        await world.keep(finished_call(world.account.sid, date_created=NOW - timedelta(hours=1)))
        address = page["next_page_uri"]
    assert seen == sids[::-1]
    refused = await world.get("Calls.json?SortBy=Price:asc")
    assert (refused.status, refused.json["code"]) == (400, 20001)


async def test_by_number(world: World) -> None:
    """`Page` alone counts from 0; beyond the end there is nothing."""
    sids = await _fill(world, 5)
    page = (await world.get("Calls.json?PageSize=2&Page=2")).json
    assert [each["sid"] for each in page["calls"]] == sids[4:]
    beyond = (await world.get("Calls.json?PageSize=2&Page=9")).json
    assert (beyond["calls"], beyond["next_page_uri"]) == ([], None)


async def test_size(world: World) -> None:
    """50 by default, never more than 1000."""
    await _fill(world, 51)
    page = (await world.get("Calls.json")).json
    assert (len(page["calls"]), page["page_size"]) == (50, 50)
    assert (await world.get("Calls.json?PageSize=5000")).json["page_size"] == 1000


async def test_a_token_of_nothing(world: World) -> None:
    """A record that is gone begins no page."""
    await _fill(world, 2)
    page = (await world.get(f"Calls.json?Page=1&PageToken=PACA{'0' * 32}")).json
    assert page["calls"] == []
