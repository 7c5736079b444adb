"""What the kinds of SIP objects have alike: paths, fields, and operations that differ only in the kind."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from callapi.api.errors import CONFLICT
from callapi.api.operation import Operation, RequestContext
from callapi.api.resources.records import own
from callapi.api.resources.routes.voice import FRIENDLY_NAME
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import (
    Field,
    Representation,
    field,
    instant,
    uri,
)
from callapi.api.responses.representations import text as plain
from callapi.base.clock import utc_now
from callapi.base.ids import new_sip_sid
from callapi.store import (
    Equals,
    Page,
    Put,
    SipObjectRecord,
)

ROOT: Final = "/Accounts/{AccountSid}/SIP"
DOMAIN, CREDENTIALS, CREDENTIAL = "domain", "credential-list", "credential"
ADDRESSES, ADDRESS = "address-list", "address"
MAPPING, REGISTRATION_MAPPING = "mapping", "registration-mapping"
PREFIX: Final = {DOMAIN: "SD", CREDENTIALS: "CL", CREDENTIAL: "CR", ADDRESSES: "AL", ADDRESS: "IP"}

Path = Callable[[SipObjectRecord], str]


def path_of(*parts: str) -> Path:
    """The path of an object; `{parent}` is the object that it belongs to, `{name}` the list that a mapping names."""

    def path(record: SipObjectRecord) -> str:
        inside = "/".join(parts).replace("{parent}", record.parent_sid or "")
        is_mapping = record.kind in {MAPPING, REGISTRATION_MAPPING}
        return f"/Accounts/{record.account_sid}/SIP/{inside}/{record.name if is_mapping else record.sid}"

    return path


def fields(path: Path, *own_fields: Field[Any]) -> tuple[Field[Any], ...]:
    """The fields of every kind, with those of one kind between them and `uri`."""
    return (
        plain("account_sid"),
        instant("date_created"),
        instant("date_updated"),
        plain("friendly_name"),
        *own_fields,
        uri("uri", path),
    )


def constant(name: str, *, value: str | bool, kind: str = "string") -> Field[Any]:
    """A field that has the same value in each record."""
    return field(name, lambda _record, _place: value, kind)


NAME: Final = replace(FRIENDLY_NAME, default=None, is_required=True)


async def fetched(context: RequestContext, kind: str, key: str) -> SipObjectRecord:
    """The object in the path. Raises ApiError (404)."""
    record = await context.deps.store.sip_objects.fetch(context.path[key])
    return own(record if record is not None and record.kind == kind else None, context)


def made(context: RequestContext, kind: str, **fields: Any) -> SipObjectRecord:
    """A new record of `kind` for the account of the request; it is not stored yet."""
    now = utc_now()
    name = context.given.get(NAME) or context.given.get(FRIENDLY_NAME) or ""
    given = {"friendly_name": name, "name": "", **fields}
    prefix = PREFIX.get(kind, "MP")
    return SipObjectRecord(
        new_sip_sid(prefix), context.account.sid, kind, date_created=now, date_updated=now, **given
    )


def list_and_fetch(
    kind: str, path: str, shown: Representation[SipObjectRecord], parent: tuple[str, str] | None = None
) -> tuple[Operation, Operation]:
    """List and fetch of a kind; `parent` is the kind that it belongs to and its key in the path."""

    async def page(context: RequestContext) -> Page[SipObjectRecord]:
        where = [Equals("kind", kind)]
        if parent is not None:
            where.append(Equals("parent_sid", (await fetched(context, *parent)).sid))
        objects = context.deps.store.sip_objects
        return await objects.page(context.account.sid, page_request(context.given), *where)

    async def fetch(context: RequestContext) -> SipObjectRecord:
        return await child(context, kind, parent)

    return (
        Operation("GET", path, f"List {shown.plural.replace('_', ' ')}", page, shown, PAGING, is_list=True),
        Operation("GET", f"{path}/{{Sid}}", f"Fetch one of {shown.plural.replace('_', ' ')}", fetch, shown),
    )


async def child(context: RequestContext, kind: str, parent: tuple[str, str] | None) -> SipObjectRecord:
    """The object in the path, which must belong to the `parent` in the path. Raises ApiError (404)."""
    record = await fetched(context, kind, "Sid")
    if parent is not None and record.parent_sid != (await fetched(context, *parent)).sid:
        return own(None, context)
    return record


async def keep(context: RequestContext, record: SipObjectRecord) -> SipObjectRecord:
    """Store the record and return it."""
    await context.deps.store.commit(Put(record))
    return record


def change_and_delete(
    path: str, about: str, modify: Any, delete: Any, shown: Any, parameters: Any
) -> tuple[Operation, ...]:
    """Change and delete of a kind whose objects lie at `path`."""
    item = f"{path}/{{Sid}}"
    return (
        Operation("POST", item, f"Change {about}", modify, shown, parameters),
        Operation("DELETE", item, f"Delete {about}", delete, status=204, faults=(CONFLICT,)),
    )
