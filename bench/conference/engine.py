"""Our media plane with conferences: `python -m bench.conference.engine ROOMS MEMBERS PORT PARTIES`.

Leg `n` listens on 127.0.0.1:PORT + 2n and expects its party at 127.0.0.2:PARTIES + 2n; room `r` has the legs from
r * MEMBERS on. ROOMS 0: two legs on a bridge.
"""

import asyncio
import sys
from typing import Final

from callapi.media import CodecFormat, MediaAddress, StreamParameters
from callapi.media.plane.engine import NativePlane

PCMU: Final = CodecFormat("PCMU", 0, 8000, 1, 0)


async def serve(rooms: int, members: int, port: int, parties: int) -> None:
    """Until the process is stopped."""
    legs = max(rooms, 1) * members
    async with NativePlane(rtp_ports=f"{port}-{port + 2 * legs + 1}", threads=1) as plane:
        streams = [plane.open_stream() for _ in range(legs)]
        for stream in streams:
            party = MediaAddress("127.0.0.2", parties + stream.local.port - port)
            stream.configure(StreamParameters(party, PCMU))
        for number in range(rooms):
            room = plane.open_room()
            for stream in streams[number * members : (number + 1) * members]:
                room.join(stream)
        if not rooms:
            plane.bridge(streams[0], streams[1])
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:5])))
