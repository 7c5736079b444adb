"""Incoming phone numbers: what the node answers for, exact (`+15550100`, `alice`) or a pattern (`+1555*`, `*`)."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from callapi.api.errors import (
    ACCESS_DENIED,
    INVALID_APPLICATION,
    INVALID_NUMBER,
    INVALID_RESOURCE_METHOD,
    INVALID_RESOURCE_URL,
    NUMBER_TAKEN,
    ApiError,
)
from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.parameter_types import Kind
from callapi.api.requests.parameters import Parameter
from callapi.api.requests.request_path import RequestPath
from callapi.api.resources.collection import Collection
from callapi.api.resources.routes.voice import (
    FRIENDLY_NAME,
    STATUS_CALLBACK,
    VOICE,
    VOICE_APPLICATION,
    check_application,
)
from callapi.api.responses.representations import Representation, field, instant, nothing, path_of, text, uri
from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import new_number_sid
from callapi.store import Conflict, Json, NumberRecord, Put, Remove

_CONFIGURED: Final = "configuration"
_NUMBER: Final = re.compile(r"[^\s\x00-\x20\x7f\ud800-\udfff]{1,128}")
_PUNCTUATION: Final = re.compile(r"[\s().-]")


def _capabilities(_number: NumberRecord, _request_path: RequestPath) -> Json:
    return {"voice": True, "sms": False, "mms": False, "fax": False}


NUMBER: Final[Representation[NumberRecord]] = Representation(
    "incoming_phone_numbers",
    "IncomingPhoneNumber",
    (
        text("sid"),
        instant("date_created"),
        instant("date_updated"),
        text("account_sid"),
        text("friendly_name"),
        text("phone_number"),
        text("api_version"),
        text("voice_url"),
        text("voice_method"),
        text("voice_fallback_url"),
        text("voice_fallback_method"),
        text("voice_application_sid"),
        nothing("voice_caller_id_lookup", "boolean"),
        text("status_callback"),
        text("status_callback_method"),
        nothing("sms_url"),
        nothing("sms_method"),
        nothing("trunk_sid"),
        field("beta", lambda _number, _place: False, "boolean"),
        field("capabilities", _capabilities, "object"),
        field("status", lambda _number, _place: "in-use"),
        text("origin"),
        uri("uri", path_of("IncomingPhoneNumbers")),
    ),
)
NUMBERS: Final = Collection("IncomingPhoneNumbers", NUMBER, lambda store: store.numbers)


def _number(values: Sequence[str]) -> str:
    value = values[-1]
    # A `+` that the client did not percent-encode arrives as a space.
    value = f"+{value[1:]}" if value.startswith(" ") else value
    if value.startswith("+"):
        value = _PUNCTUATION.sub("", value)
    if _NUMBER.fullmatch(value) is None:
        raise ValueError("must have 1 to 128 characters, no spaces; `*` stands for any text")
    return value


KIND: Final = Kind(_number, {"type": "string", "minLength": 1, "maxLength": 128})
PHONE_NUMBER: Final = Parameter(
    "PhoneNumber",
    KIND,
    "a number, a SIP user, or a pattern in which `*` stands for any text",
    is_required=True,
    field="phone_number",
    fault=INVALID_NUMBER,
)
CHANGEABLE: Final = (FRIENDLY_NAME, *VOICE, VOICE_APPLICATION, *STATUS_CALLBACK)
CREATE: Final = (PHONE_NUMBER, *CHANGEABLE)


async def create(context: RequestContext) -> NumberRecord:
    """Answer for a number from now on; it exists once on the whole node."""
    await check_application(context)
    now = utc_now()
    number = NumberRecord(
        sid=new_number_sid(),
        account_sid=context.account.sid,
        date_created=now,
        date_updated=now,
        api_version=API_VERSION,
        **{"friendly_name": context.given[PHONE_NUMBER], **context.given.changes(CREATE)},
    )
    try:
        await context.deps.store.commit(Put(number))
    except Conflict as error:
        raise ApiError(NUMBER_TAKEN, f"{number.phone_number} is not available") from error
    return number


async def modify(context: RequestContext) -> NumberRecord:
    """Change what was given; an empty value takes away."""
    before = await _changeable(context)
    await check_application(context)
    number = replace(before, date_updated=utc_now(), **context.given.changes(CHANGEABLE))
    await context.deps.store.commit(Put(number))
    return number


async def delete(context: RequestContext) -> None:
    """Answer for it no longer."""
    number = await _changeable(context)
    await context.deps.store.commit(Remove(NumberRecord, (number.sid,)))


async def _changeable(context: RequestContext) -> NumberRecord:
    """A number of the configuration would be as before after the next start. Raises ApiError."""
    number = await NUMBERS.own(context)
    if number.origin == _CONFIGURED:
        raise ApiError(
            ACCESS_DENIED,
            f"{number.phone_number} stands in [[numbers]] of the configuration; change it there",
        )
    return number


_FAULTS: Final = (INVALID_RESOURCE_URL, INVALID_RESOURCE_METHOD, INVALID_APPLICATION, ACCESS_DENIED)

OPERATIONS: Final = (
    NUMBERS.list(
        "List numbers",
        (
            Parameter("PhoneNumber", KIND, "exactly this number or pattern", field="phone_number"),
            Parameter("FriendlyName", FRIENDLY_NAME.kind, "of exactly this name", field="friendly_name"),
        ),
    ),
    Operation(
        "POST",
        NUMBERS.path,
        "Answer for a number",
        create,
        NUMBER,
        CREATE,
        status=201,
        faults=(NUMBER_TAKEN,),
    ),
    NUMBERS.fetch("Fetch a number"),
    *update(
        Operation("POST", NUMBERS.item_path, "Change a number", modify, NUMBER, CHANGEABLE, faults=_FAULTS)
    ),
    Operation("DELETE", NUMBERS.item_path, "Give a number up", delete, status=204, faults=(ACCESS_DENIED,)),
)
