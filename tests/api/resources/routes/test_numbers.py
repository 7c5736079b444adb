"""IncomingPhoneNumbers: exact and patterns, unique on the node, configured ones only to read."""

import pytest
from msgspec.structs import replace

from callapi.base.ids import new_application_sid, new_number_sid
from callapi.store import ApplicationRecord, NumberRecord
from tests.api.world import NOW, World, account

PATH = "IncomingPhoneNumbers"


async def test_life_of_a_number(world: World) -> None:
    """Create, fetch, change, take away, delete; calls find it at once."""
    made = await world.post(
        f"{PATH}.json",
        PhoneNumber="+1 (555) 010-0100",
        VoiceUrl="http://127.0.0.1/voice",
        FriendlyName="Desk",
    )
    assert made.status == 201
    number = made.json
    assert number["phone_number"] == "+15550100100"
    assert (number["voice_url"], number["voice_method"]) == ("http://127.0.0.1/voice", "POST")
    assert number["capabilities"] == {"voice": True, "sms": False, "mms": False, "fax": False}
    route = await world.store.numbers.route("+15550100100")
    assert route is not None
    assert route.sid == number["sid"]
    path = f"{PATH}/{number['sid']}.json"
    assert (await world.get(path)).json == number
    changed = (await world.post(path, VoiceMethod="GET", StatusCallback="http://127.0.0.1/status")).json
    assert (changed["voice_url"], changed["voice_method"]) == ("http://127.0.0.1/voice", "GET")
    cleared = (await world.post(path, VoiceUrl="", VoiceMethod="", FriendlyName="")).json
    assert (cleared["voice_url"], cleared["voice_method"], cleared["friendly_name"]) == (None, "POST", "")
    assert cleared["status_callback"] == "http://127.0.0.1/status"
    assert (await world.delete(path)).status == 204
    assert (await world.get(path)).status == 404
    assert await world.store.numbers.route("+15550100100") is None


async def test_a_number_exists_once(world: World) -> None:
    """21422, for a pattern and for another account too."""
    assert (await world.post(f"{PATH}.json", PhoneNumber="+1555*")).status == 201
    taken = await world.post(f"{PATH}.json", PhoneNumber="+1555*")
    assert (taken.status, taken.json["code"]) == (400, 21422)
    other = account()
    await world.keep(other)
    elsewhere = await world.ask(
        "POST",
        f"/2010-04-01/Accounts/{other.sid}/{PATH}.json",
        form={"PhoneNumber": "+1555*"},
        auth=(other.sid, other.auth_token),
    )
    assert (elsewhere.status, elsewhere.json["code"]) == (400, 21422)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21421),
        ({"PhoneNumber": "a b"}, 21421),
        ({"PhoneNumber": "x" * 129}, 21421),
        ({"PhoneNumber": "1000", "VoiceUrl": "voice"}, 21402),
        ({"PhoneNumber": "1000", "VoiceMethod": "PATCH"}, 21403),
        ({"PhoneNumber": "1000", "FriendlyName": "x" * 65}, 20001),
        ({"PhoneNumber": "1000", "VoiceApplicationSid": "AP" + "0" * 32}, 21218),
    ],
)
async def test_bad_parameters(world: World, form: dict[str, str], code: int) -> None:
    """Each with its code."""
    answer = await world.ask("POST", f"{PATH}.json", form=form)
    assert (answer.status, answer.json["code"]) == (400, code)


async def test_with_an_application(world: World) -> None:
    """`VoiceApplicationSid` must be the account's own."""
    application = ApplicationRecord(new_application_sid(), world.account.sid, "a", NOW, NOW, "2012-04-24")
    await world.keep(application)
    made = await world.post(f"{PATH}.json", PhoneNumber="1000", VoiceApplicationSid=application.sid)
    assert made.json["voice_application_sid"] == application.sid
    strange = replace(application, sid=new_application_sid(), account_sid=account().sid)
    await world.keep(strange)
    refused = await world.post(
        f"{PATH}/{made.json['sid']}.json", VoiceApplicationSid=strange.sid, FriendlyName="x"
    )
    assert (refused.status, refused.json["code"]) == (400, 21218)


async def test_list_filters(world: World) -> None:
    """`PhoneNumber`, also with a `+` that was not encoded, and `FriendlyName`."""
    for number, name in (("+15550101", "one"), ("+15550102", "two"), ("*", "rest")):
        await world.post(f"{PATH}.json", PhoneNumber=number, FriendlyName=name)

    async def listed(query: str) -> list[str]:
        page = (await world.get(f"{PATH}.json?{query}")).json
        return [each["phone_number"] for each in page["incoming_phone_numbers"]]

    assert sorted(await listed("")) == ["*", "+15550101", "+15550102"]
    assert await listed("PhoneNumber=%2B15550101") == ["+15550101"]
    assert await listed("PhoneNumber=+15550101") == ["+15550101"]
    assert await listed("PhoneNumber=*") == ["*"]
    assert await listed("FriendlyName=two") == ["+15550102"]


async def test_a_configured_number_is_only_to_read(world: World) -> None:
    """It would be as before after the next start."""
    number = NumberRecord(
        new_number_sid(), world.account.sid, "1000", "1000", NOW, NOW, "2012-04-24", origin="configuration"
    )
    await world.keep(number)
    path = f"{PATH}/{number.sid}.json"
    assert (await world.get(path)).json["origin"] == "configuration"
    for refused in (await world.post(path, FriendlyName="x"), await world.delete(path)):
        assert (refused.status, refused.json["code"]) == (403, 20006)
        assert "[[numbers]]" in refused.json["message"]
