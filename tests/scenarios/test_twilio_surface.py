"""The rest of Twilio's surface, seen from outside: Echo, the tracks of recordings, prompts that are not interrupted."""

import asyncio
from pathlib import Path

import pytest
import soundfile

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import Heard
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.test_conference import sdk
from tests.scenarios.test_keys import caller, prompt_of


async def test_echo(server: Server, webhook: Webhook) -> None:
    webhook["voice"] = response("<Echo/>")
    async with caller(server) as alice:
        alice.rtp.speak(alice.audio, 700)
        assert await alice.rtp.hears(700, seconds=0.5)


async def test_prompts_that_are_not_interrupted(server: Server, webhook: Webhook, tmp_path: Path) -> None:
    webhook["voice"] = response(
        '<Gather action="got" numDigits="1" bargeIn="false"><Play>prompt.wav</Play></Gather>'
    )
    webhook["prompt.wav"] = prompt_of(tmp_path, 600, 900)
    webhook["got"] = response("<Hangup/>")
    async with caller(server) as alice:
        assert await alice.rtp.hears(600, seconds=0.1)
        await alice.press("rtp", "7")
        assert (await webhook.next("got"))["Digits"] == "7"
        assert alice.rtp.heard().seconds_of(900) > 0.4, "the whole prompt was heard"


@pytest.mark.parametrize(("track", "heard", "missing"), [("inbound", 500, 700), ("outbound", 700, 500)])
async def test_one_party_of_a_dial_is_recorded(
    server: Server, webhook: Webhook, phone: PhoneFactory, track: str, heard: float, missing: float
) -> None:
    async with RawPhone("bob") as bob, RtpPeer() as rtp:
        webhook["voice"] = response(
            f'<Dial action="after" record="record-from-answer-dual" recordingTrack="{track}" trim="trim-silence"'
            ' recordingStatusCallback="recorded">'
            f"<Sip>{bob.uri}</Sip></Dial>"
        )
        webhook["after"], webhook["recorded"] = response("<Hangup/>"), response()
        async with caller(server) as alice:
            called = await bob.next_call()
            called.answer(port=rtp.port)
            await called.gets("ACK")
            port = int(called.invite.body.split("m=audio ")[1].split()[0])
            rtp.speak(("127.0.0.1", port), 700)
            alice.rtp.speak(alice.audio, 500)
            await asyncio.sleep(1.5)
            called.request("BYE")
            after = await webhook.next("after")
            await webhook.next("recorded")
    path = server.node.folder / f"{track}.wav"
    path.write_bytes(await server.node.download(after["RecordingUrl"] + ".wav"))
    recorded = Heard.from_wav(path)
    assert recorded.seconds_of(heard) > 0.7, recorded.score()
    assert recorded.seconds_of(missing) == 0, recorded.score()


async def test_a_parameter_that_is_not_supported_is_named(server: Server, webhook: Webhook) -> None:
    """Never dropped in silence: a warning (`log` 1) of the call names it."""
    form = {
        "To": "sip:nobody@127.0.0.1:9",
        "From": "+15550100",
        "Url": webhook.url("voice"),
        "CallReason": "x",
        "Byoc": "BY1",
    }
    status, made = await server.node.rest("POST", "Calls.json", **form)
    assert status == 201
    _, page = await server.node.rest("GET", f"Calls/{made['sid']}/Notifications.json", Log="1")
    [reported] = page["notifications"]
    assert (reported["error_code"], reported["log"]) == ("60070", "1")
    assert reported["message_text"].endswith("not supported here, and without effect: CallReason, Byoc")


async def test_the_limit_and_callback_of_a_live_call_are_changed(server: Server, webhook: Webhook) -> None:
    """`TimeLimit` and `StatusCallback` of a call that is up, by Twilio's SDK; the limit outlives a redirect."""
    webhook["voice"] = webhook["other"] = response("<Pause length='30'/>")
    webhook["status"] = ""
    async with RawPhone("bob") as bob, RtpPeer() as rtp:
        client = sdk(server)
        made = await asyncio.to_thread(
            client.calls.create, to=bob.uri, from_="+15550100", url=webhook.url("voice")
        )
        called = await bob.next_call()
        called.answer(port=rtp.port)
        await webhook.next("voice")
        await asyncio.to_thread(
            client.calls(made.sid).update,
            time_limit=2,
            status_callback=webhook.url("status"),
            status_callback_method="GET",
        )
        await asyncio.to_thread(client.calls(made.sid).update, url=webhook.url("other"))
        await webhook.next("other")
        await called.gets("BYE")
        reported = await webhook.next("status")
        assert (reported.method, reported["CallSid"], reported["CallStatus"]) == (
            "GET",
            made.sid,
            "completed",
        )
        assert int(reported["CallDuration"]) <= 4


