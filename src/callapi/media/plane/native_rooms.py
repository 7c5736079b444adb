"""Conferences of the native media plane, as the floors above hold them."""

from pathlib import Path
from typing import Protocol, cast

from callapi.base.notifier import Notifier
from callapi.media import _native
from callapi.media.errors import RoomFull, StreamClosed
from callapi.media.plane.events import RoomEvent, SpeakingStarted, SpeakingStopped
from callapi.media.plane.native_playing import (
    NativePlayback,
    NativeRecording,
    RecordingChange,
    change_recording,
)
from callapi.media.plane.native_streams import NativeStream
from callapi.media.plane.plane import AudioStream, RoomMember
from callapi.media.plane.types import JitterDelay, Prompt, RecordOptions

MAX_MEMBERS = 250
MAX_EVENTS = 1000


class Owner(Protocol):
    """What rooms need of their plane."""

    def native_prompt(self, audio: Prompt) -> _native.Prompt:
        """The handle that all who play it share."""

    def wake_soon(self) -> None:
        """A packet thread was given an order."""

    def forget_room(self, room: "NativeRoom") -> None:
        """The room is closed, and nothing of it is pending."""


class NativeMember:
    """A stream that a packet thread mixes into a room."""

    def __init__(self, room: "NativeRoom", stream: NativeStream, *, muted: bool) -> None:
        self._room = room
        self._muted = muted
        self._coached: NativeMember | None = None
        self.member_id = 0
        self.stream = stream

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - as the protocol
        """As RoomMember.mute."""
        self._muted = muted
        self._apply()

    def coach(self, member: RoomMember | None) -> None:
        """As RoomMember.coach."""
        self._coached = cast("NativeMember | None", member)
        self._apply()

    def leave(self) -> None:
        """As RoomMember.leave."""
        if self.stream.member is self:
            self.stream.member = None
            self._room.remove(self)

    def _apply(self) -> None:
        if self.stream.member is self:
            coached = self._coached.member_id if self._coached is not None else None
            self._room.orders.set_part(self.stream.native, self.member_id, self._muted, coached)


class NativeRoom:
    """A conference that a packet thread mixes."""

    def __init__(self, plane: Owner, native: _native.Room) -> None:
        self._plane = plane
        self._native = native
        self._members: list[NativeMember] = []
        self._playbacks: dict[int, NativePlayback] = {}
        self._recordings: dict[int, NativeRecording] = {}
        self._events: list[RoomEvent] = []
        self._changed = Notifier()
        self._is_closed = False

    @property
    def room_id(self) -> int:
        """Names it in the events of the native module."""
        return self._native.id

    @property
    def orders(self) -> _native.Room:
        """What to give an order to: its thread will be woken."""
        self._plane.wake_soon()
        return self._native

    @property
    def members(self) -> int:
        """As Room.members."""
        return len(self._members)

    def join(
        self,
        stream: AudioStream,
        *,
        muted: bool = False,
        coach: RoomMember | None = None,
        early: bool = False,
        delay: JitterDelay | None = None,
    ) -> NativeMember:
        """As Room.join."""
        self._require_open()
        native = cast("NativeStream", stream)
        if native.is_closed:
            raise StreamClosed(f"{native!r} takes no commands")
        native.unlink()
        if len(self._members) >= MAX_MEMBERS:
            raise RoomFull(f"the room has {MAX_MEMBERS} members")
        member = NativeMember(self, native, muted=muted)
        coached = cast("NativeMember", coach).member_id if coach is not None else None
        bounds = (delay.min_ms, delay.max_ms) if delay is not None else None
        member.member_id = self.orders.join(native.native, muted, coached, early, bounds)
        native.member = member
        self._members.append(member)
        return member

    def announce(self, audio: Prompt, *, loop: int = 1) -> NativePlayback:
        """As Room.announce."""
        self._require_open()
        playback_id = self.orders.announce(self._plane.native_prompt(audio), loop)
        self._playbacks[playback_id] = playback = NativePlayback(self._stop_playback, playback_id)
        return playback

    def record(self, path: Path, options: RecordOptions = RecordOptions()) -> NativeRecording:  # noqa: B008 - frozen
        """As Room.record."""
        self._require_open()
        recording_id = self.orders.record(path, options)
        self._recordings[recording_id] = recording = NativeRecording(
            self._change_recording, recording_id, path
        )
        return recording

    async def next_event(self) -> RoomEvent:
        """As Room.next_event."""
        while not self._events:
            if self._is_closed:
                raise StreamClosed("the room is closed")
            await self._changed.wait()
        return self._events.pop(0)

    @property
    def recordings(self) -> int:
        """How many recordings have not ended."""
        return len(self._recordings)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed; recordings may not have ended yet."""
        return self._is_closed

    def close(self) -> None:
        """As Room.close."""
        if self._is_closed:
            return
        for member in list(self._members):
            member.leave()
        self._is_closed = True
        self.orders.close()
        for playback in self._playbacks.values():
            playback.set_ended(finished=False)
        self._playbacks.clear()
        self._changed.ring()
        self._forget()

    def remove(self, member: NativeMember) -> None:
        """For a member: it leaves."""
        self._members.remove(member)
        self.orders.leave(member.stream.native, member.member_id)

    def deliver_speaking(self, member_id: int, *, speaks: bool) -> None:
        """For the plane: a member begins or ceases to speak. The oldest of 1,000 unread events is dropped."""
        if self._is_closed:
            return
        if len(self._events) == MAX_EVENTS:
            del self._events[0]
        self._events.append(SpeakingStarted(member_id) if speaks else SpeakingStopped(member_id))
        self._changed.ring()

    def deliver_playback(self, playback_id: int, *, finished: bool) -> None:
        """For the plane: an announcement is over."""
        playback = self._playbacks.pop(playback_id, None)
        if playback is not None:
            playback.set_ended(finished=finished)

    def deliver_recording(self, event: _native.Event.RecordingEnded) -> None:
        """For the plane: a recording ended, perhaps after the room was closed."""
        self._recordings.pop(event.recording).set_ended(event)
        self._forget()

    def _forget(self) -> None:
        if self._is_closed and not self._recordings:
            self._plane.forget_room(self)

    def _stop_playback(self, playback_id: int) -> None:
        self.orders.stop(playback_id)

    def _change_recording(self, recording_id: int, change: RecordingChange) -> None:
        change_recording(self.orders, recording_id, change)

    def _require_open(self) -> None:
        if self._is_closed:
            raise StreamClosed("the room is closed")
