"""Calls: `Accounts/{sid}/Calls`, in the order of the contract."""

from datetime import timedelta
from typing import Any

import pytest

from callapi.base.ids import new_application_sid
from callapi.calls.commands import RecordingOrder
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.errors import CLIENT_NOT_REGISTERED, INVALID_SIP_URI, NO_MEDIA_PORTS, NotPlaceable
from callapi.calls.placing.outbound import Overloaded
from callapi.calls.placing.placement import Subscription
from callapi.store import AddEvents, ApplicationRecord, EventRecord, PageRequest
from tests.api.world import NOW, World, call_record, finished_call

MINIMAL = {"To": "sip:bob@127.0.0.1", "From": "+15550199", "Url": "http://127.0.0.1:9000/voice"}


async def test_create_with_what_is_needed(world: World) -> None:
    """`To`, `From`, `Url`: 201 and the record, everything else by default."""
    answer = await world.post("Calls.json", **MINIMAL)
    assert answer.status == 201
    (command,) = world.calls.created
    assert command.document == DocumentRequest("http://127.0.0.1:9000/voice")
    assert (command.timeout_s, command.time_limit_s, command.recording) == (60, 14_400, None)
    assert command.callbacks is None
    assert answer.json["status"] == "queued"
    assert answer.json["direction"] == "outbound-api"
    assert (await world.get(f"Calls/{answer.json['sid']}.json")).json == answer.json


async def test_create_with_every_parameter(world: World) -> None:
    """Each parameter of the contract reaches the command."""
    answer = await world.post(
        "Calls",
        **MINIMAL,
        Method="GET",
        FallbackUrl="http://127.0.0.1:9000/fallback",
        FallbackMethod="GET",
        StatusCallback="http://127.0.0.1:9000/status",
        StatusCallbackMethod="GET",
        StatusCallbackEvent=["initiated", "answered completed", "ringing,completed"],
        Timeout="20",
        TimeLimit="90",
        Record="true",
        SipAuthUsername="alice",
        SipAuthPassword="secret",
        CallerName="Alice",
    )
    assert answer.status == 201
    (command,) = world.calls.created
    assert command.document == DocumentRequest(
        "http://127.0.0.1:9000/voice",
        "GET",
        fallback_url="http://127.0.0.1:9000/fallback",
        fallback_method="GET",
    )
    events = ("initiated", "answered", "completed", "ringing")
    assert command.callbacks == Subscription("http://127.0.0.1:9000/status", "GET", events)
    assert (command.timeout_s, command.time_limit_s, command.recording) == (20, 90, RecordingOrder())
    assert (command.sip_username, command.sip_password) == ("alice", "secret")
    assert command.caller_name == "Alice"


@pytest.mark.parametrize("name", ["Twiml", "Rcml"])
async def test_create_with_a_document(world: World, name: str) -> None:
    """The document is in the request; relative URLs in it resolve against the node's own address."""
    form = {"To": "client:bob", "From": "1000", name: "<Response/>"}
    assert (await world.post("Calls.json", **form)).status == 201
    document = world.calls.created[0].document
    assert (document.inline, document.url) == ("<Response/>", "http://127.0.0.1:8080/")


