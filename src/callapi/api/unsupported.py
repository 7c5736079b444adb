"""Parameters of Twilio's API that are not supported here: never dropped in silence, each is named in a warning."""

from collections.abc import Iterable
from typing import Final

from callapi.api.operation import Operation, Outcome, RequestContext
from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import CallSid, new_notification_sid
from callapi.store import CallRecord, NotificationRecord, Put

UNSUPPORTED_PARAMETER: Final = 60_070
MAX_NAMES: Final = 20
MAX_NAME: Final = 64
_WRITES: Final = frozenset({"POST", "PUT"})


def unsupported_in(operation: Operation, names: Iterable[str]) -> tuple[str, ...]:
    """Which of `names` a request that changes something has in vain, in their order, up to a bound."""
    if operation.method not in _WRITES:
        return ()
    known = {name for each in operation.parameters for name in (each.name, *each.aliases)}
    unknown = (name for name in names if name not in known)
    return tuple(name[:MAX_NAME] for _, name in zip(range(MAX_NAMES), unknown, strict=False))


def warn_of_unsupported(operation: Operation, context: RequestContext, outcome: Outcome) -> None:
    """Write the notification, about the call that the request made or changed if there is one."""
    call_sid: CallSid | None = outcome.sid if isinstance(outcome, CallRecord) else None
    names = ", ".join(context.unsupported)
    where = f"{operation.method} {operation.path}"
    record = NotificationRecord(
        sid=new_notification_sid(),
        account_sid=context.account.sid,
        log=1,
        error_code=UNSUPPORTED_PARAMETER,
        message_text=f"{where}: not supported here, and without effect: {names}",
        message_date=utc_now(),
        api_version=API_VERSION,
        call_sid=call_sid,
    )
    context.deps.store.write(Put(record))
