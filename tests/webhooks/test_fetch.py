"""One fetch, against real servers on loopback: what counts, what is followed, what is tried again."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from twilio.request_validator import RequestValidator

from callapi.webhooks import (
    BadStatus,
    Fetcher,
    FetchOptions,
    HttpExchange,
    InvalidUrl,
    Method,
    TooManyRedirects,
    Unreachable,
    WebhookError,
    WebRequest,
)
from tests.webhooks.servers import Received, Reply, Script, reset

TOKEN = "12345678901234567890123456789012"
PARAMETERS = (("CallSid", "CA1"), ("From", "+1555"), ("To", "sip:bob@example.com"))


@pytest.fixture
def exchanges() -> list[HttpExchange]:
    """What the fetcher's trace got."""
    return []


@pytest.fixture
async def fetcher(exchanges: list[HttpExchange]) -> AsyncIterator[Fetcher]:
    async with Fetcher(FetchOptions(timeout_s=5, user_agent="CallAPI/1"), trace=exchanges.append) as fetcher:
        yield fetcher


def _validates(received: Received) -> bool:
    signature = received.headers["x-twilio-signature"]
    return bool(RequestValidator(TOKEN).validate(received.url, dict(received.form), signature))


async def test_a_post_and_its_answer(fetcher: Fetcher) -> None:
    async with Script(Reply(body=b"<Response/>", content_type="Text/XML; charset=utf-8")) as application:
        url = application.url("/voice?own=1")
        answer = await fetcher.fetch(WebRequest(url, "POST", PARAMETERS, TOKEN, (("X-Extra", "1"),)))
    assert (answer.status, answer.body, answer.url) == (200, b"<Response/>", url)
    assert (answer.content_type, answer.media_type) == ("Text/XML; charset=utf-8", "text/xml")
    assert 0 < answer.duration_s < 5
    [received] = application.requests
    assert (received.method, received.target, received.form) == ("POST", "/voice?own=1", list(PARAMETERS))
    assert received.headers["user-agent"] == "CallAPI/1"
    assert received.headers["accept"] == "*/*"
    assert received.headers["content-type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert received.headers["x-extra"] == "1"
    assert "cookie" not in received.headers
    assert _validates(received)


@pytest.mark.parametrize("length", [16_000, 17_000, 900_000])
async def test_a_form_of_any_length_arrives(fetcher: Fetcher, length: int) -> None:
    parameters = (*PARAMETERS, ("SpeechResult", "a" * length))
    async with Script(Reply(), Reply()) as application:
        for _ in range(2):
            await fetcher.fetch(WebRequest(application.url("/voice"), "POST", parameters, TOKEN))
        assert application.connections == 1
    for received in application.requests:
        assert received.form == list(parameters)
        assert _validates(received)


async def test_a_get_has_its_parameters_in_the_query(fetcher: Fetcher) -> None:
    async with Script() as application:
        await fetcher.fetch(WebRequest(application.url("/voice?own=1"), "GET", PARAMETERS, TOKEN))
    [received] = application.requests
    assert (received.method, received.body) == ("GET", b"")
    assert received.query == [("own", "1"), *PARAMETERS]
    assert "content-type" not in received.headers
    assert _validates(received)


async def test_credentials_in_the_url_are_sent_as_basic_authentication(
    fetcher: Fetcher, exchanges: list[HttpExchange]
) -> None:
    async with Script(Reply(500)) as application:
        with pytest.raises(BadStatus) as caught:
            await fetcher.fetch(WebRequest(f"http://user:secret@127.0.0.1:{application.port}/", token=TOKEN))
    [received] = application.requests
    assert received.headers["authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert _validates(received)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(exchanges)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_an_answer(fetcher: Fetcher, status: int) -> None:
    async with Script(Reply(status, content_type=None)) as application:
        answer = await fetcher.fetch(WebRequest(application.url()))
    assert (answer.status, answer.content_type, answer.body) == (status, "", b"")


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503, 599])
async def test_4xx_and_5xx_are_failures_with_their_answer(fetcher: Fetcher, status: int) -> None:
    reply = Reply(status, b"sorry", "text/plain", (("X-Why", "because"),))
    async with Script(reply) as application:
        request = WebRequest(application.url("/voice"))
        with pytest.raises(BadStatus) as caught:
            await fetcher.fetch(request)
    error = caught.value
    assert (error.code, error.request) == (11200, request)
    assert str(error) == f"{application.url('/voice')} answered {status}"
    assert error.answer is not None
    assert (error.answer.status, error.answer.body, error.answer.content_type) == (
        status,
        b"sorry",
        "text/plain",
    )
    assert error.answer.header("x-why") == "because"
    assert len(application.requests) == 1