async def test_create_with_an_application(world: World) -> None:
    """`ApplicationSid`: the application's URLs; another's application is none."""
    own = ApplicationRecord(
        new_application_sid(),
        world.account.sid,
        "a",
        NOW,
        NOW,
        "2012-04-24",
        voice_url="http://127.0.0.1/a",
        voice_method="GET",
    )
    await world.keep(own)
    form = {"To": "+15550100", "From": "1000", "ApplicationSid": own.sid}
    assert (await world.post("Calls.json", **form)).status == 201
    assert world.calls.created[0].document == DocumentRequest("http://127.0.0.1/a", "GET")
    refused = await world.post("Calls.json", **{**form, "ApplicationSid": new_application_sid()})
    assert (refused.status, refused.json["code"]) == (400, 21218)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": ""}, 21201),
        ({"To": None}, 21201),
        ({"To": "  "}, 21201),
        ({"To": "a\x00b"}, 21211),
        ({"From": ""}, 21213),
        ({"From": "no number!"}, 21212),
        ({"From": "sip:"}, 21212),
        ({"Url": ""}, 21205),
        ({"Url": "/voice"}, 21205),
        ({"Url": "ftp://127.0.0.1/"}, 21205),
        ({"Url": "http://[::1"}, 21205),
        ({"Url": "http://127.0.0.1:99999/"}, 21205),
        ({"FallbackUrl": "nonsense"}, 21205),
        ({"Method": "DELETE"}, 21209),
        ({"Timeout": "0"}, 21208),
        ({"Timeout": "601"}, 21208),
        ({"Timeout": "soon"}, 21208),
        ({"TimeLimit": "-1"}, 20001),
        ({"Record": "maybe"}, 20001),
        ({"StatusCallback": "nowhere"}, 21609),
        ({"StatusCallbackMethod": "PUT"}, 21209),
        ({"StatusCallbackEvent": "initiated hung-up"}, 21626),
        ({"ApplicationSid": "AP12", "Url": None}, 21218),
    ],
)
async def test_create_with_bad_parameters(world: World, change: dict[str, Any], code: int) -> None:
    """Each is refused with Twilio's code before anything is placed."""
    form = {name: value for name, value in {**MINIMAL, **change}.items() if value is not None}
    answer = await world.post("Calls.json", **form)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert answer.json["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert answer.json["status"] == 400
    assert answer.json["message"]
    assert world.calls.created == []


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (NotPlaceable(INVALID_SIP_URI, "not a SIP URI"), 400, 21211),
        (NotPlaceable(CLIENT_NOT_REGISTERED, "not registered"), 400, 21214),
        (NotPlaceable(NO_MEDIA_PORTS, "no port"), 503, 20503),
        (Overloaded("limits.queued_calls_per_account"), 429, 20429),
        (Overloaded("limits.max_calls"), 503, 20503),
        (Overloaded("draining"), 503, 20503),
    ],
)
async def test_create_that_cannot_be_placed(
    world: World, refusal: NotPlaceable | Overloaded, status: int, code: int
) -> None:
    """What the calls room refuses, in Twilio's words; overload says when to come again."""
    world.calls.refusal = refusal
    answer = await world.post("Calls.json", **MINIMAL)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status != 400)


async def test_fetch(world: World) -> None:
    """Twilio's shape: every key there, dates in RFC 2822, durations as text, addresses relative."""
    call = finished_call(world.account.sid)
    await world.keep(call)
    shown = (await world.get(f"Calls/{call.sid}.json")).json
    assert shown["sid"] == call.sid
    assert shown["account_sid"] == world.account.sid
    assert (shown["from"], shown["to"]) == ("+15550199", "sip:bob@127.0.0.1")
    assert shown["start_time"] == "Tue, 17 Nov 2026 10:00:00 +0000"
    assert shown["end_time"] == "Tue, 17 Nov 2026 10:00:18 +0000"
    assert (shown["duration"], shown["ring_duration"]) == ("15", "3")
    assert shown["parent_call_sid"] is None
    assert shown["uri"] == f"{world.base}/Calls/{call.sid}.json"
    assert shown["subresource_uris"]["recordings"] == f"{world.base}/Calls/{call.sid}/Recordings.json"
    assert shown["price"] is None


@pytest.mark.parametrize("sid", ["CA" + "0" * 32, "CA12", "nonsense"])
async def test_fetch_of_nothing(world: World, sid: str) -> None:
    """404 with 20404."""
    answer = await world.get(f"Calls/{sid}.json")
    assert (answer.status, answer.json["code"]) == (404, 20404)


