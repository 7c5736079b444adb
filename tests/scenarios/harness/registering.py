"""REGISTER by hand, for phones that are played by hand: each header, nonce and count is the test's own."""

import hashlib
import itertools
import re
from collections.abc import Sequence

from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import Header, RawPhone
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.harness.wire import SipMessage

_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Registrant:
    """One user of a phone who registers; `login` is the phone's name unless it is another."""

    def __init__(
        self,
        node: Node,
        phone: RawPhone,
        password: str,
        *,
        login: str = "",
        algorithm: str = "MD5",
        realm: str = "",
    ) -> None:
        self.login = login or phone.name
        self.password = password
        self.realm = realm or f"127.0.0.1:{node.sip_port}"
        self._node = node
        self._phone = phone
        self._algorithm = algorithm
        self._numbers = itertools.count(1)

    def turn_to(self, node: Node) -> None:
        """Ask another node from now on."""
        self._node = node

    async def ask(self, *contacts: str, headers: Sequence[Header] = (), via: str = "") -> SipMessage:
        """One REGISTER and its answer; `contacts` are values of Contact, `via` where the phone believes to be."""
        cseq = f"{next(self._numbers)} REGISTER"
        via = via or self._phone.here
        lines = [
            f"REGISTER sip:{self.realm} SIP/2.0",
            f"Via: SIP/2.0/{self._phone.via} {via};rport;branch=z9hG4bK{self.login}{cseq[:-9]}{self._phone.port}",
            f"From: <sip:{self.login}@{self.realm}>;tag=1",
            f"To: <sip:{self.login}@{self.realm}>",
            f"Call-ID: register-{self.login}-{self._phone.port}",
            f"CSeq: {cseq}",
            "Max-Forwards: 70",
            *(f"Contact: {each}" for each in contacts),
            *(f"{name}: {value}" for name, value in headers),
            "Content-Length: 0",
        ]
        self._phone.send("\r\n".join([*lines, "", ""]), self._node.sip_address)

        def answered() -> list[SipMessage]:
            return [
                each
                for _, arrow, each in self._phone.seen
                if arrow == "<--" and each["CSeq"] == cseq and self.login in (each["To"] or "")
            ]

        await eventually(f"the answer to {cseq} of {self.login}", answered)
        return answered()[0]

    def answer(
        self,
        challenge: SipMessage,
        *,
        count: int = 1,
        nonce: str = "",
        method: str = "REGISTER",
        uri: str = "",
    ) -> Header:
        """What answers a 401 or 407, with this `nonce` in place of its own."""
        kind = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[challenge.status]
        found = next(each for each in challenge.all(kind) if f"algorithm={self._algorithm}" in each)
        nonce = nonce or re.findall(r'nonce="([^"]+)"', found)[0]
        uri = uri or f"sip:{self.realm}"

        def digest(text: str) -> str:
            return _HASHES[self._algorithm](text.encode()).hexdigest()

        ha1, ha2 = digest(f"{self.login}:{self.realm}:{self.password}"), digest(f"{method}:{uri}")
        computed = digest(f"{ha1}:{nonce}:{count:08x}:cn:auth:{ha2}")
        value = (
            f'Digest username="{self.login}", realm="{self.realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{computed}", algorithm={self._algorithm}, qop=auth, nc={count:08x}, cnonce="cn"'
        )
        return {401: "Authorization", 407: "Proxy-Authorization"}[challenge.status], value

    async def register(self, *contacts: str, headers: Sequence[Header] = (), via: str = "") -> SipMessage:
        """REGISTER, answer the challenge, and what came of it."""
        challenge = await self.ask(*contacts, headers=headers, via=via)
        assert challenge.status == 401, challenge.start
        return await self.ask(*contacts, headers=[*headers, self.answer(challenge)], via=via)


async def register(node: Node, phone: RawPhone, password: str, *, contact: str = "") -> None:
    """Bind the client of the phone's name to `contact`, or to where it is."""
    contact = contact or phone.uri
    registrant = Registrant(node, phone, password)
    answer = await registrant.register(f"<{contact}>;expires=60", via=contact.partition("@")[2])
    assert answer.status == 200, answer.start
