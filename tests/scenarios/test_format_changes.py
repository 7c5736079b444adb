"""A party turns to another format in the middle of a call: every packet is heard, before, while and after it does."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy
import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import Heard
from tests.scenarios.harness.raw_phone import RawCall, RawPhone
from tests.scenarios.harness.rtp_peer import PCMA, PCMU, Address, decode
from tests.scenarios.harness.staircase import FRAME, Staircase, missing_in_a_row, step_of
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.test_odd_peers import rtp_of

MAX_MISSING = 2
"""Packets of 20 ms: a gap of 40 ms."""
IN_FLIGHT_S = 0.1
"""How long the old format still comes after our 200 has left, as over a long way."""
NUMBERS = {96: PCMU, 97: PCMA}


def described(port: int, *numbers: int, event: int = 101) -> str:
    """A description of G.711 under these numbers, which are static or of `NUMBERS`."""
    names = {PCMU: "PCMU", PCMA: "PCMA"}
    listed = " ".join(str(each) for each in (*numbers, event))
    lines = ["v=0", "o=raw 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP {listed}"]
    lines += [f"a=rtpmap:{each} {names[NUMBERS.get(each, each)]}/8000" for each in numbers]
    return "\r\n".join([*lines, f"a=rtpmap:{event} telephone-event/8000", ""])


@dataclass
class Party:
    """One end of the call: its dialog, its sound, and where the node's is."""

    call: RawCall
    rtp: Staircase
    node: Address

    async def offers(self, *numbers: int, event: int = 101) -> None:
        """A re-INVITE with these formats, and the ACK; the new one is spoken once the old has all been sent."""
        before = self.call.count("INVITE", 200)
        self.call.request("INVITE", body=described(self.rtp.port, *numbers, event=event))
        number = self._last_number()
        await eventually("the answer", lambda: self.call.count("INVITE", 200) > before)
        self.call.request("ACK", number=number)
        await asyncio.sleep(IN_FLIGHT_S)
        self.rtp.number = numbers[0]

    def _last_number(self) -> int:
        """CSeq of the request that was sent last."""
        sent = self.call.phone.seen[-1][2]
        return int((sent["CSeq"] or "").split()[0])


@asynccontextmanager
async def talk(
    server: Server, webhook: Webhook, caller: int = PCMU, *callee: int, record: str = ""
) -> AsyncIterator[tuple[Party, Party]]:
    """Two parties that climb; the first offers `caller`, the second answers `callee`."""
    callee = callee or (PCMU,)
    async with (
        RawPhone("eve") as eve,
        RawPhone("bob") as bob,
        Staircase(caller, NUMBERS) as eves,
        Staircase(callee[0], NUMBERS) as bobs,
    ):
        webhook["voice"] = response(f"<Dial{record}><Sip>{bob.uri}</Sip></Dial>")
        call = eve.invite(server.uri, server.node.sip_address, body=described(eves.port, caller))
        ok = await call.gets("INVITE", 200)
        call.request("ACK")
        rung = await bob.next_call()
        rung.respond(rung.invite, 200, body=described(bobs.port, *callee))
        await rung.gets("ACK")
        one, other = Party(call, eves, rtp_of(ok)), Party(rung, bobs, rtp_of(rung.invite))
        eves.climb(one.node)
        bobs.climb(other.node)
        for party in (one, other):
            await _settled(party.rtp, 10)
        yield one, other
        call.request("BYE")
        await call.gets("BYE", 200)


async def _settled(rtp: Staircase, packets: int = 25) -> None:
    """So many packets more, half a second unless given."""
    count = len(rtp.heard_packets) + packets
    await eventually("more sound", lambda: len(rtp.heard_packets) >= count)


def _hears_all(party: Party, since: int) -> None:
    steps = party.rtp.heard_steps(since)
    assert missing_in_a_row(steps) <= MAX_MISSING, steps


@pytest.mark.parametrize(("who", "new"), [("caller", PCMA), ("callee", 97), ("caller", 96)])
async def test_a_reinvite_changes_the_codec_or_its_number(
    server: Server, webhook: Webhook, who: str, new: int
) -> None:
    """From PCMU to PCMA, static and dynamic, and to PCMU of another number; and back. (RFC 3264 §8.3.2)"""
    async with talk(server, webhook) as parties:
        changer, other = parties if who == "caller" else parties[::-1]
        begins = len(other.rtp.heard_packets), len(changer.rtp.heard_packets)
        await changer.offers(new)
        await _settled(other.rtp)
        await changer.offers(PCMU)
        await _settled(other.rtp)
        _hears_all(other, begins[0])
        _hears_all(changer, begins[1])
        assert other.rtp.formats_heard() == [PCMU]
        assert changer.rtp.formats_heard() == [PCMU, new]


async def test_both_ends_change(server: Server, webhook: Webhook) -> None:
    """One after the other: relayed, transcoded, and relayed again."""
    async with talk(server, webhook) as (one, other):
        begins = len(other.rtp.heard_packets), len(one.rtp.heard_packets)
        await one.offers(PCMA)
        await _settled(other.rtp)
        await other.offers(97)
        await _settled(other.rtp)
        _hears_all(other, begins[0])
        _hears_all(one, begins[1])
        assert other.rtp.formats_heard() == [PCMU, 97]


