"""Conferences, queues and transfers between real softphones, by what each of them hears."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Request, Webhook, response
from tests.scenarios.harness.audio import Heard, tone, write_wav
from tests.scenarios.harness.phone import PhoneCall
from tests.scenarios.harness.raw_phone import RawPhone, audio_port, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer

A, B, C = 440.0, 660.0, 1000.0
ROOM = (
    '<Dial action="after"><Conference beep="false" {} statusCallback="room" '
    'statusCallbackEvent="start end join leave mute hold modify announcement">{}</Conference></Dial>'
)


class Elsewhere(TwilioHttpClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's transport, with the node in place of Twilio's host."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def request(self, method: str, url: str, *rest: Any, **more: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self._base), *rest, **more)


def sdk(server: Server) -> Client:
    """Twilio's own client, on this node."""
    node = server.node
    return Client(node.account_sid, node.auth_token, http_client=Elsewhere(node.http_url))


async def hears_exactly(call: PhoneCall, *wanted: float, timeout: float = 15.0) -> None:
    """Until each of `wanted` is heard, and no other of the three tones."""
    deadline = time.monotonic() + timeout
    shares: dict[float, float] = {}
    while time.monotonic() < deadline:
        last = call.heard().last(1.0)
        shares = {each: last.share_of(each) for each in (A, B, C)}
        if last.seconds >= 0.9 and all((shares[each] > 0.15) == (each in wanted) for each in shares):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{call!r} heard {shares}, not {wanted}")


async def requests(webhook: Webhook, count: int) -> list[Request]:
    """The first `count` conference events, whose numbers have no gap."""
    asked = [await webhook.next("room") for _ in range(count)]
    assert [each["SequenceNumber"] for each in asked] == [str(number) for number in range(1, count + 1)]
    return asked


async def events(webhook: Webhook, count: int) -> list[str]:
    """Their names."""
    return [each["StatusCallbackEvent"] for each in await requests(webhook, count)]


def judge_parameters(asked: list[Request], sids: list[str]) -> None:
    """Who, and how it stands, in each event of the three in a room."""
    alice, bob, carol = sids
    people = [alice, bob, None, carol, carol, carol, bob, bob, carol, bob]
    assert [each.parameters.get("CallSid") for each in asked[:10]] == people
    assert {each.parameters.get("CallSid") for each in asked[10:12]} == {alice, carol}
    assert len({each["ConferenceSid"] for each in asked}) == 1
    flags = ("Muted", "Hold", "Coaching", "EndConferenceOnExit", "StartConferenceOnEnter")
    stands = {
        each["StatusCallbackEvent"]: [each[name] for name in flags] for each in asked if "CallSid" in each
    }
    assert stands["participant-join"] == ["false", "false", "false", "false", "true"]
    assert stands["participant-mute"] == ["true", "false", "false", "false", "true"]
    assert stands["participant-hold"] == ["false", "true", "false", "false", "true"]
    assert stands["participant-modify"] == ["false", "false", "true", "false", "true"]
    assert asked[9]["ReasonParticipantLeft"] == "participant_updated_via_api"
    assert {each["ReasonParticipantLeft"] for each in asked[10:12]} == {"conference_ended_via_api"}
    assert asked[12]["ReasonConferenceEnded"] == "conference-ended-via-api"
    assert all(each["Timestamp"] and each["AccountSid"].startswith("AC") for each in asked)


