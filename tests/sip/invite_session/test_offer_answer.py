"""RFC 3264 §4: the table, in words."""

import pytest

from callapi.sip.errors import LocalProtocolError, RemoteProtocolError
from callapi.sip.invite_session.offer_answer import Act, OfferAnswerState, State


def walk(*acts: Act) -> OfferAnswerState:
    exchange = OfferAnswerState()
    for act in acts:
        exchange.handle(act, str(act).encode())
    return exchange


@pytest.mark.parametrize(
    ("acts", "state"),
    [
        ([], State.IDLE),
        ([Act.SEND_OFFER], State.FIRST_SENT),
        ([Act.SEND_OFFER, Act.RECEIVE_ANSWER], State.STABLE),
        ([Act.SEND_OFFER, Act.REFUSE], State.IDLE),
        ([Act.RECEIVE_OFFER, Act.SEND_ANSWER], State.STABLE),
        ([Act.RECEIVE_OFFER, Act.REFUSE], State.IDLE),
        ([Act.RECEIVE_OFFER, Act.SEND_ANSWER, Act.SEND_OFFER], State.SENT),
        ([Act.RECEIVE_OFFER, Act.SEND_ANSWER, Act.SEND_OFFER, Act.REFUSE], State.STABLE),
        ([Act.RECEIVE_OFFER, Act.SEND_ANSWER, Act.RECEIVE_OFFER, Act.SEND_ANSWER], State.STABLE),
        ([Act.REFUSE], State.IDLE),
    ],
)
def test_walks(acts: list[Act], state: State) -> None:
    assert walk(*acts).state is state


def test_who_owes_what() -> None:
    assert walk().may_offer
    sent = walk(Act.SEND_OFFER)
    assert (sent.may_offer, sent.they_owe, sent.we_owe) == (False, True, False)
    received = walk(Act.RECEIVE_OFFER)
    assert (received.may_offer, received.they_owe, received.we_owe) == (False, False, True)


def test_the_last_descriptions_are_kept() -> None:
    exchange = walk(Act.SEND_OFFER, Act.RECEIVE_ANSWER, Act.RECEIVE_OFFER)
    assert (exchange.local, exchange.remote) == (b"send-offer", b"receive-offer")


@pytest.mark.parametrize("act", [Act.SEND_OFFER, Act.SEND_ANSWER])
def test_a_second_offer_of_ours_is_our_fault(act: Act) -> None:
    exchange = walk(Act.SEND_OFFER)
    with pytest.raises(LocalProtocolError):
        exchange.handle(act)
    assert exchange.state is State.FIRST_SENT


@pytest.mark.parametrize("act", [Act.RECEIVE_OFFER, Act.RECEIVE_ANSWER])
def test_a_second_offer_of_theirs_is_theirs(act: Act) -> None:
    exchange = walk(Act.RECEIVE_OFFER)
    with pytest.raises(RemoteProtocolError) as caught:
        exchange.handle(act)
    assert caught.value.status_hint == 491
