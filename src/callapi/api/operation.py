"""One operation of the API, declared: method, path, parameters, what it shows, and the function that does it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import Response

from callapi.api.deps import Deps
from callapi.api.errors import Fault
from callapi.api.requests.parameters import Given, Parameter
from callapi.api.requests.request_path import Format, RequestPath
from callapi.api.responses.representations import Representation
from callapi.store import AccountRecord, Page

TEXTUAL: Final = frozenset({Format.JSON, Format.XML})
AUDIO: Final = frozenset({Format.WAV, Format.MP3})


class RequestContext(Struct, frozen=True):
    """One request, read and checked, as its handler sees it."""

    deps: Deps
    account: AccountRecord
    """The account in the path (without one: the principal): every record touched must be its own."""
    principal: AccountRecord
    request_path: RequestPath
    given: Given
    path: Mapping[str, str]
    unsupported: tuple[str, ...] = ()
    """Names of parameters that the request has and the operation does not know."""

    @property
    def sid(self) -> str:
        """The last sid of the path."""
        return self.path["Sid"]


Outcome: TypeAlias = object | Page[Any] | Response | None
"""A record, a page of them, an answer of its own making, or nothing (204)."""


class Operation(Struct, frozen=True):
    """`path` is below the base and without suffix; `{AccountSid}` and `{Sid}` stand for sids."""

    method: str
    path: str
    about: str
    handler: Callable[[RequestContext], Awaitable[Outcome]]
    shows: Representation[Any] | None = None
    parameters: tuple[Parameter[Any], ...] = ()
    status: int = 200
    is_list: bool = False
    formats: frozenset[Format] = TEXTUAL
    faults: tuple[Fault, ...] = ()
    """What it may be refused with beyond authentication, absence and bad parameters."""
    on_inactive: bool = False
    """Whether it may also change a suspended subaccount."""


def update(operation: Operation) -> tuple[Operation, Operation]:
    """A POST that changes a resource, and the same as PUT: Restcomm's older clients send that."""
    return operation, replace(operation, method="PUT")
