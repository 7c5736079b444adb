"""Streams over REST: start on a live call, stop by sid or name."""

from callapi.calls.control import NotModifiable
from callapi.calls.streaming.request import StreamCallback, StreamRefused
from tests.api.world import World, call_record


async def test_start_and_stop(world: World) -> None:
    """Twilio's shape; every parameter reaches the command."""
    call = call_record(world.account.sid, status="in-progress")
    await world.keep(call)
    form = {
        "Url": "wss://app.test/ws",
        "Name": "my-stream",
        "Track": "both_tracks",
        "StatusCallback": "http://app.test/status",
        "StatusCallbackMethod": "GET",
        "Parameter1.Name": "a",
        "Parameter1.Value": "1",
        "Parameter99.Name": "z",
        "Parameter99.Value": "26",
    }
    answer = await world.post(f"Calls/{call.sid}/Streams.json", **form)
    assert answer.status == 201
    shown = answer.json
    assert set(shown) == {"sid", "account_sid", "call_sid", "name", "status", "date_updated", "uri"}
    assert (shown["call_sid"], shown["name"], shown["status"]) == (call.sid, "my-stream", "in-progress")
    [(_, request)] = world.streams.started.values()
    assert request.url == "wss://app.test/ws"
    assert request.tracks == ("inbound", "outbound")
    assert request.parameters == (("a", "1"), ("z", "26"))
    assert request.callback == StreamCallback("http://app.test/status", "GET")
    assert not request.is_bidirectional
    for key in (shown["sid"], "my-stream"):
        stopped = await world.post(f"Calls/{call.sid}/Streams/{key}.json", Status="stopped")
        assert (stopped.status, stopped.json["status"]) == (200, "stopped")


async def test_what_is_refused(world: World) -> None:
    """A bad URL, too many streams, a call that is over: 400; what is not there: 404."""
    call = call_record(world.account.sid)
    await world.keep(call)
    streams = f"Calls/{call.sid}/Streams.json"
    assert (await world.post(streams)).json["code"] == 21205
    assert (await world.post(streams, Url="ftp://app.test/x")).status == 400
    assert (await world.post(streams, Url="ws://app.test/x", Track="all")).status == 400
    world.streams.refusal = StreamRefused("the call has 4 streams already")
    refused = await world.post(streams, Url="ws://app.test/x")
    assert (refused.status, "4 streams" in refused.json["message"]) == (400, True)
    world.streams.refusal = NotModifiable("over")
    assert (await world.post(streams, Url="ws://app.test/x")).json["code"] == 21220
    assert (await world.post(f"Calls/{call.sid}/Streams/nothing.json", Status="stopped")).status == 404
    assert (await world.post("Calls/CA" + "9" * 32 + "/Streams.json", Url="ws://a.test/")).status == 404
    assert (await world.post(f"Calls/{call.sid}/Streams/x.json", Status="paused")).status == 400