@pytest.mark.parametrize(
    ("track", "channels", "frequencies"),
    [("inbound", 1, (500,)), ("outbound", 1, (600,)), ("both", 2, (500, 600))],
)
async def test_a_call_over_rest_is_recorded_as_asked(
    server: Server, webhook: Webhook, tmp_path: Path, track: str, channels: int, frequencies: tuple[int, ...]
) -> None:
    """`RecordingTrack`, `RecordingChannels`, `RecordingStatusCallback…`, `SendDigits`, `CallerId` of Calls."""
    webhook["voice"] = response("<Play>prompt.wav</Play>", "<Pause length='1'/>", "<Hangup/>")
    webhook["prompt.wav"] = prompt_of(tmp_path, 600, 600)
    webhook["recorded"] = ""
    async with RawPhone("bob") as bob, RtpPeer() as rtp:
        form = {"To": bob.uri, "From": "+15550100", "Url": webhook.url("voice"), "CallerId": "+15550199"}
        form |= {"Record": "true", "RecordingTrack": track, "RecordingChannels": "dual", "SendDigits": "w4#"}
        form |= {"RecordingStatusCallback": webhook.url("recorded"), "RecordingStatusCallbackMethod": "GET"}
        status, made = await server.node.rest("POST", "Calls.json", **form)
        assert (status, made["from"]) == (201, "+15550100")
        called = await bob.next_call()
        assert (called.invite["From"] or "").startswith("<sip:+15550199@")
        called.answer(port=rtp.port)
        await called.gets("ACK")
        port = int(called.invite.body.split("m=audio ")[1].split()[0])
        rtp.speak(("127.0.0.1", port), 500)
        await called.gets("BYE", timeout=12)
        assert rtp.digits == "4#"
        reported = await webhook.next("recorded")
    assert (reported.method, reported["RecordingStatus"], reported["RecordingChannels"]) == (
        "GET",
        "completed",
        str(channels),
    )
    path = server.node.folder / f"rest-{track}.wav"
    path.write_bytes(await server.node.download(reported["RecordingUrl"] + ".wav"))
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    assert samples.shape[1] == channels
    for channel, frequency in enumerate(frequencies):
        heard = Heard(samples[:, channel], rate)
        assert heard.seconds_of(frequency) > 0.5, heard.score()
        assert heard.seconds_of(1100 - frequency) == 0, heard.score()


async def new_application(server: Server, webhook: Webhook) -> str:
    """The sid of an application with the voice URL `menu`."""
    form = {"FriendlyName": "menu", "VoiceUrl": webhook.url("menu"), "VoiceMethod": "GET"}
    status, made = await server.node.rest("POST", "Applications.json", **form)
    assert status == 201
    return str(made["sid"])


async def test_an_application_is_dialled(server: Server, webhook: Webhook) -> None:
    """`<Dial><Application>`: a child call with a record and callbacks; its parameters arrive, and come back."""
    sid = await new_application(server, webhook)
    noun = f'<ApplicationSid>{sid}</ApplicationSid><Parameter name="shop" value="7"/>'
    webhook["voice"] = response(
        '<Dial action="after"><Application customerId="c1" statusCallback="steps" '
        f'statusCallbackEvent="initiated ringing answered completed">{noun}</Application></Dial>'
    )
    webhook["menu"] = response("<Redirect>more</Redirect>")
    webhook["more"] = response(
        "<Play digits='5'/>", "<Hangup><Parameter name='choice' value='tea'/></Hangup>", "<Say>never</Say>"
    )
    webhook["after"] = response("<Hangup/>")
    webhook["steps"] = ""
    async with caller(server) as alice:
        parent = (await webhook.next("voice"))["CallSid"]
        asked = await webhook.next("menu")
        assert (asked.method, asked["shop"], asked["ApplicationSid"]) == ("GET", "7", sid)
        assert (asked["CustomerId"], asked["To"], asked["CallStatus"]) == ("c1", sid, "ringing")
        child = asked["CallSid"]
        assert (asked["ParentCallSid"], asked["Direction"]) == (parent, "outbound-dial")
        assert (await webhook.next("more"))["shop"] == "7"
        after = await webhook.next("after")
        assert (after["CallSid"], after["DialCallSid"]) == (parent, child)
        assert (after["DialCallStatus"], after["DialBridged"], after["choice"]) == (
            "completed",
            "true",
            "tea",
        )
        assert "shop" not in after
        await alice.call.gets("BYE")
        assert alice.rtp.digits == "5"
    steps = [await webhook.next("steps") for _ in range(4)]
    assert [each["CallStatus"] for each in steps] == ["initiated", "ringing", "in-progress", "completed"]
    assert [each["SequenceNumber"] for each in steps] == ["0", "1", "2", "3"]
    assert {each["CallSid"] for each in steps} == {child}
    _, record = await server.node.rest("GET", f"Calls/{child}.json")
    assert (record["parent_call_sid"], record["status"], record["to"]) == (parent, "completed", sid)


