"""Captures of SIP messages: what tshark reads of them."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.api.responses.pcap import capture
from callapi.store import EventRecord

AT = datetime(2026, 11, 17, 10, 0, 0, 250_000, tzinfo=UTC)
INVITE = (
    "INVITE sip:1000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKa\r\n"
    "From: <sip:alice@198.51.100.7>;tag=1\r\nTo: <sip:1000@192.0.2.1>\r\nCall-ID: abc@198.51.100.7\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:alice@198.51.100.7:5070>\r\nContent-Length: 0\r\n\r\n"
)
BUSY = (
    "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKa\r\n"
    "From: <sip:alice@198.51.100.7>;tag=1\r\nTo: <sip:1000@192.0.2.1>;tag=2\r\nCall-ID: abc@198.51.100.7\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:192.0.2.1:5062>\r\nContent-Length: 0\r\n\r\n"
)


def event(number: int, direction: str, message: str, peer: str = "udp:198.51.100.7:5070") -> EventRecord:
    """One message of a timeline."""
    data = {"direction": direction, "peer": peer, "message": message}
    return EventRecord(number, AT + timedelta(milliseconds=number), "sip", data)


def fields(content: bytes, folder: Path, *names: str) -> list[list[str]]:
    """What tshark finds, a row for each packet."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    path = folder / "call.pcap"
    path.write_bytes(content)
    options = [option for name in names for option in ("-e", name)]
    command = [tshark, "-r", str(path), "-o", "ip.check_checksum:TRUE", "-T", "fields", *options]
    found = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
    return [line.split("\t") for line in found.stdout.splitlines()]


def test_tshark_reads_a_call(tmp_path: Path) -> None:
    """Messages with their addresses, ports and times; the node's own from its Contact."""
    other = EventRecord(2, AT, "verb", {"name": "Dial"})
    content = capture([event(0, "received", INVITE), event(1, "sent", BUSY), other])
    names = ("ip.src", "udp.srcport", "ip.dst", "udp.dstport", "sip.Method", "sip.Status-Code", "sip.Call-ID")
    rows = fields(content, tmp_path, *names, "ip.checksum.status")
    assert rows == [
        ["198.51.100.7", "5070", "192.0.2.1", "5062", "INVITE", "", "abc@198.51.100.7", "1"],
        ["192.0.2.1", "5062", "198.51.100.7", "5070", "", "486", "abc@198.51.100.7", "1"],
    ]
    ((first,), _) = fields(content, tmp_path, "frame.time_epoch")
    assert float(first) == pytest.approx(AT.timestamp(), abs=0.001) or first.startswith(
        "2026-11-17T10:00:00.25"
    )


def test_withheld_keys_can_be_read(tmp_path: Path) -> None:
    """The timeline withholds SDES keys; tshark calls a message malformed whose key is not base64."""
    body = (
        "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n"
    )
    body += f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{'*' * 40}\r\n"
    head = INVITE.replace("Content-Length: 0\r\n\r\n", "Content-Type: application/sdp\r\n")
    content = capture([event(0, "received", f"{head}Content-Length: {len(body)}\r\n\r\n{body}")])
    rows = fields(content, tmp_path, "_ws.malformed", "sdp.media.port", "sdp.media_attr")
    assert rows[0][:2] == ["", "4000"]
    assert f"inline:{'WITHHELD' * 5}" in rows[0][2]


def test_ipv6(tmp_path: Path) -> None:
    """A peer of the other version of IP than the node's own address in its messages."""
    content = capture([event(0, "received", INVITE, "udp:2001:db8::7:5070"), event(1, "sent", BUSY)])
    rows = fields(content, tmp_path, "ipv6.src", "udp.srcport", "sip.Method")
    assert rows[0] == ["2001:db8::7", "5070", "INVITE"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["sent", "received", "x"]), st.text(max_size=40), st.text(max_size=30))
    )
)
def test_anything_at_all(messages: list[tuple[str, str, str]]) -> None:
    """Each message becomes a record; nothing a stranger sends breaks the file."""
    events = [event(number, *each) for number, each in enumerate(messages)]
    content = capture(events)
    at, count = 24, 0
    while at < len(content):
        length = int.from_bytes(content[at + 8 : at + 12], "little")
        at, count = at + 16 + length, count + 1
    assert (at, count) == (len(content), len(messages))


def test_a_huge_message_is_cut() -> None:
    """An IP packet has 65,535 bytes at most."""
    content = capture([event(0, "received", "x" * 100_000)])
    assert len(content) < 66_000
