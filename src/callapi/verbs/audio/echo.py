"""`<Echo>`: the caller hears itself, until it hangs up or is given another document."""

from contextlib import closing
from typing import Final

from callapi.media import AudioFormat, StreamClosed
from callapi.rcml import Echo
from callapi.verbs.execution import Execution, Next, Outcome

FORMAT: Final = AudioFormat("L16", 16_000)
MAX_BUFFER_S: Final = 1.0
MAX_LAG_MS: Final = 200
"""What waits for longer is left out: an echo does not fall behind."""


async def echo(_: Echo, execution: Execution) -> Outcome:
    """Answer, and send back what comes."""
    call = execution.call
    call.answer()
    execution.sounded()
    stream = call.leg.stream
    with (
        closing(stream.listen(FORMAT)) as heard,
        closing(stream.feed(FORMAT, max_buffer_s=MAX_BUFFER_S)) as spoken,
    ):
        try:
            while True:
                for frame in await heard.next():
                    if spoken.buffered_ms < MAX_LAG_MS:
                        spoken.write(frame.payload)
        except StreamClosed:
            return Next()
