"""Answering machine detection on a placed call: listens from the answer on, keeps the result, reports it.

It runs beside the story of the call, so a document that REST gives the call meanwhile does not end it. A party that
hangs up before there is a result is `unknown`.
"""

import asyncio
from functools import partial
from typing import Final

from msgspec import Struct

from callapi.base.clock import utc_now
from callapi.calls.call import Call
from callapi.calls.one_shot import OneShot, first_of
from callapi.calls.parameters import Parameters, present
from callapi.calls.records.callbacks import callback_row
from callapi.media import StreamClosed
from callapi.media.answering.detector import AnsweredBy, MachineDetection, MachineVerdict, detect
from callapi.store import CallbackRecord, CallRecord

EVENT: Final = "answering-machine-detection"


class DetectionCallback(Struct, frozen=True):
    """Where the result goes; `url` is absolute."""

    url: str
    method: str = "POST"


class DetectionOrder(Struct, frozen=True):
    """What REST or a noun of `<Dial>` asks for."""

    options: MachineDetection = MachineDetection()
    is_async: bool = False
    """The document runs at once; otherwise its request waits for the result and carries it."""
    callback: DetectionCallback | None = None


def begin_detection(call: Call, order: DetectionOrder) -> OneShot[MachineVerdict]:
    """Listen to `call`, which was answered just now; set when the result is known and in the record."""
    known: OneShot[MachineVerdict] = OneShot()
    call.run_detached(partial(_detect, call, order, known))
    return known


def detection_parameters(verdict: MachineVerdict) -> Parameters:
    """What the result adds to the voice request."""
    return present(
        (
            ("AnsweredBy", verdict.answered_by.value),
            ("MachineDetectionDuration", verdict.duration_ms),
        )
    )


async def _detect(call: Call, order: DetectionOrder, known: OneShot[MachineVerdict]) -> None:
    verdict = await first_of(_verdict(call, order.options), _left(call))
    if verdict is None:
        listened_s = asyncio.get_running_loop().time() - (call.answered_at or 0.0)
        verdict = MachineVerdict(AnsweredBy.UNKNOWN, round(listened_s * 1000))
    row = _callback(call.record, order.callback, verdict) if order.callback is not None else None
    call.live_record.machine_detected(verdict.answered_by.value, verdict.duration_ms, row)
    known.set(verdict)


async def _verdict(call: Call, options: MachineDetection) -> MachineVerdict | None:
    try:
        return await detect(call.leg.stream, options)
    except StreamClosed:
        return None


async def _left(call: Call) -> None:
    await call.ended.wait()


def _callback(call: CallRecord, callback: DetectionCallback, verdict: MachineVerdict) -> CallbackRecord:
    """The row of the outbox, in a stream of its own: status callbacks that cannot be delivered do not hold it up."""
    return callback_row(
        stream=f"{call.sid}-{EVENT}",
        event=EVENT,
        account=call.account_sid,
        url=callback.url,
        method=callback.method,
        parameters=(
            *present((("CallSid", call.sid), ("AccountSid", call.account_sid))),
            *detection_parameters(verdict),
        ),
        at=utc_now(),
    )
