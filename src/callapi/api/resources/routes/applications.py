"""Applications: voice URLs under a name, which numbers and clients may share."""

from typing import Final

from msgspec.structs import replace

from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.collection import Collection
from callapi.api.resources.routes.voice import FRIENDLY_NAME, STATUS_CALLBACK, VOICE
from callapi.api.responses.representations import Representation, instant, nothing, path_of, text, uri
from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import new_application_sid
from callapi.store import ApplicationRecord, Put, Remove

APPLICATION: Final[Representation[ApplicationRecord]] = Representation(
    "applications",
    "Application",
    (
        text("sid"),
        instant("date_created"),
        instant("date_updated"),
        text("account_sid"),
        text("friendly_name"),
        text("api_version"),
        text("voice_url"),
        text("voice_method"),
        text("voice_fallback_url"),
        text("voice_fallback_method"),
        nothing("voice_caller_id_lookup", "boolean"),
        text("status_callback"),
        text("status_callback_method"),
        uri("uri", path_of("Applications")),
    ),
)
APPLICATIONS: Final = Collection("Applications", APPLICATION, lambda store: store.applications)

PARAMETERS: Final = (FRIENDLY_NAME, *VOICE, *STATUS_CALLBACK)


async def create(context: RequestContext) -> ApplicationRecord:
    """A new application."""
    now = utc_now()
    application = ApplicationRecord(
        sid=new_application_sid(),
        account_sid=context.account.sid,
        date_created=now,
        date_updated=now,
        api_version=API_VERSION,
        **{"friendly_name": "", **context.given.changes(PARAMETERS)},
    )
    await context.deps.store.commit(Put(application))
    return application


async def modify(context: RequestContext) -> ApplicationRecord:
    """Change what was given; an empty value takes away."""
    before = await APPLICATIONS.own(context)
    application = replace(before, date_updated=utc_now(), **context.given.changes(PARAMETERS))
    await context.deps.store.commit(Put(application))
    return application


async def delete(context: RequestContext) -> None:
    """Delete the application; numbers that named it use their own URLs."""
    application = await APPLICATIONS.own(context)
    await context.deps.store.commit(Remove(ApplicationRecord, (application.sid,)))


OPERATIONS: Final = (
    APPLICATIONS.list(
        "List applications",
        (Parameter("FriendlyName", FRIENDLY_NAME.kind, "of exactly this name", field="friendly_name"),),
    ),
    Operation("POST", APPLICATIONS.path, "Make an application", create, APPLICATION, PARAMETERS, status=201),
    APPLICATIONS.fetch("Fetch an application"),
    *update(
        Operation("POST", APPLICATIONS.item_path, "Change an application", modify, APPLICATION, PARAMETERS)
    ),
    Operation("DELETE", APPLICATIONS.item_path, "Delete an application", delete, status=204),
)
