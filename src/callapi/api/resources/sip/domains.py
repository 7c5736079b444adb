"""`SIP/Domains`: calls to `sip:anything@domain.name` go to the voice URL of the domain."""

from typing import Any, Final

from msgspec.structs import replace

from callapi.api.errors import ApiError, Fault
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import METHOD, URL, pattern
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.routes.voice import FRIENDLY_NAME
from callapi.api.resources.sip.lists import enable
from callapi.api.resources.sip.objects import (
    DOMAIN,
    ROOT,
    change_and_delete,
    constant,
    fetched,
    fields,
    list_and_fetch,
    made,
    path_of,
)
from callapi.api.responses.representations import (
    Representation,
    nothing,
    subresources,
)
from callapi.api.responses.representations import text as plain
from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.store import (
    Put,
    Remove,
    SipObjectRecord,
)

TAKEN: Final = Fault(21232, 400, "Domain already in use")

_DOMAIN_PATH: Final = path_of("Domains")
DOMAIN_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "domains",
    "Domain",
    fields(
        _DOMAIN_PATH,
        plain("sid"),
        constant("api_version", value=API_VERSION),
        plain("domain_name", "name"),
        nothing("auth_type"),
        plain("voice_url"),
        plain("voice_method"),
        plain("voice_fallback_url"),
        plain("voice_fallback_method"),
        plain("voice_status_callback_url", "status_callback"),
        plain("voice_status_callback_method", "status_callback_method"),
        constant("sip_registration", value=True, kind="boolean"),
        constant("secure", value=False, kind="boolean"),
        constant("emergency_calling_enabled", value=False, kind="boolean"),
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


async def create_domain(context: RequestContext) -> SipObjectRecord:
    """A new domain; its name exists once on the whole node."""
    name = context.given[DOMAIN_NAME].lower()
    if await context.deps.store.sip_objects.domain(name) is not None:
        raise ApiError(TAKEN)
    domain = replace(made(context, DOMAIN), **{**context.given.changes(_VOICE), "name": name})
    await context.deps.store.commit(Put(domain))
    return domain


async def modify_domain(context: RequestContext) -> SipObjectRecord:
    """Change what was given."""
    before = await fetched(context, DOMAIN, "Sid")
    domain = replace(before, date_updated=utc_now(), **context.given.changes(_VOICE))
    await context.deps.store.commit(Put(domain))
    return domain


async def delete_domain(context: RequestContext) -> None:
    """Delete the domain and its mappings; credentials of lists that no other domain has are disabled."""
    domain = await fetched(context, DOMAIN, "Sid")
    mappings = await context.deps.store.sip_objects.children(domain.sid)
    removed = [Remove(SipObjectRecord, (each.sid,)) for each in (domain, *mappings)]
    await context.deps.store.commit(*removed)
    for each in mappings:
        await enable(context, each.name)


_DOMAINS: Final = f"{ROOT}/Domains"

OPERATIONS: Final = (
    *list_and_fetch(DOMAIN, _DOMAINS, DOMAIN_SHOWN),
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
    *change_and_delete(_DOMAINS, "a SIP domain", modify_domain, delete_domain, DOMAIN_SHOWN, _VOICE),
)
