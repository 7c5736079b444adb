"""What reading and writing SIP messages costs: microseconds for each, the best of many rounds.

    .venv/bin/python bench/sip_messages.py

"first" reads a message whose addresses were never seen, "again" one of a call that is known already; a call has far
more of the latter.
"""

import itertools
import timeit
from collections.abc import Callable

from callapi.sip.messages.message import Request, make_response
from callapi.sip.messages.parser import StreamParser, parse_message
from callapi.sip.messages.writer import write_message

ROUNDS = 15
RUNS = 2000

SDP = (
    "v=0\r\no=- 3724394400 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0 8 9 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
)
INVITE = (
    "INVITE sip:+12125551234@sip.example.com:5060;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---8d5f2c3b1a0e4f6d;rport\r\n"
    "Max-Forwards: 70\r\n"
    "Contact: <sip:alice{n}@192.0.2.10:5060;transport=udp>\r\n"
    "To: <sip:+1212555{n}@sip.example.com>\r\n"
    'From: "Alice" <sip:alice{n}@sip.example.com>;tag=4f8a2b1c\r\n'
    "Call-ID: 83743NzRhYjU2ZmU4ZDRlMTBhZjE5\r\n"
    "CSeq: 1 INVITE\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n"
    "Content-Type: application/sdp\r\n"
    "Supported: replaces, timer, 100rel\r\n"
    "User-Agent: Phone 5.6\r\n"
    "X-Customer: 4711\r\n"
    f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
)


def measure(name: str, run: Callable[[], object]) -> None:
    """Print the cost of one run."""
    best = min(timeit.repeat(run, number=RUNS, repeat=ROUNDS)) / RUNS
    print(f"{name:<36}{best * 1e6:8.1f} us")


def main() -> None:
    """Measure."""
    known = INVITE.format(n=4567).encode()
    fresh = (INVITE.format(n=number).encode() for number in itertools.count(10**6))
    invite = parse_message(known)
    assert isinstance(invite, Request)
    answer = make_response(invite, 200, to_tag="1928301774", headers=[("Contact", "<sip:192.0.2.1>")])
    written = write_message(answer)
    stream = StreamParser()
    measure("make the text of an INVITE", lambda: next(fresh))
    measure("the same, and read it first", lambda: parse_message(next(fresh)))
    measure("read an INVITE again", lambda: parse_message(known))
    measure("the same from a stream", lambda: stream.feed(known))
    measure("read its 200", lambda: parse_message(written))
    measure("make the 200", lambda: make_response(invite, 200, to_tag="1928301774"))
    measure("write the INVITE", lambda: write_message(invite))
    measure("write the 200", lambda: write_message(answer))


if __name__ == "__main__":
    main()
