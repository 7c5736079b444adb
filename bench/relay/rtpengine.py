"""rtpengine as a peer: started in userspace only, driven by its `ng` protocol (a cookie and a bencoded dictionary in a
datagram, as its documentation has it)."""

import base64
import itertools
import re
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from bench.harness.processes import free_port_of_datagrams
from bench.relay.keys import key, spoken

from callapi.media import SUITES

Value: TypeAlias = "str | Sequence[Value] | Mapping[str, Value]"
PARTIES: Final = "127.0.0.2"
RTPMAP: Final = {
    "PCMU": "0 PCMU/8000",
    "PCMA": "8 PCMA/8000",
    "G722": "9 G722/8000",
    "opus": "111 opus/48000/2",
}


def command(control: int, first: int, last: int) -> list[str]:
    """One worker thread, no kernel module, even ports of that range."""
    return [
        *("rtpengine", "--foreground", "--config-file=none", "--table=-1", "--num-threads=1", "--log-stderr"),
        *("--log-level=3", "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{control}"),
        *(f"--port-min={first}", f"--port-max={last}"),
    ]


def bencoded(value: Value) -> bytes:
    """Of strings, lists and dictionaries."""
    if isinstance(value, str):
        octets = value.encode()
        return b"%d:%b" % (len(octets), octets)
    if isinstance(value, Mapping):
        pairs = (bencoded(name) + bencoded(each) for name, each in sorted(value.items()))
        return b"d" + b"".join(pairs) + b"e"
    return b"l" + b"".join(map(bencoded, value)) + b"e"


def sdp(port: int, codec: str, suite: str = "") -> str:
    """A party with one codec, encrypted with `suite` if there is one."""
    lines = ["v=0", f"o=party 1 1 IN IP4 {PARTIES}", "s=-", f"c=IN IP4 {PARTIES}", "t=0 0"]
    payload_type = RTPMAP[codec].partition(" ")[0]
    profile = "RTP/SAVP" if suite else "RTP/AVP"
    lines += [f"m=audio {port} {profile} {payload_type}", f"a=rtpmap:{RTPMAP[codec]}"]
    if suite:
        inline = base64.b64encode(key(suite, of_party=True)).decode()
        lines.append(f"a=crypto:1 {suite} inline:{inline}")
    return "\r\n".join([*lines, ""])


class Control:
    """The control socket of a daemon that is starting or runs."""

    def __init__(self) -> None:
        self.port = free_port_of_datagrams()
        self._cookies = map(str, itertools.count(1))

    def __enter__(self) -> "Control":
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", self.port))
        self._socket.settimeout(0.5)
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def wait(self, timeout_s: float = 10) -> None:
        """Until it answers."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                self.ask(command="ping")
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return

    def ask(self, **request: Value) -> bytes:
        """The answer to a request; raises `RuntimeError` if it is an error."""
        cookie = next(self._cookies).encode()
        fields = {name.replace("_", "-"): each for name, each in request.items()}
        self._socket.send(cookie + b" " + bencoded(fields))
        answer = self._socket.recv(65_536)
        while not answer.startswith(cookie + b" "):
            answer = self._socket.recv(65_536)
        if b"6:result5:error" in answer:
            raise RuntimeError(f"rtpengine: {answer!r}")
        return answer

    def bridge(
        self, call: int, ports: tuple[int, int], codec: str, suite: str = ""
    ) -> tuple[tuple[int, str], tuple[int, str]]:
        """Joins the parties on `ports`, the second one speaking `codec`; where each is to send, and its keys."""
        wanted: Value = {} if codec == "PCMU" else {"mask": ["PCMU"], "transcode": [codec]}
        common: dict[str, Value] = {
            "call_id": f"call{call}",
            "from_tag": "caller",
            "replace": ["origin"],
            "ICE": "remove",
        }
        if suite:
            # By itself it would hand the parties each other's keys, and relay what it cannot read.
            common["SDES"] = ["nonew", *(f"no-{each}" for each in SUITES if each != suite)]
            common["flags"] = ["inject-DTMF"]
        offered = self.ask(command="offer", sdp=sdp(ports[0], "PCMU", suite), codec=wanted, **common)
        answered = self.ask(command="answer", sdp=sdp(ports[1], codec, suite), to_tag="callee", **common)
        return _leg(answered, suite), _leg(offered, suite)


def _leg(answer: bytes, suite: str) -> tuple[int, str]:
    found = re.search(rb"m=audio (\d+) ", answer)
    assert found is not None, answer
    if not suite:
        return int(found[1]), ""
    inline = re.search(suite.encode() + rb" inline:([A-Za-z0-9+/=]+)", answer)
    assert inline is not None, answer
    return int(found[1]), spoken(suite, base64.b64decode(inline[1] + b"=="))
