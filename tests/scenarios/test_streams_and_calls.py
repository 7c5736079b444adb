"""Streams of calls that change: hold, mute, another codec, a transfer, a conference, REST; nothing is left behind."""

import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import tone
from tests.scenarios.harness.caller import calling
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone, PhoneCall
from tests.scenarios.harness.rtp_peer import PCMA
from tests.scenarios.harness.stream_application import Socket, StreamApplication

A, B, C = 440.0, 660.0, 1000.0

_KEPT = 4
"""Connections to the application that are kept for the next request."""
_POOL = (os.cpu_count() or 1) + 4
"""Threads of asyncio's pool: each begins when it is first needed, and stays."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """A call with a stream of both its tracks, and what is needed to see what becomes of it."""

    node: Node
    webhook: Webhook
    application: StreamApplication
    phone: PhoneFactory

    def document(self, rest: str, verb: str = "Start") -> str:
        """A document that streams, then goes on with `rest`."""
        stream = f'<Stream url="{self.application.url}" track="both_tracks" statusCallback="stream"/>'
        return response(f"<{verb}>{stream}</{verb}>", rest)

    async def talk(self) -> tuple[PhoneCall, PhoneCall, Socket]:
        """Alice talks with bob, both humming; the stream of Alice's call."""
        alice, bob = await self.phone("alice"), await self.phone("bob")
        self.webhook["voice"] = self.document(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
        call = await alice.invite(self.node.uri("1"), say=A)
        ringing = await bob.next_call()
        await ringing.answer(say=B)
        socket = await self.application.next_socket()
        assert await socket.hears(A)
        assert await socket.hears(B, track="outbound")
        return call, ringing, socket

    async def ended(self, socket: Socket) -> None:
        """`stop`, a clean close, one `stream-started`, one `stream-stopped`; media without a gap to the end."""
        assert await socket.ended() in {1000, 1001}
        assert [each["event"] for each in socket.messages].count("stop") == 1
        assert socket.messages[-1]["event"] == "stop"
        for track in ("inbound", "outbound"):
            media = [each["media"] for each in socket.all("media") if each["media"]["track"] == track]
            assert [each["chunk"] for each in media] == [str(n + 1) for n in range(len(media))]
            stamps = [int(each["timestamp"]) for each in media]
            assert stamps == [stamps[0] + 20 * n for n in range(len(stamps))], "a gap"
        steps = [(await self.webhook.next("stream"))["StreamEvent"] for _ in range(2)]
        assert steps == ["stream-started", "stream-stopped"]
        await self.webhook.never("stream", within=0.2)


@pytest_asyncio.fixture(loop_scope="session")
async def streamed(kept_node: NodeFactory, phone: PhoneFactory) -> AsyncIterator[Streamed]:
    """A node that at the end holds the sockets, threads and descriptors that it held after a first call."""
    node, webhook = await kept_node()
    webhook["stream"] = webhook["after"] = ""
    async with StreamApplication() as application:
        streamed = Streamed(node, webhook, application, phone)
        webhook["voice"] = streamed.document("<Pause length='10'/>", "Connect")
        async with calling(node.uri("1"), node.sip_address):
            warm = await application.next_socket()
        await streamed.ended(warm)
        await node.final(warm.start["callSid"])
        before = node.census()
        yield streamed
        for each in application.sockets:
            await node.final(each.start["callSid"])

    now = await node.settles(before)
    assert now.udp_sockets == before.udp_sockets, (before, now)
    assert now.threads <= before.threads + _POOL, (before, now)
    assert now.connections <= before.connections + _KEPT, (before, now)
    assert now.kept_open <= before.kept_open, (before, now)


async def test_hold_and_mute(streamed: Streamed) -> None:
    """Silence takes the place of who is on hold or muted; the frames go on."""
    call, ringing, socket = await streamed.talk()
    await call.hold()
    assert await falls_silent(socket, "inbound")
    await call.resume()
    assert await socket.hears(A)
    await ringing.hold()
    assert await falls_silent(socket, "outbound")
    await ringing.resume()
    assert await socket.hears(B, track="outbound")
    path = f"Calls/{socket.start['callSid']}.json"
    assert (await streamed.node.rest("POST", path, Mute="true"))[0] == 200
    assert await ringing.hears_nothing()
    assert (await streamed.node.rest("POST", path, Mute="false"))[0] == 200
    assert await socket.hears(A)
    await ringing.hang_up()
    await call.ended()
    await streamed.ended(socket)


async def falls_silent(socket: Socket, track: str) -> bool:
    """Whether half a second of silence comes on that track."""

    def is_silent() -> bool:
        last = socket.heard(track).last(0.5)
        return last.seconds >= 0.5 and last.seconds_of_sound == 0

    await socket.until(f"silence on {track}", is_silent)
    return True


async def test_a_reinvite_with_another_codec(streamed: Streamed) -> None:
    """The caller moves from µ-law to A-law in the middle of a conversation with an application."""
    streamed.webhook["voice"] = streamed.document("<Pause length='10'/>", "Connect")
    async with calling(streamed.node.uri("1"), streamed.node.sip_address) as call:
        socket = await streamed.application.next_socket()
        call.hum(A)
        assert await socket.hears(A)
        await call.reinvite(PCMA)
        call.hum(C)
        assert await socket.hears(C)
        await socket.play(tone(B, 2.0))
        assert await call.rtp.hears(B)
        assert call.rtp.payload_types == {0, 8}
    await streamed.ended(socket)


@pytest.mark.parametrize("by", ["callee", "caller"])
async def test_a_transfer_of_the_bridge(streamed: Streamed, by: str) -> None:
    """The stream is the call's: it hears the third party where its call stays, and ends with its call otherwise."""
    call, ringing, socket = await streamed.talk()
    carol: Phone = await streamed.phone("carol")
    await (ringing if by == "callee" else call).transfer(carol.uri)
    third = await carol.next_call()
    await third.answer(say=C)
    stays = call if by == "callee" else ringing
    assert await stays.hears(C)
    if by == "callee":
        assert await socket.hears(C, track="outbound")
        assert await socket.hears(A)
    await stays.hang_up()
    await third.ended()
    await streamed.ended(socket)


async def test_a_redirect_and_a_hangup_over_rest(streamed: Streamed) -> None:
    """A stream of `<Start>` outlives its document and the bridge; it ends with the call."""
    call, ringing, socket = await streamed.talk()
    streamed.webhook["elsewhere"] = response("<Pause length='20'/>")
    path = f"Calls/{socket.start['callSid']}.json"
    assert (await streamed.node.rest("POST", path, Url=streamed.webhook.url("elsewhere")))[0] == 200
    await ringing.ended()
    assert await falls_silent(socket, "outbound")
    assert await socket.hears(A)
    assert (await streamed.node.rest("POST", path, Status="completed"))[0] == 200
    await call.ended()
    await streamed.ended(socket)


@pytest.mark.parametrize("way", ["hang-up", "redirect"])
async def test_the_end_over_rest_in_mid_sentence(streamed: Streamed, way: str) -> None:
    """With audio queued and marks pending: one `stop`, one callback; the caller hears silence or the next document."""
    streamed.webhook["elsewhere"] = response("<Pause length='20'/>")
    streamed.webhook["voice"] = streamed.document("<Pause length='10'/>", "Connect")
    async with calling(streamed.node.uri("1"), streamed.node.sip_address) as call:
        socket = await streamed.application.next_socket()
        await socket.play(tone(B, 20.0))
        await socket.mark("end")
        assert await call.rtp.hears(B)
        path = f"Calls/{socket.start['callSid']}.json"
        if way == "hang-up":
            assert (await streamed.node.rest("POST", path, Status="completed"))[0] == 200
            await call.call.gets("BYE")
        else:
            asked = time.monotonic()
            url = streamed.webhook.url("elsewhere")
            assert (await streamed.node.rest("POST", path, Url=url))[0] == 200
            assert await socket.ended() in {1000, 1001}
            assert await call.falls_silent(asked) - asked < 2.0
    await streamed.ended(socket)


async def test_a_conference(streamed: Streamed) -> None:
    """The inbound track is the participant, the outbound one what it hears of the others."""
    alice, bob = await streamed.phone("alice"), await streamed.phone("bob")
    room = '<Dial><Conference beep="false">stream</Conference></Dial>'
    streamed.webhook["voice"] = [streamed.document(room), response(room)]
    call = await alice.invite(streamed.node.uri("1"), say=A)
    socket = await streamed.application.next_socket()
    other = await bob.invite(streamed.node.uri("2"), say=B)
    assert await other.hears(A)
    assert await socket.hears(A)
    assert await socket.hears(B, track="outbound")
    await other.hang_up()
    await call.hang_up()
    await streamed.ended(socket)


@pytest.mark.parametrize("behaviour", ["drips", "says nothing", "never reads"])
async def test_a_strange_application(streamed: Streamed, behaviour: str) -> None:
    """One octet at a time, not one message, or a socket that is not read: the call lives, its end is clean."""
    streamed.webhook["voice"] = streamed.document("<Pause length='10'/>", "Connect")
    async with calling(streamed.node.uri("1"), streamed.node.sip_address) as call:
        socket = await streamed.application.next_socket()
        call.hum(A)
        if behaviour == "drips":
            await socket.drip(b'{"event":"mark","mark":{"name":"slow"}}', pause=0.02)
            assert (await socket.next("mark"))["mark"]["name"] == "slow"
        elif behaviour == "never reads":
            await socket.does_not_read(2.0)
        assert await socket.hears(A)
        await call.hang_up()
    if behaviour == "never reads":
        assert await socket.ended() in {1000, 1001}
        return
    await streamed.ended(socket)
