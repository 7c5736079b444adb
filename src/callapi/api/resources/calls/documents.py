"""The source of a call's document: a URL to request, a document in the request itself, or an application."""

from typing import Any, Final
from urllib.parse import urljoin

from callapi.api.errors import INVALID_APPLICATION, INVALID_METHOD, INVALID_URL, ApiError
from callapi.api.operation import RequestContext
from callapi.api.requests.parameter_types import METHOD, URL, sid, text
from callapi.api.requests.parameters import Parameter
from callapi.base.ids import ApplicationSid
from callapi.calls.documents.document import DocumentRequest

MAX_DOCUMENT: Final = 64 * 1024

URL_PARAMETER: Final = Parameter("Url", URL, "requested for the document", fault=INVALID_URL)
METHOD_PARAMETER: Final = Parameter("Method", METHOD, "of `Url`", default="POST", fault=INVALID_METHOD)
FALLBACK_URL: Final = Parameter("FallbackUrl", URL, "requested when `Url` fails", fault=INVALID_URL)
FALLBACK_METHOD: Final = Parameter("FallbackMethod", METHOD, "of it", default="POST", fault=INVALID_METHOD)
RCML: Final = Parameter(
    "Rcml", text(maximum=MAX_DOCUMENT), "the document itself, in place of `Url`", aliases=("Twiml",)
)
APPLICATION_SID: Final = Parameter(
    "ApplicationSid", sid("AP"), "an application whose voice URL is requested", fault=INVALID_APPLICATION
)
DOCUMENT: Final[tuple[Parameter[Any], ...]] = (
    URL_PARAMETER,
    METHOD_PARAMETER,
    FALLBACK_URL,
    FALLBACK_METHOD,
    RCML,
    APPLICATION_SID,
)


async def document_request(context: RequestContext) -> DocumentRequest | None:
    """What the request names, None if nothing; a document in it goes before any URL.

    Raises:
        ApiError: the application is not the account's, or has no voice URL.
    """
    given = context.given
    url, inline, application = given.get(URL_PARAMETER), given.get(RCML), given.get(APPLICATION_SID)
    if inline is None and application is not None:
        return await _of_application(ApplicationSid(application), context)
    if inline is None and url is None:
        return None
    return DocumentRequest(
        url or urljoin(context.deps.public_url, "/"),
        given[METHOD_PARAMETER],
        fallback_url=given.get(FALLBACK_URL),
        fallback_method=given[FALLBACK_METHOD],
        inline=inline,
    )


async def _of_application(sid: ApplicationSid, context: RequestContext) -> DocumentRequest:
    application = await context.deps.store.applications.by_sid(sid)
    if application is None or application.account_sid != context.account.sid or not application.voice_url:
        raise ApiError(INVALID_APPLICATION)
    return DocumentRequest(
        application.voice_url,
        application.voice_method,
        fallback_url=application.voice_fallback_url,
        fallback_method=application.voice_fallback_method,
    )
