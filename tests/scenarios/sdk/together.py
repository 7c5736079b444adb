"""Conferences, queues, recordings of rooms, SIP resources and tokens by Twilio's Python SDK.

`together.js` does the same. Only the address that the SDK talks to is changed. Prints the name of each step that
went well.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

BASE, SID, TOKEN = (os.environ[name] for name in ("BASE_URL", "ACCOUNT_SID", "AUTH_TOKEN"))
PHONE, PORT = os.environ["PHONE"], int(os.environ["PORT"])
APPLICATION = f"http://127.0.0.1:{PORT}"
TIMEOUT_S = 20.0
asked: list[tuple[str, dict[str, str]]] = []
"""What the application was asked: path and parameters."""


class CallApi(TwilioHttpClient):  # type: ignore[misc]  # the library has no types
    """The SDK's client, pointed elsewhere."""

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
        """Send it to the node."""
        return super().request(method, url.replace("https://api.twilio.com", BASE), *arguments, **named)


class Handler(BaseHTTPRequestHandler):
    """The application."""

    def do_POST(self) -> None:
        """Keep the request; `/hello` is a document that lasts for a second, the others are empty."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked.append((self.path, {name: values[0] for name, values in parse_qs(body).items()}))
        document = VoiceResponse()
        if self.path == "/hello":
            document.pause(length=1)
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(str(document).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def until(what: str, condition: Callable[[], Any]) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {TIMEOUT_S:g} s")
        time.sleep(0.1)
    return found


def refused(action: Callable[[], Any]) -> TwilioRestException:
    """The error that `action` ends with."""
    try:
        action()
    except TwilioRestException as error:
        return error
    raise AssertionError("this was not refused")


def is_gone(resource: Any) -> bool:
    """Whether it is not there any more."""
    error = refused(resource.fetch)
    return (error.status, error.code) == (404, 20404)


def reported(path: str, name: str) -> list[str]:
    """One parameter of every request for `path`."""
    return [parameters[name] for each, parameters in asked if each == path]


def call_into_room(client: Any) -> tuple[Any, Any]:
    """A room with bob and carol, both called."""
    room = client.conferences("Team meeting")
    shared = {
        "from_": "+15550100",
        "to": PHONE,
        "beep": "false",
        "timeout": 30,
        "early_media": True,
        "jitter_buffer_size": "small",
        "start_conference_on_enter": True,
        "conference_record": "record-from-start",
        "conference_trim": "do-not-trim",
        "conference_status_callback": f"{APPLICATION}/room",
        "conference_status_callback_event": [
            *("start", "end", "join", "leave", "mute", "hold", "modify", "announcement"),
        ],
        "conference_recording_status_callback": f"{APPLICATION}/recorded",
        "conference_recording_status_callback_event": ["in-progress", "completed", "absent"],
    }
    bob = room.participants.create(
        **shared,
        label="bob",
        record=True,
        recording_channels="dual",
        recording_track="both",
        trim="do-not-trim",
        recording_status_callback=f"{APPLICATION}/bob",
        recording_status_callback_event=["completed"],
        status_callback=f"{APPLICATION}/call",
        status_callback_event=["answered", "completed"],
        caller_display_name="Front desk",
    )
    carol = room.participants.create(**shared, label="carol", max_participants=5)
    assert bob.status in {"queued", "connecting", "ringing"}
    assert bob.conference_sid == carol.conference_sid
    conference = client.conferences(bob.conference_sid)
    until("both", lambda: [each.status for each in conference.participants.list()] == ["connected"] * 2)
    assert conference.fetch().status == "in-progress"
    today = datetime.now(UTC).date()
    (listed,) = client.conferences.list(status="in-progress", date_updated=today, date_created=today)
    assert listed.friendly_name == "Team meeting"
    return conference, bob


def move_participants(conference: Any, bob: Any) -> None:
    """Everything that an update of a participant can do."""
    people = conference.participants
    assert people("bob").update(muted=True).muted
    assert [each.label for each in people.list(muted=True)] == ["bob"]
    assert (
        people("bob").update(muted=False, hold=True, hold_url=f"{APPLICATION}/hello", hold_method="POST").hold
    )
    assert [each.call_sid for each in people.list(hold=True)] == [bob.call_sid]
    assert not people(bob.call_sid).update(hold=False).hold
    coach = people("carol").update(coaching=True, call_sid_to_coach=bob.call_sid)
    assert (coach.coaching, coach.call_sid_to_coach) == (True, bob.call_sid)
    assert len(people.list(coaching=True)) == 1
    people("carol").update(coaching=False, beep_on_exit=False, end_conference_on_exit=True)
    assert people("carol").fetch().end_conference_on_exit
    people("bob").update(announce_url=f"{APPLICATION}/hello", announce_method="POST")
    conference.update(announce_url=f"{APPLICATION}/hello", announce_method="POST")
    until(
        "two announcements",
        lambda: reported("/room", "StatusCallbackEvent").count("announcement-end") == 2,
    )


def move_recording(conference: Any) -> None:
    """Pause, resume, stop and delete the recording of a room."""
    recordings = conference.recordings
    (recording,) = recordings.list()
    assert (recording.source, recording.status) == ("Conference", "in-progress")
    assert recordings("Twilio.CURRENT").update(status="paused", pause_behavior="skip").status == "paused"
    assert recordings(recording.sid).update(status="in-progress").status == "in-progress"
    time.sleep(0.3)
    assert recordings(recording.sid).update(status="stopped").status == "stopped"
    until("the recording", lambda: recordings(recording.sid).fetch().status == "completed")
    assert refused(lambda: recordings(recording.sid).update(status="paused")).status == 400
    until("its callback", lambda: len(reported("/recorded", "RecordingStatus")) == 2)
    assert reported("/recorded", "RecordingStatus") == ["in-progress", "completed"]
    recordings(recording.sid).delete()
    assert is_gone(recordings(recording.sid))


def end_room(conference: Any) -> None:
    """Kick one, end the room, and read what was reported."""
    conference.participants("bob").delete()
    assert conference.update(status="completed").status == "completed"
    assert conference.fetch().reason_conference_ended == "conference-ended-via-api"
    assert conference.participants.list() == []
    until("bob's recording", lambda: "completed" in reported("/bob", "RecordingStatus"))
    assert reported("/bob", "RecordingChannels") == ["2"]
    assert reported("/call", "CallStatus") == ["in-progress", "completed"]
    numbers = reported("/room", "SequenceNumber")
    assert numbers == [str(at) for at in range(1, len(numbers) + 1)]


def walk_queue(client: Any) -> None:
    """A queue with one caller, who is taken out."""
    queue = client.queues.create(friendly_name="support", max_size=3)
    assert client.queues(queue.sid).update(friendly_name="sales", max_size=4).max_size == 4
    assert refused(lambda: client.queues.create(friendly_name="sales")).code == 22003
    document = VoiceResponse()
    document.enqueue("sales", wait_url="")
    caller = client.calls.create(to=PHONE, from_="+15550100", twiml=str(document))
    members = client.queues(queue.sid).members
    (waiting,) = until("the caller", members.list)
    assert (waiting.call_sid, waiting.position) == (caller.sid, 1)
    assert members("Front").fetch().call_sid == caller.sid
    assert client.queues(queue.sid).fetch().current_size == 1
    assert refused(client.queues(queue.sid).delete).status == 409
    members(caller.sid).update(url=f"{APPLICATION}/hello", method="POST")
    until("an empty queue", lambda: not members.list())
    client.queues(queue.sid).delete()
    assert is_gone(client.queues(queue.sid))


def walk_sip(client: Any) -> None:
    """A domain with its credentials and addresses."""
    domain = client.sip.domains.create(domain_name="acme.sip.example.com", friendly_name="acme")
    domain.update(voice_url=f"{APPLICATION}/hello", sip_registration=True)
    credentials = client.sip.credential_lists.create(friendly_name="phones")
    credential = credentials.credentials.create(username="erin", password="Sup3rSecret12")
    addresses = client.sip.ip_access_control_lists.create(friendly_name="office")
    address = addresses.ip_addresses.create(friendly_name="gate", ip_address="192.0.2.7")
    auth = client.sip.domains(domain.sid).auth
    auth.calls.credential_list_mappings.create(credential_list_sid=credentials.sid)
    auth.calls.ip_access_control_list_mappings.create(ip_access_control_list_sid=addresses.sid)
    auth.registrations.credential_list_mappings.create(credential_list_sid=credentials.sid)
    assert len(auth.registrations.credential_list_mappings.list()) == 1
    assert len(auth.calls.ip_access_control_list_mappings.list()) == 1
    assert credentials.credentials(credential.sid).fetch().username == "erin"
    assert addresses.ip_addresses.list()[0].sid == address.sid
    auth.registrations.credential_list_mappings(credentials.sid).delete()
    auth.calls.credential_list_mappings(credentials.sid).delete()
    auth.calls.ip_access_control_list_mappings(addresses.sid).delete()
    client.sip.credential_lists(credentials.sid).delete()
    client.sip.ip_access_control_lists(addresses.sid).delete()
    client.sip.domains(domain.sid).delete()
    assert is_gone(client.sip.domains(domain.sid))


def steps(client: Any) -> Iterator[str]:
    """The script, step by step."""
    conference, bob = call_into_room(client)
    yield "called into a room"
    move_participants(conference, bob)
    yield "participants"
    move_recording(conference)
    yield "recording of a room"
    end_room(conference)
    yield "end of a room"
    walk_queue(client)
    yield "queue"
    walk_sip(client)
    yield "sip"
    assert client.tokens.create(ttl=600).ttl == "600"
    yield "token"


def main() -> None:
    """Serve the application and play the script."""
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for step in steps(Client(SID, TOKEN, http_client=CallApi())):
        print(step, flush=True)


if __name__ == "__main__":
    main()
