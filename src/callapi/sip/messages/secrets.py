"""SIP messages as they may be shown: answers to challenges and keys of SRTP are covered, octet for octet.

The length stays, so that Content-Length and what reads it (a capture, an analyser) stay right.
"""

import re
from typing import Final

from callapi.sip.messages.message import Message

_ANSWER: Final = rb"(?im)^((?:Proxy-)?Authorization[ \t]*:)([^\r\n]*)"
_KEY: Final = rb"(?i)(a=crypto:[^\r\n]*?inline:)([A-Za-z0-9+/=]+)"
_SECRETS: Final = ((b"authorization", re.compile(_ANSWER)), (b"inline:", re.compile(_KEY)))
_ANSWERS: Final = frozenset({"authorization", "proxy-authorization"})
_WITHHELD: Final = b" (withheld)"


def withheld(message: bytes) -> bytes:
    """`message` without the digests of credentials and without the keys of `a=crypto`."""
    lowered = message.lower()
    for sign, secret in _SECRETS:
        if sign in lowered:
            message = secret.sub(_cover, message)
    return message


def without_secrets(message: Message, octets: bytes) -> bytes:
    """`octets`, those of `message`, as they may be shown: searched only where the message can hold a secret."""
    if message.headers.has_any(_ANSWERS) or (message.body and b"inline:" in message.body.lower()):
        return withheld(octets)
    return octets


def _cover(found: re.Match[bytes]) -> bytes:
    length = len(found[2])
    return (
        found[1] + (_WITHHELD + b" " * length)[:length] if found[2][:1] == b" " else found[1] + b"*" * length
    )
