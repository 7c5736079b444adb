"""Tokens: the STUN and TURN servers of `media.ice_servers` for a page that is a phone, as Twilio's NTS resource."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import whole
from callapi.api.requests.parameters import Parameter
from callapi.api.responses.representations import Representation, field, instant, text
from callapi.base.clock import utc_now
from callapi.base.ice_servers import for_page
from callapi.base.ids import AccountSid

PATH: Final = "/Accounts/{AccountSid}/Tokens"
DEFAULT_TTL_S: Final = 86_400


class IceToken(Struct, frozen=True):
    """What a page is given."""

    account_sid: AccountSid
    date_created: datetime
    ttl: str
    ice_servers: list[dict[str, str]]
    username: str | None
    password: str | None


TOKEN: Final[Representation[IceToken]] = Representation(
    "tokens",
    "Token",
    (
        text("account_sid"),
        instant("date_created"),
        instant("date_updated", "date_created"),
        field("ice_servers", lambda token, _: [*token.ice_servers], "array"),
        text("ttl"),
        text("username"),
        text("password"),
    ),
)
TTL: Final = Parameter(
    "Ttl",
    whole(60, 604_800),
    "seconds for which credentials that expire are good",
    default=DEFAULT_TTL_S,
)


async def create(context: RequestContext) -> IceToken:
    """The servers, with credentials made for this request where a server shares a secret."""
    now, ttl = utc_now(), context.given[TTL]
    servers = for_page(context.deps.ice_servers, int(now.timestamp()) + ttl)
    named = next((each for each in servers if "username" in each), {})
    return IceToken(
        context.account.sid, now, str(ttl), servers, named.get("username"), named.get("credential")
    )


OPERATIONS: Final = (
    Operation("POST", PATH, "Get STUN and TURN servers for a page", create, TOKEN, (TTL,), status=201),
)
