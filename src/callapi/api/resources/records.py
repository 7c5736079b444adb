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


def own(record: RecordT | None, ask: RequestContext) -> RecordT:
    """`record` if the account in the path owns it; another account's is as good as none. Raises ApiError (404)."""
    if record is None or record.account_sid != ask.account.sid:
        place = ask.place
        raise ApiError(NOT_FOUND, f"The requested resource {place.uri(place.path)} was not found")
    return record


async def own_call(ask: RequestContext, key: str = "Sid") -> CallRecord:
    """The call whose sid is in the path, as it stands now. Raises ApiError (404)."""
    return own(await ask.deps.store.calls.fetch(CallSid(ask.path[key])), ask)
