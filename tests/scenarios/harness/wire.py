"""Reading SIP text, for assertions: not the product's parser, and only what a test asks for."""

import re
from dataclasses import dataclass, field

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
}


@dataclass(slots=True)
class SipMessage:
    """One SIP message: start line, headers in order, body."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def read(cls, text: str) -> "SipMessage":
        """Take `text` apart; folded lines are joined."""
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        start, *lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
        pairs = [line.partition(":")[::2] for line in lines if ":" in line]
        return cls(start, [(name.strip(), value.strip()) for name, value in pairs], body)

    @property
    def is_request(self) -> bool:
        """Whether it asks."""
        return not self.start.startswith("SIP/2.0")

    @property
    def method(self) -> str:
        """The method of a request, or of the request that this answers."""
        return self.start.split()[0] if self.is_request else (self["CSeq"] or " ").split()[1]

    @property
    def status(self) -> int:
        """The code of a response; 0 for a request."""
        return 0 if self.is_request else int(self.start.split()[1])

    @property
    def request_uri(self) -> str:
        """Where a request is for."""
        return self.start.split()[1]

    def all(self, name: str) -> list[str]:
        """Every value of the header `name`."""
        wanted = name.lower()
        return [value for each, value in self.headers if _COMPACT.get(each.lower(), each.lower()) == wanted]

    def __getitem__(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    def tag(self, name: str) -> str:
        """The tag of From or To; empty when there is none."""
        match = re.search(r";\s*tag=([^;>\s]+)", self[name] or "")
        return match[1] if match else ""

    def uri(self, name: str) -> str:
        """The URI in a From, To, Contact."""
        value = self[name] or ""
        match = re.search(r"<([^>]*)>", value)
        return match[1] if match else value.partition(";")[0].strip()

    @property
    def audio(self) -> tuple[str, int] | None:
        """Where the SDP wants audio: host and port."""
        port = re.search(r"^m=audio (\d+) ", self.body, re.MULTILINE)
        hosts = re.findall(r"^c=IN IP[46] (\S+)", self.body, re.MULTILINE)
        return (hosts[0].strip(), int(port[1])) if port and hosts else None

    @property
    def audio_formats(self) -> list[int]:
        """The payload types of the audio line, in order."""
        line = re.search(r"^m=audio \d+ \S+ ([\d ]+)", self.body, re.MULTILINE)
        return [int(each) for each in line[1].split()] if line else []

    @property
    def telephone_event(self) -> int | None:
        """The payload type under which the SDP wants digits."""
        match = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", self.body, re.MULTILINE)
        return int(match[1]) if match else None
