"""What a call is connected to at the moment: one closed set of types, by sid, never by object."""

from typing import TypeAlias

from msgspec import Struct

from callapi.base.ids import CallSid, ConferenceSid, QueueSid


class Bridged(Struct, frozen=True, gc=False):
    """A bridge: the call and `other` hear each other."""

    other: CallSid


class InConference(Struct, frozen=True, gc=False):
    """A room; on hold or waiting for its start too."""

    conference_sid: ConferenceSid
    name: str


class Streaming(Struct, frozen=True, gc=False):
    """An application that has the call: a stream in both directions (`MZ…`), or a conversation (`VX…`)."""

    sid: str


class InQueue(Struct, frozen=True, gc=False):
    """A queue, waiting for an agent."""

    queue_sid: QueueSid
    name: str


Joined: TypeAlias = Bridged | InConference | InQueue | Streaming
