"""The voice and status callback parameters that numbers, applications and clients have alike."""

from typing import Any, Final

from callapi.api.errors import INVALID_APPLICATION, INVALID_RESOURCE_METHOD, INVALID_RESOURCE_URL, ApiError
from callapi.api.operation import RequestContext
from callapi.api.requests.parameter_types import METHOD, URL, choice, sid, text
from callapi.api.requests.parameters import Parameter
from callapi.base.values import SrtpPolicy


def _url(name: str, about: str, *, field: str, aliases: tuple[str, ...] = ()) -> Parameter[str]:
    return Parameter(name, URL, about, field=field, aliases=aliases, fault=INVALID_RESOURCE_URL)


def _method(name: str, *, field: str) -> Parameter[str]:
    return Parameter(name, METHOD, "of it", default="POST", field=field, fault=INVALID_RESOURCE_METHOD)


FRIENDLY_NAME: Final = Parameter(
    "FriendlyName", text(maximum=64), "a name for people", default="", field="friendly_name"
)

SRTP: Final = Parameter(
    "Srtp",
    choice(*SrtpPolicy),
    "whether media is encrypted: off, optional or required; none: as the node is configured",
    field="srtp",
)
VOICE: Final[tuple[Parameter[Any], ...]] = (
    _url("VoiceUrl", "requested for the document of a call", field="voice_url", aliases=("RcmlUrl",)),
    _method("VoiceMethod", field="voice_method"),
    _url("VoiceFallbackUrl", "requested when `VoiceUrl` fails", field="voice_fallback_url"),
    _method("VoiceFallbackMethod", field="voice_fallback_method"),
)
STATUS_CALLBACK: Final[tuple[Parameter[Any], ...]] = (
    _url("StatusCallback", "requested when a call is over", field="status_callback"),
    _method("StatusCallbackMethod", field="status_callback_method"),
)
VOICE_APPLICATION: Final = Parameter(
    "VoiceApplicationSid",
    sid("AP"),
    "an application whose URLs go before those here",
    field="voice_application_sid",
    fault=INVALID_APPLICATION,
)


async def check_application(context: RequestContext) -> None:
    """Whether the application that was named is the account's own. Raises ApiError."""
    wanted = context.given.get(VOICE_APPLICATION)
    if wanted is None:
        return
    application = await context.deps.store.applications.by_sid(wanted)
    if application is None or application.account_sid != context.account.sid:
        raise ApiError(INVALID_APPLICATION)
