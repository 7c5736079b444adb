"""`<ConversationRelay>` and `<Language>`: what is warned of, and what interrupts."""

import pytest

from callapi.rcml import Connect, ConversationRelay, Interruptible
from tests.rcml.documents import document, warnings


def relay(attributes: str = "", inside: str = "") -> ConversationRelay:
    text = (
        f'<Connect><ConversationRelay url="wss://a.test/" {attributes}>{inside}</ConversationRelay></Connect>'
    )
    (connect,) = document(text).verbs
    assert isinstance(connect, Connect)
    assert isinstance(connect.peer, ConversationRelay)
    return connect.peer


@pytest.mark.parametrize(
    ("by", "speech", "digits"),
    [
        (Interruptible.NONE, False, False),
        (Interruptible.FALSE, False, False),
        (Interruptible.DTMF, False, True),
        (Interruptible.SPEECH, True, False),
        (Interruptible.ANY, True, True),
        (Interruptible.TRUE, True, True),
    ],
)
def test_what_interrupts(by: Interruptible, speech: bool, digits: bool) -> None:
    assert (by.by_speech, by.by_digits) == (speech, digits)


def test_the_speech_timeout_is_auto_or_milliseconds() -> None:
    assert relay('speechTimeout="AUTO"').speech_timeout_ms is None
    assert relay('speechTimeout="700"').speech_timeout_ms == 700


def test_a_language_without_a_code_is_warned_of() -> None:
    text = (
        '<Connect><ConversationRelay url="wss://a.test/"><Language voice="x"/></ConversationRelay></Connect>'
    )
    assert warnings(text) == ["<Language> has no code, and is overlooked"]
