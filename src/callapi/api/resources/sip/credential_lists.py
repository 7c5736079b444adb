"""`SIP/CredentialLists` and their credentials: each credential is a client, enabled while its list is mapped."""

from typing import Final

from msgspec.structs import replace

from callapi.api.errors import ApiError, Fault
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import pattern, text
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.routes.clients import DISABLED, secrets_of
from callapi.api.resources.routes.voice import FRIENDLY_NAME
from callapi.api.resources.sip.lists import ENABLED, deleted, renamed, without_client
from callapi.api.resources.sip.objects import (
    CREDENTIAL,
    CREDENTIALS,
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
    subresources,
)
from callapi.api.responses.representations import text as plain
from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import new_client_sid
from callapi.store import (
    BindingRecord,
    Change,
    ClientRecord,
    Conflict,
    Put,
    Remove,
    SipObjectRecord,
)

NAME_TAKEN: Final = Fault(21231, 400, "The user name is taken")

_CREDENTIAL_LIST_PATH: Final = path_of("CredentialLists")
CREDENTIAL_LIST_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "credential_lists",
    "CredentialList",
    fields(
        _CREDENTIAL_LIST_PATH,
        plain("sid"),
        subresources({"credentials": "Credentials"}, _CREDENTIAL_LIST_PATH),
    ),
)
CREDENTIAL_SHOWN: Final[Representation[SipObjectRecord]] = Representation(
    "credentials",
    "Credential",
    fields(
        path_of("CredentialLists", "{parent}", "Credentials"),
        plain("sid"),
        plain("credential_list_sid", "parent_sid"),
        plain("username", "name"),
    ),
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


async def create_credential_list(context: RequestContext) -> SipObjectRecord:
    """A new list without credentials."""
    return await keep(context, made(context, CREDENTIALS))


async def create_credential(context: RequestContext) -> SipObjectRecord:
    """A new credential: a client of that login, enabled while its list is mapped."""
    parent = await fetched(context, CREDENTIALS, "ListSid")
    given, store, now = context.given, context.deps.store, utc_now()
    username = given[USERNAME]
    credential = made(context, CREDENTIAL, parent_sid=parent.sid, name=username, friendly_name=username)
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
    before = await child(context, CREDENTIAL, (CREDENTIALS, "ListSid"))
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
    credential = await child(context, CREDENTIAL, (CREDENTIALS, "ListSid"))
    removed: list[Change] = [Remove(SipObjectRecord, (credential.sid,))]
    await context.deps.store.commit(*removed, *await without_client(context, credential))


_CREDENTIAL_LISTS: Final = f"{ROOT}/CredentialLists"
_CREDENTIALS: Final = f"{_CREDENTIAL_LISTS}/{{ListSid}}/Credentials"

OPERATIONS: Final = (
    *list_and_fetch(CREDENTIALS, _CREDENTIAL_LISTS, CREDENTIAL_LIST_SHOWN),
    Operation(
        "POST",
        _CREDENTIAL_LISTS,
        "Make a list",
        create_credential_list,
        CREDENTIAL_LIST_SHOWN,
        (NAME,),
        status=201,
    ),
    *change_and_delete(
        _CREDENTIAL_LISTS,
        "a list",
        renamed(CREDENTIALS),
        deleted(CREDENTIALS),
        CREDENTIAL_LIST_SHOWN,
        (FRIENDLY_NAME,),
    ),
    *list_and_fetch(CREDENTIAL, _CREDENTIALS, CREDENTIAL_SHOWN, (CREDENTIALS, "ListSid")),
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
    *change_and_delete(
        _CREDENTIALS, "a credential", modify_credential, delete_credential, CREDENTIAL_SHOWN, (PASSWORD,)
    ),
)
