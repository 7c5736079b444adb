"""What is said on a call, stretch by stretch: the audio of one track, cut where speech begins and ends."""

from collections.abc import AsyncGenerator
from contextlib import closing
from typing import Final

import numpy as np

from callapi.media import AudioFormat, AudioStream, StreamClosed, Track
from callapi.media.speech import SpeechEvent, SpeechSegmenter

RATE: Final = 16_000
"""Of the audio that recognisers get."""


async def hear(
    stream: AudioStream, track: Track, segmenter: SpeechSegmenter
) -> AsyncGenerator[SpeechEvent, None]:
    """The beginnings and ends of speech on `track`, until the stream is closed. Close it when it is left early."""
    with closing(stream.listen(AudioFormat("L16", RATE), track=track)) as listening:
        while True:
            try:
                frames = await listening.next()
            except StreamClosed:
                return
            samples = np.frombuffer(b"".join([each.payload for each in frames]), np.int16)
            for event in segmenter.feed(samples):
                yield event
