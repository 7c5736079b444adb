"""`profanityFilter`: what callers say, with the letters of coarse words hidden. The recognisers have no such filter."""

import re
from typing import Final

# fmt: off
_WORDS: Final = (
    "arsehole", "asshole", "bastard", "bitch", "bollocks", "bullshit", "cock", "cunt", "dick", "dickhead", "fag",
    "faggot", "fuck", "fucked", "fucker", "fucking", "motherfucker", "motherfucking", "nigger", "piss", "prick",
    "pussy", "shit", "shitty", "slut", "twat", "wank", "wanker", "whore",
)
# fmt: on
_COARSE: Final = re.compile(rf"\b(?:{'|'.join(_WORDS)})s?\b", re.IGNORECASE)


def masked(text: str) -> str:
    """`text` with all but the first letter of each coarse word as asterisks, as Twilio shows them."""
    return _COARSE.sub(lambda word: word[0][0] + "*" * (len(word[0]) - 1), text)
