"""The phone on our own stack: two of them on loopback, with a media plane that has no sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callapi.cli.phones.softphone import PhoneCall, PhoneOptions, Softphone
from callapi.media.plane.fake import FakePlane
from callapi.sip import Party


@asynccontextmanager
async def _two(transport: str = "udp") -> AsyncIterator[tuple[Softphone, Softphone, list[str]]]:
    said: list[str] = []
    async with (
        FakePlane() as plane,
        Softphone(PhoneOptions("alice", transport=transport), plane, happened=said.append) as alice,
        Softphone(PhoneOptions("bob", transport=transport), plane) as bob,
    ):
        yield alice, bob, said


async def _next(phone: Softphone) -> PhoneCall:
    async with asyncio.timeout(3):
        return await anext(phone.incoming())


async def test_a_call_is_made_answered_and_ended() -> None:
    for transport in ("udp", "tcp"):
        async with _two(transport) as (alice, bob, said):
            call = alice.dial(bob.uri, headers=(("X-Room", "kitchen"),))
            ringing = await _next(bob)
            ringing.ring()
            assert await call.rings(2)
            assert ringing.leg.session.request.headers.get("X-Room") == "kitchen"
            ringing.answer()
            assert await call.is_answered(2)
            call.hang_up()
            assert await ringing.ended(2)
            assert await call.ended(2)
            assert call.ending is not None
            assert call.ending.by is Party.LOCAL
            assert said[:2] == ["180 Ringing", "answered"]


async def test_a_refusal_is_no_answer() -> None:
    async with _two() as (alice, bob, _):
        call = alice.dial(bob.uri)
        (await _next(bob)).refuse(486)
        assert not await call.is_answered(2)
        assert call.ending is not None
        assert call.ending.status == 486


async def test_a_caller_may_change_its_mind() -> None:
    async with _two() as (alice, bob, _):
        call = alice.dial(bob.uri)
        ringing = await _next(bob)
        ringing.ring()
        await call.rings(2)
        call.hang_up()
        assert await ringing.ended(2)
        assert await call.ended(2)


async def test_an_unreachable_target() -> None:
    async with _two() as (alice, bob, _):
        uri = bob.uri
        await bob.__aexit__(None, None, None)
        call = alice.dial(uri)
        assert not await call.is_answered(3)
        with contextlib.suppress(Exception):
            await bob.__aenter__()
