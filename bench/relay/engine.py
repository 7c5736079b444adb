"""Our media plane with bridged calls: `python -m bench.relay.engine LEGS PORT PARTIES CODEC SUITE [DIRECTORY]`.

Leg `n` listens on 127.0.0.1:PORT + 2n and expects its party at 127.0.0.2:PARTIES + 2n; even legs speak G.711, odd ones
CODEC; with a SUITE (else an empty argument) both are encrypted. With a directory, both directions of every call are
recorded into it.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from bench.relay.keys import engine_keys

from callapi.media import CodecFormat, MediaAddress, RecordOptions, StreamParameters
from callapi.media.plane.engine import NativePlane

FORMATS: Final = {
    "PCMU": CodecFormat("PCMU", 0, 8000, 1, 0),
    "PCMA": CodecFormat("PCMA", 8, 8000, 1, 8),
    "G722": CodecFormat("G722", 9, 8000, 1, 9),
    "opus": CodecFormat("opus", 111, 48000, 2, 111),
}


async def serve(legs: int, port: int, parties: int, codec: str, suite: str, directory: Path | None) -> None:
    """Until the process gets a signal to stop."""
    async with NativePlane(rtp_ports=f"{port}-{port + 2 * legs + 1}", threads=1) as plane:
        streams = [plane.open_stream() for _ in range(legs)]
        for index, stream in enumerate(streams):
            party = MediaAddress("127.0.0.2", parties + 2 * index)
            spoken = FORMATS[codec if index % 2 else "PCMU"]
            stream.configure(
                StreamParameters(
                    party,
                    spoken,
                    telephone_event=101,
                    receive_telephone_event=101,
                    srtp=engine_keys(suite),
                )
            )
        for one, other in zip(streams[::2], streams[1::2], strict=True):
            plane.bridge(one, other)
            if directory is not None:
                one.record(directory / f"{one.local.port}.wav", RecordOptions(channels=2))
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    legs, port, parties = map(int, sys.argv[1:4])
    codec, suite, *directory = sys.argv[4:]
    asyncio.run(serve(legs, port, parties, codec, suite, Path(directory[0]) if directory else None))
