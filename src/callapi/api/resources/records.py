"""What the resources have in common: finding one's own record."""

from typing import Protocol, TypeVar

from callapi.api.errors import NOT_FOUND, ApiError
from callapi.api.operation import RequestContext
from callapi.base.ids import AccountSid, CallSid
from callapi.store import CallRecord


class Owned(Protocol):
    """A record that belongs to an account."""

    @property
    def account_sid(self) -> AccountSid:
        """Whose it is."""
        ...


RecordT = TypeVar("RecordT", bound=Owned)


def own(record: RecordT | None, context: RequestContext) -> RecordT:
    """`record` if the account in the path owns it; another account's counts as absent. Raises ApiError (404)."""
    if record is None or record.account_sid != context.account.sid:
        request_path = context.request_path
        raise ApiError(
            NOT_FOUND, f"The requested resource {request_path.uri(request_path.path)} was not found"
        )
    return record


async def own_call(context: RequestContext, key: str = "Sid") -> CallRecord:
    """The call whose sid is in the path, as it stands now. Raises ApiError (404)."""
    return own(await context.deps.store.calls.fetch(CallSid(context.path[key])), context)
