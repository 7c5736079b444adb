"""`DigitBuffer`: digits typed ahead, in order, bounded; the waiter gets the next one."""

import asyncio

from callapi.calls.legs.digits import TYPE_AHEAD, DigitBuffer, DigitSources
from callapi.sip import InfoDigits


async def test_the_oldest_digits_are_forgotten_past_the_bound() -> None:
    digits = DigitBuffer()
    for digit in "9" + "1" * (TYPE_AHEAD - 1) + "2":
        digits.put(digit)
    taken = [await digits.get() for _ in range(TYPE_AHEAD)]
    assert taken == [*"1" * (TYPE_AHEAD - 1), "2"]


async def test_who_waits_gets_what_is_pressed_and_a_cancelled_wait_loses_nothing() -> None:
    digits = DigitBuffer()
    cancelled, waiting = (asyncio.create_task(digits.get()) for _ in range(2))
    await asyncio.sleep(0)
    digits.put("5")
    cancelled.cancel()
    assert await asyncio.wait_for(waiting, 5) == "5"
    digits.put("7")
    digits.clear()
    digits.put("8")
    assert await digits.get() == "8"


def _info(digit: str, *, duration: int = 0, end: bool = False) -> InfoDigits:
    return InfoDigits(digit, duration, is_event=duration > 0, is_end=end)


def test_keys_by_one_way_all_count() -> None:
    sources = DigitSources()
    assert [sources.by_media(digit, number * 0.2) for number, digit in enumerate("1155")] == [True] * 4
    sources = DigitSources()
    assert (
        "".join(sources.by_info(_info(digit), number * 0.2) for number, digit in enumerate("1155")) == "1155"
    )


def test_a_phone_that_sends_each_key_both_ways_presses_it_once() -> None:
    """Yealink, Grandstream and Cisco have "RTP event and SIP INFO" as a setting."""
    sources = DigitSources()
    heard = ""
    for number, digit in enumerate("1223"):
        now = number * 0.3
        heard += digit if sources.by_media(digit, now) else ""
        heard += sources.by_info(_info(digit), now + 0.05)
    assert heard == "1223"


def test_the_info_may_be_the_first_of_the_two() -> None:
    sources = DigitSources()
    heard = ""
    for number, digit in enumerate("77*"):
        now = number * 0.3
        heard += sources.by_info(_info(digit), now)
        heard += digit if sources.by_media(digit, now + 0.05) else ""
    assert heard == "77*"


def test_the_same_key_by_another_way_much_later_is_another_key() -> None:
    sources = DigitSources()
    assert sources.by_media("5", 0.0)
    assert sources.by_info(_info("5"), 10.0) == "5"


def test_an_rtp_event_in_an_info_is_one_key_until_it_ends() -> None:
    sources = DigitSources()
    reports = [
        (_info("5", duration=160), "5"),
        (_info("5", duration=320), ""),
        (_info("5", duration=480, end=True), ""),
        (_info("5", duration=160), "5"),
        (_info("5", duration=160), "5"),  # no end was reported: a duration that does not grow is a new key
        (_info("6", duration=800, end=True), "6"),
    ]
    assert [sources.by_info(info, 0.0) for info, _ in reports] == [new for _, new in reports]
