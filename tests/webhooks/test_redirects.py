"""Which step follows which redirect."""

import pytest

from callapi.webhooks.encoding import RedirectStep, first_step, write_request
from callapi.webhooks.exchange import Method, WebRequest
from callapi.webhooks.redirects import next_step

PARAMETERS = (("CallSid", "CA1"), ("From", "+1555"))


def _from(method: Method, url: str = "http://user:pw@example.com/a/voice?own=1") -> RedirectStep:
    return first_step(WebRequest(url, method, PARAMETERS))


def _url(step: RedirectStep | None) -> str:
    assert step is not None
    return str(write_request(step, WebRequest("", step.method), 0).url)


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_301_302_303_ask_with_get_and_the_parameters(status: int, method: Method) -> None:
    step = next_step(_from(method), status, "/b")
    assert step is not None
    assert step.method == "GET"
    assert _url(step) == "http://example.com/b?CallSid=CA1&From=%2B1555"


@pytest.mark.parametrize("status", [307, 308])
def test_307_308_keep_method_and_form(status: int) -> None:
    posted = next_step(_from("POST"), status, "b?x=1")
    assert posted is not None
    assert (posted.method, posted.target.text, posted.parameters) == (
        "POST",
        "http://example.com/a/b?x=1",
        PARAMETERS,
    )
    assert _url(next_step(_from("GET"), status, "b")) == "http://example.com/a/b?CallSid=CA1&From=%2B1555"


def test_what_the_location_names_already_is_not_said_twice() -> None:
    """A server that only adds a slash usually hands the whole query on."""
    step = next_step(_from("GET"), 301, "/voice/?CallSid=CA1&From=other")
    assert _url(step) == "http://example.com/voice/?CallSid=CA1&From=other"


@pytest.mark.parametrize("status", [200, 300, 304, 305, 306, 404])
def test_other_answers_are_final(status: int) -> None:
    assert next_step(_from("POST"), status, "/b") is None


def test_a_redirect_to_nowhere_is_final() -> None:
    assert next_step(_from("POST"), 302, None) is None


@pytest.mark.parametrize(
    ("location", "authorization"),
    [
        ("/b", "Basic dXNlcjpwdw=="),
        ("http://example.com:80/b", "Basic dXNlcjpwdw=="),
        ("http://other.example/b", None),
        ("https://example.com/b", None),
        ("http://example.com:81/b", None),
        ("http://new:pw@other.example/b", "Basic bmV3OnB3"),
    ],
)
def test_credentials_stay_with_their_origin(location: str, authorization: str | None) -> None:
    step = next_step(_from("POST"), 302, location)
    assert step is not None
    assert step.target.authorization == authorization


@pytest.mark.parametrize(
    "location", ["ftp://example.com/", "javascript:alert(1)", "http://[::1", "http://:99/"]
)
def test_a_location_that_cannot_be_asked(location: str) -> None:
    with pytest.raises(ValueError, match=r"^it "):
        next_step(_from("POST"), 302, location)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("?page=2", "http://example.com/a/voice?page=2"),
        ("//cdn.example/x", "http://cdn.example/x"),
        ("../up", "http://example.com/up"),
        ("", "http://example.com/a/voice?own=1"),
        (" /spaces around ", "http://example.com/spaces%20around"),
        ("/ä", "http://example.com/%C3%A4"),
    ],
)
def test_locations_resolve_against_where_we_are(location: str, expected: str) -> None:
    step = next_step(_from("POST"), 307, location)
    assert step is not None
    assert step.target.text == expected
