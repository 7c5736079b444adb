"""`<Queue>`, `<Enqueue>` and `<Leave>`: the name of a queue and its bounds."""

import pytest

from callapi.rcml import Dial, Enqueue, Leave
from tests.rcml.documents import only, refusal


@pytest.mark.parametrize("written", ["<Dial><Queue>{}</Queue></Dial>", "<Enqueue>{}</Enqueue>"])
def test_a_queue_needs_a_name_of_64_characters_at_most(written: str) -> None:
    assert "needs the name of the queue as its text" in refusal(written.format("")).message
    too_long = refusal(written.format("x" * 65)).message
    assert too_long == "the name of a queue has at most 64 characters; this one has 65"
    assert isinstance(only(written.format("x" * 64)), Dial | Enqueue)


def test_leave_has_neither_attributes_nor_content() -> None:
    assert only("<Leave/>") == Leave()
