"""A log line when a call starts, and one when it ends: sids, parties, status, code, length, reason."""

import logging
from time import time
from typing import Any, Final

from callapi.calls.events import CallEnded, CallStarted, EventBus
from callapi.store import CallRecord
from callapi.telemetry.lines import DeferredLine, put

log = logging.getLogger("callapi.calls")

_UNPRINTABLE: Final = "?"


def log_calls(bus: EventBus) -> None:
    """Write the lines of the calls on `bus`, at level info."""
    if log.isEnabledFor(logging.INFO):
        bus.attach(CallStarted, _started)
        bus.attach(CallEnded, _ended)


def _started(event: CallStarted) -> None:
    if log.isEnabledFor(logging.INFO):
        put(log, DeferredLine(time(), log.name, _start, _facts, event.record))


def _ended(event: CallEnded) -> None:
    if log.isEnabledFor(logging.INFO):
        put(log, DeferredLine(time(), log.name, _end, _facts_of_end, event.record))


def _start(record: CallRecord) -> str:
    parties = f"{_printable(record.from_)} -> {_printable(record.to)}"
    return f"call {record.sid} started: {record.direction}, {parties}"


def _end(record: CallRecord) -> str:
    how = f"{record.status}, code {record.sip_response_code or 'none'}, {record.duration or 0} s"
    return f"call {record.sid} ended: {how}, by {record.ended_by}: {_printable(record.end_reason or '')}"


def _facts(record: CallRecord) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "call_sid": record.sid,
        "account_sid": record.account_sid,
        "direction": record.direction,
        "from": _printable(record.from_),
        "to": _printable(record.to),
        "status": record.status,
    }
    if record.parent_call_sid is not None:
        facts["parent_call_sid"] = record.parent_call_sid
    return facts


def _facts_of_end(record: CallRecord) -> dict[str, Any]:
    return {
        **_facts(record),
        "code": record.sip_response_code,
        "duration": record.duration or 0,
        "ended_by": record.ended_by,
        "reason": _printable(record.end_reason or ""),
    }


def _printable(text: str) -> str:
    """`text` on one line, whatever a caller has put into it."""
    return (
        text if text.isprintable() else "".join(each if each.isprintable() else _UNPRINTABLE for each in text)
    )
