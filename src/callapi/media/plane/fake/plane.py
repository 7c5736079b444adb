"""The fake MediaPlane itself."""

import itertools
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, cast

from callapi.media.errors import PortsExhausted, StreamClosed
from callapi.media.plane.fake.room import FakeRoom
from callapi.media.plane.fake.streams import FakeBridge, FakeStream, FakeVideo
from callapi.media.plane.plane import AudioStream, VideoStream
from callapi.media.plane.types import PlaneStatistics


@dataclass
class FakePlane:
    """A MediaPlane for tests.

    Attributes:
        finishes_playbacks: prompts and digits are over as soon as they are asked for.
        is_exhausted: opening anything raises PortsExhausted.
        streams: every audio stream that was opened, in order, closed ones too.
        videos: the same of video.
        bridges: every bridge, in order.
        rooms: every room, in order.
    """

    finishes_playbacks: bool = False
    is_exhausted: bool = False
    streams: list[FakeStream] = field(default_factory=list)
    videos: list[FakeVideo] = field(default_factory=list)
    bridges: list[FakeBridge] = field(default_factory=list)
    rooms: list[FakeRoom] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _ports: "itertools.count[int]" = field(default_factory=lambda: itertools.count(20_000, 2))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def open_stream(self, *, is_ipv6: bool = False) -> FakeStream:  # noqa: ARG002 - it has one address
        """As MediaPlane.open_stream."""
        self._require_ports()
        stream = FakeStream(self, self.next_id, next(self._ports))
        self.streams.append(stream)
        return stream

    def open_video(self, *, is_ipv6: bool = False) -> FakeVideo:  # noqa: ARG002 - it has one address
        """As MediaPlane.open_video."""
        self._require_ports()
        video = FakeVideo(next(self._ports))
        self.videos.append(video)
        return video

    def bridge(self, one: AudioStream, other: AudioStream) -> FakeBridge:
        """As MediaPlane.bridge."""
        legs = cast("tuple[FakeStream, FakeStream]", (one, other))
        for leg in legs:
            if leg.is_closed:
                raise StreamClosed("the stream is closed")
            leg.silence()
        return self._join(*legs)

    def open_room(self) -> FakeRoom:
        """As MediaPlane.open_room."""
        room = FakeRoom(self.next_id)
        self.rooms.append(room)
        return room

    def bridge_video(self, one: VideoStream, other: VideoStream) -> FakeBridge:
        """As MediaPlane.bridge_video."""
        return self._join(*cast("tuple[FakeVideo, FakeVideo]", (one, other)))

    def statistics(self) -> PlaneStatistics:
        """What is open at present."""
        return PlaneStatistics(
            streams=sum(not each.is_closed for each in self.streams),
            video_streams=sum(not each.is_closed for each in self.videos),
            bridges=sum(each.is_open for each in self.bridges),
            rooms=sum(not each.is_closed for each in self.rooms),
            recordings=sum(recording.is_recording for each in self.streams for recording in each.recordings),
        )

    async def close(self) -> None:
        """As MediaPlane.close."""
        for room in self.rooms:
            room.close()
        for stream in self.streams:
            stream.close()
        for video in self.videos:
            video.close()

    def next_id(self) -> int:
        """A fresh id for a playback or recording."""
        return next(self._ids)

    def _join(self, one: FakeStream | FakeVideo, other: FakeStream | FakeVideo) -> FakeBridge:
        bridge = FakeBridge(one, other)
        self.bridges.append(bridge)
        return bridge

    def _require_ports(self) -> None:
        if self.is_exhausted:
            raise PortsExhausted("the fake plane was set to have no ports")
