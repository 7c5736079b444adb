"""`<Client>`."""

import pytest

from callapi.rcml import CallEvent, Client, Dial, Method
from tests.rcml.documents import document, only, refusal


def client(inside: str, attributes: str = "") -> Client:
    dial = only(f"<Dial><Client {attributes}>{inside}</Client></Dial>")
    assert isinstance(dial, Dial)
    (target,) = dial.targets
    assert isinstance(target, Client)
    return target


def test_defaults() -> None:
    assert client("alice") == Client("alice", url=None, method=Method.POST, status_callback=None)


@pytest.mark.parametrize("written", ["alice", " alice\n", "client:alice", "<Identity>alice</Identity>"])
def test_the_user(written: str) -> None:
    assert client(written).name == "alice"


def test_headers_as_on_a_sip_uri() -> None:
    assert client("alice?X-Order=7").name == "alice?X-Order=7"


def test_parameters_of_twilio_become_headers() -> None:
    inside = (
        '<Identity>alice</Identity><Parameter name="Order" value="a b"/><Parameter name="X-B" value="&amp;"/>'
    )
    assert client(inside).name == "alice?Order=a%20b&X-B=%26"


def test_callbacks_are_those_of_every_noun() -> None:
    read = client("alice", 'url="/u" method="GET" statusCallback="/s" statusCallbackEvent="ringing answered"')
    assert (read.url, read.method, read.status_callback) == ("/u", Method.GET, "/s")
    assert read.status_callback_events == {CallEvent.RINGING, CallEvent.ANSWERED}


def test_no_target_fails_the_leg_and_not_the_document() -> None:
    assert "the user is missing" in document("<Dial><Client/></Dial>").warnings[0].message


def test_a_word_of_the_language_in_the_wrong_nest() -> None:
    assert refusal("<Dial><Client>a<Sip>sip:a@b</Sip></Client></Dial>").specific_code == 13215


@pytest.mark.parametrize(
    ("inside", "video"), [("", False), ("<Video/>", True), ('<Video enable="false"/>', False)]
)
def test_video_is_offered_if_asked_for(inside: str, video: bool) -> None:
    assert client(f"alice{inside}") == Client("alice", video)
