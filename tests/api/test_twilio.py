"""Twilio's own library, unmodified but for the base URL, against the interface on a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from typing import Any, TypeVar

import pytest
import uvicorn
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from tests.api.everything import one_of_each
from tests.api.world import NOW, World, finished_call

T = TypeVar("T")


class Here(TwilioHttpClient):  # type: ignore[misc]  # the library has no types
    """Sends to `base_url` what is meant for Twilio."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=10)
        self._base_url = base_url

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Response:
        """One request."""
        return super().request(
            method, url.replace("https://api.twilio.com", self._base_url), *arguments, **named
        )


@pytest.fixture
async def twilio(world: World) -> AsyncIterator[Client]:
    """The library's client, signed in."""
    server = uvicorn.Server(uvicorn.Config(world.app, lifespan="off", log_config=None, access_log=False))
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    http = Here(f"http://127.0.0.1:{listening.getsockname()[1]}")
    yield Client(world.account.sid, world.account.auth_token, http_client=http)
    http.session.close()
    server.should_exit = True
    await serving
    listening.close()


async def _do(action: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """The library blocks."""
    return await asyncio.to_thread(action, *arguments, **named)


async def test_a_call_from_making_to_deleting(world: World, twilio: Client) -> None:
    """create, fetch, redirect, hang up, delete."""
    made = await _do(
        twilio.calls.create,
        to="sip:bob@127.0.0.1",
        from_="+15550199",
        url="http://127.0.0.1:9000/voice",
        method="GET",
        status_callback="http://127.0.0.1:9000/status",
        status_callback_event=["initiated", "completed"],
        timeout=20,
        record=True,
        sip_auth_username="u",
        sip_auth_password="p",
        time_limit=60,
    )
    assert (made.status, made.direction, made._from) == ("queued", "outbound-api", "+15550199")
    (command,) = world.calls.created
    assert command.recording is not None
    assert command.callbacks is not None
    assert command.callbacks.events == ("initiated", "completed")
    fetched = await _do(twilio.calls(made.sid).fetch)
    assert fetched.start_time == NOW
    await _do(twilio.calls(made.sid).update, url="http://127.0.0.1:9000/other", method="POST")
    await _do(fetched.update, twiml="<Response><Hangup/></Response>")
    redirected, inline = (each[1].document for each in world.calls.modified)
    assert redirected is not None
    assert inline is not None
    assert (redirected.url, inline.inline) == (
        "http://127.0.0.1:9000/other",
        "<Response><Hangup/></Response>",
    )
    ended = await _do(twilio.calls(made.sid).update, status="completed")
    assert ended.status == "completed"
    with pytest.raises(TwilioRestException) as refused:
        await _do(twilio.calls(made.sid).update, status="completed")
    assert (refused.value.status, refused.value.code) == (400, 21220)
    assert await _do(twilio.calls(made.sid).delete)
    with pytest.raises(TwilioRestException) as gone:
        await _do(twilio.calls(made.sid).fetch)
    assert (gone.value.status, gone.value.code) == (404, 20404)


async def test_calls_are_listed_and_paged(world: World, twilio: Client) -> None:
    """list with filters, stream over pages, next and previous page."""
    for number in range(7):
        instant = NOW + timedelta(days=number)
        await world.keep(finished_call(world.account.sid, date_created=instant, start_time=instant))
    assert len(await _do(twilio.calls.list)) == 7
    assert len(await _do(twilio.calls.list, page_size=3)) == 7
    assert len(await _do(twilio.calls.list, limit=4, page_size=3)) == 4
    assert await _do(twilio.calls.list, status="busy") == []
    assert len(await _do(twilio.calls.list, start_time_after=NOW + timedelta(days=5))) == 2
    assert len(await _do(twilio.calls.list, start_time_before=NOW)) == 1
    assert len(await _do(twilio.calls.list, start_time=date(2026, 11, 18))) == 1
    page = await _do(twilio.calls.page, page_size=3)
    first = [each.sid for each in page]
    following = await _do(page.next_page)
    second = [each.sid for each in following]
    assert len(set(first + second)) == 6
    assert [each.sid for each in await _do(following.previous_page)] == first


async def test_numbers(world: World, twilio: Client) -> None:
    """create, list by number, update, delete."""
    made = await _do(
        twilio.incoming_phone_numbers.create,
        phone_number="+15550100",
        voice_url="http://127.0.0.1:9000/voice",
        friendly_name="Desk",
    )
    assert made.capabilities["voice"]
    (found,) = await _do(twilio.incoming_phone_numbers.list, phone_number="+15550100")
    assert found.sid == made.sid
    changed = await _do(found.update, voice_method="GET")
    assert (changed.voice_url, changed.voice_method) == ("http://127.0.0.1:9000/voice", "GET")
    assert await _do(found.delete)
    assert await _do(twilio.incoming_phone_numbers.list) == []


async def test_applications(world: World, twilio: Client) -> None:
    """create, fetch, update, list by name, delete."""
    made = await _do(twilio.applications.create, friendly_name="ivr", voice_url="http://127.0.0.1/ivr")
    await _do(made.update, status_callback="http://127.0.0.1/status")
    assert (await _do(made.fetch)).status_callback == "http://127.0.0.1/status"
    assert [each.sid for each in await _do(twilio.applications.list, friendly_name="ivr")] == [made.sid]
    assert await _do(made.delete)


async def test_recordings_notifications_events(world: World, twilio: Client) -> None:
    """Read in both places, deleted."""
    sids = await one_of_each(world, world.account.sid)
    call = twilio.calls(sids["CallSid"])
    (recording,) = await _do(twilio.recordings.list, call_sid=sids["CallSid"])
    assert (recording.duration, recording.channels) == ("1", 1)
    (below,) = await _do(call.recordings.list)
    assert below.sid == recording.sid
    assert (await _do(call.recordings(recording.sid).fetch)).status == "completed"
    (notification,) = await _do(twilio.notifications.list, log=0)
    assert (await _do(notification.fetch)).error_code == "11200"
    assert len(await _do(call.notifications.list)) == 1
    assert await _do(call.events.list) == []
    assert await _do(twilio.recordings(recording.sid).delete)
    assert await _do(twilio.recordings.list) == []


async def test_accounts(world: World, twilio: Client) -> None:
    """A subaccount is made, listed, used with the parent's credentials, suspended."""
    tenant = await _do(twilio.api.accounts.create, friendly_name="tenant")
    assert {each.sid for each in await _do(twilio.api.accounts.list)} == {world.account.sid, tenant.sid}
    inside = Client(
        world.account.sid, world.account.auth_token, account_sid=tenant.sid, http_client=twilio.http_client
    )
    assert (await _do(inside.applications.create, friendly_name="a")).account_sid == tenant.sid
    assert (await _do(tenant.update, status="suspended")).status == "suspended"
    with pytest.raises(TwilioRestException) as refused:
        await _do(inside.applications.create, friendly_name="b")
    assert (refused.value.status, refused.value.code) == (403, 20005)


async def test_errors(twilio: Client) -> None:
    """Codes and messages arrive where the library looks for them."""
    stranger = Client(twilio.username, "wrong", http_client=twilio.http_client)
    for action, status, code in (
        (stranger.calls("CA" + "0" * 32).fetch, 401, 20003),
        (lambda: twilio.calls.create(to="", from_="+1", url="http://127.0.0.1/"), 400, 21201),
        (lambda: twilio.calls.create(to="sip:bob@127.0.0.1", from_="+1"), 400, 21205),
        (lambda: twilio.incoming_phone_numbers.create(phone_number="x y"), 400, 21421),
    ):
        with pytest.raises(TwilioRestException) as refused:
            await _do(action)
        assert (refused.value.status, refused.value.code) == (status, code)
