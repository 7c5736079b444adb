"""RFC 4028: agreement (§7, §9, table 2), refreshing (§7.4, §10) and giving up (§10)."""

import pytest

from callapi.sip.events import AnswerReceived, Ended, Party
from callapi.sip.invite_session.session_timer import (
    Refresher,
    SessionExpires,
    answer_to,
    is_too_small,
    read_min_se,
    read_session_expires,
)
from callapi.sip.messages.message import Request
from tests.sip.invite_session.support import (
    ANSWER,
    OFFER,
    Bench,
    called,
    calling,
    events,
    invite,
    requests,
    responses,
    statuses,
)

TIMER = "Supported: timer"


def asked(extra: str) -> Request:
    return invite(extra=extra)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1800", SessionExpires(1800, None)),
        ("1800 ; refresher=UAC", SessionExpires(1800, Refresher.UAC)),
        ("90;x=1;refresher=uas", SessionExpires(90, Refresher.UAS)),
        ("90;refresher=both", SessionExpires(90, None)),
        ("soon", None),
        ("-1", None),
        ("99999999999", None),
    ],
)
def test_reading(value: str, expected: SessionExpires | None) -> None:
    assert read_session_expires(asked(f"Session-Expires: {value}")) == expected
    assert read_session_expires(asked(f"x: {value}")) == expected


def test_min_se() -> None:
    assert read_min_se(asked("")) == 90
    assert read_min_se(asked("Min-SE: 120;x=y")) == 120
    assert read_min_se(asked("Min-SE: 30")) == 90
    assert read_min_se(asked("Min-SE: soon")) == 90


def test_an_interval_that_is_too_small_is_refused_to_those_who_understand() -> None:
    assert is_too_small(asked(f"{TIMER}\nSession-Expires: 60"), 90)
    assert not is_too_small(asked("Session-Expires: 60"), 90)
    assert not is_too_small(asked(f"{TIMER}\nSession-Expires: 90"), 90)
    assert not is_too_small(asked(TIMER), 90)


@pytest.mark.parametrize(
    ("extra", "ours", "expected"),
    [
        (f"{TIMER}\nSession-Expires: 600", 1800, SessionExpires(600, Refresher.UAC)),
        (f"{TIMER}\nSession-Expires: 600;refresher=uas", 1800, SessionExpires(600, Refresher.UAS)),
        (f"{TIMER}\nSession-Expires: 3600;refresher=uac", 1800, SessionExpires(1800, Refresher.UAC)),
        (f"{TIMER}\nSession-Expires: 3600\nMin-SE: 2400", 1800, SessionExpires(2400, Refresher.UAC)),
        (f"{TIMER}\nSession-Expires: 3600", 0, SessionExpires(3600, Refresher.UAC)),
        ("Session-Expires: 600", 1800, SessionExpires(600, Refresher.UAS)),  # put in by a proxy
        (TIMER, 1800, SessionExpires(1800, Refresher.UAC)),
        (TIMER, 0, None),
        ("", 1800, None),
    ],
)
def test_our_answer(extra: str, ours: int, expected: SessionExpires | None) -> None:
    """Table 2 of §9."""
    assert answer_to(asked(extra), ours) == expected


def test_the_200_says_what_was_agreed() -> None:
    (ok,) = responses(called(extra=f"{TIMER}\nSession-Expires: 600").accept())
    assert ok.headers.get("Session-Expires") == "600;refresher=uac"
    assert ok.headers.get("Require") == "timer"
    (ok,) = responses(called(extra=f"{TIMER}\nSession-Expires: 600;refresher=uas").accept())
    assert ok.headers.get("Session-Expires") == "600;refresher=uas"
    assert "Require" not in ok.headers
    assert "Session-Expires" not in responses(called().accept())[0].headers


def watching() -> Bench:
    bench = called(extra=f"{TIMER}\nSession-Expires: 600")
    bench.accept()
    bench.ack()
    bench.effects.clear()
    return bench


