"""Gather and Record with keys and voices, on the wire: keys come in each of the three ways, prompts stop at once."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy
import pytest
import soundfile

from callapi.media.speech import installed
from tests.scenarios.conftest import Measured, PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.audio import Heard, tone, write_wav
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_peer import PCMU, RtpPeer, encode

Address = tuple[str, int]
ROWS = dict(
    zip(
        "123456789*0#",
        [(low, high) for low in (697, 770, 852, 941) for high in (1209, 1336, 1477)],
        strict=True,
    )
)
WITHOUT_EVENTS = re.compile(r"a=rtpmap:101 .*\r\n")


@dataclass
class Caller:
    """A caller made by hand: its call, its RTP, and where the node's audio is."""

    call: RawCall
    rtp: RtpPeer
    audio: Address

    async def press(self, way: str, key: str) -> None:
        match way:
            case "rtp":
                await self.rtp.press(self.audio, key)
            case "info":
                self._inform(key)
            case _:
                await self._sing(key)

    def _inform(self, key: str) -> None:
        send = self.call.phone.send

        def as_relay(text: str, to: Address) -> None:
            send(text.replace("application/sdp", "application/dtmf-relay"), to)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.call.phone, "send", as_relay)
            self.call.request("INFO", body=f"Signal={key}\r\nDuration=160\r\n")

    async def hold(self, way: str, key: str, seconds: float) -> None:
        """Press a key and hold it down."""
        if way == "rtp":
            await self.rtp.press(self.audio, key, duration_ms=round(seconds * 1000))
        else:
            await self._sing(key, seconds)

    async def _sing(self, key: str, seconds: float = 0.12) -> None:
        """The two tones, then a gap."""
        await self.rtp.be_silent()
        low, high = (tone(frequency, seconds, level=0.25) for frequency in ROWS[key])
        coded = encode(low + high, PCMU) + encode(numpy.zeros(960, numpy.int16), PCMU)
        for begin in range(0, len(coded), 160):
            self.rtp._send(self.audio, PCMU, coded[begin : begin + 160], timestamp=self.rtp._timestamp)
            self.rtp._timestamp = (self.rtp._timestamp + 160) & 0xFFFFFFFF
            await asyncio.sleep(0.02)


@asynccontextmanager
async def caller(server: Server, *, has_events: bool = True) -> AsyncIterator[Caller]:
    """Somebody who calls the node, sends silence, and hangs up in the end."""
    async with RawPhone("keys") as phone, RtpPeer() as rtp:
        offer = sdp(rtp.port)
        if not has_events:
            offer = WITHOUT_EVENTS.sub("", offer).replace(" 0 101", " 0")
        call = phone.invite(server.uri, server.node.sip_address, body=offer)
        accepted = await call.gets("INVITE", 200)
        call.request("ACK")
        port = re.search(r"m=audio (\d+)", str(accepted.body))
        assert port is not None
        audio = ("127.0.0.1", int(port[1]))
        rtp.speak(audio, None)
        yield Caller(call, rtp, audio)
        if not call.count("BYE"):
            call.request("BYE")


def prompt_of(folder: Path, *frequencies: float) -> Answer:
    samples = numpy.concatenate([tone(each, 0.5) for each in frequencies])
    return Answer(write_wav(folder / "prompt.wav", samples).read_bytes(), content_type="audio/wav")


@pytest.mark.parametrize("way", ["rtp", "info", "inband"])
async def test_keys_are_gathered_however_they_come(server: Server, webhook: Webhook, way: str) -> None:
    webhook["voice"] = response('<Gather action="got" numDigits="4" timeout="4"/>')
    webhook["got"] = response("<Hangup/>")
    async with caller(server, has_events=way == "rtp") as alice:
        await asyncio.sleep(0.2)
        for key in "4*70":
            await alice.press(way, key)
            await asyncio.sleep(0.1)
        assert (await webhook.next("got"))["Digits"] == "4*70"


async def _stops_the_prompt(server: Server, webhook: Webhook, way: str, *, held_s: float) -> float:
    """Seconds from the first packet of a key that is held to the last packet of the prompt (or less: it had come)."""
    reported = len(webhook.all("got"))
    async with caller(server, has_events=way == "rtp") as alice:
        assert await alice.rtp.hears(600)
        if way == "inband":
            await alice.rtp.be_silent()
        pressed = time.monotonic()
        held = asyncio.create_task(alice.hold(way, "5", held_s))
        assert (await webhook.next("got"))["Digits"] == "5"
        assert not held.done(), "it is reported before the key is released"
        await held
        [*_, last] = [at for at in alice.rtp.arrivals if at < pressed + held_s]
        assert alice.rtp.arrivals[-1] == last, "nothing comes after it"
        await asyncio.sleep(0.1)
        assert len(webhook.all("got")) == reported + 1, "and reported once"
        return max(last - pressed, 0.0)


@pytest.mark.parametrize(("way", "bound_s"), [("rtp", 0.06), ("inband", 0.1)])
@pytest.mark.timing
async def test_a_key_stops_the_prompt_when_it_is_pressed(
    server: Server, webhook: Webhook, tmp_path: Path, measured: Measured, way: str, bound_s: float
) -> None:
    """Within 60 ms of the first packet of an event; a tone must have sounded for two blocks of 13 ms first."""
    webhook["voice"] = response(
        '<Gather action="got" numDigits="1"><Play loop="0">prompt.wav</Play></Gather>'
    )
    webhook["prompt.wav"] = prompt_of(tmp_path, 600)
    webhook["got"] = response('<Pause length="2"/>')
    took: list[float] = []
    while len(took) < 3 and min(took, default=1.0) >= bound_s:  # a machine that stands still is not the node
        took.append(await _stops_the_prompt(server, webhook, way, held_s=0.6))
    measured(f"gather, {way}: the prompt stops {min(took) * 1000:.1f} ms after a key was pressed")
    assert min(took) < bound_s, took


