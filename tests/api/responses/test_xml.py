"""XML out of anything: always well formed, and the text that went in comes out."""

from typing import Any
from xml.etree import ElementTree as Xml

from hypothesis import given
from hypothesis import strategies as st

from callapi.api.responses.xml import document, element

_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(value=_JSON, attribute=st.text(max_size=10))
def test_well_formed(value: Any, attribute: str) -> None:
    """Whatever keys and texts there are."""
    root = Xml.fromstring(document("RestcommResponse", [element("Data", value, {"uri": attribute})]))
    assert root.tag == "RestcommResponse"
    assert root[0].tag == "Data"


@given(
    text=st.text(
        st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")
    )
)
def test_text_comes_out_as_it_went_in(text: str) -> None:
    """Markup and all."""
    root = Xml.fromstring(document("R", [element("To", text, {"uri": text})]))
    assert (root.findtext("To") or "") == text
    assert root[0].get("uri") == text
