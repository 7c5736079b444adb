"""What an application does with Twilio's Python SDK, from numbers to a signed callback. `script.js` does the same.

Only the address that the SDK talks to is changed. Prints the name of each step that went well.
"""

import base64
import os
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

BASE, SID, TOKEN = (os.environ[name] for name in ("BASE_URL", "ACCOUNT_SID", "AUTH_TOKEN"))
PHONE, PORT = os.environ["PHONE"], int(os.environ["PORT"])
APPLICATION = f"http://127.0.0.1:{PORT}"
UNREACHABLE = "sip:nobody@127.0.0.1:9"
TIMEOUT_S = 20.0

requests: list[tuple[str, dict[str, str], bool, bool]] = []
"""What the application was asked: path, parameters, whether the signature is right, and whether it is of a forgery."""


class CallApi(TwilioHttpClient):  # type: ignore[misc]  # the library has no types
    """The SDK's client, pointed elsewhere."""

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
        """Send it to the node."""
        return super().request(method, url.replace("https://api.twilio.com", BASE), *arguments, **named)


class Handler(BaseHTTPRequestHandler):
    """The application."""

    def do_POST(self) -> None:
        """Judge the signature by Twilio's validator, keep the request, and let the call wait."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        parameters = dict(parse_qsl(body, keep_blank_values=True))
        signature = self.headers["X-Twilio-Signature"]
        validator = RequestValidator(TOKEN)
        is_right = validator.validate(f"{APPLICATION}{self.path}", parameters, signature)
        forged = {**parameters, "CallStatus": "forged"}
        is_fooled = validator.validate(f"{APPLICATION}{self.path}", forged, signature)
        requests.append((self.path, parameters, is_right, is_fooled))
        document = VoiceResponse()
        document.pause(length=30)
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(str(document).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def until(what: str, condition: Callable[[], Any]) -> Any:
    """What `condition` gives, once it gives something."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.1)
    return found


def is_gone(resource: Any) -> bool:
    """Whether the resource is not found."""
    return is_refused(resource, 404, 20404)


def is_refused(resource: Any, status: int, code: int) -> bool:
    """Whether a fetch of the resource is answered so."""
    try:
        resource.fetch()
    except TwilioRestException as error:
        return bool((error.status, error.code) == (status, code))
    return False


def steps(client: Client) -> Any:
    """The script."""
    application = client.applications.create(friendly_name="ivr", voice_url=f"{APPLICATION}/voice")
    application.update(friendly_name="menu")
    assert [each.sid for each in client.applications.list(friendly_name="menu")] == [application.sid]
    yield "application"

    number = client.incoming_phone_numbers.create(
        phone_number="+15550123", voice_application_sid=application.sid
    )
    number.update(friendly_name="Front desk", status_callback=f"{APPLICATION}/status")
    (found,) = client.incoming_phone_numbers.list(phone_number="+15550123")
    assert (found.sid, found.friendly_name) == (number.sid, "Front desk")
    number.delete()
    assert is_gone(client.incoming_phone_numbers(number.sid))
    application.delete()
    yield "number"

    call = client.calls.create(
        to=PHONE,
        from_="+15550199",
        url=f"{APPLICATION}/voice",
        status_callback=f"{APPLICATION}/status",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        record=True,
    )
    assert (call.status, call.direction) == ("queued", "outbound-api")
    yield "created"

    until("the answer", lambda: client.calls(call.sid).fetch().status == "in-progress")
    until("the document", lambda: [each for each in requests if each[0] == "/voice"])
    yield "watched"

    client.calls(call.sid).update(url=f"{APPLICATION}/other", method="POST")
    until("the other document", lambda: [each for each in requests if each[0] == "/other"])
    time.sleep(0.5)
    yield "redirected"

    client.calls(call.sid).update(status="completed")
    until("the end", lambda: client.calls(call.sid).fetch().status == "completed")
    yield "hung up"

    key = client.new_keys.create(friendly_name="ci")
    by_key = Client(key.sid, key.secret, SID, http_client=CallApi())
    assert by_key.calls(call.sid).fetch().sid == call.sid
    assert by_key.keys(key.sid).update(friendly_name="build").friendly_name == "build"
    assert [each.friendly_name for each in client.keys.list()] == ["build"]
    assert client.keys(key.sid).delete()
    assert is_refused(by_key.calls(call.sid), 401, 20003)
    yield "key"

    for _ in range(2):
        client.calls.create(to=UNREACHABLE, from_="+15550199", url=f"{APPLICATION}/voice")
    until("two failures", lambda: len(client.calls.list(status="failed")) == 2)
    assert [each.sid for each in client.calls.list(to=PHONE)] == [call.sid]
    assert len(client.calls.list(page_size=1)) == 3
    first = client.calls.page(page_size=2)
    second = first.next_page()
    assert len({each.sid for each in [*first, *second]}) == 3
    yield "listed and paged"

    (recording,) = until("the recording", lambda: client.recordings.list(call_sid=call.sid))
    until("the end of the recording", lambda: recording.fetch().status == "completed")
    sound = urllib.request.Request(f"{BASE}{recording.uri.removesuffix('.json')}.wav")
    sound.add_header("Authorization", "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode())
    with urllib.request.urlopen(sound) as answer:
        assert answer.read()[:4] == b"RIFF"
    recording.delete()
    assert is_gone(client.recordings(recording.sid))
    yield "recording"

    reported = until(
        "four callbacks", lambda: [each for each in requests if each[0] == "/status"][3:] and requests
    )
    reported = [each for each in reported if each[0] == "/status"]
    assert [each[1]["CallStatus"] for each in reported] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert all(each[2] for each in requests)
    assert not any(each[3] for each in requests)
    yield "callbacks"


def main() -> None:
    """Serve the application and play the script."""
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for step in steps(Client(SID, TOKEN, http_client=CallApi())):
        print(step, flush=True)
    server.shutdown()


main()
