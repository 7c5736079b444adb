"""Lines and columns."""

from hypothesis import given
from hypothesis import strategies as st

from callapi.rcml.places import Places
from callapi.rcml.tree import ElementNode, read_tree


@given(st.text(alphabet="a\r\n\té\u2028\U0001f600", max_size=40))
def test_an_offset_and_its_place_are_the_same_thing(text: str) -> None:
    places = Places(text)
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] != "\r\n":  # the middle of a line's end is not a place
            assert places.offset(places.of(offset)) == offset
    assert places.end == places.of(len(text))


@given(st.text(alphabet="a\r\n\té\u2028\U0001f600", max_size=40))
def test_the_xml_parser_counts_alike(text: str) -> None:
    document = f"<Response>{text}<Pause/></Response>"
    (pause,) = read_tree(document).children
    assert (pause.line, pause.column) == Places(document).of(document.index("<Pause"))


def test_a_node_says_what_it_is_and_where() -> None:
    root: ElementNode = read_tree("\n <Response/>")
    assert repr(root) == "<Node Response 2:2>"
