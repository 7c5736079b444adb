"""The messages of a stream beside those of streamdouble, a simulator of Twilio's that others wrote (PyPI)."""

import json
from typing import Any

import pytest

from callapi.streams.media_machine import MediaMachine, StreamPlan
from callapi.streams.media_messages import StreamIdentity

protocol = pytest.importorskip("streamdouble.protocol")

WHO = ("AC" + "1" * 32, "CA" + "2" * 32, "MZ" + "3" * 32)


def _shape(message: Any) -> Any:
    """Keys and types, all the way down; what custom parameters hold is the application's."""
    if isinstance(message, dict):
        return {key: _shape(value) for key, value in message.items() if key != "who"}
    if isinstance(message, list):
        return [_shape(each) for each in message]
    return type(message).__name__


def test_every_message_has_the_same_keys_and_types() -> None:
    """connected, start, media, dtmf, mark, stop; also the values that are fixed."""
    identity = protocol.StreamIdentity(stream_sid=WHO[2], account_sid=WHO[0], call_sid=WHO[1])
    theirs = [
        protocol.build_connected(),
        protocol.build_start(identity, 1, custom_parameters={"who": "Alice"}),
        protocol.build_media(identity, 2, 1, 0, b"\xff" * 160),
        protocol.build_dtmf(identity, 3, "5"),
        protocol.build_mark(identity, 4, "said"),
        protocol.build_stop(identity, 5),
    ]
    machine = MediaMachine(
        StreamPlan(StreamIdentity(*WHO), parameters={"who": "Alice"}, is_bidirectional=True)
    )
    ours = [*machine.opened(), machine.media("inbound", 0, b"\xff" * 160), *machine.digit("5")]
    machine.received(b'{"event":"mark","mark":{"name":"said"}}')
    ours += [*machine.mark_reached(1, cleared=False), *machine.stopped()]
    decoded = [json.loads(each) for each in ours]
    assert decoded == theirs
    assert [_shape(each) for each in decoded] == [_shape(each) for each in theirs]
