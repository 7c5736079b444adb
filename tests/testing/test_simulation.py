"""The kit for applications: calls in virtual time, against functions, WSGI, ASGI and real servers."""

import time
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from callapi.testing import AskedRequest, Simulation
from callapi.testing.simulation import TOKEN

MENU = '<Response><Gather numDigits="1" action="/menu"><Say>Press 1 for sales.</Say></Gather><Say>Bye.</Say></Response>'
DIAL = '<Response><Dial action="/after" timeout="20"><Sip url="/screen">sip:sales@example.net</Sip></Dial></Response>'
SCREEN = '<Response><Gather numDigits="1" action="/accept"><Say>Accept?</Say></Gather><Hangup/></Response>'


def application(request: AskedRequest) -> str:
    """A menu with screening."""
    match request.path:
        case "/voice":
            return MENU
        case "/menu":
            return DIAL if request["Digits"] == "1" else "<Response><Say>Wrong key.</Say></Response>"
        case "/screen":
            return SCREEN
        case "/after":
            return f"<Response><Say>The call was {request['DialCallStatus']}.</Say></Response>"
        case _:
            return "<Response/>"


def test_a_menu_with_screening() -> None:
    """Twenty lines test a menu: minutes of a call pass in a moment."""
    began = time.monotonic()
    with Simulation(application) as simulation:
        call = simulation.call()
        call.hears("Press 1")
        call.press("1")
        sales = simulation.phone("sales")
        sales.answer()
        simulation.wait(3)
        assert call.status == "in-progress"
        sales.hang_up()
        call.hears("The call was")
        record = call.ends()
        assert (record.status, record.ended_by) == ("completed", "local")
        assert [each.path for each in simulation.requests][:3] == ["/voice", "/menu", "/screen"]
        assert simulation.requests[0]["From"] == "+15550100"
        assert simulation.now > 3
    assert time.monotonic() - began < 20


def test_no_digits_and_no_answer() -> None:
    """Time-outs cost no time."""
    with Simulation(application) as simulation:
        call = simulation.call()
        call.hears("Bye")
        assert call.ends().status == "completed"
        other = simulation.call(from_="sip:alice@example.org")
        other.hears("Press 1")
        other.press("1")
        other.hears("no-answer", within=60)
        other.ends()
        busy = simulation.call()
        simulation.when_dialled("sales", reject_with=486)
        busy.press("1")
        busy.hears("busy")
        busy.hang_up()
        assert busy.record.ended_by == "remote"


def test_what_is_wrong_is_found() -> None:
    """A caller that never hears it, a document that is none: the assertion says what was heard instead."""

    def mistaken(request: AskedRequest) -> str:
        return (
            "<Response><Say>Press 2 for sales.</Say></Response>" if request.path == "/voice" else "<Respons/>"
        )

    with Simulation(mistaken) as simulation:
        call = simulation.call()
        with pytest.raises(AssertionError, match="Press 2 for sales"):
            call.hears("Press 1", within=10)
        broken = simulation.call("/broken")
        assert broken.ends().status == "failed"
        assert broken.refused_with == 500
        assert simulation.notifications[-1].error_code == 12200


def test_speech_and_signatures() -> None:
    """The words of the caller come as `SpeechResult`; Twilio's validator takes the signature."""

    def listening(request: AskedRequest) -> str:
        if request.path == "/voice":
            return '<Response><Gather input="speech" action="/said"><Say>Speak.</Say></Gather></Response>'
        return f"<Response><Say>You said {request['SpeechResult']}</Say></Response>"

    with Simulation(listening) as simulation:
        call = simulation.call()
        call.hears("Speak")
        simulation.wait(1)
        call.says("two tickets to Rome")
        call.hears("You said two tickets to Rome")
        call.ends()
        first = simulation.requests[0]
        validator = RequestValidator(TOKEN)
        assert validator.validate(first.url, dict(first.parameters), first.headers["X-Twilio-Signature"])


def test_wsgi_and_asgi() -> None:
    """Applications of either kind, without a server; redirects are followed."""

    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/voice":
            start_response("302 Found", [("Location", "/there")])
            return [b""]
        start_response("200 OK", [("Content-Type", "text/xml")])
        return [b"<Response><Say>From WSGI</Say></Response>"]

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        assert b"CallSid=" in body
        headers = [(b"content-type", b"text/xml")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<Response><Say>From ASGI</Say></Response>"})

    for app, text in ((wsgi, "From WSGI"), (asgi, "From ASGI")):
        with Simulation(app) as simulation:
            call = simulation.call()
            call.hears(text)
            call.ends()