async def test_keys_typed_ahead_are_not_lost(server: Server, webhook: Webhook, tmp_path: Path) -> None:
    webhook["voice"] = response(
        "<Play>prompt.wav</Play>",
        '<Gather action="got" numDigits="2"><Play loop="0">prompt.wav</Play></Gather>',
    )
    webhook["prompt.wav"] = prompt_of(tmp_path, 600, 900)
    webhook["got"] = response("<Hangup/>")
    async with caller(server) as alice:
        assert await alice.rtp.hears(600, seconds=0.2)
        await alice.press("rtp", "1")
        await alice.press("info", "2")
        assert (await webhook.next("got"))["Digits"] == "12"


@pytest.mark.skipif(
    not installed.piper_voices({}) and installed.espeak() is None,
    reason="the extra `speech` is not installed",
)
@pytest.mark.timing
async def test_what_was_said_before_sounds_within_40_ms(
    server: Server, webhook: Webhook, measured: Measured
) -> None:
    """From the document's arrival to the first packet of a sentence that an earlier call had heard."""
    webhook["voice"] = response("<Say>This sentence is said twice.</Say>", "<Hangup/>")
    delays = []
    for _ in range(3):
        async with caller(server) as alice:
            await alice.call.gets("BYE", timeout=20)
            asked = (await webhook.next("voice")).at
            first = alice.rtp.arrivals[0] - time.monotonic() + time.time()
            delays.append(first - asked)
    measured(f"say: first packet of what was said before {min(delays[1:]) * 1000:.1f} ms after the document")
    assert min(delays[1:]) < 0.04, delays


async def test_a_message_is_recorded_and_a_key_ends_it(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Beep, the caller's own voice and nothing else, the key, the URL, the file."""
    alice = await phone("alice")
    webhook["voice"] = response('<Record action="message" finishOnKey="#" timeout="9"/>')
    webhook["message"] = response("<Hangup/>")
    call = await alice.invite(server.uri, say=500)
    await call.answered()
    await asyncio.sleep(3)
    await call.press("1#")
    message = await webhook.next("message")
    assert message["Digits"] == "#"
    assert 1 <= int(message["RecordingDuration"]) <= 4
    await call.ended()
    assert call.heard().seconds_of_sound > 0, "the beep"
    wav = await server.node.download(message["RecordingUrl"] + ".wav")
    path = call.phone.folder / "message.wav"
    path.write_bytes(wav)
    heard = Heard.from_wav(path)
    assert heard.seconds == pytest.approx(int(message["RecordingDuration"]), abs=0.6)
    assert heard.seconds_of(500) > heard.seconds - 0.8, heard.score()
    smaller = call.phone.folder / "message.mp3"
    smaller.write_bytes(await server.node.download(message["RecordingUrl"] + ".mp3"))
    assert soundfile.info(smaller).subtype == "MPEG_LAYER_III"
    samples, rate = soundfile.read(smaller, dtype="int16")
    assert Heard(samples, rate).seconds_of(500) > heard.seconds - 0.8, Heard(samples, rate).score()


@pytest.mark.parametrize("way", ["rtp", "inband"])
async def test_digits_are_played_as_the_caller_takes_them(server: Server, webhook: Webhook, way: str) -> None:
    """`<Play digits>`: as events, or as tones to a caller who offered none; `w` is half a second of nothing."""
    webhook["voice"] = response('<Play digits="4w7"/>', "<Hangup/>")
    async with caller(server, has_events=way == "rtp") as alice:
        await alice.call.gets("BYE")
        if way == "rtp":
            assert alice.rtp.digits == "47"
            return
        heard = alice.rtp.heard()
        assert (alice.rtp.digits, alice.rtp.payload_types) == ("", {0})
        assert heard.last(0.1).share_of(*ROWS["7"]) > 0.8, heard.score()
        assert heard.between(0.0, 0.1).share_of(*ROWS["4"]) > 0.8, heard.score()
        assert 0.2 <= heard.seconds <= 0.3, "two keys of 100 ms: pauses are not sent"


async def test_silence_is_no_message(server: Server, webhook: Webhook) -> None:
    """An empty recording asks nothing, and the next verb follows."""
    webhook["voice"] = response(
        '<Record action="message" timeout="1" recordingStatusCallback="status" recordingStatusCallbackEvent="absent"/>',
        "<Redirect>next</Redirect>",
    )
    webhook["next"], webhook["status"] = response("<Hangup/>"), ""
    async with caller(server) as alice:
        await webhook.next("next")
        assert (await webhook.next("status"))["RecordingStatus"] == "absent"
        assert webhook.all("message") == []
        await alice.call.gets("BYE")


async def test_a_caller_who_hangs_up_has_left_a_message(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    alice = await phone("alice")
    webhook["voice"] = response('<Record action="message"/>')
    webhook["message"] = response()
    call = await alice.invite(server.uri, say=500)
    await call.answered()
    await asyncio.sleep(2)
    await call.hang_up()
    message = await webhook.next("message")
    assert message["Digits"] == "hangup"
    assert int(message["RecordingDuration"]) >= 1
