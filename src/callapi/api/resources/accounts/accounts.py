"""Accounts and subaccounts: a parent makes, suspends and closes them, and acts in them with its own credentials."""

from typing import Final

from msgspec.structs import replace

from callapi.api.errors import ACCESS_DENIED, INVALID_PARAMETER, ApiError
from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.filters import matching
from callapi.api.requests.parameter_types import choice, text
from callapi.api.requests.parameters import Parameter
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import Representation, field, instant, subresources, uri
from callapi.api.responses.representations import text as plain
from callapi.base.clock import utc_now
from callapi.base.ids import new_account_sid
from callapi.store import AccountRecord, Page, Put, new_auth_token

LIST_PATH: Final = "/Accounts"
PATH: Final = "/Accounts/{AccountSid}"
TOKENS_PATH: Final = "/Accounts/{AccountSid}/AuthTokens"
CLOSED: Final = "closed"
_SUBRESOURCES: Final = (
    "Calls",
    "IncomingPhoneNumbers",
    "Applications",
    "Clients",
    "Recordings",
    "Notifications",
    "Trunks",
    "Keys",
)


def _path(account: AccountRecord) -> str:
    return f"{LIST_PATH}/{account.sid}"


def _snake_case(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).strip("_")


ACCOUNT: Final[Representation[AccountRecord]] = Representation(
    "accounts",
    "Account",
    (
        plain("sid"),
        plain("owner_account_sid", "family"),
        plain("friendly_name"),
        field("type", lambda _account, _place: "Full"),
        plain("status"),
        plain("auth_token"),
        plain("secondary_auth_token"),
        instant("date_created"),
        instant("date_updated"),
        uri("uri", _path),
        subresources({_snake_case(each): each for each in _SUBRESOURCES}, _path),
    ),
)

FRIENDLY_NAME: Final = Parameter(
    "FriendlyName", text(maximum=64), "a name for people", field="friendly_name", is_kept=True
)
STATUS: Final = Parameter(
    "Status",
    choice("active", "suspended", CLOSED),
    "of a subaccount; a closed one stays closed",
    field="status",
    is_kept=True,
)
FILTERS: Final = (
    Parameter("FriendlyName", FRIENDLY_NAME.kind, "of exactly this name", field="friendly_name"),
    Parameter("Status", STATUS.kind, "in this state", field="status"),
)


async def page(context: RequestContext) -> Page[AccountRecord]:
    """The account and its subaccounts; a subaccount sees itself."""
    request = page_request(context.given)
    if context.principal.parent_sid is not None:
        records = (context.principal,) if request.page == 0 and request.after is None else ()
        return Page(records, request, has_next=False)
    where = matching(context.given, FILTERS)
    return await context.deps.store.accounts.page(context.principal.sid, request, *where)


async def create(context: RequestContext) -> AccountRecord:
    """A new subaccount of the account that asks."""
    if context.principal.parent_sid is not None:
        raise ApiError(ACCESS_DENIED, "A subaccount cannot have subaccounts")
    now = utc_now()
    account = AccountRecord(
        sid=new_account_sid(),
        friendly_name=context.given.get(FRIENDLY_NAME) or f"SubAccount Created at {now:%Y-%m-%d %H:%M}",
        auth_token=new_auth_token(),
        date_created=now,
        date_updated=now,
        parent_sid=context.principal.sid,
    )
    await context.deps.store.commit(Put(account))
    return account


async def fetch(context: RequestContext) -> AccountRecord:
    """The account in the path, as the store has it."""
    return context.account


async def modify(context: RequestContext) -> AccountRecord:
    """Name it; suspend, close or reactivate it."""
    before, status = context.account, context.given.get(STATUS)
    if status is not None and context.principal.sid == before.sid:
        raise ApiError(ACCESS_DENIED, "The status of an account is its parent's to change")
    if before.status == CLOSED and status not in {None, CLOSED}:
        raise ApiError(INVALID_PARAMETER, "A closed account cannot be opened again")
    return await _keep(context, replace(before, **context.given.changes((FRIENDLY_NAME, STATUS))))


async def make_secondary_token(context: RequestContext) -> AccountRecord:
    """A second token, valid beside the first: to be brought to all applications."""
    return await _keep(context, replace(context.account, secondary_auth_token=new_auth_token()))


async def promote_secondary_token(context: RequestContext) -> AccountRecord:
    """The second token becomes the first, the first is valid no longer."""
    secondary = context.account.secondary_auth_token
    if secondary is None:
        raise ApiError(INVALID_PARAMETER, "The account has no secondary token")
    return await _keep(context, replace(context.account, auth_token=secondary, secondary_auth_token=None))


async def drop_secondary_token(context: RequestContext) -> None:
    """The second token is valid no longer."""
    await _keep(context, replace(context.account, secondary_auth_token=None))


async def _keep(context: RequestContext, account: AccountRecord) -> AccountRecord:
    account = replace(account, date_updated=utc_now())
    await context.deps.store.commit(Put(account))
    return account


OPERATIONS: Final = (
    Operation("GET", LIST_PATH, "List accounts", page, ACCOUNT, (*FILTERS, *PAGING), is_list=True),
    Operation(
        "POST",
        LIST_PATH,
        "Make a subaccount",
        create,
        ACCOUNT,
        (FRIENDLY_NAME,),
        status=201,
        faults=(ACCESS_DENIED,),
    ),
    Operation("GET", PATH, "Fetch an account", fetch, ACCOUNT),
    *update(
        Operation(
            "POST",
            PATH,
            "Change an account",
            modify,
            ACCOUNT,
            (FRIENDLY_NAME, STATUS),
            faults=(ACCESS_DENIED,),
            on_inactive=True,
        )
    ),
    Operation(
        "POST",
        f"{TOKENS_PATH}/Secondary",
        "Make a secondary token",
        make_secondary_token,
        ACCOUNT,
        status=201,
    ),
    Operation(
        "DELETE", f"{TOKENS_PATH}/Secondary", "Drop the secondary token", drop_secondary_token, status=204
    ),
    Operation(
        "POST",
        f"{TOKENS_PATH}/Promote",
        "Make the secondary token the first",
        promote_secondary_token,
        ACCOUNT,
    ),
)