async def test_of_a_long_failure_the_beginning_is_kept(fetcher: Fetcher) -> None:
    async with Script(Reply(500, b"x" * 1_000_000)) as application:
        with pytest.raises(BadStatus) as caught:
            await fetcher.fetch(WebRequest(application.url()))
    assert caught.value.answer is not None
    assert caught.value.answer.body == b"x" * 4096


async def test_connections_are_kept_alive(fetcher: Fetcher) -> None:
    async with Script(Reply(body=b"x" * 100)) as application:
        for _ in range(5):
            await fetcher.fetch(WebRequest(application.url()))
        application.answers[:] = [Reply(404, b"no")]
        with pytest.raises(BadStatus):
            await fetcher.fetch(WebRequest(application.url()))
        application.answers[:] = [Reply()]
        await fetcher.fetch(WebRequest(application.url()))
    assert application.connections == 1


# Redirects


def _to(location: str, status: int = 302) -> Reply:
    return Reply(status, b"moved", headers=(("Location", location),))


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirected_post_becomes_a_get_with_the_parameters(fetcher: Fetcher, status: int) -> None:
    async with Script(
        by_path={"/old": _to("/new?x=1", status), "/new": Reply(body=b"<Response/>")}
    ) as application:
        answer = await fetcher.fetch(WebRequest(application.url("/old"), "POST", PARAMETERS, TOKEN))
    assert answer.url == application.url("/new?x=1")
    first, second = application.requests
    assert (first.method, second.method, second.body) == ("POST", "GET", b"")
    assert second.query == [("x", "1"), *PARAMETERS]
    assert _validates(first)
    assert _validates(second)
    assert application.connections == 1


@pytest.mark.parametrize("status", [307, 308])
async def test_307_and_308_keep_the_form(fetcher: Fetcher, status: int) -> None:
    async with Script(by_path={"/old": _to("/new", status), "/new": Reply()}) as application:
        await fetcher.fetch(WebRequest(application.url("/old"), "POST", PARAMETERS, TOKEN))
    assert [(each.method, each.form) for each in application.requests] == [("POST", list(PARAMETERS))] * 2
    assert all(map(_validates, application.requests))


async def test_a_redirect_to_another_host_takes_no_credentials_along(fetcher: Fetcher) -> None:
    async with Script() as other, Script(_to(other.url("/new"))) as application:
        url = f"http://user:secret@127.0.0.1:{application.port}/"
        answer = await fetcher.fetch(WebRequest(url, headers=(("X-CallAPI-Event-Id", "EV1"),)))
    assert answer.url == other.url("/new")
    assert "authorization" not in other.requests[0].headers
    assert other.requests[0].headers["x-callapi-event-id"] == "EV1"


async def test_five_redirects_are_followed(fetcher: Fetcher) -> None:
    async with Script(*[_to("/next")] * 5, Reply(body=b"there")) as application:
        assert (await fetcher.fetch(WebRequest(application.url()))).body == b"there"
    assert len(application.requests) == 6