async def test_list_filters(world: World) -> None:
    """`To`, `From`, `Status`, `ParentCallSid`, `StartTime`, `EndTime` with `<` and `>`; together they all hold."""
    sid = world.account.sid
    first = finished_call(sid, to="+15550101")
    next_day, later = NOW + timedelta(days=1), NOW + timedelta(days=2)
    second = finished_call(
        sid, parent_call_sid=first.sid, date_created=next_day, start_time=next_day, status="busy"
    )
    third = call_record(sid, from_="client:bob", date_created=later, start_time=later, status="in-progress")
    await world.keep(first, second, third)

    async def listed(query: str) -> set[str]:
        answer = await world.get(f"Calls.json?{query}")
        assert answer.status == 200, answer.body
        return {each["sid"] for each in answer.json["calls"]}

    assert await listed("") == {first.sid, second.sid, third.sid}
    assert await listed("To=%2B15550101") == {first.sid}
    assert (
        await listed("To=sip:bob@127.0.0.1:5070;transport=tcp")
        == await listed("To=sip:bob@127.0.0.1")
        != set()
    )
    assert await listed("From=client:bob") == {third.sid}
    assert await listed("Status=busy") == {second.sid}
    assert await listed(f"ParentCallSid={first.sid}") == {second.sid}
    assert await listed("StartTime=2026-11-18") == {second.sid}
    assert await listed("StartTime>=2026-11-18") == {second.sid, third.sid}
    assert await listed("StartTime%3E=2026-11-18T10:00:01Z") == {third.sid}
    assert await listed("StartTime<=2026-11-18") == {first.sid, second.sid}
    assert await listed("StartTime<=2026-11-18&Status=busy") == {second.sid}
    assert await listed("EndTime=2026-11-17T10:00:18Z") == {first.sid, second.sid}
    assert await listed("EndTime>=2026-11-18") == set()


@pytest.mark.parametrize(
    "query",
    [
        "Status=over",
        "StartTime=yesterday",
        "ParentCallSid=x",
        "Page=-1",
        "PageSize=0",
        "PageSize=many",
        "PageToken=x",
    ],
)
async def test_list_with_bad_parameters(world: World, query: str) -> None:
    """400 with 20001, naming the parameter."""
    answer = await world.get(f"Calls.json?{query}")
    assert (answer.status, answer.json["code"]) == (400, 20001)
    assert query.partition("=")[0] in answer.json["message"]


async def test_modify_gives_another_document(world: World) -> None:
    """`Url` + `Method`, with `MoveConnectedCallLeg`."""
    call = call_record(world.account.sid)
    await world.keep(call)
    answer = await world.post(
        f"Calls/{call.sid}.json", Url="http://127.0.0.1/new", Method="GET", MoveConnectedCallLeg="true"
    )
    assert answer.status == 200
    ((sid, command),) = world.calls.modified
    assert sid == call.sid
    assert command.document == DocumentRequest("http://127.0.0.1/new", "GET")
    assert command.move_connected_leg
    assert (command.status, command.mute) == (None, None)


async def test_modify_mutes(world: World) -> None:
    """`Mute`, and nothing else changes."""
    call = call_record(world.account.sid)
    await world.keep(call)
    assert (await world.ask("PUT", f"Calls/{call.sid}.json", form={"Mute": "true"})).status == 200
    command = world.calls.modified[0][1]
    assert (command.mute, command.document, command.status) == (True, None, None)


async def test_modify_ends(world: World) -> None:
    """`Status=completed`: the answer is the call as it is afterwards; then it cannot be changed any more."""
    call = call_record(world.account.sid)
    await world.keep(call)
    answer = await world.post(f"Calls/{call.sid}.json", Status="completed")
    assert answer.json["status"] == "completed"
    again = await world.post(f"Calls/{call.sid}.json", Status="completed")
    assert (again.status, again.json["code"]) == (400, 21220)


@pytest.mark.parametrize("form", [{}, {"Status": "ringing"}, {"Url": "x"}, {"Mute": "loudly"}])
async def test_modify_with_bad_parameters(world: World, form: dict[str, str]) -> None:
    """400, and the call goes on."""
    call = call_record(world.account.sid)
    await world.keep(call)
    assert (await world.ask("POST", f"Calls/{call.sid}.json", form=form)).status == 400
    assert world.calls.modified == []


async def test_delete(world: World) -> None:
    """A finished call goes with its events, a live one stays."""
    live, over = call_record(world.account.sid), finished_call(world.account.sid)
    await world.keep(live, over)
    await world.store.commit(AddEvents(over.sid, (EventRecord(0, NOW, "verb", {}),)))
    refused = await world.delete(f"Calls/{live.sid}.json")
    assert (refused.status, refused.json["code"]) == (409, 20009)
    gone = await world.delete(f"Calls/{over.sid}.json")
    assert (gone.status, gone.body) == (204, b"")
    assert (await world.get(f"Calls/{over.sid}.json")).status == 404
    assert (await world.store.events.page(over.sid, PageRequest())).records == ()
