"""Trunks, an extension of ours: gateways through which numbers are called."""

from typing import Any, Final

from msgspec.structs import replace

from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.parameter_types import SIP_URI, choice, networks, pattern, text, whole, words
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.collection import Collection
from callapi.api.resources.routes.voice import FRIENDLY_NAME, SRTP
from callapi.api.responses.representations import Representation, field, instant, number, path_of, uri
from callapi.api.responses.representations import text as plain
from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import new_trunk_sid
from callapi.store import Put, Remove, TrunkRecord

TRUNK: Final[Representation[TrunkRecord]] = Representation(
    "trunks",
    "Trunk",
    (
        plain("sid"),
        instant("date_created"),
        instant("date_updated"),
        plain("account_sid"),
        plain("api_version"),
        plain("friendly_name"),
        plain("sip_uri", "uri"),
        plain("pattern"),
        number("priority"),
        number("weight"),
        plain("status"),
        plain("username"),
        plain("caller_id"),
        field("codecs", lambda trunk, _place: list(trunk.codecs), "array"),
        plain("srtp"),
        field("networks", lambda trunk, _place: list(trunk.networks), "array"),
        uri("uri", path_of("Trunks")),
    ),
)
TRUNKS: Final = Collection("Trunks", TRUNK, lambda store: store.trunks)

_URI_ABOUT: Final = "the gateway: `sip:gateway.example.net;transport=tls`; the number becomes its user part"
NEW_URI: Final = Parameter("SipUri", SIP_URI, _URI_ABOUT, is_required=True, aliases=("Uri",), field="uri")
URI: Final = Parameter("SipUri", SIP_URI, _URI_ABOUT, aliases=("Uri",), field="uri", is_kept=True)
CHANGEABLE: Final[tuple[Parameter[Any], ...]] = (
    FRIENDLY_NAME,
    Parameter(
        "Pattern",
        pattern(r"[+*0-9A-Za-z._-]{1,64}", "a number in which `*` stands for any digits"),
        "the numbers that it carries",
        default="*",
        field="pattern",
    ),
    Parameter("Priority", whole(0, 65_535), "the lowest is tried first", default=0, field="priority"),
    Parameter(
        "Weight",
        whole(0, 65_535),
        "its share of the calls beside trunks of the same priority and pattern; 0: next to none",
        default=1,
        field="weight",
    ),
    Parameter(
        "Status", choice("enabled", "disabled"), "whether it is used", default="enabled", field="status"
    ),
    Parameter("Username", text(), "answers a challenge on this trunk alone", field="username"),
    Parameter("Password", text(), "with it", field="password"),
    Parameter(
        "CallerId",
        pattern(r"[A-Za-z0-9+\-_.]{1,64}", "letters, digits, `+`, `-`, `_`, `.`"),
        "the caller that calls on this trunk show",
        field="caller_id",
    ),
    Parameter(
        "Codecs",
        words("PCMU", "PCMA", "G722", "opus"),
        "offered in this order; none: the node's",
        default=(),
        field="codecs",
    ),
    Parameter(
        "Networks",
        networks(maximum=32),
        "where its calls to us come from, besides the address in `SipUri`: 192.0.2.0/24, …",
        default=(),
        field="networks",
    ),
    SRTP,
)
CREATE: Final = (NEW_URI, *CHANGEABLE)
MODIFY: Final = (URI, *CHANGEABLE)


async def create(context: RequestContext) -> TrunkRecord:
    """A new trunk."""
    now = utc_now()
    trunk = TrunkRecord(
        sid=new_trunk_sid(),
        account_sid=context.account.sid,
        date_created=now,
        date_updated=now,
        api_version=API_VERSION,
        **{"friendly_name": context.given[NEW_URI], **context.given.changes(CREATE)},
    )
    await context.deps.store.commit(Put(trunk))
    return trunk


async def modify(context: RequestContext) -> TrunkRecord:
    """Change what was given; an empty value takes away."""
    before = await TRUNKS.own(context)
    trunk = replace(before, date_updated=utc_now(), **context.given.changes(MODIFY))
    await context.deps.store.commit(Put(trunk))
    return trunk


async def delete(context: RequestContext) -> None:
    """Delete the trunk; calls that are up go on."""
    trunk = await TRUNKS.own(context)
    await context.deps.store.commit(Remove(TrunkRecord, (trunk.sid,)))


OPERATIONS: Final = (
    TRUNKS.list("List trunks"),
    Operation("POST", TRUNKS.path, "Make a trunk", create, TRUNK, CREATE, status=201),
    TRUNKS.fetch("Fetch a trunk"),
    *update(Operation("POST", TRUNKS.item_path, "Change a trunk", modify, TRUNK, MODIFY)),
    Operation("DELETE", TRUNKS.item_path, "Delete a trunk", delete, status=204),
)
