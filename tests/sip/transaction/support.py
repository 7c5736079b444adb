"""What the tests of the four machines share: messages, and a look at outputs."""

from collections.abc import Iterable

from callapi.sip.messages.message import Message, Request, Response, make_response
from callapi.sip.messages.parser import parse_message
from callapi.sip.outputs import Finish, Report, Send, StartTimer, StopTimer, TimerFired
from callapi.sip.transaction.inputs import Answered, Output, TransactionEvent
from callapi.sip.transaction.timers import Timer


def request(method: str = "INVITE", *, branch: str = "z9hG4bKa", extra: str = "") -> Request:
    text = (
        f"{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.2>\r\n"
        f"Call-ID: call\r\nCSeq: 1 {method}\r\n{extra}\r\n"
    )
    message = parse_message(text.encode())
    assert isinstance(message, Request)
    return message


def answer(asked: Request, status: int) -> Response:
    return make_response(asked, status, to_tag="2")


def sent(outputs: Iterable[Output]) -> list[Message]:
    return [output.message for output in outputs if isinstance(output, Send)]


def reported(outputs: Iterable[Output]) -> list[TransactionEvent]:
    return [output.event for output in outputs if isinstance(output, Report)]


def statuses(outputs: Iterable[Output]) -> list[int]:
    return [event.response.status for event in reported(outputs) if isinstance(event, Answered)]


def started(outputs: Iterable[Output]) -> dict[str, float]:
    return {str(output.timer): output.at for output in outputs if isinstance(output, StartTimer)}


def stopped(outputs: Iterable[Output]) -> set[str]:
    return {str(output.timer) for output in outputs if isinstance(output, StopTimer)}


def is_finished(outputs: list[Output]) -> bool:
    return bool(outputs) and isinstance(outputs[-1], Finish)


def fired(timer: str) -> TimerFired:
    return TimerFired(Timer(timer))
