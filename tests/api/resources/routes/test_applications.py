"""Applications: voice URLs under a name."""

from tests.api.world import World


async def test_life_of_an_application(world: World) -> None:
    """Create (also by Restcomm's name of the URL), fetch, change, list, delete."""
    made = await world.post("Applications.json", FriendlyName="ivr", RcmlUrl="http://127.0.0.1/ivr")
    assert made.status == 201
    application = made.json
    assert (application["friendly_name"], application["voice_url"]) == ("ivr", "http://127.0.0.1/ivr")
    path = f"Applications/{application['sid']}.json"
    changed = await world.ask("PUT", path, form={"VoiceFallbackUrl": "http://127.0.0.1/sorry"})
    assert changed.json["voice_fallback_url"] == "http://127.0.0.1/sorry"
    assert (await world.get(path)).json == changed.json
    await world.post("Applications.json")
    assert len((await world.get("Applications.json")).json["applications"]) == 2
    (found,) = (await world.get("Applications.json?FriendlyName=ivr")).json["applications"]
    assert found["sid"] == application["sid"]
    assert (await world.delete(path)).status == 204
    assert (await world.get(path)).status == 404
