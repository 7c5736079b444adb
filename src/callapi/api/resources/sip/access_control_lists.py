"""`SIP/IpAccessControlLists` and their addresses: an address may call without a password while its list is mapped."""

from ipaddress import ip_network
from typing import Final

from msgspec.structs import replace

from callapi.api.errors import ApiError
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import pattern, whole
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.routes.voice import FRIENDLY_NAME
from callapi.api.resources.sip.lists import deleted, renamed
from callapi.api.resources.sip.objects import (
    ADDRESS,
    ADDRESSES,
    NAME,
    ROOT,
    change_and_delete,
    child,
    fetched,
    fields,
    keep,
    list_and_fetch,
    made,
    path_of,
)
from callapi.api.responses.representations import (
    Representation,
    field,
    subresources,
)
from callapi.api.responses.representations import text as plain
from callapi.base.clock import utc_now
from callapi.store import (
    Remove,
    SipObjectRecord,
)

_ADDRESS_LIST_PATH: Final = path_of("IpAccessControlLists")
ADDRESS_LIST_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "ip_access_control_lists",
    "IpAccessControlList",
    fields(
        _ADDRESS_LIST_PATH, plain("sid"), subresources({"ip_addresses": "IpAddresses"}, _ADDRESS_LIST_PATH)
    ),
)
ADDRESS_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "ip_addresses",
    "IpAddress",
    fields(
        path_of("IpAccessControlLists", "{parent}", "IpAddresses"),
        plain("sid"),
        plain("ip_access_control_list_sid", "parent_sid"),
        field("ip_address", lambda record, _: record.name.partition("/")[0]),
        field("cidr_prefix_length", lambda record, _: int(record.name.partition("/")[2]), "integer"),
    ),
)

_IP: Final = pattern(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:]{2,39}", "an IP address")
IP_ADDRESS: Final = Parameter("IpAddress", _IP, "where calls come from", is_required=True)
NEW_IP_ADDRESS: Final = replace(IP_ADDRESS, is_required=False)
PREFIX_LENGTH: Final = Parameter(
    "CidrPrefixLength", whole(8, 128), "of the network; without it the address alone"
)


async def create_address_list(context: RequestContext) -> SipObjectRecord:
    """A new list without addresses."""
    return await keep(context, made(context, ADDRESSES))


def _network(context: RequestContext, before: str = "") -> str:
    address, _, length = before.partition("/")
    address = context.given.get(NEW_IP_ADDRESS) or context.given.get(IP_ADDRESS) or address
    max_length = 128 if ":" in address else 32
    length = str(context.given.get(PREFIX_LENGTH) or length or max_length)
    try:
        network = ip_network(f"{address}/{length}", strict=False)
    except ValueError as error:
        raise ApiError(IP_ADDRESS.fault, f"{IP_ADDRESS.fault.text}: {error}") from error
    return f"{address}/{network.prefixlen}"


async def create_address(context: RequestContext) -> SipObjectRecord:
    """A new address, or a network."""
    parent = await fetched(context, ADDRESSES, "ListSid")
    return await keep(context, made(context, ADDRESS, parent_sid=parent.sid, name=_network(context)))


async def modify_address(context: RequestContext) -> SipObjectRecord:
    """Another address, prefix length or name."""
    before = await child(context, ADDRESS, (ADDRESSES, "ListSid"))
    changed = context.given.changes((FRIENDLY_NAME,))
    record = replace(before, name=_network(context, before.name), date_updated=utc_now(), **changed)
    return await keep(context, record)


async def delete_address(context: RequestContext) -> None:
    """Delete the address: it needs a password from now on."""
    address = await child(context, ADDRESS, (ADDRESSES, "ListSid"))
    await context.deps.store.commit(Remove(SipObjectRecord, (address.sid,)))


_ADDRESS_LISTS: Final = f"{ROOT}/IpAccessControlLists"
_ADDRESSES: Final = f"{_ADDRESS_LISTS}/{{ListSid}}/IpAddresses"

OPERATIONS: Final = (
    *list_and_fetch(ADDRESSES, _ADDRESS_LISTS, ADDRESS_LIST_SHOWN),
    Operation(
        "POST", _ADDRESS_LISTS, "Make a list", create_address_list, ADDRESS_LIST_SHOWN, (NAME,), status=201
    ),
    *change_and_delete(
        _ADDRESS_LISTS,
        "a list",
        renamed(ADDRESSES),
        deleted(ADDRESSES),
        ADDRESS_LIST_SHOWN,
        (FRIENDLY_NAME,),
    ),
    *list_and_fetch(ADDRESS, _ADDRESSES, ADDRESS_SHOWN, (ADDRESSES, "ListSid")),
    Operation(
        "POST",
        _ADDRESSES,
        "Make an address",
        create_address,
        ADDRESS_SHOWN,
        (NAME, IP_ADDRESS, PREFIX_LENGTH),
        status=201,
    ),
    *change_and_delete(
        _ADDRESSES,
        "an address",
        modify_address,
        delete_address,
        ADDRESS_SHOWN,
        (FRIENDLY_NAME, NEW_IP_ADDRESS, PREFIX_LENGTH),
    ),
)
