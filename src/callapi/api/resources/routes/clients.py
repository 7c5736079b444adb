"""Clients: SIP users that may register and be called as `client:login`.

The password goes in and never comes out: what is kept verifies a digest and nothing else.
"""

from typing import Any, Final

from msgspec.structs import replace

from callapi.api.errors import CONFLICT, INVALID_APPLICATION, ApiError
from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.parameter_types import choice, pattern, text
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.collection import Collection
from callapi.api.resources.routes.voice import (
    FRIENDLY_NAME,
    SRTP,
    VOICE,
    VOICE_APPLICATION,
    check_application,
)
from callapi.api.responses.representations import Representation, instant, path_of, uri
from callapi.api.responses.representations import text as plain
from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import new_client_sid
from callapi.store import BindingRecord, Change, ClientRecord, Conflict, Put, Remove, digest_secrets

DISABLED: Final = "disabled"

CLIENT: Final[Representation[ClientRecord]] = Representation(
    "clients",
    "Client",
    (
        plain("sid"),
        instant("date_created"),
        instant("date_updated"),
        plain("account_sid"),
        plain("api_version"),
        plain("friendly_name"),
        plain("login"),
        plain("status"),
        plain("voice_url"),
        plain("voice_method"),
        plain("voice_fallback_url"),
        plain("voice_fallback_method"),
        plain("voice_application_sid"),
        plain("srtp"),
        uri("uri", path_of("Clients")),
    ),
)
CLIENTS: Final = Collection("Clients", CLIENT, lambda store: store.clients)

_LOGIN: Final = pattern("[A-Za-z0-9+._-]{1,64}", "1 to 64 letters, digits, `+`, `.`, `_`, `-`")
_SECRET: Final = text(minimum=8, maximum=128)
LOGIN: Final = Parameter("Login", _LOGIN, "the SIP user", is_required=True, field="login")
PASSWORD: Final = Parameter("Password", _SECRET, "for REGISTER and INVITE", is_required=True)
NEW_PASSWORD: Final = Parameter("Password", _SECRET, "another one")
STATUS: Final = Parameter(
    "Status",
    choice("enabled", DISABLED, also={"1": "enabled", "0": DISABLED}),
    "a disabled client cannot register, call or be called",
    default="enabled",
    field="status",
)
CHANGEABLE: Final[tuple[Parameter[Any], ...]] = (FRIENDLY_NAME, STATUS, SRTP, *VOICE, VOICE_APPLICATION)
CREATE: Final = (LOGIN, PASSWORD, *CHANGEABLE)
MODIFY: Final = (NEW_PASSWORD, *CHANGEABLE)


async def create(context: RequestContext) -> ClientRecord:
    """A new client; a login exists once on the whole node."""
    await check_application(context)
    given, now = context.given, utc_now()
    client = ClientRecord(
        sid=new_client_sid(),
        account_sid=context.account.sid,
        realm=context.deps.realm,
        date_created=now,
        date_updated=now,
        api_version=API_VERSION,
        **secrets_of(given[LOGIN], context.deps.realm, given[PASSWORD]),
        **{"friendly_name": given[LOGIN], **given.changes(CREATE)},
    )
    try:
        await context.deps.store.commit(Put(client))
    except Conflict as error:
        raise ApiError(CONFLICT, f"The login {client.login} is taken") from error
    return client


async def modify(context: RequestContext) -> ClientRecord:
    """Change what was given. A client that is disabled, or has another password, must register again."""
    before = await CLIENTS.own(context)
    await check_application(context)
    client = replace(before, date_updated=utc_now(), **context.given.changes(MODIFY))
    changes: list[Change] = []
    if (password := context.given.get(NEW_PASSWORD)) is not None:
        secrets = secrets_of(client.login, context.deps.realm, password)
        client = replace(client, realm=context.deps.realm, **secrets)
    if password is not None or client.status == DISABLED:
        changes.append(Remove(BindingRecord, (client.login,)))
    await context.deps.store.commit(Put(client), *changes)
    return client


async def delete(context: RequestContext) -> None:
    """Delete the client and its registrations."""
    client = await CLIENTS.own(context)
    await context.deps.store.commit(
        Remove(ClientRecord, (client.sid,)), Remove(BindingRecord, (client.login,))
    )


def secrets_of(login: str, realm: str, password: str) -> dict[str, Any]:
    """What is kept of a password, as fields of a client."""
    secrets = digest_secrets(login, realm, password)
    return {
        "ha1_md5": secrets.md5,
        "ha1_sha256": secrets.sha256,
        "ha1_sha512_256": secrets.sha512_256,
    }


OPERATIONS: Final = (
    CLIENTS.list(
        "List clients",
        (
            Parameter("Login", _LOGIN, "the client with this login", field="login"),
            Parameter("FriendlyName", FRIENDLY_NAME.kind, "of exactly this name", field="friendly_name"),
        ),
    ),
    Operation(
        "POST",
        CLIENTS.path,
        "Make a client",
        create,
        CLIENT,
        CREATE,
        status=201,
        faults=(CONFLICT, INVALID_APPLICATION),
    ),
    CLIENTS.fetch("Fetch a client"),
    *update(Operation("POST", CLIENTS.item_path, "Change a client", modify, CLIENT, MODIFY)),
    Operation("DELETE", CLIENTS.item_path, "Delete a client", delete, status=204),
)