async def test_a_dialled_application_calls_somebody(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """It dials on: the caller talks with bob, keys pass, REST ends the application's call, and the caller goes on."""
    bob = await phone("bob")
    sid = await new_application(server, webhook)
    webhook["voice"] = response(
        f'<Dial action="after" record="record-from-answer"><Application copyParentTo="true">{sid}</Application></Dial>'
    )
    webhook["menu"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    webhook["after"] = response("<Play digits='9'/>", "<Hangup/>")
    async with caller(server) as alice:
        parent = await webhook.next("voice")
        asked = await webhook.next("menu")
        assert asked["To"] == parent["To"]
        called = await bob.next_call()
        await called.answer(say=500)
        alice.rtp.speak(alice.audio, 700)
        assert await called.hears(700)
        assert await alice.rtp.hears(500)
        await alice.rtp.press(alice.audio, "4")
        await called.pressed("4")
        status, _ = await server.node.rest("POST", f"Calls/{asked['CallSid']}.json", Status="completed")
        assert status == 200
        await called.ended()
        after = await webhook.next("after")
        assert (after["CallSid"], after["DialCallStatus"]) == (parent["CallSid"], "completed")
        assert after["RecordingSid"].startswith("RE")
        await alice.call.gets("BYE")
        assert alice.rtp.digits == "9"


@pytest.mark.parametrize(
    ("menu", "status", "final"),
    [("<Response><Reject reason='busy'/></Response>", "busy", 486), ("no document", "failed", 500)],
)
async def test_an_application_that_does_not_take_the_call(
    server: Server, webhook: Webhook, menu: str, status: str, final: int
) -> None:
    """With `answerOnBridge` the caller stays unanswered, and hears the application's refusal at the end."""
    sid = await new_application(server, webhook)
    webhook["voice"] = response(
        f'<Dial answerOnBridge="true" action="after"><Application>{sid}</Application></Dial>'
    )
    webhook["menu"] = menu
    webhook["after"] = "<Response/>"
    async with RawPhone("alice") as alice:
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        after = await webhook.next("after")
        assert (after["DialCallStatus"], after["DialBridged"]) == (status, "false")
        child = after["DialCallSid"]
        assert (await call.gets_final("INVITE")).status == final
    _, record = await server.node.rest("GET", f"Calls/{child}.json")
    assert record["status"] == status


async def test_a_caller_leaves_a_dialled_application(server: Server, webhook: Webhook) -> None:
    """The application's call ends with the caller's; `action` is requested once, its answer unused."""
    sid = await new_application(server, webhook)
    webhook["voice"] = response(
        f'<Dial action="after"><Application statusCallback="steps">{sid}</Application></Dial>'
    )
    webhook["menu"] = response("<Pause length='60'/>")
    webhook["after"], webhook["steps"] = response("<Say>never</Say>"), ""
    async with caller(server) as alice:
        child = (await webhook.next("menu"))["CallSid"]
        alice.call.request("BYE")
        await alice.call.gets("BYE", 200)
        assert (await webhook.next("after"))["DialCallSid"] == child
        ended = await webhook.next("steps")
        assert (ended["CallSid"], ended["CallStatus"]) == (child, "completed")


async def test_an_application_that_there_is_not(server: Server, webhook: Webhook) -> None:
    webhook["voice"] = response(f'<Dial action="after"><Application>AP{"0" * 32}</Application></Dial>')
    webhook["after"] = response("<Reject/>")
    async with RawPhone("alice") as alice:
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        assert (await webhook.next("after"))["DialCallStatus"] == "failed"
        await call.gets_final("INVITE")
