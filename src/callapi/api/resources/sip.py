"""`SIP/…`: Twilio's faces of numbers, clients and trunks.

A domain leads calls to `sip:anything@its.name` to its voice URL. A credential is a client, enabled while its list is
mapped to a domain. An address may call without a password while its list is mapped.
"""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Final

from msgspec.structs import replace

from callapi.api.errors import CONFLICT, ApiError, Fault
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import METHOD, URL, pattern, sid, text, whole
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.records import own
from callapi.api.resources.routes.clients import DISABLED, secrets_of
from callapi.api.resources.routes.voice import FRIENDLY_NAME
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import (
    Field,
    Representation,
    field,
    instant,
    nothing,
    subresources,
    uri,
)
from callapi.api.responses.representations import text as plain
from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import new_client_sid, new_sip_sid
from callapi.store import (
    BindingRecord,
    Change,
    ClientRecord,
    Conflict,
    Equals,
    Page,
    Put,
    Remove,
    SipObjectRecord,
)

_ROOT: Final = "/Accounts/{AccountSid}/SIP"
ENABLED: Final = "enabled"
DOMAIN, CREDENTIALS, CREDENTIAL = "domain", "credential-list", "credential"
ADDRESSES, ADDRESS, MAPPING = "address-list", "address", "mapping"
_PREFIX: Final = {DOMAIN: "SD", CREDENTIALS: "CL", CREDENTIAL: "CR", ADDRESSES: "AL", ADDRESS: "IP"}
TAKEN: Final = Fault(21232, 400, "Domain already in use")
NAME_TAKEN: Final = Fault(21231, 400, "The user name is taken")

Path = Callable[[SipObjectRecord], str]


def _path(*parts: str) -> Path:
    """The path of an object; `{parent}` is the object that it belongs to, `{name}` the list that a mapping names."""

    def path(record: SipObjectRecord) -> str:
        inside = "/".join(parts).replace("{parent}", record.parent_sid or "")
        return f"/Accounts/{record.account_sid}/SIP/{inside}/{record.name if record.kind == MAPPING else record.sid}"

    return path


def _fields(path: Path, *own_fields: Field[Any]) -> tuple[Field[Any], ...]:
    return (
        plain("account_sid"),
        instant("date_created"),
        instant("date_updated"),
        plain("friendly_name"),
        *own_fields,
        uri("uri", path),
    )


def _constant(name: str, *, value: str | bool, kind: str = "string") -> Field[Any]:
    return field(name, lambda _record, _place: value, kind)


_DOMAIN_PATH: Final = _path("Domains")
DOMAIN_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "domains",
    "Domain",
    _fields(
        _DOMAIN_PATH,
        plain("sid"),
        _constant("api_version", value=API_VERSION),
        plain("domain_name", "name"),
        nothing("auth_type"),
        plain("voice_url"),
        plain("voice_method"),
        plain("voice_fallback_url"),
        plain("voice_fallback_method"),
        plain("voice_status_callback_url", "status_callback"),
        plain("voice_status_callback_method", "status_callback_method"),
        _constant("sip_registration", value=True, kind="boolean"),
        _constant("secure", value=False, kind="boolean"),
        _constant("emergency_calling_enabled", value=False, kind="boolean"),
        nothing("byoc_trunk_sid"),
        nothing("emergency_caller_sid"),
        subresources(
            {
                "credential_list_mappings": "CredentialListMappings",
                "ip_access_control_list_mappings": "IpAccessControlListMappings",
            },
            _DOMAIN_PATH,
        ),
    ),
)
_CREDENTIAL_LIST_PATH: Final = _path("CredentialLists")
CREDENTIAL_LIST_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "credential_lists",
    "CredentialList",
    _fields(
        _CREDENTIAL_LIST_PATH,
        plain("sid"),
        subresources({"credentials": "Credentials"}, _CREDENTIAL_LIST_PATH),
    ),
)
CREDENTIAL_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "credentials",
    "Credential",
    _fields(
        _path("CredentialLists", "{parent}", "Credentials"),
        plain("sid"),
        plain("credential_list_sid", "parent_sid"),
        plain("username", "name"),
    ),
)
_ADDRESS_LIST_PATH: Final = _path("IpAccessControlLists")
ADDRESS_LIST_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "ip_access_control_lists",
    "IpAccessControlList",
    _fields(
        _ADDRESS_LIST_PATH, plain("sid"), subresources({"ip_addresses": "IpAddresses"}, _ADDRESS_LIST_PATH)
    ),
)
ADDRESS_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "ip_addresses",
    "IpAddress",
    _fields(
        _path("IpAccessControlLists", "{parent}", "IpAddresses"),
        plain("sid"),
        plain("ip_access_control_list_sid", "parent_sid"),
        field("ip_address", lambda record, _: record.name.partition("/")[0]),
        field("cidr_prefix_length", lambda record, _: int(record.name.partition("/")[2]), "integer"),
    ),
)