def test_a_peer_that_does_not_refresh_is_given_up() -> None:
    """§10: BYE, the smaller of 32 s and a third of the interval before the end."""
    bench = watching()
    assert bench.until(567.0) == []
    assert len(requests(bench.until(568.1), "BYE")) == 1
    assert [event.by for event in bench.events if isinstance(event, Ended)] == [Party.NETWORK]


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_a_peer_that_refreshes_is_not(method: str) -> None:
    bench = watching()
    bench.until(300.0)
    effects = bench.request(
        method,
        OFFER if method == "INVITE" else b"",
        extra="Supported: timer\nSession-Expires: 600;refresher=uac",
    )
    effects += bench.answer_offer()
    ok = responses(effects)[-1]
    assert ok.headers.get("Session-Expires") == "600;refresher=uac"
    if method == "INVITE":
        bench.ack(2)
    assert requests(bench.until(860.0)) == []
    assert len(requests(bench.until(869.0), "BYE")) == 1


def test_an_update_that_wants_too_short_an_interval() -> None:
    (refusal,) = responses(watching().request("UPDATE", extra="Supported: timer\nSession-Expires: 30"))
    assert (refusal.status, refusal.headers.get("Min-SE")) == (422, "90")


def refreshing(allow: str = "INVITE, UPDATE") -> Bench:
    bench = calling()
    extra = [("Session-Expires", "600;refresher=uac"), ("Allow", allow)]
    bench.answer(bench.invites[0], 200, ANSWER, extra=extra)
    bench.effects.clear()
    return bench


def test_refreshing_by_update() -> None:
    bench = refreshing()
    (update,) = requests(bench.until(300.0))
    assert (update.method, update.body) == ("UPDATE", b"")
    assert update.headers.get("Session-Expires") == "600;refresher=uac"
    assert update.headers.get("Contact") is not None
    bench.answer(update, 200, extra=[("Session-Expires", "600;refresher=uac")])
    assert [request.method for request in requests(bench.until(601.0))] == ["UPDATE"]


def test_refreshing_by_reinvite_with_the_same_description() -> None:
    """§7.4: for a peer that does not take UPDATE; the answer is news only if it changed."""
    bench = refreshing("INVITE, BYE")
    (again,) = requests(bench.until(300.0))
    assert (again.method, again.body) == ("INVITE", OFFER)
    effects = bench.answer(again, 200, ANSWER, extra=[("Session-Expires", "600;refresher=uac")])
    assert events(effects) == []
    (again,) = requests(bench.until(601.0))
    effects = bench.answer(again, 200, b"another", extra=[("Session-Expires", "600;refresher=uac")])
    assert events(effects) == [AnswerReceived(b"another")]


def test_a_refresh_that_is_refused_is_tried_again_until_the_end() -> None:
    bench = refreshing()
    seen: list[str] = []
    while not bench.events:
        for request in requests(bench.until(bench.now + 1)):
            seen.append(request.method)
            if request.method == "UPDATE":
                bench.answer(request, 500)
    assert bench.now == 600
    assert seen == ["UPDATE"] * 4 + ["BYE"]


def test_a_refresh_by_reinvite_that_is_refused_is_tried_again() -> None:
    bench = refreshing("INVITE, BYE")
    (again,) = requests(bench.until(300.0))
    bench.answer(again, 500)
    assert bench.events == []
    (again,) = requests(bench.until(400.0))[-1:]
    assert (again.method, again.body) == ("INVITE", OFFER)


def test_a_peer_that_takes_no_update_after_all() -> None:
    bench = refreshing()
    (update,) = requests(bench.until(300.0))
    bench.answer(update, 405)
    bench.effects.clear()
    assert requests(bench.until(380.0))[0].method == "INVITE"


def test_a_refresh_whose_interval_is_too_small() -> None:
    bench = refreshing()
    (update,) = requests(bench.until(300.0))
    bench.answer(update, 422, extra=[("Min-SE", "900")])
    bench.effects.clear()
    (update,) = requests(bench.until(420.0))
    assert update.headers.get("Session-Expires") == "900;refresher=uac"


def test_a_refresh_has_to_wait_for_an_offer_that_is_open() -> None:
    bench = refreshing("INVITE")
    bench.until(295.0)
    bench.request("INVITE", b"theirs")
    assert requests(bench.until(301.0)) == []
    assert statuses(bench.answer_offer()) == [200]
    bench.ack(2)


def test_no_agreement_no_timer() -> None:
    bench = calling()
    bench.answer(bench.invites[0], 200, ANSWER)
    bench.effects.clear()
    assert bench.until(10_000.0) == []
