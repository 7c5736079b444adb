"""Three spellings of the API: which format comes, how Restcomm's XML looks, what addresses are written."""

import pytest

from tests.api.world import World, finished_call

XML_BASES = ["/2012-04-24", "/restcomm/2012-04-24"]


@pytest.mark.parametrize("base", XML_BASES)
async def test_restcomm_formats(world: World, base: str) -> None:
    """XML, unless `.json` or `Accept` says otherwise; a suffix goes before `Accept`."""
    path = f"{base}/Accounts/{world.account.sid}/Calls"
    json = {"Accept": "application/json"}
    assert (await world.get(path)).xml.tag == "RestcommResponse"
    assert (await world.get(f"{path}/")).xml.tag == "RestcommResponse"
    assert (await world.get(f"{path}.xml", headers=json)).xml.tag == "RestcommResponse"
    assert (await world.get(f"{path}.json")).json["calls"] == []
    assert (await world.get(path, headers=json)).json["calls"] == []


async def test_twilio_formats(world: World) -> None:
    """JSON, whatever `Accept` says, unless `.xml` is asked for."""
    assert (await world.get("Calls", headers={"Accept": "application/xml"})).json["calls"] == []
    assert (await world.get("Calls.json")).json["calls"] == []
    assert (await world.get("Calls.xml")).xml.tag == "TwilioResponse"


@pytest.mark.parametrize("base", XML_BASES)
async def test_a_call_as_xml(world: World, base: str) -> None:
    """Names in CamelCase (`Ring_duration` is Restcomm's own spelling), no element for what does not exist."""
    call = finished_call(world.account.sid, to='sip:a&b"<c>@127.0.0.1')
    await world.keep(call)
    path = f"{base}/Accounts/{world.account.sid}/Calls/{call.sid}"
    shown = (await world.get(path)).xml.find("Call")
    assert shown is not None
    assert shown.findtext("Sid") == call.sid
    assert shown.findtext("To") == 'sip:a&b"<c>@127.0.0.1'
    assert shown.findtext("DateCreated") == "Tue, 17 Nov 2026 10:00:00 +0000"
    assert (shown.findtext("Duration"), shown.findtext("Ring_duration")) == ("15", "3")
    assert shown.find("ParentCallSid") is None
    assert shown.findtext("Uri") == path
    assert shown.findtext("SubresourceUris/Recordings") == f"{path}/Recordings"


async def test_a_list_as_xml(world: World) -> None:
    """The envelope is attributes of the list's element."""
    for _ in range(3):
        await world.keep(finished_call(world.account.sid))
    path = f"/restcomm/2012-04-24/Accounts/{world.account.sid}/Calls"
    calls = (await world.get(f"{path}?PageSize=2&Page=1")).xml.find("Calls")
    assert calls is not None
    assert (calls.get("page"), calls.get("pagesize")) == ("1", "2")
    assert (calls.get("start"), calls.get("end")) == ("2", "2")
    assert len(calls.findall("Call")) == 1
    assert calls.get("previouspageuri") == f"{path}?PageSize=2&Page=0"
    assert calls.get("nextpageuri") is None
    empty = (await world.get(f"/2012-04-24/Accounts/{world.account.sid}/Recordings")).xml.find("Recordings")
    assert empty is not None
    assert len(empty) == 0


async def test_an_error_as_xml(world: World) -> None:
    """`RestException`."""
    answer = await world.get(f"/2012-04-24/Accounts/{world.account.sid}/Calls/CA{'0' * 32}")
    assert answer.status == 404
    shown = answer.xml.find("RestException")
    assert shown is not None
    assert (shown.findtext("Status"), shown.findtext("Code")) == ("404", "20404")
    assert shown.findtext("MoreInfo") == "https://www.twilio.com/docs/errors/20404"


@pytest.mark.parametrize("base", ["/2010-04-01", *XML_BASES])
async def test_addresses_stay_within_the_spelling(world: World, base: str) -> None:
    """What is in `uri` leads back, in the same format."""
    call = finished_call(world.account.sid)
    await world.keep(call)
    shown = (await world.get(f"{base}/Accounts/{world.account.sid}/Calls/{call.sid}.json")).json
    assert shown["uri"].startswith(f"{base}/Accounts/")
    assert (await world.get(shown["uri"])).json == shown
    for address in shown["subresource_uris"].values():
        assert (await world.get(address)).status == 200


async def test_the_shapes_of_restcomm_s_python_library(world: World) -> None:
    """What `restcomm-python-sdk` sends: the suffix after the collection, a slash at the end, parameters in a form."""
    base = "/restcomm/2012-04-24"
    own = f"{base}/Accounts/{world.account.sid}"
    assert (await world.get(f"{base}/Accounts.json/{world.account.sid}")).json["sid"] == world.account.sid
    tenant = await world.ask(
        "POST",
        f"{base}/Accounts.json/",
        form={"FriendlyName": "tenant", "EmailAddress": "a@b", "Password": "correct horse"},
    )
    assert (tenant.status, tenant.json["friendly_name"]) == (201, "tenant")
    assert len((await world.get(f"{base}/Accounts.json/")).json["accounts"]) == 2
    closed = await world.ask("POST", f"{base}/Accounts.json/{tenant.json['sid']}", form={"Status": "closed"})
    assert closed.json["status"] == "closed"
    form = {"From": "client:alice", "To": "sip:bob@127.0.0.1", "Url": "http://127.0.0.1/hello.xml"}
    call = (await world.ask("POST", f"{own}/Calls.json", form=form)).json
    path = f"{own}/Calls.json/{call['sid']}"
    moved = {"Url": "http://127.0.0.1/meet.xml", "MoveConnectedCallLeg": "true"}
    assert (await world.ask("POST", path, form=moved)).json["sid"] == call["sid"]
    assert world.calls.modified[0][1].move_connected_leg
    assert (await world.ask("POST", path, form={"Status": "completed"})).json["status"] == "completed"
    assert len((await world.get(f"{own}/Calls.json?From=client%3Aalice")).json["calls"]) == 1
    form = {"Login": "bob", "Password": "correct horse"}
    client = (await world.ask("POST", f"{own}/Clients.json", form=form)).json
    assert (await world.ask("DELETE", f"{own}/Clients/{client['sid']}.json")).status == 204
    form = {"PhoneNumber": "1234", "VoiceUrl": "http://127.0.0.1/hello.xml"}
    number = (await world.ask("POST", f"{own}/IncomingPhoneNumbers.json", form=form)).json
    assert (await world.ask("DELETE", f"{own}/IncomingPhoneNumbers/{number['sid']}.json")).status == 204


async def test_the_older_restcomm_clients(world: World) -> None:
    """No suffix but `Accept`; `Username` and `Password` of the called phone; PUT to change."""
    base = f"/restcomm/2012-04-24/Accounts/{world.account.sid}"
    headers = {"Accept": "application/json"}
    form = {
        "From": "client:alice",
        "To": "sip:bob@127.0.0.1",
        "Url": "http://127.0.0.1/hello.xml",
        "Username": "u",
        "Password": "p",
    }
    made = await world.ask("POST", f"{base}/Calls", form=form, headers=headers)
    assert made.status == 201
    assert (world.calls.created[0].sip_username, world.calls.created[0].sip_password) == ("u", "p")
    path = f"{base}/Calls/{made.json['sid']}"
    ended = await world.ask("PUT", path, form={"Status": "completed"}, headers=headers)
    assert ended.json["status"] == "completed"
