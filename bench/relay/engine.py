"""Our media plane with bridged calls, for `measure.py`: python bench/relay/engine.py LEGS PORT REMOTE [DIRECTORY].

Leg `n` listens on PORT + 2n and expects its party at REMOTE + 2n. With a directory, both directions of every
call are recorded into it.
"""

import asyncio
import sys
from pathlib import Path

from callapi.media import CodecFormat, MediaAddress, RecordOptions, StreamParameters
from callapi.media.engine import NativePlane

PCMU = CodecFormat("PCMU", 0, 8000, 1, 0)


async def serve(legs: int, port: int, remote: int, directory: Path | None) -> None:
    async with NativePlane(rtp_ports=f"{port}-{port + 2 * legs + 1}", threads=1) as plane:
        streams = [plane.open_stream() for _ in range(legs)]
        for index, stream in enumerate(streams):
            party = MediaAddress("127.0.0.1", remote + 2 * index)
            stream.configure(StreamParameters(party, PCMU, telephone_event=101, receive_telephone_event=101))
        for one, other in zip(streams[::2], streams[1::2], strict=True):
            plane.bridge(one, other)
            if directory is not None:
                one.record(directory / f"{one.local.port}.wav", RecordOptions(channels=2))
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*(int(each) for each in sys.argv[1:4]), Path(sys.argv[4]) if sys.argv[4:] else None))
