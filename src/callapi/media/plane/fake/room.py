"""A conference of the fake plane: keeps who is in it and how; a test says who speaks."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from callapi.base.notifier import Notifier
from callapi.media.errors import RoomFull, StreamClosed
from callapi.media.plane.events import (
    RecordingCause,
    RoomEvent,
    SpeakingStarted,
    SpeakingStopped,
    StreamEvent,
)
from callapi.media.plane.fake.playing import FakePlayback, FakeRecording
from callapi.media.plane.fake.streams import FakeStream
from callapi.media.plane.plane import AudioStream, RoomMember
from callapi.media.plane.types import JitterDelay, Prompt, RecordOptions

MAX_MEMBERS = 250


class FakeMember:
    """A stream in a FakeRoom, and how it takes part."""

    def __init__(self, room: "FakeRoom", member_id: int, stream: FakeStream) -> None:
        self._room = room
        self.member_id = member_id
        self.stream = stream
        self.is_muted = False
        self.is_early = False
        self.delay: JitterDelay | None = None
        self.coached: FakeMember | None = None
        self.is_speaking = False
        stream.member = self

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - as the protocol
        """As RoomMember.mute."""
        self.is_muted = muted

    def coach(self, member: RoomMember | None) -> None:
        """As RoomMember.coach."""
        self.coached = cast("FakeMember | None", member)

    def leave(self) -> None:
        """As RoomMember.leave."""
        if self.stream.member is self:
            self.speak(speaking=False)
            self.stream.member = None
            self._room.people.remove(self)

    def speak(self, *, speaking: bool = True) -> None:
        """Test hook: the member begins or ceases to speak."""
        if speaking != self.is_speaking:
            self.is_speaking = speaking
            self._room.put(SpeakingStarted(self.member_id) if speaking else SpeakingStopped(self.member_id))


class FakeRoom:
    """A Room without sound.

    Attributes:
        people: who is in it, in the order in which they joined.
        announcements, recordings: everything that was asked for, in order.
    """

    def __init__(self, new_id: Callable[[], int]) -> None:
        self._new_id = new_id
        self._events: list[RoomEvent] = []
        self._changed = Notifier()
        self.people: list[FakeMember] = []
        self.announcements: list[FakePlayback] = []
        self.recordings: list[FakeRecording] = []
        self.is_closed = False

    @property
    def members(self) -> int:
        """As Room.members."""
        return len(self.people)

    def join(
        self,
        stream: AudioStream,
        *,
        muted: bool = False,
        coach: RoomMember | None = None,
        early: bool = False,
        delay: JitterDelay | None = None,
    ) -> FakeMember:
        """As Room.join."""
        self._require_open()
        fake = cast("FakeStream", stream)
        if fake.is_closed:
            raise StreamClosed("the stream is closed")
        fake.silence()
        fake.unlink()
        if len(self.people) >= MAX_MEMBERS:
            raise RoomFull(f"the room has {MAX_MEMBERS} members")
        member = FakeMember(self, self._new_id(), fake)
        member.mute(muted)
        member.coach(coach)
        member.is_early, member.delay = early, delay
        self.people.append(member)
        return member

    def announce(self, audio: Prompt, *, loop: int = 1) -> FakePlayback:
        """As Room.announce."""
        self._require_open()
        for former in self.announcements:
            former.stop()
        playback = FakePlayback(self, self._new_id(), audio, loop)
        self.announcements.append(playback)
        return playback

    def record(self, path: Path, options: RecordOptions = RecordOptions()) -> FakeRecording:  # noqa: B008 - frozen
        """As Room.record."""
        self._require_open()
        recording = FakeRecording(self, self._new_id(), path, options)
        self.recordings.append(recording)
        return recording

    async def next_event(self) -> RoomEvent:
        """As Room.next_event."""
        while not self._events:
            if self.is_closed:
                raise StreamClosed("the room is closed")
            await self._changed.wait()
        return self._events.pop(0)

    def close(self) -> None:
        """As Room.close."""
        if self.is_closed:
            return
        for member in list(self.people):
            member.leave()
        for playback in self.announcements:
            playback.stop()
        for recording in self.recordings:
            recording.end(RecordingCause.STOPPED)
        self.is_closed = True
        self._changed.ring()

    def put(self, event: RoomEvent) -> None:
        """For members: queue an event."""
        self._events.append(event)
        self._changed.ring()

    def emit(self, event: StreamEvent) -> None:
        """For playbacks and recordings, whose ends are awaited on themselves."""

    def _require_open(self) -> None:
        if self.is_closed:
            raise StreamClosed("the room is closed")
