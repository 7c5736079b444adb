"""Our media plane with conferences: `python -m bench.conference.engine ROOMS MEMBERS PORT PARTIES`.

Leg `n` listens on 127.0.0.1:PORT + 2n and expects its party at 127.0.0.2:PARTIES + 2n; room `r` has the legs from
r * MEMBERS on.
"""

import asyncio
import sys
from typing import Final

from callapi.media import CodecFormat, MediaAddress, StreamParameters
from callapi.media.plane.engine import NativePlane

PCMU: Final = CodecFormat("PCMU", 0, 8000, 1, 0)


async def serve(rooms: int, members: int, port: int, parties: int) -> None:
    """Until the process is stopped."""
    legs = rooms * members
    async with NativePlane(rtp_ports=f"{port}-{port + 2 * legs + 1}", threads=1) as plane:
        for _ in range(rooms):
            room = plane.open_room()
            for _ in range(members):
                stream = plane.open_stream()
                party = MediaAddress("127.0.0.2", parties + stream.local.port - port)
                stream.configure(StreamParameters(party, PCMU))
                room.join(stream)
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:5])))
