"""The protocol of Media Streams: order, types, counters, and what an application may send."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.streams.errors import ProtocolViolation
from callapi.streams.media_format import CODECS
from callapi.streams.media_machine import MAX_MARKS, MediaMachine, PlaceMark, State, StreamPlan
from callapi.streams.media_messages import Clear, Media, StreamIdentity, read

WHO = StreamIdentity("AC" + "1" * 32, "CA" + "2" * 32, "MZ" + "3" * 32)


def _machine(**plan: Any) -> MediaMachine:
    return MediaMachine(StreamPlan(WHO, **{"is_bidirectional": True, **plan}))


def _json(messages: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(each) for each in messages]


def test_the_first_messages_have_twilios_fields_and_types() -> None:
    """`connected` without sids, `start` with strings and numbers where Twilio has them."""
    connected, start = _json(_machine(parameters={"name": "value"}).opened())
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": WHO.stream_sid,
        "start": {
            "accountSid": WHO.account_sid,
            "streamSid": WHO.stream_sid,
            "callSid": WHO.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"name": "value"},
        },
    }


def test_media_counts_per_track_and_over_all() -> None:
    """`sequenceNumber` over all messages, `chunk` per track, all as strings."""
    machine = _machine(tracks=("inbound", "outbound"))
    machine.opened()
    first = json.loads(machine.media("inbound", 0, b"\xff" * 160))
    second = json.loads(machine.media("outbound", 0, b"\x00" * 160))
    third = json.loads(machine.media("inbound", 20, b""))
    assert first == {
        "event": "media",
        "sequenceNumber": "2",
        "streamSid": WHO.stream_sid,
        "media": {
            "track": "inbound",
            "chunk": "1",
            "timestamp": "0",
            "payload": base64.b64encode(b"\xff" * 160).decode(),
        },
    }
    assert [each["sequenceNumber"] for each in (first, second, third)] == ["2", "3", "4"]
    assert [each["media"]["chunk"] for each in (first, second, third)] == ["1", "1", "2"]
    assert [each["media"]["track"] for each in (first, second, third)] == ["inbound", "outbound", "inbound"]


def test_digits_marks_and_the_end() -> None:
    """`dtmf.track` is `inbound_track`; a mark that was dropped says so; `stop` is the last message."""
    machine = _machine()
    machine.opened()
    [digit] = _json(machine.digit("5"))
    assert digit["dtmf"] == {"track": "inbound_track", "digit": "5"}
    placed = [machine.received(b'{"event":"mark","mark":{"name":"%s"}}' % name) for name in (b"a", b"b")]
    assert placed == [PlaceMark(1), PlaceMark(2)]
    [played] = _json(machine.mark_reached(1, cleared=False))
    [cleared] = _json(machine.mark_reached(2, cleared=True))
    assert played["mark"] == {"name": "a"}
    assert "cleared" not in played
    assert (cleared["mark"]["name"], cleared["cleared"]) == ("b", True)
    assert machine.mark_reached(2, cleared=True) == []
    [stop] = _json(machine.stopped())
    assert stop["stop"] == {"accountSid": WHO.account_sid, "callSid": WHO.call_sid}
    assert [each["sequenceNumber"] for each in (digit, played, cleared, stop)] == ["2", "3", "4", "5"]
    assert machine.stopped() == []
    assert machine.state is State.STOPPED


def test_a_second_socket_continues_the_stream() -> None:
    """The same sid, the numbers go on, `start.reconnect` says how often it was reopened."""
    machine = _machine()
    [_, first] = _json(machine.opened())
    machine.lost()
    assert machine.digit("1") == []
    [_, second] = _json(machine.opened())
    assert "reconnect" not in first["start"]
    assert second["start"]["reconnect"] == 1
    assert second["sequenceNumber"] == "2"


def test_wideband_is_announced() -> None:
    """`start.mediaFormat` names the extension's encoding and rate."""
    [_, start] = _json(_machine(media_format=CODECS["L16@16000h"]).opened())
    assert start["start"]["mediaFormat"] == {"encoding": "audio/x-l16", "sampleRate": 16000, "channels": 1}


def test_what_an_application_may_send() -> None:
    """Audio of any size, marks, clear; fields that are not known are skipped."""
    assert read(
        b'{"event":"media","streamSid":"MZ1","media":{"payload":"AAEC","track":"x"},"z":[1]}'
    ) == Media(b"\x00\x01\x02")
    assert read(b'{"event":"clear","streamSid":"MZ1"}') == Clear()


@pytest.mark.parametrize(
    "message",
    [
        b"hello",
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"event":7}',
        b'{"event":"media"}',
        b'{"event":"media","media":{"payload":7}}',
        b'{"event":"media","media":{"payload":"***"}}',
        b'{"event":"mark"}',
        b'{"event":"mark","mark":{"name":""}}',
        b'{"event":"dance"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_nonsense_is_a_violation(message: bytes) -> None:
    """31924, with a sentence."""
    with pytest.raises(ProtocolViolation) as raised:
        _machine().received(message)
    assert str(raised.value)


def test_a_stream_in_one_direction_takes_nothing() -> None:
    """Twilio's 31924: a message on a stream of `<Start>`."""
    machine = _machine(is_bidirectional=False)
    machine.opened()
    assert machine.digit("1") == []
    for message in (b'{"event":"clear"}', b'{"event":"media","media":{"payload":""}}'):
        with pytest.raises(ProtocolViolation, match="<Start>"):
            machine.received(message)


@given(st.binary(max_size=200))
def test_any_octets_give_an_action_or_a_violation(message: bytes) -> None:
    """No other exception leaves the reader."""
    try:
        _machine().received(message)
    except ProtocolViolation:
        return


@pytest.mark.parametrize(
    ("name", "octets_per_s", "frame"),
    [("PCMU", 8_000, 160), ("PCMA", 8_000, 160), ("L16@16000h", 32_000, 640), ("L16@48000h", 96_000, 1920)],
)
def test_octets_of_a_format(name: str, octets_per_s: int, frame: int) -> None:
    """20 ms of one channel; samples of L16 have two octets."""
    read_format = CODECS[name]
    assert (read_format.octets_per_s, read_format.frame_octets) == (octets_per_s, frame)


def test_pending_marks_are_counted_and_bounded() -> None:
    machine = _machine()
    machine.opened()
    mark = json.dumps({"event": "mark", "mark": {"name": "m"}}).encode()
    for number in range(1, MAX_MARKS + 1):
        assert machine.received(mark) == PlaceMark(number)
    assert machine.pending_marks == MAX_MARKS
    with pytest.raises(ProtocolViolation, match="marks wait for their return"):
        machine.received(mark)
    machine.mark_reached(1, cleared=False)
    assert machine.pending_marks == MAX_MARKS - 1
    assert machine.received(mark) == PlaceMark(MAX_MARKS + 1)


def test_a_socket_that_is_lost_after_the_stop_opens_no_other() -> None:
    machine = _machine()
    machine.opened()
    machine.stopped()
    machine.lost()
    assert machine.state is State.STOPPED


def test_what_a_stream_in_one_direction_may_not_be_sent() -> None:
    machine = _machine(is_bidirectional=False)
    machine.opened()
    for message in ({"event": "clear"}, {"event": "mark", "mark": {"name": "m"}}):
        with pytest.raises(ProtocolViolation):
            machine.received(json.dumps(message).encode())
