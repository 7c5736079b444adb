"""What most resources have alike: a list, one record, its removal; each as one line in the resource's table."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.filters import Interval, matching
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.records import own
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import Representation
from callapi.base.ids import AccountSid
from callapi.store import Condition, Page, PageRequest, Store


class Kept(Protocol):
    """A record of an account, with a sid."""

    @property
    def sid(self) -> str:
        """Its key."""
        ...

    @property
    def account_sid(self) -> AccountSid:
        """Whose it is."""
        ...


R = TypeVar("R", bound=Kept)


class Records(Protocol[R]):
    """A repository of the store."""

    async def fetch(self, sid: str) -> R | None:
        """The record with this sid."""
        ...

    async def page(self, account_sid: str, request: PageRequest, *where: Condition) -> Page[R]:
        """Those of an account."""
        ...


class Collection(Struct, Generic[R], frozen=True):
    """`Accounts/{AccountSid}/<name>`."""

    name: str
    shows: Representation[R]
    records: Callable[[Store], Records[R]]

    @property
    def path(self) -> str:
        """Of the list."""
        return f"/Accounts/{{AccountSid}}/{self.name}"

    @property
    def item_path(self) -> str:
        """Of one record."""
        return f"{self.path}/{{Sid}}"

    async def own(self, context: RequestContext) -> R:
        """The record in the path. Raises ApiError (404)."""
        return own(await self.records(context.deps.store).fetch(context.sid), context)

    def fetch(self, about: str) -> Operation:
        """GET of one record."""
        return Operation("GET", self.item_path, about, self.own, self.shows)

    def list(self, about: str, filters: tuple[Parameter[Any], ...] = (), *intervals: Interval) -> Operation:
        """GET of the list; a filter applies to the field that it names."""

        async def page(context: RequestContext) -> Page[R]:
            where = matching(context.given, filters)
            for interval in intervals:
                where += interval.conditions(context.given)
            records = self.records(context.deps.store)
            return await records.page(context.account.sid, page_request(context.given), *where)

        bounds = [parameter for interval in intervals for parameter in interval.parameters]
        parameters = (*filters, *bounds, *PAGING)
        return Operation("GET", self.path, about, page, self.shows, parameters, is_list=True)
