"""Media Streams: a caller's audio at an application over a WebSocket, and the application's audio at the caller."""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from callapi.cli.phones.softphone import PhoneOptions, Softphone
from callapi.cli.phones.sounds import tone as sine
from callapi.media.plane.engine import NativePlane
from tests.scenarios.conftest import NodeFactory, PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import Heard, tone
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.stream_application import StreamApplication
from tests.scenarios.harness.waiting import eventually

AFTER = response("<Play digits='1'/><Pause length='20'/>")


async def notified(node: Node, call_sid: str, code: int) -> dict[str, Any]:
    """The call's notification of that code."""

    async def found() -> list[dict[str, Any]]:
        _, page = await node.rest("GET", f"Calls/{call_sid}/Notifications.json")
        return [each for each in page["notifications"] if each["error_code"] == str(code)]

    for _ in range(100):
        if one := await found():
            return one[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"no notification {code} on {call_sid}")


def connect(url: str, action: str = "", more: str = "", inner: str = "") -> str:
    """A document that connects to `url`."""
    attribute = f' action="{action}"' if action else ""
    return response(
        f'<Connect{attribute}><Stream url="{url}" name="bot" statusCallback="stream" {more}>{inner}</Stream></Connect>',
        "<Pause length='20'/>",
    )


async def test_a_conversation_with_an_application(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """What Alice says arrives, what the application says is heard; marks, digits, the end, every callback."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = connect(
            f"{application.url}?room=7", webhook.url("after"), inner='<Parameter name="who" value="Alice"/>'
        )
        webhook["after"] = AFTER
        webhook["stream"] = ""
        call = await alice.invite(server.uri, say=440)
        socket = await application.next_socket()
        await call.answered()
        voice = await webhook.next("voice")
        assert [each["event"] for each in socket.messages[:2]] == ["connected", "start"]
        start = socket.start
        sid = start["streamSid"]
        assert sid.startswith("MZ")
        assert len(sid) == 34
        assert (start["callSid"], start["accountSid"]) == (voice["CallSid"], server.node.account_sid)
        assert start["tracks"] == ["inbound"]
        assert start["customParameters"] == {"who": "Alice"}
        assert start["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        validator = RequestValidator(server.node.auth_token)
        assert validator.validate(application.url, {"room": "7"}, socket.headers["X-Twilio-Signature"])
        assert socket.headers["X-CallAPI-Signature"].startswith("t=")
        assert await socket.hears(440)

        await socket.play(tone(660, 1.0))
        await socket.mark("said")
        sent = time.monotonic()
        assert await call.hears(660, seconds=0.7)
        mark = await socket.next("mark")
        assert mark["mark"] == {"name": "said"}
        assert time.monotonic() - sent >= 0.8
        await call.press("5")
        digit = await socket.next("dtmf")
        assert digit["dtmf"] == {"track": "inbound_track", "digit": "5"}

        await socket.close()
        after = await webhook.next("after")
        assert after["CallSid"] == voice["CallSid"]
        assert after["CallStatus"] == "in-progress"
        await call.pressed("1")
        await call.hang_up()
        events = [await webhook.next("stream") for _ in range(2)]
        assert [each["StreamEvent"] for each in events] == ["stream-started", "stream-stopped"]
        assert {each["StreamSid"] for each in events} == {sid}
        assert {each["StreamName"] for each in events} == {"bot"}
        await webhook.never("stream", within=0.3)


async def test_numbers_and_times_of_media(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Every 20 ms, also while Alice is muted or on hold; numbers without a gap, timestamps that never go back."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = connect(application.url)
        webhook["stream"] = ""
        call = await alice.invite(server.uri, say=440)
        socket = await application.next_socket()
        await socket.next("media", 25)
        sid = socket.start["callSid"]
        assert (await server.node.rest("POST", f"Calls/{sid}.json", Mute="true"))[0] == 200
        await socket.next("media", 60)
        await server.node.rest("POST", f"Calls/{sid}.json", Mute="false")
        await call.hold()
        await socket.next("media", 110)
        await call.resume()
        await call.hang_up()
        await socket.next("stop")
        assert await socket.ended() in {1000, 1001}
        assert socket.messages[-1]["event"] == "stop"
        assert socket.messages[-1]["stop"] == {"accountSid": server.node.account_sid, "callSid": sid}
        numbered = [each for each in socket.messages if "sequenceNumber" in each]
        assert [each["sequenceNumber"] for each in numbered] == [str(n + 1) for n in range(len(numbered))]
        media = [each["media"] for each in socket.all("media")]
        assert [each["chunk"] for each in media] == [str(n + 1) for n in range(len(media))]
        stamps = [int(each["timestamp"]) for each in media]
        assert stamps == [stamps[0] + 20 * n for n in range(len(stamps))]
        assert {len(each["payload"]) for each in media} == {216}
        arrivals = [
            at for at, each in zip(socket.at, socket.messages, strict=True) if each["event"] == "media"
        ]
        pauses = [after - before for before, after in itertools.pairwise(arrivals)]
        assert max(pauses) < 0.6  # other suites may have the cores
        events = [(await webhook.next("stream"))["StreamEvent"] for _ in range(2)]
        assert events == ["stream-started", "stream-stopped"]


async def test_clear_is_heard_and_marks_say_whether_they_were_played(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Ten seconds are queued in odd chunks; `clear` silences them, and the mark behind them was not played."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = connect(application.url)
        webhook["stream"] = ""
        call = await alice.invite(server.uri)
        socket = await application.next_socket()
        await socket.mark("at once")
        assert "cleared" not in await socket.next("mark")
        await socket.play(tone(660, 10.0), chunk_ms=37)
        await socket.mark("never heard")
        assert await call.hears(660)
        await socket.clear()
        cleared = await socket.next("mark", 2)
        assert (cleared["mark"]["name"], cleared["cleared"]) == ("never heard", True)
        assert await call.hears_nothing(seconds=0.5, timeout=2.0)
        await socket.play(tone(880, 0.5))
        await socket.mark("heard")
        assert await call.hears(880, seconds=0.3)
        assert "cleared" not in await socket.next("mark", 3)
        await call.hang_up()


async def test_forks_beside_a_dial(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`<Start>` with both tracks during a Dial; a fifth stream fails alone; REST stops by name and starts anew."""
    async with StreamApplication() as application:
        alice, bob = await phone("alice"), await phone("bob")
        streams = "".join(
            f'<Stream name="s{n}" url="{application.url}" track="both_tracks" statusCallback="stream"/>'
            for n in range(5)
        )
        webhook["voice"] = response(
            f"<Start>{streams}</Start>", f"<Dial><Sip>{bob.uri}</Sip></Dial>", "<Hangup/>"
        )
        webhook["stream"] = ""
        call = await alice.invite(server.uri, say=440)
        ringing = await bob.next_call()
        await ringing.answer(say=660)
        sockets = [await application.next_socket() for _ in range(4)]
        assert sockets[0].start["tracks"] == ["inbound", "outbound"]
        assert await sockets[0].hears(440, track="inbound")
        assert await sockets[0].hears(660, track="outbound")
        for track in ("inbound", "outbound"):
            chunks = [
                each["media"]["chunk"] for each in sockets[0].all("media") if each["media"]["track"] == track
            ]
            assert chunks == [str(n + 1) for n in range(len(chunks))]
        started = [await webhook.next("stream") for _ in range(5)]
        assert sorted(each["StreamEvent"] for each in started) == ["stream-error"] + 4 * ["stream-started"]
        sid = sockets[0].start["callSid"]
        node = server.node
        status, refused = await node.rest("POST", f"Calls/{sid}/Streams.json", Url=application.url)
        assert (status, "4 streams" in refused["message"]) == (400, True)
        status, stopped = await node.rest("POST", f"Calls/{sid}/Streams/s2.json", Status="stopped")
        assert (status, stopped["status"], stopped["name"]) == (200, "stopped", "s2")
        assert (await webhook.next("stream"))["StreamEvent"] == "stream-stopped"
        status, made = await node.rest(
            "POST",
            f"Calls/{sid}/Streams.json",
            Url=application.url,
            Track="outbound_track",
            Name="rest",
            **{"Parameter1.Name": "a", "Parameter1.Value": "b"},
        )
        assert (status, made["status"]) == (201, "in-progress")
        fifth = await application.next_socket()
        assert fifth.start["streamSid"] == made["sid"]
        assert fifth.start["customParameters"] == {"a": "b"}
        assert await fifth.hears(660, track="outbound")
        assert (await node.rest("POST", f"Calls/{sid}/Streams/{made['sid']}.json", Status="stopped"))[
            0
        ] == 200
        assert (await node.rest("POST", f"Calls/{sid}/Streams/nobody.json", Status="stopped"))[0] == 404
        assert await fifth.ended() in {1000, 1001}
        await call.hang_up()
        for each in sockets:
            assert await each.ended() in {1000, 1001}
        assert (await node.rest("POST", f"Calls/{sid}/Streams.json", Url=application.url))[0] == 400


async def test_stop_and_a_screening_document(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """A stream of a screening document is the child's and lives on in the talk; `<Stop>` ends one by name."""
    async with StreamApplication() as application:
        alice, bob = await phone("alice"), await phone("bob")
        webhook["voice"] = response(
            f'<Start><Stream name="mine" url="{application.url}"/></Start>',
            "<Pause length='1'/>",
            '<Stop><Stream name="mine"/></Stop>',
            f'<Dial><Sip url="screen">{bob.uri}</Sip></Dial>',
        )
        webhook["screen"] = response(f'<Start><Stream url="{application.url}"/></Start>')
        call = await alice.invite(server.uri, say=440)
        first = await application.next_socket()
        assert await first.ended() == 1000
        assert first.messages[-1]["event"] == "stop"
        ringing = await bob.next_call()
        await ringing.answer(say=660)
        screen = await webhook.next("screen")
        second = await application.next_socket()
        assert second.start["callSid"] == screen["CallSid"]
        assert await ringing.hears(440)
        assert await second.hears(660)
        await call.hang_up()
        assert await second.ended() == 1000


FAILURES = [
    ("ws://127.0.0.1:1/media", 31902),
    ("{base}/status/403", 31920),
    ("{base}/silent", 31901),
    ("wss://127.0.0.1:{port}/media", 31910),
    ("ftp://127.0.0.1/media", 31922),
]


@pytest.mark.parametrize(("url", "code"), FAILURES, ids=[str(code) for _, code in FAILURES])
async def test_what_fails_is_reported_and_the_call_goes_on(
    new_node: NodeFactory, phone: PhoneFactory, url: str, code: int
) -> None:
    """A notification, one `stream-error`, the action."""
    async with StreamApplication() as application:
        node, webhook = await new_node(webhooks={"timeout_s": 1})
        alice = await phone("alice")
        base = application.url.removesuffix("/media")
        webhook["voice"] = connect(url.format(base=base, port=application.port), webhook.url("after"))
        webhook["after"] = AFTER
        webhook["stream"] = ""
        call = await alice.invite(node.uri("1000"))
        failed = await webhook.next("stream")
        assert failed["StreamEvent"] == "stream-error"
        assert failed["StreamError"].startswith(f"{code}: ")
        after = await webhook.next("after")
        await call.pressed("1")
        await notified(node, after["CallSid"], code)
        await webhook.never("stream", within=0.2)
        await call.hang_up()


JUNK: list[tuple[str, str | bytes]] = [
    ("text", "hello"),
    ("unknown", '{"event":"dance"}'),
    ("payload", '{"event":"media","media":{"payload":"not base64!"}}'),
    ("binary", b"\x00\x01\x02"),
    ("huge", "x" * 10_000_000),
]


@pytest.mark.parametrize(("kind", "junk"), JUNK, ids=[kind for kind, _ in JUNK])
async def test_junk_ends_the_stream_and_not_the_call(
    server: Server, phone: PhoneFactory, webhook: Webhook, kind: str, junk: str | bytes
) -> None:
    """31924; the application's socket is closed, the document goes on, a callback reports it once."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = connect(application.url, webhook.url("after"))
        webhook["after"] = AFTER
        webhook["stream"] = ""
        call = await alice.invite(server.uri)
        socket = await application.next_socket()
        await (socket.send_bytes(junk) if isinstance(junk, bytes) else socket.send_text(junk))
        after = await webhook.next("after")
        await call.pressed("1")
        await notified(server.node, after["CallSid"], 31924)
        steps = [(await webhook.next("stream"))["StreamEvent"] for _ in range(3)]
        assert steps == ["stream-started", "stream-error", "stream-stopped"]
        assert await socket.ended() in {1003, 1008, 1009}
        await call.hang_up()


async def test_media_into_a_fork(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """31924 of this stream; the document of the call goes on undisturbed."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = response(
            f'<Start><Stream url="{application.url}" statusCallback="stream"/></Start>',
            "<Pause length='20'/>",
        )
        webhook["stream"] = ""
        call = await alice.invite(server.uri)
        socket = await application.next_socket()
        await socket.play(tone(660, 0.1))
        steps = [(await webhook.next("stream"))["StreamEvent"] for _ in range(3)]
        assert steps == ["stream-started", "stream-error", "stream-stopped"]
        sid = socket.start["callSid"]
        await notified(server.node, sid, 31924)
        assert (await server.node.call(sid))["status"] in {"ringing", "in-progress"}
        await call.hang_up()


async def test_a_flood_is_bounded_and_others_do_not_notice(
    new_node: NodeFactory, phone: PhoneFactory
) -> None:
    """Twenty minutes of audio within seconds: 60 s are kept, the rest is dropped with a warning."""
    async with StreamApplication() as application:
        node, webhook = await new_node(streams={"max_buffer_s": 60})
        alice, bob = await phone("alice"), await phone("bob")
        webhook["voice"] = [connect(application.url), connect(application.url)]
        webhook["stream"] = ""
        other = await bob.invite(node.uri("1001"))
        quiet = await application.next_socket()
        call = await alice.invite(node.uri("1000"))
        socket = await application.next_socket()
        before = node.census()
        minute = tone(660, 60.0)
        for _ in range(20):
            await socket.play(minute)
        await quiet.play(tone(880, 1.0))
        assert await other.hears(880, seconds=0.7)
        await notified(node, socket.start["callSid"], 31924)
        assert await call.hears(660)
        assert node.census().memory_kb - before.memory_kb < 60_000
        await socket.clear()
        assert await call.hears_nothing(seconds=0.4, timeout=2.0)
        await call.hang_up()
        await other.hang_up()


async def test_redirect_ends_it_without_the_action(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Over REST the call gets another document in the middle of a stream."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = connect(application.url, webhook.url("after"))
        webhook["stream"] = ""
        webhook["elsewhere"] = AFTER
        call = await alice.invite(server.uri)
        socket = await application.next_socket()
        sid = socket.start["callSid"]
        assert (await server.node.rest("POST", f"Calls/{sid}.json", Url=webhook.url("elsewhere")))[0] == 200
        await call.pressed("1")
        assert await socket.ended() == 1000
        assert socket.messages[-1]["event"] == "stop"
        assert [(await webhook.next("stream"))["StreamEvent"] for _ in range(2)] == [
            "stream-started",
            "stream-stopped",
        ]
        await webhook.never("after", within=0.3)
        await call.hang_up()


async def test_a_killed_application_comes_back(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`reconnect`: the same sid, `start.reconnect` 1, what was queued is heard in full, one `stream-started`."""
    alice = await phone("alice")
    application = StreamApplication()
    await application.__aenter__()
    webhook["voice"] = connect(application.url, webhook.url("after"), 'reconnect="true"')
    webhook["stream"] = ""
    webhook["after"] = AFTER
    call = await alice.invite(server.uri, say=440)
    socket = await application.next_socket()
    await socket.play(tone(660, 3.0))
    assert await call.hears(660, seconds=0.3)
    await application.__aexit__()
    assert await call.hears_nothing(seconds=0.5, timeout=2.0)
    async with StreamApplication(port=application.port) as again:
        second = await again.next_socket(10.0)
        assert second.start["streamSid"] == socket.start["streamSid"]
        assert second.start["reconnect"] == 1
        assert "reconnect" not in socket.start
        assert await second.hears(440)
        await second.mark("all")
        await second.next("mark")
        assert 2.6 <= call.heard().seconds_of(660) <= 3.2
        await second.close()
        await webhook.next("after")
    steps = [(await webhook.next("stream"))["StreamEvent"] for _ in range(2)]
    assert steps == ["stream-started", "stream-stopped"]
    await call.hang_up()


async def test_an_application_that_never_comes_back(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Without `reconnect` the document goes on at once."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = connect(application.url, webhook.url("after"))
        webhook["stream"] = ""
        webhook["after"] = AFTER
        call = await alice.invite(server.uri)
        socket = await application.next_socket()
        socket.break_off()
        after = await webhook.next("after", timeout=10)
        await notified(server.node, after["CallSid"], 31921)
        steps = [(await webhook.next("stream"))["StreamEvent"] for _ in range(3)]
        assert steps == ["stream-started", "stream-error", "stream-stopped"]
        await call.hang_up()


async def test_the_caller_hangs_up(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`stop`, a clean close, the action once, and nothing is left behind."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = connect(application.url, webhook.url("after"))
        webhook["after"] = response()
        webhook["stream"] = ""
        before = server.node.census()
        call = await alice.invite(server.uri)
        socket = await application.next_socket()
        await socket.play(tone(660, 5.0))
        await socket.next("media", 10)
        await call.hang_up()
        await socket.next("stop")
        assert await socket.ended() == 1000
        await webhook.next("after")
        record = await server.node.final(socket.start["callSid"])
        assert record["status"] == "completed"
        await eventually("sockets are closed", lambda: server.node.census().udp_sockets <= before.udp_sockets)
        await webhook.never("after", within=0.3)


@pytest.mark.parametrize(("codec", "passes"), [("L16@16000h", True), ("PCMU", False)])
async def test_wideband(
    server: Server, phone: PhoneFactory, webhook: Webhook, codec: str, passes: bool
) -> None:
    """5 kHz from a G.722 leg to the application and back: at 16 kHz it passes, at 8 kHz it cannot."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        await alice.use_codecs("G722/16000")
        webhook["voice"] = connect(application.url, more=f'codec="{codec}"')
        webhook["stream"] = ""
        call = await alice.invite(server.uri, say=5000)
        socket = await application.next_socket()
        if passes:
            assert socket.start["mediaFormat"] == {
                "encoding": "audio/x-l16",
                "sampleRate": 16000,
                "channels": 1,
            }
            assert await socket.hears(5000)
            await socket.play(tone(5000, 3.0, rate=16000))
            assert await call.hears(5000)
        else:
            await socket.next("media", 60)
            assert socket.heard().seconds_of(5000) == 0
        await call.hang_up()


async def test_wideband_from_a_leg_in_opus(server: Server, webhook: Webhook, tmp_path: Path) -> None:
    """5 kHz both ways through Opus at 16 kHz; the phone is `callapi phone`, for PJSUA2 knows no Opus."""
    async with (
        StreamApplication() as application,
        NativePlane("127.0.0.1") as plane,
        Softphone(PhoneOptions("dave", codecs=("opus",)), plane) as dave,
    ):
        webhook["voice"] = connect(application.url, more='codec="L16@16000h"')
        webhook["stream"] = ""
        call = dave.dial(server.uri)
        assert await call.is_answered(8.0)
        assert call.leg.stream.statistics().codec == "opus"
        call.say(sine(5000.0, rate=16_000))
        socket = await application.next_socket()
        assert await socket.hears(5000)
        recording = call.record(tmp_path / "dave.wav")
        await socket.play(tone(5000, 2.0, rate=16_000))
        await socket.mark("said")
        await socket.next("mark")
        recording.stop()
        await recording.ended()
        heard = Heard.from_wav(tmp_path / "dave.wav")
        assert heard.rate >= 16_000
        assert heard.seconds_of(5000) >= 1.0, heard.score()
        call.hang_up()


async def test_credentials_in_the_url_are_not_shown(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`ws://user:password@…` is HTTP Basic for the handshake; no callback repeats it."""
    alice = await phone("alice")
    webhook["voice"] = connect("ws://user:secret@127.0.0.1:1/media")
    webhook["stream"] = ""
    call = await alice.invite(server.uri)
    failed = await webhook.next("stream")
    assert failed["StreamError"].startswith("31902: ")
    assert "secret" not in failed["StreamError"]
    await call.hang_up()
