"""REGISTER by hand, with an MD5 digest, for phones that are played by hand."""

import hashlib
import re

from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import RawPhone
from tests.scenarios.harness.waiting import eventually


async def register(node: Node, phone: RawPhone, password: str, *, contact: str = "") -> None:
    """Bind the client of the phone's name to `contact`, or to where it is."""
    contact = contact or phone.uri

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    realm = f"127.0.0.1:{node.sip_port}"
    uri = f"sip:{realm}"
    authorization = ""
    for number in (1, 2):
        phone.send(
            "\r\n".join(
                [
                    f"REGISTER {uri} SIP/2.0",
                    f"Via: SIP/2.0/UDP {contact.partition('@')[2]};rport;branch=z9hG4bKreg{number}{phone.port}",
                    f"From: <sip:{phone.name}@{realm}>;tag=1",
                    f"To: <sip:{phone.name}@{realm}>",
                    f"Call-ID: register-{phone.port}",
                    f"CSeq: {number} REGISTER",
                    "Max-Forwards: 70",
                    f"Contact: <{contact}>;expires=60",
                    *([authorization] if authorization else []),
                    "Content-Length: 0",
                    "",
                    "",
                ]
            ),
            node.sip_address,
        )

        def answered(cseq: str = f"{number} REGISTER") -> list[object]:
            return [each for _, arrow, each in phone.seen if arrow == "<--" and each["CSeq"] == cseq]

        await eventually("the answer to REGISTER", answered)
        answer = [each for _, arrow, each in phone.seen if arrow == "<--"][-1]
        if number == 2:
            assert answer.status == 200, answer.start
            return
        assert answer.status == 401
        challenge = next(each for each in answer.all("WWW-Authenticate") if "algorithm=MD5" in each)
        nonce = re.findall(r'nonce="([^"]+)"', challenge)[0]
        ha1, ha2 = md5(f"{phone.name}:{realm}:{password}"), md5(f"REGISTER:{uri}")
        computed = md5(f"{ha1}:{nonce}:00000001:cn:auth:{ha2}")
        authorization = (
            f'Authorization: Digest username="{phone.name}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{computed}", algorithm=MD5, qop=auth, nc=00000001, cnonce="cn"'
        )