async def test_six_are_too_many(fetcher: Fetcher, exchanges: list[HttpExchange]) -> None:
    async with Script(_to("/next")) as application:
        with pytest.raises(TooManyRedirects) as caught:
            await fetcher.fetch(WebRequest(application.url()))
    assert caught.value.code == 11215
    assert caught.value.answer is not None
    assert caught.value.answer.header("Location") == "/next"
    assert len(application.requests) == len(exchanges) == 6


@pytest.mark.parametrize("location", ["ftp://example.com/", "http://[", "file:///etc/passwd"])
async def test_a_redirect_to_what_cannot_be_asked(fetcher: Fetcher, location: str) -> None:
    async with Script(_to(location)) as application:
        with pytest.raises(InvalidUrl) as caught:
            await fetcher.fetch(WebRequest(application.url()))
    assert caught.value.code == 11100
    assert caught.value.answer is not None
    assert caught.value.answer.status == 302


async def test_a_redirect_without_a_location(fetcher: Fetcher) -> None:
    async with Script(Reply(302)) as application:
        with pytest.raises(BadStatus):
            await fetcher.fetch(WebRequest(application.url()))


async def test_the_time_limit_covers_all_hops(fetcher: Fetcher) -> None:
    slow = Reply(302, headers=(("Location", "/next"),), delay_s=0.15)
    async with Script(slow) as application:
        with pytest.raises(WebhookError, match=r"within 0\.4 s"):
            await fetcher.fetch(WebRequest(application.url()), timeout_s=0.4)
    assert len(application.requests) == 3


# The one retry


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("answer", [b"", reset], ids=["closed", "reset"])
async def test_a_connection_lost_before_the_answer_is_tried_once_more(
    fetcher: Fetcher, exchanges: list[HttpExchange], method: Method, answer: bytes
) -> None:
    async with Script(answer, Reply(body=b"there")) as application:
        answered = await fetcher.fetch(WebRequest(application.url(), method, PARAMETERS, TOKEN))
    assert answered.body == b"there"
    first, second = application.requests
    assert (first.target, first.body) == (second.target, second.body)
    assert first.connection != second.connection
    assert [(each.attempt, each.status) for each in exchanges] == [(1, None), (2, 200)]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_but_only_once(fetcher: Fetcher, method: Method) -> None:
    async with Script(reset) as application:
        with pytest.raises(Unreachable) as caught:
            await fetcher.fetch(WebRequest(application.url(), method))
    assert len(application.requests) == 2
    assert (caught.value.code, caught.value.answer) == (11205, None)
    assert "Connection reset by peer" in str(caught.value)


@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 200 OK\r\nContent-"])
async def test_a_connection_lost_in_the_answer_is_not_tried_again(fetcher: Fetcher, begun: bytes) -> None:
    async with Script(begun, Reply()) as application:
        with pytest.raises(WebhookError) as caught:
            await fetcher.fetch(WebRequest(application.url()))
    assert caught.value.code == 11206
    assert len(application.requests) == 1


async def test_a_restarted_application_costs_no_call(fetcher: Fetcher) -> None:
    """Every pooled connection is dead at once; the retry must not pick another of them."""
    async with Script(Reply(delay_s=0.05)) as before:
        await asyncio.gather(*(fetcher.fetch(WebRequest(before.url())) for _ in range(8)))
        port = before.port
    after = Script(Reply(body=b"back"))
    after.port = port
    async with after:
        answers = await asyncio.gather(*(fetcher.fetch(WebRequest(after.url())) for _ in range(8)))
    assert {each.body for each in answers} == {b"back"}


async def test_a_port_that_refuses(fetcher: Fetcher, exchanges: list[HttpExchange]) -> None:
    async with Script() as application:
        url = application.url()
    with pytest.raises(Unreachable) as caught:
        await fetcher.fetch(WebRequest(url))
    assert str(caught.value) == f"no connection to {url}: Connection refused"
    assert [each.attempt for each in exchanges] == [1, 2]


# What is reported


