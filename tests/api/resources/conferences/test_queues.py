"""Queues and their members over REST."""

from callapi.base.ids import QueueSid
from tests.api.world import World


async def test_a_queue_is_made_changed_and_deleted(world: World) -> None:
    made = await world.post("Queues.json", FriendlyName="support", MaxSize="5")
    assert made.status == 201
    queue = made.json
    assert (queue["friendly_name"], queue["max_size"], queue["current_size"], queue["average_wait_time"]) == (
        "support",
        5,
        0,
        0,
    )
    assert set(queue["subresource_uris"]) == {"members"}
    twice = await world.post("Queues.json", FriendlyName="support")
    assert (twice.status, twice.json["code"]) == (400, 22003)
    changed = await world.post(f"Queues/{queue['sid']}.json", FriendlyName="sales", MaxSize="7")
    assert (changed.json["friendly_name"], changed.json["max_size"]) == ("sales", 7)
    assert [each["sid"] for each in (await world.get("Queues.json")).json["queues"]] == [queue["sid"]]
    assert (await world.delete(f"Queues/{queue['sid']}.json")).status == 204
    assert (await world.get(f"Queues/{queue['sid']}.json")).status == 404


async def test_the_queue_that_enqueue_makes_is_the_same_resource(world: World) -> None:
    live = await world.queues.open(world.account.sid, "made", 20)
    shown = (await world.get(f"Queues/{live.record.sid}.json")).json
    assert (shown["friendly_name"], shown["max_size"]) == ("made", 20)
    await world.post(f"Queues/{live.record.sid}.json", FriendlyName="renamed")
    assert await world.queues.find(world.account.sid, "renamed") is live
    assert live.record.friendly_name == "renamed"


async def test_members_of_an_empty_queue(world: World) -> None:
    sid = QueueSid((await world.post("Queues.json", FriendlyName="empty")).json["sid"])
    listed = await world.get(f"Queues/{sid}/Members.json")
    assert listed.json["queue_members"] == []
    assert (await world.get(f"Queues/{sid}/Members/Front.json")).status == 404
    assert (await world.post(f"Queues/{sid}/Members/Front.json", Url="http://app/x")).status == 404
    assert (await world.post(f"Queues/{sid}/Members/Front.json")).status == 400


async def test_limits(world: World) -> None:
    assert (await world.post("Queues.json", FriendlyName="x" * 65)).status == 400
    assert (await world.post("Queues.json", FriendlyName="x", MaxSize="5001")).status == 400
    assert (await world.post("Queues.json")).status == 400