def _mapping_shown(plural: str, element: str, *parts: str) -> Representation[SipObjectRecord]:
    return Representation(
        plural,
        element,
        _fields(
            _path("Domains", "{parent}", *parts), plain("sid", "name"), plain("domain_sid", "parent_sid")
        ),
    )


# --- parameters

NAME: Final = replace(FRIENDLY_NAME, default=None, is_required=True)
_VOICE: Final[tuple[Parameter[Any], ...]] = (
    Parameter("VoiceUrl", URL, "requested for the document of a call", field="voice_url"),
    Parameter("VoiceMethod", METHOD, "of it", default="POST", field="voice_method"),
    Parameter("VoiceFallbackUrl", URL, "requested when `VoiceUrl` fails", field="voice_fallback_url"),
    Parameter("VoiceFallbackMethod", METHOD, "of it", default="POST", field="voice_fallback_method"),
    Parameter("VoiceStatusCallbackUrl", URL, "requested when a call is over", field="status_callback"),
    Parameter("VoiceStatusCallbackMethod", METHOD, "of it", default="POST", field="status_callback_method"),
    FRIENDLY_NAME,
)
_HOST: Final = pattern(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", "a host name or an IPv4 address")
DOMAIN_NAME: Final = Parameter(
    "DomainName", _HOST, "the host of the domain's SIP URIs", is_required=True, field="name"
)
USERNAME: Final = Parameter(
    "Username",
    pattern("[A-Za-z0-9+._-]{1,64}", "1 to 64 letters, digits, `+`, `.`, `_`, `-`"),
    "the SIP user",
    is_required=True,
)
PASSWORD: Final = Parameter(
    "Password", text(minimum=8, maximum=128), "for REGISTER and INVITE", is_required=True
)
_IP: Final = pattern(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:]{2,39}", "an IP address")
IP_ADDRESS: Final = Parameter("IpAddress", _IP, "where calls come from", is_required=True)
NEW_IP_ADDRESS: Final = replace(IP_ADDRESS, is_required=False)
PREFIX_LENGTH: Final = Parameter(
    "CidrPrefixLength", whole(8, 128), "of the network; without it the address alone"
)
CREDENTIAL_LIST_SID: Final = Parameter("CredentialListSid", sid("CL"), "the list to map", is_required=True)
ADDRESS_LIST_SID: Final = Parameter("IpAccessControlListSid", sid("AL"), "the list to map", is_required=True)


# --- what all kinds have alike


async def _fetched(context: RequestContext, kind: str, key: str) -> SipObjectRecord:
    """The object in the path. Raises ApiError (404)."""
    record = await context.deps.store.sip_objects.fetch(context.path[key])
    return own(record if record is not None and record.kind == kind else None, context)


def _made(context: RequestContext, kind: str, **fields: Any) -> SipObjectRecord:
    now = utc_now()
    name = context.given.get(NAME) or context.given.get(FRIENDLY_NAME) or ""
    given = {"friendly_name": name, "name": "", **fields}
    prefix = _PREFIX.get(kind, "MP")
    return SipObjectRecord(
        new_sip_sid(prefix), context.account.sid, kind, date_created=now, date_updated=now, **given
    )


def _resource(
    kind: str, path: str, shown: Representation[SipObjectRecord], parent: tuple[str, str] | None = None
) -> tuple[Operation, Operation]:
    """List and fetch of a kind; `parent` is the kind that it belongs to and its key in the path."""

    async def page(context: RequestContext) -> Page[SipObjectRecord]:
        where = [Equals("kind", kind)]
        if parent is not None:
            where.append(Equals("parent_sid", (await _fetched(context, *parent)).sid))
        objects = context.deps.store.sip_objects
        return await objects.page(context.account.sid, page_request(context.given), *where)

    async def fetch(context: RequestContext) -> SipObjectRecord:
        return await _child(context, kind, parent)

    return (
        Operation("GET", path, f"List {shown.plural.replace('_', ' ')}", page, shown, PAGING, is_list=True),
        Operation("GET", f"{path}/{{Sid}}", f"Fetch one of {shown.plural.replace('_', ' ')}", fetch, shown),
    )


async def _child(context: RequestContext, kind: str, parent: tuple[str, str] | None) -> SipObjectRecord:
    record = await _fetched(context, kind, "Sid")
    if parent is not None and record.parent_sid != (await _fetched(context, *parent)).sid:
        return own(None, context)
    return record


# --- domains


async def create_domain(context: RequestContext) -> SipObjectRecord:
    """A new domain; its name exists once on the whole node."""
    name = context.given[DOMAIN_NAME].lower()
    if await context.deps.store.sip_objects.domain(name) is not None:
        raise ApiError(TAKEN)
    domain = replace(_made(context, DOMAIN), **{**context.given.changes(_VOICE), "name": name})
    await context.deps.store.commit(Put(domain))
    return domain


async def modify_domain(context: RequestContext) -> SipObjectRecord:
    """Change what was given."""
    before = await _fetched(context, DOMAIN, "Sid")
    domain = replace(before, date_updated=utc_now(), **context.given.changes(_VOICE))
    await context.deps.store.commit(Put(domain))
    return domain


async def delete_domain(context: RequestContext) -> None:
    """Delete the domain and its mappings; credentials of lists that no other domain has are disabled."""
    domain = await _fetched(context, DOMAIN, "Sid")
    mappings = await context.deps.store.sip_objects.children(domain.sid)
    removed = [Remove(SipObjectRecord, (each.sid,)) for each in (domain, *mappings)]
    await context.deps.store.commit(*removed)
    for each in mappings:
        await _enable(context, each.name)


# --- lists, credentials, addresses


async def create_credential_list(context: RequestContext) -> SipObjectRecord:
    """A new list without credentials."""
    return await _keep(context, _made(context, CREDENTIALS))


async def create_address_list(context: RequestContext) -> SipObjectRecord:
    """A new list without addresses."""
    return await _keep(context, _made(context, ADDRESSES))


async def _keep(context: RequestContext, record: SipObjectRecord) -> SipObjectRecord:
    await context.deps.store.commit(Put(record))
    return record


def _renamed(kind: str) -> Callable[[RequestContext], Any]:
    async def rename(context: RequestContext) -> SipObjectRecord:
        before = await _fetched(context, kind, "Sid")
        changed = context.given.changes((FRIENDLY_NAME,))
        return await _keep(context, replace(before, date_updated=utc_now(), **changed))

    return rename


def _deleted(kind: str) -> Callable[[RequestContext], Any]:
    async def delete(context: RequestContext) -> None:
        found = await _fetched(context, kind, "Sid")
        objects = context.deps.store.sip_objects
        if await objects.mappings_of(found.sid):
            raise ApiError(CONFLICT, "The list is mapped to a domain")
        children = await objects.children(found.sid)
        changes: list[Change] = [Remove(SipObjectRecord, (each.sid,)) for each in (found, *children)]
        for each in children:
            changes.extend(await _without_client(context, each))
        await context.deps.store.commit(*changes)

    return delete


async def create_credential(context: RequestContext) -> SipObjectRecord:
    """A new credential: a client of that login, enabled while its list is mapped."""
    parent = await _fetched(context, CREDENTIALS, "ListSid")
    given, store, now = context.given, context.deps.store, utc_now()
    username = given[USERNAME]
    credential = _made(context, CREDENTIAL, parent_sid=parent.sid, name=username, friendly_name=username)
    is_mapped = bool(await store.sip_objects.mappings_of(parent.sid))
    client = ClientRecord(
        sid=new_client_sid(),
        account_sid=context.account.sid,
        login=username,
        friendly_name=parent.friendly_name,
        realm=context.deps.realm,
        date_created=now,
        date_updated=now,
        api_version=API_VERSION,
        status=ENABLED if is_mapped else DISABLED,
        **secrets_of(username, context.deps.realm, given[PASSWORD]),
    )
    try:
        await store.commit(Put(credential), Put(client))
    except Conflict as error:
        raise ApiError(NAME_TAKEN) from error
    return credential


async def modify_credential(context: RequestContext) -> SipObjectRecord:
    """Another password; its phones must register again."""
    before = await _child(context, CREDENTIAL, (CREDENTIALS, "ListSid"))
    store, realm = context.deps.store, context.deps.realm
    changes: list[Change] = [Put(credential := replace(before, date_updated=utc_now()))]
    if (client := await store.clients.by_login(before.name)) is not None:
        secrets = secrets_of(before.name, realm, context.given[PASSWORD])
        changes += [Put(replace(client, realm=realm, date_updated=utc_now(), **secrets))]
        changes += [Remove(BindingRecord, (client.login,))]
    await store.commit(*changes)
    return credential


async def delete_credential(context: RequestContext) -> None:
    """Delete the credential and its client."""
    credential = await _child(context, CREDENTIAL, (CREDENTIALS, "ListSid"))
    removed: list[Change] = [Remove(SipObjectRecord, (credential.sid,))]
    await context.deps.store.commit(*removed, *await _without_client(context, credential))


async def _without_client(context: RequestContext, credential: SipObjectRecord) -> list[Change]:
    client = (
        await context.deps.store.clients.by_login(credential.name) if credential.kind == CREDENTIAL else None
    )
    if client is None or client.account_sid != credential.account_sid:
        return []
    return [Remove(ClientRecord, (client.sid,)), Remove(BindingRecord, (client.login,))]


def _network(context: RequestContext, before: str = "") -> str:
    address, _, length = before.partition("/")
    address = context.given.get(NEW_IP_ADDRESS) or context.given.get(IP_ADDRESS) or address
    longest = 128 if ":" in address else 32
    length = str(context.given.get(PREFIX_LENGTH) or length or longest)
    try:
        network = ip_network(f"{address}/{length}", strict=False)
    except ValueError as error:
        raise ApiError(IP_ADDRESS.fault, f"{IP_ADDRESS.fault.text}: {error}") from error
    return f"{address}/{network.prefixlen}"


async def create_address(context: RequestContext) -> SipObjectRecord:
    """A new address, or a network."""
    parent = await _fetched(context, ADDRESSES, "ListSid")
    return await _keep(context, _made(context, ADDRESS, parent_sid=parent.sid, name=_network(context)))


async def modify_address(context: RequestContext) -> SipObjectRecord:
    """Another address, prefix length or name."""
    before = await _child(context, ADDRESS, (ADDRESSES, "ListSid"))
    changed = context.given.changes((FRIENDLY_NAME,))
    record = replace(before, name=_network(context, before.name), date_updated=utc_now(), **changed)
    return await _keep(context, record)


async def delete_address(context: RequestContext) -> None:
    """Delete the address: it needs a password from now on."""
    address = await _child(context, ADDRESS, (ADDRESSES, "ListSid"))
    await context.deps.store.commit(Remove(SipObjectRecord, (address.sid,)))


# --- mappings


def _mapped(parameter: Parameter[str], kind: str) -> Callable[[RequestContext], Any]:
    async def create(context: RequestContext) -> SipObjectRecord:
        domain = await _fetched(context, DOMAIN, "DomainSid")
        objects = context.deps.store.sip_objects
        named = await objects.fetch(context.given[parameter])
        if named is None or named.kind != kind or named.account_sid != context.account.sid:
            raise ApiError(
                parameter.fault, f"{parameter.fault.text}: {parameter.name} is not a list of the account"
            )
        if any(each.name == named.sid for each in await objects.children(domain.sid)):
            raise ApiError(CONFLICT, "The list is mapped to the domain already")
        mapping = _made(
            context, MAPPING, parent_sid=domain.sid, name=named.sid, friendly_name=named.friendly_name
        )
        await context.deps.store.commit(Put(mapping))
        await _enable(context, named.sid)
        return mapping

    return create


async def _mapping(context: RequestContext) -> SipObjectRecord:
    domain = await _fetched(context, DOMAIN, "DomainSid")
    mappings = await context.deps.store.sip_objects.children(domain.sid)
    return own(next((each for each in mappings if each.name == context.sid), None), context)


async def _unmap(context: RequestContext) -> None:
    mapping = await _mapping(context)
    await context.deps.store.commit(Remove(SipObjectRecord, (mapping.sid,)))
    await _enable(context, mapping.name)


async def _enable(context: RequestContext, list_sid: str) -> None:
    """Enable the clients of a list while a domain has it, and disable them when none does."""
    store = context.deps.store
    status = ENABLED if await store.sip_objects.mappings_of(list_sid) else DISABLED
    changes: list[Change] = []
    for each in await store.sip_objects.children(list_sid):
        client = await store.clients.by_login(each.name) if each.kind == CREDENTIAL else None
        if client is not None and client.status != status:
            changes.append(Put(replace(client, status=status, date_updated=utc_now())))
    if changes:
        await store.commit(*changes)


def _mappings(last: str, plural: str, parameter: Parameter[str], kind: str) -> tuple[Operation, ...]:
    path = f"{_ROOT}/Domains/{{DomainSid}}/{last}"
    shown = _mapping_shown(plural, last.rpartition("/")[2].removesuffix("s"), *last.split("/"))
    prefix = _PREFIX[kind]

    async def page(context: RequestContext) -> Page[SipObjectRecord]:
        domain = await _fetched(context, DOMAIN, "DomainSid")
        request = page_request(context.given)
        where = Equals("kind", MAPPING), Equals("parent_sid", domain.sid)
        found = await context.deps.store.sip_objects.page(context.account.sid, request, *where)
        return Page(
            tuple(each for each in found.records if each.name.startswith(prefix)), request, found.has_next
        )

    return (
        Operation("GET", path, "List the lists of a domain", page, shown, PAGING, is_list=True),
        Operation(
            "POST",
            path,
            "Map a list to a domain",
            _mapped(parameter, kind),
            shown,
            (parameter,),
            status=201,
            faults=(CONFLICT,),
        ),
        Operation("GET", f"{path}/{{Sid}}", "Fetch a list of a domain", _mapping, shown),
        Operation("DELETE", f"{path}/{{Sid}}", "Take a list from a domain", _unmap, status=204),
    )


def _item(
    path: str, about: str, modify: Any, delete: Any, shown: Any, parameters: Any
) -> tuple[Operation, ...]:
    item = f"{path}/{{Sid}}"
    return (
        Operation("POST", item, f"Change {about}", modify, shown, parameters),
        Operation("DELETE", item, f"Delete {about}", delete, status=204, faults=(CONFLICT,)),
    )


_DOMAINS: Final = f"{_ROOT}/Domains"
_CREDENTIAL_LISTS: Final = f"{_ROOT}/CredentialLists"
_CREDENTIALS: Final = f"{_CREDENTIAL_LISTS}/{{ListSid}}/Credentials"
_ADDRESS_LISTS: Final = f"{_ROOT}/IpAccessControlLists"
_ADDRESSES: Final = f"{_ADDRESS_LISTS}/{{ListSid}}/IpAddresses"

OPERATIONS: Final = (
    *_resource(DOMAIN, _DOMAINS, DOMAIN_SHOWN),
    Operation(
        "POST",
        _DOMAINS,
        "Make a SIP domain",
        create_domain,
        DOMAIN_SHOWN,
        (DOMAIN_NAME, *_VOICE),
        status=201,
        faults=(TAKEN,),
    ),
    *_item(_DOMAINS, "a SIP domain", modify_domain, delete_domain, DOMAIN_SHOWN, _VOICE),
    *_resource(CREDENTIALS, _CREDENTIAL_LISTS, CREDENTIAL_LIST_SHOWN),
    Operation(
        "POST",
        _CREDENTIAL_LISTS,
        "Make a list",
        create_credential_list,
        CREDENTIAL_LIST_SHOWN,
        (NAME,),
        status=201,
    ),
    *_item(
        _CREDENTIAL_LISTS,
        "a list",
        _renamed(CREDENTIALS),
        _deleted(CREDENTIALS),
        CREDENTIAL_LIST_SHOWN,
        (FRIENDLY_NAME,),
    ),
    *_resource(CREDENTIAL, _CREDENTIALS, CREDENTIAL_SHOWN, (CREDENTIALS, "ListSid")),
    Operation(
        "POST",
        _CREDENTIALS,
        "Make a credential",
        create_credential,
        CREDENTIAL_SHOWN,
        (USERNAME, PASSWORD),
        status=201,
        faults=(NAME_TAKEN,),
    ),
    *_item(_CREDENTIALS, "a credential", modify_credential, delete_credential, CREDENTIAL_SHOWN, (PASSWORD,)),
    *_resource(ADDRESSES, _ADDRESS_LISTS, ADDRESS_LIST_SHOWN),
    Operation(
        "POST", _ADDRESS_LISTS, "Make a list", create_address_list, ADDRESS_LIST_SHOWN, (NAME,), status=201
    ),
    *_item(
        _ADDRESS_LISTS,
        "a list",
        _renamed(ADDRESSES),
        _deleted(ADDRESSES),
        ADDRESS_LIST_SHOWN,
        (FRIENDLY_NAME,),
    ),
    *_resource(ADDRESS, _ADDRESSES, ADDRESS_SHOWN, (ADDRESSES, "ListSid")),
    Operation(
        "POST",
        _ADDRESSES,
        "Make an address",
        create_address,
        ADDRESS_SHOWN,
        (NAME, IP_ADDRESS, PREFIX_LENGTH),
        status=201,
    ),
    *_item(
        _ADDRESSES,
        "an address",
        modify_address,
        delete_address,
        ADDRESS_SHOWN,
        (FRIENDLY_NAME, NEW_IP_ADDRESS, PREFIX_LENGTH),
    ),
    *_mappings("CredentialListMappings", "credential_list_mappings", CREDENTIAL_LIST_SID, CREDENTIALS),
    *_mappings("IpAccessControlListMappings", "ip_access_control_list_mappings", ADDRESS_LIST_SID, ADDRESSES),
    *_mappings("Auth/Calls/CredentialListMappings", "contents", CREDENTIAL_LIST_SID, CREDENTIALS),
    *_mappings("Auth/Calls/IpAccessControlListMappings", "contents", ADDRESS_LIST_SID, ADDRESSES),
    *_mappings("Auth/Registrations/CredentialListMappings", "contents", CREDENTIAL_LIST_SID, CREDENTIALS),
)
