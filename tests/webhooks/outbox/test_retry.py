"""What a failure means for a callback, and when it is tried again."""

import pytest

from callapi.webhooks import (
    BadStatus,
    Callback,
    HostNotFound,
    InvalidUrl,
    ProtocolViolation,
    TimedOut,
    TlsFailure,
    TooLarge,
    TooManyRedirects,
    Unreachable,
    WebAnswer,
    WebhookError,
    WebRequest,
)
from callapi.webhooks.outbox.retry import Blame, Failure, judge, next_try, wait_s

REQUEST = WebRequest("http://example.com/status")
NOW = 1_790_000_000.0


def _answer(status: int, *headers: tuple[str, str]) -> WebAnswer:
    return WebAnswer(status, "", b"", "http://example.com/status", 0.1, headers)


def _answered(status: int, *headers: tuple[str, str]) -> Failure | None:
    return judge(BadStatus("no", REQUEST, _answer(status, *headers)), NOW)


@pytest.mark.parametrize("kind", [Unreachable, HostNotFound, TlsFailure, TimedOut, ProtocolViolation])
def test_a_host_that_cannot_be_asked_is_to_blame(kind: type[WebhookError]) -> None:
    assert judge(kind("no", REQUEST), NOW) == Failure(Blame.HOST, "no")


@pytest.mark.parametrize("status", [500, 502, 503, 599, 408, 425, 429])
def test_what_may_pass_holds_up_this_callback_alone(status: int) -> None:
    assert _answered(status) == Failure(Blame.ANSWERED, "no")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 304, 101])
def test_a_refusal(status: int) -> None:
    assert _answered(status) == Failure(Blame.REFUSED, "no")


def test_redirects_that_lead_nowhere_are_refusals() -> None:
    assert judge(TooManyRedirects("no", REQUEST, _answer(302)), NOW) == Failure(Blame.REFUSED, "no")
    assert judge(InvalidUrl("no", REQUEST, _answer(302)), NOW) == Failure(Blame.REFUSED, "no")


def test_what_is_hopeless() -> None:
    assert judge(InvalidUrl("no", REQUEST), NOW) == Failure(Blame.HOPELESS, "no")
    assert _answered(410) == Failure(Blame.HOPELESS, "no")


@pytest.mark.parametrize("kind", [TooLarge, TimedOut, ProtocolViolation])
def test_a_2xx_is_a_delivery_whatever_became_of_its_body(kind: type[WebhookError]) -> None:
    assert judge(kind("no", REQUEST, _answer(200)), NOW) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("99999999999999999999", 3600.0),
        ("Mon, 21 Sep 2026 14:13:50 GMT", 30.0),
        ("Mon, 21 Sep 2020 14:13:50 GMT", 0.0),
        ("-5", 0.0),
        ("soon", 0.0),
        ("", 0.0),
        ("\u0667", 0.0),
    ],
)
def test_retry_after(value: str, expected: float) -> None:
    failure = _answered(503, ("retry-after", value))
    assert failure is not None
    assert failure.retry_after_s == expected


def test_waits_double_from_a_second_to_their_bound() -> None:
    assert [wait_s(failures, 300, 0.5) for failures in (1, 2, 3, 4, 9, 10, 1000)] == [
        1,
        2,
        4,
        8,
        256,
        300,
        300,
    ]
    assert wait_s(1, 300, 0.0) == 0.75
    assert wait_s(1, 300, 0.999) == pytest.approx(1.25, abs=0.001)


def _try(blame: Blame, attempts: int, *, age: float = 0.0, retry_after: float = 0.0) -> float | None:
    callback = Callback("EV1", "CA1", REQUEST.url, "POST", (), "AC1", NOW - age, attempts)
    return next_try(callback, Failure(blame, "no", retry_after), NOW, 86_400.0, 0.5)


def test_the_next_try() -> None:
    assert _try(Blame.ANSWERED, 1) == NOW + 1
    assert _try(Blame.ANSWERED, 12) == NOW + 300
    assert _try(Blame.HOST, 12) == NOW + 60
    assert _try(Blame.ANSWERED, 1, retry_after=90) == NOW + 90
    assert _try(Blame.ANSWERED, 12, retry_after=1) == NOW + 300


def test_a_refusal_gets_five_tries() -> None:
    assert [_try(Blame.REFUSED, attempts) for attempts in (1, 2, 3, 4)] == [
        NOW + 1,
        NOW + 2,
        NOW + 4,
        NOW + 8,
    ]
    assert _try(Blame.REFUSED, 5) is None


def test_what_is_hopeless_gets_none() -> None:
    assert _try(Blame.HOPELESS, 1) is None


def test_nothing_is_tried_after_its_time() -> None:
    assert _try(Blame.ANSWERED, 1, age=86_399) == NOW + 1
    assert _try(Blame.ANSWERED, 1, age=86_399.5) is None