async def test_an_answer_whose_formats_are_used_in_turn(server: Server, webhook: Webhook) -> None:
    """The callee answers with two formats and turns from one to the other as it likes (RFC 3264 §6.1, §7)."""
    async with talk(server, webhook, PCMU, PCMU, PCMA) as (one, other):
        begin = len(one.rtp.heard_packets)
        for number in (PCMA, PCMU, PCMA):
            other.rtp.number = number
            await _settled(one.rtp)
        _hears_all(one, begin)
        assert one.rtp.formats_heard() == [PCMU]
        await eventually("the same format", lambda: other.rtp.heard_packets[-1][0] == PCMA)


async def test_the_answer_to_our_offer_comes_after_its_sound(server: Server, webhook: Webhook) -> None:
    """A re-INVITE without a description: we offer all that we speak, and the party speaks before its ACK says what."""
    async with talk(server, webhook) as (one, other):
        begin = len(other.rtp.heard_packets)
        one.call.request("INVITE")
        number = one._last_number()
        await eventually("the offer", lambda: one.call.count("INVITE", 200) == 2)
        one.rtp.number = PCMA
        await _settled(other.rtp)
        _hears_all(other, begin)
        one.call.request("ACK", number=number, body=described(one.rtp.port, PCMA))
        await _settled(other.rtp)
        _hears_all(other, begin)
        await eventually("the new format", lambda: one.rtp.heard_packets[-1][0] == PCMA)


async def test_keys_come_under_the_number_before_and_after(server: Server, webhook: Webhook) -> None:
    """Those that are on their way while the number of the events changes are gathered, and so are the later ones."""
    webhook["voice"] = response('<Gather action="got" numDigits="3" timeout="5"/>')
    webhook["got"] = response("<Hangup/>")
    async with RawPhone("eve") as eve, Staircase() as rtp:
        call = eve.invite(server.uri, server.node.sip_address, body=described(rtp.port, PCMU))
        party = Party(call, rtp, rtp_of(await call.gets("INVITE", 200)))
        call.request("ACK")
        rtp.climb(party.node)
        await rtp.press(party.node, "1", payload_type=101)
        changing = asyncio.create_task(party.offers(PCMA, event=98))
        await eventually("the answer", lambda: call.count("INVITE", 200) == 2)
        await rtp.press(party.node, "2", payload_type=101)
        await changing
        await rtp.press(party.node, "3", payload_type=98)
        assert (await webhook.next("got"))["Digits"] == "123"


@pytest.mark.timing
async def test_a_recording_has_every_packet(server: Server, webhook: Webhook) -> None:
    """Of a bridge, of both channels, through a change of each side."""
    record = ' record="record-from-answer-dual" recordingStatusCallback="recorded"'
    async with talk(server, webhook, record=record) as (one, other):
        await one.offers(PCMA)
        await _settled(other.rtp)
        await other.offers(97)
        await _settled(other.rtp)
    recorded = await webhook.next("recorded")
    sid = recorded["RecordingSid"]
    path = next(server.node.folder.rglob(f"{sid}*.wav"))
    for channel in (0, 1):
        heard = Heard.from_wav(path, channel=channel)
        assert _missing_in_recording(heard) <= MAX_MISSING, heard.score()


def _missing_in_recording(heard: Heard) -> int:
    """The most steps missing in a row, whatever the place of the packets in it."""

    def steps(start: int) -> list[int | None]:
        samples = heard.samples[start:]
        return [step_of(samples[at : at + FRAME]) for at in range(0, len(samples) - FRAME, FRAME // 2)]

    return min(missing_in_a_row(steps(start)) for start in range(0, FRAME, 20))


async def test_pjsua2_changes_the_codec(server: Server, webhook: Webhook, phone: PhoneFactory) -> None:
    """A phone that re-INVITEs from PCMU to PCMA and back, on either side of the bridge."""
    alice = await phone("alice")
    async with RawPhone("bob") as bob, Staircase() as rtp:
        webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
        call = await alice.invite(server.uri, say=600)
        rung = await bob.next_call()
        rung.respond(rung.invite, 200, body=described(rtp.port, PCMU))
        await rung.gets("ACK")
        rtp.climb(rtp_of(rung.invite))
        assert await rtp.hears(600)
        for codec, number in (("PCMA/8000", PCMA), ("PCMU/8000", PCMU)):
            await alice.use_codecs(codec)
            begin = len(rtp.heard_packets)
            await call.resume()
            await _settled(rtp, 50)
            answers = [each.body for each in call.received if each.method == "INVITE" and each.status == 200]
            assert re.search(rf"m=audio \d+ RTP/AVP {number} ", answers[-1])
            assert _gap_by_timestamps(rtp, begin) <= MAX_MISSING
            heard = [decode(payload, PCMU) for _, _, payload in rtp.heard_packets[begin:]]
            assert Heard(numpy.concatenate(heard), 8000).gaps_in(600) <= 0.1
        await call.hang_up()


def _gap_by_timestamps(rtp: Staircase, begin: int) -> int:
    """Packets of 20 ms that are missing in a row by the timestamps of those that came."""
    stamps = [timestamp for _, timestamp, _ in rtp.heard_packets[begin:]]
    return max((after - before) // FRAME - 1 for before, after in itertools.pairwise(stamps))