async def test_three_phones_in_a_room_hear_the_two_others(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """By tone: each hears the two others and not itself; mute, hold, kick and the end by Twilio's SDK."""
    webhook["voice"] = response(
        ROOM.format('record="record-from-start" recordingStatusCallback="recorded"', f"Room {server.number}")
    )
    webhook["room"] = webhook["after"] = webhook["recorded"] = ""
    calls = []
    for name, hertz in (("alice", A), ("bob", B), ("carol", C)):
        call = await (await phone(name)).invite(server.uri, say=hertz)
        await call.answered()
        calls.append(call)
    alice, bob, carol = calls
    sids = [(await webhook.next("voice"))["CallSid"] for _ in calls]
    await hears_exactly(alice, B, C)
    await hears_exactly(bob, A, C)
    await hears_exactly(carol, A, B)

    client = sdk(server)
    (room,) = await asyncio.to_thread(client.conferences.list, friendly_name=f"Room {server.number}")
    assert room.status == "in-progress"
    people = client.conferences(room.sid).participants
    assert {each.call_sid for each in await asyncio.to_thread(people.list)} == set(sids)

    await asyncio.to_thread(people(sids[2]).update, muted=True)
    await hears_exactly(alice, B)
    await hears_exactly(carol, A, B)
    await asyncio.to_thread(people(sids[2]).update, muted=False)
    await hears_exactly(alice, B, C)

    await asyncio.to_thread(people(sids[1]).update, hold=True)
    await hears_exactly(alice, C)
    await asyncio.to_thread(people(sids[1]).update, hold=False)
    await hears_exactly(bob, A, C)

    await asyncio.to_thread(people(sids[2]).update, coaching=True, call_sid_to_coach=sids[0])
    await hears_exactly(bob, A)  # carol is heard by alice alone
    await hears_exactly(alice, B, C)

    await asyncio.to_thread(people(sids[1]).delete)
    await webhook.next("after")
    await bob.ended(timeout=20)
    await asyncio.to_thread(client.conferences(room.sid).update, status="completed")
    await alice.ended(timeout=20)
    await carol.ended(timeout=20)
    asked = await requests(webhook, 13)
    judge_parameters(asked, sids)
    names = [each["StatusCallbackEvent"] for each in asked]
    assert names[:4] == ["participant-join", "participant-join", "conference-start", "participant-join"]
    assert names[4:10] == [
        "participant-mute",
        "participant-unmute",
        "participant-hold",
        "participant-unhold",
        "participant-modify",
        "participant-leave",
    ]
    assert names[10:] == ["participant-leave", "participant-leave", "conference-end"]
    (recording,) = await asyncio.to_thread(client.conferences(room.sid).recordings.list)
    assert (recording.source, recording.channels) == ("Conference", 1)
    assert (await webhook.next("recorded"))["RecordingSid"] == recording.sid
    path = server.node.folder / "room.wav"
    path.write_bytes(
        await server.node.download(f"{server.node.http_url}{recording.uri.removesuffix('.json')}.wav")
    )
    recorded = Heard.from_wav(path)
    together = [all(each.share_of(hertz) > 0.15 for hertz in (A, B, C)) for each in recorded.windows()]
    assert sum(together) >= 5, recorded.score()


async def test_an_announcement_is_heard_by_all(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """A room of two who say nothing; the tone of an announcement arrives at both, and then its event."""
    webhook["voice"] = response(ROOM.format("", f"Quiet {server.number}"))
    webhook["room"] = webhook["after"] = ""
    alice = await (await phone("alice")).invite(server.uri)
    bob = await (await phone("bob")).invite(server.uri)
    await alice.answered()
    await bob.answered()
    assert await alice.hears_nothing()
    client = sdk(server)
    (room,) = await asyncio.to_thread(client.conferences.list, friendly_name=f"Quiet {server.number}")
    webhook["announce"] = response("<Play loop='2'>tone.wav</Play>")
    path = write_wav(tmp_path / "tone.wav", tone(C, 2.0))
    webhook["tone.wav"] = Answer(path.read_bytes(), content_type="audio/wav")
    await asyncio.to_thread(client.conferences(room.sid).update, announce_url=webhook.url("announce"))
    await hears_exactly(alice, C)
    await hears_exactly(bob, C)
    assert (await events(webhook, 4))[-1] == "announcement-end"
    await alice.hang_up()
    await bob.hang_up()


async def test_a_party_is_called_into_a_room_by_the_sdk(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Twilio's SDK makes a room by name, calls bob into it, and finds him by his label; alice dials in."""
    name = f"Called {server.number}"
    bob = await phone("bob")
    client = sdk(server)
    room = client.conferences(name)
    made = await asyncio.to_thread(
        room.participants.create,
        from_="+15550100",
        to=bob.uri,
        label="bob",
        beep="false",
        end_conference_on_exit=True,
        conference_status_callback=webhook.url("room"),
        conference_status_callback_event=["start", "end", "join", "leave"],
    )
    assert made.status in {"queued", "connecting"}
    webhook["room"] = webhook["after"] = ""
    ringing = await bob.next_call()
    await ringing.answer(say=B)
    webhook["voice"] = response(f"<Dial action='after'><Conference beep='false'>{name}</Conference></Dial>")
    alice = await (await phone("alice")).invite(server.uri, say=A)
    await hears_exactly(alice, B)
    await hears_exactly(ringing, A)
    found = await asyncio.to_thread(client.conferences(made.conference_sid).participants("bob").fetch)
    assert (found.call_sid, found.status, found.end_conference_on_exit) == (made.call_sid, "connected", True)
    await ringing.hang_up()
    await alice.ended(timeout=20)
    assert await events(webhook, 6) == [
        "participant-join",
        "participant-join",
        "conference-start",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]
    over = await asyncio.to_thread(client.conferences(made.conference_sid).fetch)
    assert over.reason_conference_ended == "participant-with-end-conference-on-exit-left"


async def test_the_room_hears_a_called_party_ring(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`EarlyMedia`: bob rings, then his network sends sound, and he hears nothing; of carol, with `false`, neither."""
    name = f"Rung {server.number}"
    webhook["voice"] = response(
        f"<Dial action='after'><Conference beep='false' waitUrl=''>{name}</Conference></Dial>"
    )
    webhook["after"] = ""
    alice = await (await phone("alice")).invite(server.uri, say=A)
    assert await alice.hears_nothing()
    people = sdk(server).conferences(name).participants
    bob, carol = await phone("bob"), await phone("carol")
    party = {"from_": "+15550100", "beep": "false"}
    await asyncio.to_thread(people.create, to=bob.uri, **party)
    ringing = await bob.next_call()
    await ringing.ring()
    assert await alice.hears(440, 480)
    await ringing.answer(code=183, say=C)
    await hears_exactly(alice, C)
    assert ringing.heard().seconds_of(A) == 0
    await ringing.answer(say=C)
    await hears_exactly(ringing, A)
    await asyncio.to_thread(people.create, to=carol.uri, early_media=False, **party)
    unheard = await carol.next_call()
    await unheard.ring()
    await unheard.answer(code=183, say=B)
    await asyncio.sleep(1.0)
    assert alice.heard().seconds_of(B) == 0
    await hears_exactly(alice, C)
    await unheard.answer(say=B)
    await hears_exactly(alice, B, C)


@pytest.mark.parametrize(("size", "heard"), [("off", (C,)), ("large", (A, B, C))])
async def test_the_jitter_buffer_of_a_participant(
    server: Server, phone: PhoneFactory, webhook: Webhook, size: str, heard: tuple[float, ...]
) -> None:
    """Packets that come three at a time, each of a tone of its own: all are heard, or, without a buffer, the last."""
    webhook["voice"] = response(
        f"<Dial><Conference beep='false' waitUrl='' jitterBufferSize='{size}'>Jitter {server.number}"
        "</Conference></Dial>"
    )
    async with RawPhone("eve") as eve, RtpPeer() as rtp:
        alice = await (await phone("alice")).invite(server.uri)
        call = eve.invite(server.uri, server.node.sip_address, body=sdp(rtp.port))
        answer = await call.gets("INVITE", 200)
        call.request("ACK")
        rtp.speak_in_bursts(("127.0.0.1", audio_port(answer.body)), A, B, C)
        await hears_exactly(alice, *heard)


async def test_the_sdk_walks_queues(server: Server) -> None:
    """Every operation of `Queues` and `Members` that Twilio's SDK has, unchanged."""

    def walk() -> None:
        client, name = sdk(server), f"walked {server.number}"
        queue = client.queues.create(friendly_name=name, max_size=3)
        assert (queue.current_size, queue.max_size, queue.average_wait_time) == (0, 3, 0)
        assert client.queues(queue.sid).fetch().friendly_name == name
        assert client.queues(queue.sid).update(max_size=4).max_size == 4
        assert queue.sid in {each.sid for each in client.queues.list()}
        assert client.queues(queue.sid).members.list() == []
        assert client.queues(queue.sid).delete()
        assert client.conferences.list(friendly_name="there is none") == []

    await asyncio.to_thread(walk)
