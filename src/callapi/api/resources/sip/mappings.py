"""Mappings: which lists of credentials and addresses a domain has."""

from collections.abc import Callable
from typing import Any, Final

from callapi.api.errors import CONFLICT, ApiError
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import sid
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.records import own
from callapi.api.resources.sip.lists import enable
from callapi.api.resources.sip.objects import (
    ADDRESSES,
    CREDENTIALS,
    DOMAIN,
    MAPPING,
    PREFIX,
    REGISTRATION_MAPPING,
    ROOT,
    fetched,
    fields,
    made,
    path_of,
)
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import (
    Representation,
)
from callapi.api.responses.representations import text as plain
from callapi.store import (
    AtLeast,
    Below,
    Equals,
    Page,
    Put,
    Remove,
    SipObjectRecord,
)

CREDENTIAL_LIST_SID: Final = Parameter("CredentialListSid", sid("CL"), "the list to map", is_required=True)
ADDRESS_LIST_SID: Final = Parameter("IpAccessControlListSid", sid("AL"), "the list to map", is_required=True)


def _mapping_shown(plural: str, element: str, *parts: str) -> Representation[SipObjectRecord]:
    return Representation(
        plural,
        element,
        fields(
            path_of("Domains", "{parent}", *parts), plain("sid", "name"), plain("domain_sid", "parent_sid")
        ),
    )


def _mapped(parameter: Parameter[str], kind: str, mapping_kind: str) -> Callable[[RequestContext], Any]:
    async def create(context: RequestContext) -> SipObjectRecord:
        domain = await fetched(context, DOMAIN, "DomainSid")
        objects = context.deps.store.sip_objects
        named = await objects.fetch(context.given[parameter])
        if named is None or named.kind != kind or named.account_sid != context.account.sid:
            raise ApiError(
                parameter.fault, f"{parameter.fault.text}: {parameter.name} is not a list of the account"
            )
        mapped = await objects.children(domain.sid)
        if any((each.kind, each.name) == (mapping_kind, named.sid) for each in mapped):
            raise ApiError(CONFLICT, "The list is mapped to the domain already")
        mapping = made(
            context, mapping_kind, parent_sid=domain.sid, name=named.sid, friendly_name=named.friendly_name
        )
        await context.deps.store.commit(Put(mapping))
        await enable(context, named.sid)
        return mapping

    return create


def _mappings(
    last: str, plural: str, parameter: Parameter[str], kind: str, mapping_kind: str = MAPPING
) -> tuple[Operation, ...]:
    path = f"{ROOT}/Domains/{{DomainSid}}/{last}"
    shown = _mapping_shown(plural, last.rpartition("/")[2].removesuffix("s"), *last.split("/"))
    prefix = PREFIX[kind]

    async def fetch(context: RequestContext) -> SipObjectRecord:
        domain = await fetched(context, DOMAIN, "DomainSid")
        mappings = await context.deps.store.sip_objects.children(domain.sid)
        wanted = mapping_kind, context.sid
        return own(next((each for each in mappings if (each.kind, each.name) == wanted), None), context)

    async def unmap(context: RequestContext) -> None:
        mapping = await fetch(context)
        await context.deps.store.commit(Remove(SipObjectRecord, (mapping.sid,)))
        await enable(context, mapping.name)

    async def page(context: RequestContext) -> Page[SipObjectRecord]:
        domain = await fetched(context, DOMAIN, "DomainSid")
        where = Equals("kind", MAPPING), Equals("parent_sid", domain.sid)
        # A mapping has the sid of its list as its name: those of one kind of list lie between two prefixes.
        of_kind = AtLeast("name", prefix), Below("name", f"{prefix[0]}{chr(ord(prefix[1]) + 1)}")
        objects = context.deps.store.sip_objects
        return await objects.page(context.account.sid, page_request(context.given), *where, *of_kind)

    return (
        Operation("GET", path, "List the lists of a domain", page, shown, PAGING, is_list=True),
        Operation(
            "POST",
            path,
            "Map a list to a domain",
            _mapped(parameter, kind, mapping_kind),
            shown,
            (parameter,),
            status=201,
            faults=(CONFLICT,),
        ),
        Operation("GET", f"{path}/{{Sid}}", "Fetch a list of a domain", fetch, shown),
        Operation("DELETE", f"{path}/{{Sid}}", "Take a list from a domain", unmap, status=204),
    )


OPERATIONS: Final = (
    *_mappings("CredentialListMappings", "credential_list_mappings", CREDENTIAL_LIST_SID, CREDENTIALS),
    *_mappings("IpAccessControlListMappings", "ip_access_control_list_mappings", ADDRESS_LIST_SID, ADDRESSES),
    *_mappings("Auth/Calls/CredentialListMappings", "contents", CREDENTIAL_LIST_SID, CREDENTIALS),
    *_mappings("Auth/Calls/IpAccessControlListMappings", "contents", ADDRESS_LIST_SID, ADDRESSES),
    *_mappings(
        "Auth/Registrations/CredentialListMappings",
        "contents",
        CREDENTIAL_LIST_SID,
        CREDENTIALS,
        REGISTRATION_MAPPING,
    ),
)
