"""A media plane without sockets: records what it is asked, and lets a test say what the party does.

::

    plane = FakePlane()
    stream = plane.open_stream()            # code under test plays, records, bridges ...
    plane.streams[0].press("5")             # ... and the test makes things happen
    plane.streams[0].playbacks[-1].finish()
"""

from callapi.media.plane.fake.audio import FakeFeeding, FakeListening
from callapi.media.plane.fake.plane import FakePlane
from callapi.media.plane.fake.playing import DIGITS, Digits, FakePlayback, FakeRecording, Tone
from callapi.media.plane.fake.room import FakeMember, FakeRoom
from callapi.media.plane.fake.streams import FakeBridge, FakeStream, FakeVideo

__all__ = [
    "DIGITS",
    "Digits",
    "FakeBridge",
    "FakeFeeding",
    "FakeListening",
    "FakeMember",
    "FakePlane",
    "FakePlayback",
    "FakeRecording",
    "FakeRoom",
    "FakeStream",
    "FakeVideo",
    "Tone",
]
