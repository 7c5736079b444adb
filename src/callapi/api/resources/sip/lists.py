"""Lists of credentials and of addresses: rename and delete them, and the clients that credentials stand for."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from callapi.api.errors import CONFLICT, ApiError
from callapi.api.operation import RequestContext
from callapi.api.resources.routes.clients import DISABLED
from callapi.api.resources.routes.voice import FRIENDLY_NAME
from callapi.api.resources.sip.objects import CREDENTIAL, fetched, keep
from callapi.base.clock import utc_now
from callapi.store import (
    BindingRecord,
    Change,
    ClientRecord,
    Put,
    Remove,
    SipObjectRecord,
)

ENABLED: Final = "enabled"


def renamed(kind: str) -> Callable[[RequestContext], Any]:
    """The operation that changes the name of a list of `kind`."""

    async def rename(context: RequestContext) -> SipObjectRecord:
        before = await fetched(context, kind, "Sid")
        changed = context.given.changes((FRIENDLY_NAME,))
        return await keep(context, replace(before, date_updated=utc_now(), **changed))

    return rename


def deleted(kind: str) -> Callable[[RequestContext], Any]:
    """The operation that deletes a list of `kind` with what it holds, unless it is mapped (409)."""

    async def delete(context: RequestContext) -> None:
        found = await fetched(context, kind, "Sid")
        objects = context.deps.store.sip_objects
        if await objects.mappings_of(found.sid):
            raise ApiError(CONFLICT, "The list is mapped to a domain")
        children = await objects.children(found.sid)
        changes: list[Change] = [Remove(SipObjectRecord, (each.sid,)) for each in (found, *children)]
        for each in children:
            changes.extend(await without_client(context, each))
        await context.deps.store.commit(*changes)

    return delete


async def without_client(context: RequestContext, credential: SipObjectRecord) -> list[Change]:
    """The changes that delete the client of a credential; none for a record of another kind."""
    client = (
        await context.deps.store.clients.by_login(credential.name) if credential.kind == CREDENTIAL else None
    )
    if client is None or client.account_sid != credential.account_sid:
        return []
    return [Remove(ClientRecord, (client.sid,)), Remove(BindingRecord, (client.login,))]


async def enable(context: RequestContext, list_sid: str) -> None:
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
