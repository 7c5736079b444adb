"""`callapi explain`: from its arguments to the INVITE that is judged."""

from argparse import Namespace
from pathlib import Path

import pytest

from callapi.base.settings import Settings
from callapi.cli.operating.explain import ExplainError, enquiry_of


def _arguments(file: Path | None = None, to: str | None = None, source: str | None = None) -> Namespace:
    return Namespace(file=file, to=to, from_="sip:alice@198.51.100.7", source=source)


def test_an_invite_of_a_number() -> None:
    """`--to` alone makes an INVITE from this machine."""
    enquiry = enquiry_of(_arguments(to="1000"), Settings())
    assert str(enquiry.request.uri).startswith("sip:1000@")


def test_a_uri_in_place_of_a_file() -> None:
    """A caller of the command who forgets `--to` reads what to write."""
    with pytest.raises(ExplainError, match=r"--to sip:1000@192\.0\.2\.1"):
        enquiry_of(_arguments(file=Path("sip:1000@192.0.2.1")), Settings())
