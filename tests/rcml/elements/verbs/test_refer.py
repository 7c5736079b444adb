"""`<Refer>`: one target, as a `<Sip>` or as text."""

import pytest

from callapi.rcml import Refer
from tests.rcml.documents import only, refusal


@pytest.mark.parametrize("inside", ["<Sip>sip:carol@h</Sip>", "sip:carol@h"])
def test_a_target(inside: str) -> None:
    verb = only(f'<Refer action="/after">{inside}</Refer>')
    assert isinstance(verb, Refer)
    assert (verb.uri, verb.action) == ("sip:carol@h", "/after")


@pytest.mark.parametrize("inside", ["", "<Sip/>", "<Sip>sip:a@h</Sip><Sip>sip:b@h</Sip>"])
def test_one_target_is_needed(inside: str) -> None:
    assert (
        refusal(f"<Refer>{inside}</Refer>").message == "<Refer> needs one <Sip> with the URI of the new party"
    )


def test_another_noun_is_an_error() -> None:
    error = refusal("<Refer><Sip>sip:carol@h</Sip><Number>1</Number></Refer>")
    assert error.message == "<Number> cannot stand inside <Refer>"
