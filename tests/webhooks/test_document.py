"""`fetch_document`: the fallback is asked for every kind of failure, and each is reported."""

from collections.abc import AsyncIterator, Callable

import pytest

from callapi.base.errors import CallApiError
from callapi.webhooks import (
    Fetcher,
    FetchOptions,
    WebAnswer,
    WebFailure,
    WebhookError,
    WebRequest,
    WrongContentType,
)
from tests.webhooks.servers import Answer, Reply, Script, reset, silence

PARAMETERS = (("CallSid", "CA1"),)


class DocumentError(CallApiError):
    """As the language's: with Twilio's code."""

    def __init__(self, code: int) -> None:
        super().__init__("line 1 column 1: no")
        self.code = code


class Nameless(CallApiError):
    """An error without a code."""


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(FetchOptions(timeout_s=0.4)) as fetcher:
        yield fetcher


@pytest.fixture
def failures() -> list[WebFailure]:
    return []


def _read(answer: WebAnswer) -> str:
    if answer.media_type != "text/xml":
        raise WrongContentType("no", WebRequest(answer.url), answer)
    if not answer.body.startswith(b"<Response"):
        raise DocumentError(12100)
    return answer.body.decode()


GOOD = Reply(body=b"<Response/>")
BAD_ANSWERS: list[tuple[str, Answer, int]] = [
    ("404", Reply(404), 11200),
    ("500", Reply(500, b"oops"), 11200),
    ("timeout", silence, 11200),
    ("reset", reset, 11205),
    ("garbage", b"garbage\r\n\r\n", 11206),
    ("redirect loop", Reply(302, headers=(("Location", "/again"),)), 11215),
    ("too large", Reply(body=b"x" * 70_000), 11750),
    ("wrong type", Reply(body=b"{}", content_type="application/json"), 12300),
    ("no type", Reply(body=b"<Response/>", content_type=None), 12300),
    ("bad XML", Reply(body=b"<html>"), 12100),
]


async def test_a_good_document_needs_no_fallback(fetcher: Fetcher, failures: list[WebFailure]) -> None:
    async with Script(GOOD) as application, Script(GOOD) as spare:
        document = await fetcher.fetch_document(
            WebRequest(application.url()), WebRequest(spare.url()), _read, failures.append
        )
    assert document == "<Response/>"
    assert (spare.requests, failures) == ([], [])


@pytest.mark.parametrize(
    ("answer", "code"), [each[1:] for each in BAD_ANSWERS], ids=[each[0] for each in BAD_ANSWERS]
)
async def test_every_failure_leads_to_the_fallback(
    fetcher: Fetcher, failures: list[WebFailure], answer: Answer, code: int
) -> None:
    async with Script(answer) as application, Script(GOOD) as spare:
        request = WebRequest(application.url("/voice?a=b"), "POST", PARAMETERS, "token")
        fallback = WebRequest(spare.url("/spare"), "POST", PARAMETERS, "token")
        assert await fetcher.fetch_document(request, fallback, _read, failures.append) == "<Response/>"
    [asked] = spare.requests
    assert asked.form == [*PARAMETERS, ("ErrorCode", str(code)), ("ErrorUrl", application.url("/voice?a=b"))]
    [failure] = failures
    assert (failure.code, failure.request) == (code, request)


async def test_a_name_that_does_not_resolve(fetcher: Fetcher, failures: list[WebFailure]) -> None:
    async with Script(GOOD) as spare:
        request = WebRequest("http://user:secret@-/", "POST", PARAMETERS)
        await fetcher.fetch_document(
            request, WebRequest(spare.url(), "GET", PARAMETERS), _read, failures.append
        )
    assert spare.requests[0].query == [*PARAMETERS, ("ErrorCode", "11210"), ("ErrorUrl", "http://-/")]


async def test_a_bad_document_is_reported_with_its_answer(
    fetcher: Fetcher, failures: list[WebFailure]
) -> None:
    async with Script(Reply(body=b"<html>")) as application:
        with pytest.raises(DocumentError):
            await fetcher.fetch_document(WebRequest(application.url()), None, _read, failures.append)
    [failure] = failures
    assert failure.answer is not None
    assert (failure.answer.body, failure.answer.status) == (b"<html>", 200)


async def test_without_a_fallback_the_error_is_raised(fetcher: Fetcher, failures: list[WebFailure]) -> None:
    async with Script(Reply(503, b"busy")) as application:
        with pytest.raises(WebhookError) as caught:
            await fetcher.fetch_document(WebRequest(application.url()), None, _read, failures.append)
    assert [each.error for each in failures] == [caught.value]
    assert failures[0].answer is not None
    assert failures[0].answer.body == b"busy"


async def test_when_both_fail_both_are_reported_and_the_last_is_raised(
    fetcher: Fetcher, failures: list[WebFailure]
) -> None:
    async with Script(Reply(404)) as application, Script(Reply(body=b"<html>")) as spare:
        with pytest.raises(DocumentError):
            await fetcher.fetch_document(
                WebRequest(application.url()), WebRequest(spare.url()), _read, failures.append
            )
    assert [each.code for each in failures] == [11200, 12100]
    assert len(spare.requests) == 1


def _raising(error: Exception) -> Callable[[WebAnswer], str]:
    def read(_answer: WebAnswer) -> str:
        raise error

    return read


async def test_an_error_without_a_code_counts_as_a_bad_document(
    fetcher: Fetcher, failures: list[WebFailure]
) -> None:
    async with Script(GOOD) as application:
        with pytest.raises(Nameless):
            await fetcher.fetch_document(
                WebRequest(application.url()), None, _raising(Nameless()), failures.append
            )
    assert [each.code for each in failures] == [12100]


async def test_a_mistake_of_ours_is_no_failure_of_theirs(
    fetcher: Fetcher, failures: list[WebFailure]
) -> None:
    async with Script(GOOD) as application:
        with pytest.raises(ZeroDivisionError):
            await fetcher.fetch_document(
                WebRequest(application.url()), None, _raising(ZeroDivisionError()), failures.append
            )
    assert failures == []
