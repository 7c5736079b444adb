"""`profanityFilter`."""

import pytest

from callapi.calls.transcribing.profanity import masked


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("oh shit", "oh s***"),
        ("Fucking brilliant", "F****** brilliant"),
        ("two bastards", "two b*******"),
        ("Scunthorpe and cocktails", "Scunthorpe and cocktails"),
        ("", ""),
    ],
)
def test_coarse_words_keep_their_first_letter(said: str, shown: str) -> None:
    assert masked(said) == shown
