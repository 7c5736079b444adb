"""API keys: sid and secret sign in wherever the account's sid and token do, and can be revoked one by one.

The secret is in the answer to the creation and nowhere else. A deleted key is refused from the next request on, and
the console's sessions that it opened end. `SigningKeys` is Twilio's other name of the same resource.
"""

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from callapi.api.operation import Operation, RequestContext, update
from callapi.api.resources.collection import Collection
from callapi.api.resources.routes.voice import FRIENDLY_NAME
from callapi.api.responses.representations import Field, Representation, instant, path_of, text, uri
from callapi.base.clock import utc_now
from callapi.base.ids import new_key_sid
from callapi.store import KeyRecord, Put, Remove, key_digest, new_key_secret


class CreatedKey(Struct, frozen=True):
    """A key at its creation, with the secret that is shown this once."""

    record: KeyRecord
    secret: str


def _shown(plural: str, element: str) -> Representation[KeyRecord]:
    fields: tuple[Field[Any], ...] = (
        text("sid"),
        text("account_sid"),
        text("friendly_name"),
        instant("date_created"),
        instant("date_updated"),
        uri("uri", path_of(element + "s")),
    )
    return Representation(plural, element, fields)


def _shown_once(plural: str, element: str) -> Representation[CreatedKey]:
    path = path_of(element + "s")
    fields: tuple[Field[Any], ...] = (
        text("sid", "record.sid"),
        text("account_sid", "record.account_sid"),
        text("friendly_name", "record.friendly_name"),
        instant("date_created", "record.date_created"),
        instant("date_updated", "record.date_updated"),
        text("secret"),
        uri("uri", lambda created: path(created.record)),
    )
    return Representation(f"new_{plural}", f"New{element}", fields)


KEYS: Final = Collection("Keys", _shown("keys", "Key"), lambda store: store.keys)
SIGNING_KEYS: Final = Collection(
    "SigningKeys", _shown("signing_keys", "SigningKey"), lambda store: store.keys
)


async def create(context: RequestContext) -> CreatedKey:
    """A new key, with its secret: keep it, it cannot be read again."""
    now, secret = utc_now(), new_key_secret()
    key = KeyRecord(
        sid=new_key_sid(),
        account_sid=context.account.sid,
        friendly_name=context.given.get(FRIENDLY_NAME) or "",
        secret_sha256=key_digest(secret),
        date_created=now,
        date_updated=now,
    )
    await context.deps.store.commit(Put(key))
    return CreatedKey(key, secret)


async def modify(context: RequestContext) -> KeyRecord:
    """Rename the key."""
    before = await KEYS.own(context)
    key = replace(before, date_updated=utc_now(), **context.given.changes((FRIENDLY_NAME,)))
    await context.deps.store.commit(Put(key))
    return key


async def delete(context: RequestContext) -> None:
    """Revoke the key: it is refused from the next request on."""
    key = await KEYS.own(context)
    await context.deps.store.commit(Remove(KeyRecord, (key.sid,)))


def _operations(keys: Collection[KeyRecord], once: Representation[CreatedKey]) -> tuple[Operation, ...]:
    return (
        keys.list("List API keys"),
        Operation("POST", keys.path, "Make an API key", create, once, (FRIENDLY_NAME,), status=201),
        keys.fetch("Fetch an API key"),
        *update(Operation("POST", keys.item_path, "Rename an API key", modify, keys.shows, (FRIENDLY_NAME,))),
        Operation("DELETE", keys.item_path, "Revoke an API key", delete, status=204),
    )


OPERATIONS: Final = (
    *_operations(KEYS, _shown_once("keys", "Key")),
    *_operations(SIGNING_KEYS, _shown_once("signing_keys", "SigningKey")),
)