async def test_each_exchange_is_reported(fetcher: Fetcher, exchanges: list[HttpExchange]) -> None:
    async with Script(_to("/new"), Reply(404)) as application:
        request = WebRequest(application.url("/old"), "POST", PARAMETERS, TOKEN, call_sid="CA1")
        with pytest.raises(BadStatus):
            await fetcher.fetch(request)
    first, second = exchanges
    assert (first.method, first.url, first.parameters) == ("POST", application.url("/old"), PARAMETERS)
    assert (first.status, first.error, first.attempt, first.call_sid) == (302, None, 1, "CA1")
    assert (second.method, second.url, second.status) == ("GET", application.url("/new"), 404)
    assert second.parameters == PARAMETERS
    assert second.started_at >= first.started_at
    assert 0 < second.duration_s < 5
    assert TOKEN not in repr(exchanges)


async def test_a_failure_is_reported_with_its_sentence(
    fetcher: Fetcher, exchanges: list[HttpExchange]
) -> None:
    async with Script(b"SSH-2.0-OpenSSH_9\r\n") as application:
        with pytest.raises(WebhookError) as caught:
            await fetcher.fetch(WebRequest(application.url()))
    assert [(each.status, each.error) for each in exchanges] == [(None, str(caught.value))]


async def test_a_cancelled_fetch_is_reported_and_leaves_no_connection(
    fetcher: Fetcher, exchanges: list[HttpExchange]
) -> None:
    """The caller hangs up while the application thinks."""
    closed = asyncio.Event()

    async def wait_for_close(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        closed.set()

    async with Script(wait_for_close) as application:
        task = asyncio.create_task(fetcher.fetch(WebRequest(application.url())))
        await application.received(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 5)
    [exchange] = exchanges
    assert (exchange.status, exchange.error) == (None, "cancelled before the whole answer had come")


@pytest.mark.parametrize(
    "url", ["", "/relative", "ftp://example.com/", "http://user:secret@[/", "sip:bob@example.com"]
)
async def test_urls_that_cannot_be_asked(
    fetcher: Fetcher, exchanges: Sequence[HttpExchange], url: str
) -> None:
    with pytest.raises(InvalidUrl) as caught:
        await fetcher.fetch(WebRequest(url))
    assert (caught.value.code, caught.value.answer) == (11100, None)
    assert "secret" not in str(caught.value)
    assert not exchanges


async def test_many_at_once(fetcher: Fetcher) -> None:
    async with Script(Reply(body=b"ok", delay_s=0.01)) as application:
        answers = await asyncio.gather(*(fetcher.fetch(WebRequest(application.url())) for _ in range(300)))
    assert len(answers) == 300
    assert application.connections <= 256


async def test_an_application_may_ask_for_digest(fetcher: Fetcher) -> None:
    """RFC 7616: Basic goes out at once; who wants Digest says so, and gets it at once the next time."""
    challenge = 'Digest realm="r", qop="auth", nonce="n1", algorithm=SHA-256'
    refusal = Reply(401, headers=(("WWW-Authenticate", challenge),))
    async with Script(refusal, Reply(), Reply(), Reply(401)) as application:
        for method in ("POST", "GET"):
            url = application.url("/voice").replace("http://", "http://us%40er:secret@")
            await fetcher.fetch(WebRequest(url, "GET" if method == "GET" else "POST", PARAMETERS, TOKEN))
        with pytest.raises(BadStatus):
            await fetcher.fetch(WebRequest(url, "GET"))
    sent = [each.headers["authorization"].split()[0] for each in application.requests]
    assert sent == ["Basic", "Digest", "Digest", "Digest"]
    assert application.requests[1].form == list(PARAMETERS), "the body is sent again"
    assert 'username="us@er"' in application.requests[2].headers["authorization"]


async def test_basic_is_not_answered_with_digest(fetcher: Fetcher) -> None:
    async with Script(Reply(401, headers=(("WWW-Authenticate", 'Basic realm="r"'),))) as application:
        with pytest.raises(BadStatus):
            await fetcher.fetch(WebRequest(application.url("/").replace("http://", "http://a:b@")))
        assert len(application.requests) == 1
