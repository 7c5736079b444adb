"""`Calls/{Sid}/Audio.wav`: a live call as a WAV without an end, for the call's own account."""

import struct

from tests.api.world import PaperListeners, World, call_record


async def test_a_live_call_is_heard_as_wav(world: World) -> None:
    """Two channels of 16 bits at 16 kHz, of unknown length; the listener is named to the call."""
    call = call_record(world.account.sid, status="in-progress", end_time=None)
    await world.keep(call)
    answer = await world.get(f"Calls/{call.sid}/Audio.wav")
    assert answer.status == 200
    assert answer.headers["content-type"] == "audio/x-wav"
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.body[:4], answer.body[8:16], answer.body[36:40]) == (b"RIFF", b"WAVEfmt ", b"data")
    assert struct.unpack("<HHIIHH", answer.body[20:36]) == (1, 2, 16_000, 64_000, 4, 16)
    assert answer.body[44:] == f"{call.sid} {world.account.sid}".encode()


async def test_who_may_not_listen(world: World) -> None:
    """An unknown call, another account's, one that is not asked for by GET, one with too many listeners."""
    call = call_record(world.account.sid)
    await world.keep(call)
    assert (await world.get(f"Calls/CA{'0' * 32}/Audio.wav")).status == 404
    assert (await world.post(f"Calls/{call.sid}/Audio.wav")).status == 405
    taken = call_record(world.account.sid, sid=PaperListeners.TAKEN)
    await world.keep(taken)
    refused = await world.get(f"Calls/{taken.sid}/Audio.wav")
    assert (refused.status, refused.json["code"]) == (429, 20429)
    assert refused.headers["retry-after"] == "5"
