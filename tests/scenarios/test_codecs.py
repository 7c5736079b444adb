"""Which codec a called party is offered, which is chosen, and that both are heard through it: by leg and by trunk.

The caller speaks PCMU alone, so what the callee hears in another codec was transcoded. PJSUA2 knows no Opus: where it
matters, the callee is the phone of `callapi phone`.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callapi.cli.phones.softphone import PhoneCall, PhoneOptions, Softphone
from callapi.cli.phones.sounds import tone
from callapi.media.plane.engine import NativePlane
from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import Heard
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.waiting import eventually

TIMEOUT_S = 8.0
AUDIO = re.compile(r"^m=audio \d+ RTP/AVP ([\d ]+)", re.MULTILINE)
NAMES = {"0": "PCMU", "8": "PCMA", "9": "G722"}


def offered(body: str) -> list[str]:
    """The codecs of the audio line, in order, without digits."""
    names = NAMES | dict(re.findall(r"^a=rtpmap:(\d+) ([\w-]+)/", body, re.MULTILINE))
    line = AUDIO.search(body)
    assert line, body
    return [names[each] for each in line[1].split() if names[each] != "telephone-event"]


@asynccontextmanager
async def callee() -> AsyncIterator[tuple[Softphone, asyncio.Queue[PhoneCall]]]:
    """A phone that knows all codecs and takes the first that it is offered, and the calls that it gets."""
    calls: asyncio.Queue[PhoneCall] = asyncio.Queue()

    async def take(phone: Softphone) -> None:
        async for call in phone.incoming():
            calls.put_nowait(call)

    async with (
        NativePlane("127.0.0.1") as plane,
        Softphone(PhoneOptions("bob"), plane) as phone,
        asyncio.TaskGroup() as tasks,
    ):
        taking = tasks.create_task(take(phone))
        yield phone, calls
        taking.cancel()


@pytest.mark.parametrize("way", ["leg", "trunk"])
@pytest.mark.parametrize("codecs", ["opus,PCMU", "G722 PCMA"])
async def test_the_preferred_codec_is_offered_chosen_and_heard(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path, way: str, codecs: str
) -> None:
    wanted = codecs.replace(",", " ").split()
    alice = await phone("alice")
    await alice.use_codecs("PCMU/8000")
    async with callee() as (bob, calls):
        number = f"+1444{server.number}"
        if way == "trunk":
            form = {"SipUri": f"sip:127.0.0.1:{bob.port}", "Pattern": number, "Codecs": ",".join(wanted)}
            status, made = await server.node.rest("POST", "Trunks.json", **form)
            assert status == 201, made
            noun = f"<Number>{number}</Number>"
        else:
            noun = f'<Sip codecs="{codecs}">{bob.uri}</Sip>'
        webhook["voice"] = response(f"<Dial>{noun}</Dial>")
        call = await alice.invite(server.uri, say=440)
        async with asyncio.timeout(TIMEOUT_S):
            ringing = await calls.get()
        assert offered(ringing.leg.session.request.body.decode()) == wanted
        ringing.answer()
        ringing.say(tone(660))
        recording = ringing.record(tmp_path / "bob.wav")
        assert await call.hears(660)
        stream = ringing.leg.stream
        await eventually("a second of audio", lambda: stream.statistics().packets_received >= 50)
        assert stream.statistics().codec == wanted[0]
        recording.stop()
        kept = await recording.ended()
        assert kept.path is not None
        assert Heard.from_wav(kept.path).seconds_of(440) >= 0.7, Heard.from_wav(kept.path).score()
        ringing.hang_up()
        await call.ended()


async def test_the_callee_takes_what_it_knows_of_the_list(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """The first of the list is not known to it, the second is; the caller speaks a third."""
    alice, bob = await phone("alice"), await phone("bob")
    await alice.use_codecs("PCMU/8000")
    await bob.use_codecs("PCMA/8000", "PCMU/8000")
    webhook["voice"] = response(f'<Dial><Sip codecs="opus G722 PCMA">{bob.uri}</Sip></Dial>')
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    assert offered(ringing.invite.body) == ["opus", "G722", "PCMA"]
    await ringing.answer(say=660)
    assert await ringing.hears(440)
    assert await call.hears(660)


async def test_no_codec_of_the_list_is_known_to_the_callee(server: Server, webhook: Webhook) -> None:
    """Its 488 is reported to the action; nothing else is offered behind the application's back."""
    async with RawPhone("alice") as alice, RawPhone("bob") as bob:
        webhook["voice"] = response(
            f'<Dial action="after"><Sip codecs="G722">{bob.uri}</Sip></Dial>',
        )
        webhook["after"] = response("<Hangup/>")
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        refused = await bob.next_call()
        assert offered(refused.invite.body) == ["G722"]
        refused.refuse(488)
        after = await webhook.next("after")
        assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("failed", "488")
        assert len(bob.calls) == 1
        await call.gets("INVITE", 200)
        call.request("ACK")
        await call.gets("BYE")
