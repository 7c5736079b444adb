"""What REST refuses: each fault with Twilio's code, its HTTP status and the sentence that goes with it.

`ApiError` is the one exception of the room; the application turns it into `{code, message, more_info, status}`.
"""

from typing import Final

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.calls.conferences.control import ParticipantUnknown
from callapi.calls.conferences.machine import JoinRefused
from callapi.calls.control import NotModifiable
from callapi.calls.errors import (
    CLIENT_NOT_REGISTERED,
    INVALID_SIP_HEADER,
    INVALID_SIP_URI,
    NO_MEDIA_PORTS,
    NO_TRUNK,
    SIP_HEADERS_TOO_LONG,
    SIP_URI_TOO_LONG,
    UNKNOWN_TRANSPORT,
    NotPlaceable,
)
from callapi.calls.placing.outbound import Overloaded
from callapi.calls.placing.queue import QUEUED
from callapi.calls.queues.control import MemberUnknown
from callapi.cluster import NodeGone
from callapi.store import Conflict, Unavailable

RETRY_AFTER: Final = (("Retry-After", "2"),)


class Fault(Struct, frozen=True):
    """One kind of refusal. `text` is said when there is nothing more exact to say."""

    code: int
    status: int
    text: str

    @property
    def more_info(self) -> str:
        """Where the code is explained."""
        return f"https://www.twilio.com/docs/errors/{self.code}"


INVALID_PARAMETER: Final = Fault(20001, 400, "Unknown parameters")
AUTHENTICATE: Final = Fault(20003, 401, "Authenticate")
METHOD_NOT_ALLOWED: Final = Fault(20004, 405, "Method not allowed")
ACCOUNT_NOT_ACTIVE: Final = Fault(20005, 403, "Account not active")
ACCESS_DENIED: Final = Fault(20006, 403, "Access denied")
NOT_COMPLETED: Final = Fault(20009, 409, "Cannot delete this resource before it has been completed")
NOT_FOUND: Final = Fault(20404, 404, "The requested resource was not found")
CONFLICT: Final = Fault(20409, 409, "The name is taken")
TOO_LARGE: Final = Fault(20413, 413, "The request is too large")
UNSUPPORTED_TYPE: Final = Fault(20415, 415, "The body must be application/x-www-form-urlencoded")
TOO_MANY_REQUESTS: Final = Fault(20429, 429, "Too many requests")
INTERNAL: Final = Fault(20500, 500, "Internal server error")
UNAVAILABLE: Final = Fault(20503, 503, "Service unavailable")

QUEUE_TAKEN: Final = Fault(22003, 400, "A queue of that name exists")
QUEUE_NOT_EMPTY: Final = Fault(22002, 409, "The queue is not empty")

NO_TO: Final = Fault(21201, 400, "No 'To' number is specified")
INVALID_URL: Final = Fault(21205, 400, "Url parameter is required")
INVALID_TIMEOUT: Final = Fault(21208, 400, "Invalid Timeout")
INVALID_METHOD: Final = Fault(21209, 400, "Method must be GET or POST")
INVALID_TO: Final = Fault(21211, 400, "Invalid 'To' phone number")
INVALID_FROM: Final = Fault(21212, 400, "Invalid 'From' phone number")
NO_FROM: Final = Fault(21213, 400, "'From' phone number is required")
UNREACHABLE_TO: Final = Fault(21214, 400, "'To' phone number cannot be reached")
INVALID_APPLICATION: Final = Fault(21218, 400, "Invalid ApplicationSid")
NOT_MODIFIABLE: Final = Fault(21220, 400, "Call is not in-progress. Cannot redirect")
INVALID_RESOURCE_URL: Final = Fault(21402, 400, "Invalid Url")
INVALID_RESOURCE_METHOD: Final = Fault(21403, 400, "Invalid Method")
INVALID_NUMBER: Final = Fault(21421, 400, "PhoneNumber is invalid")
NUMBER_TAKEN: Final = Fault(21422, 400, "PhoneNumber is not available")
INVALID_STATUS_CALLBACK: Final = Fault(21609, 400, "Invalid 'StatusCallback' URL")
INVALID_CALLBACK_EVENT: Final = Fault(21626, 400, "Invalid 'StatusCallbackEvent'")

_NOT_PLACEABLE: Final = {
    INVALID_SIP_URI: INVALID_TO,
    SIP_URI_TOO_LONG: INVALID_TO,
    SIP_HEADERS_TOO_LONG: INVALID_TO,
    INVALID_SIP_HEADER: INVALID_TO,
    UNKNOWN_TRANSPORT: INVALID_TO,
    CLIENT_NOT_REGISTERED: UNREACHABLE_TO,
    NO_TRUNK: UNREACHABLE_TO,
    NO_MEDIA_PORTS: UNAVAILABLE,
}


class ApiError(CallApiError):
    """A request is refused; `text` says why, `headers` go with the answer."""

    def __init__(
        self, fault: Fault, text: str | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(text or fault.text)
        self.fault = fault
        self.headers = headers


def refusal_of(error: CallApiError) -> ApiError | None:
    """The answer to a client for an error that another room raised; None: the error is a defect of the node."""
    match error:
        case ApiError():
            return error
        case NotPlaceable():
            fault = _NOT_PLACEABLE.get(error.code, UNREACHABLE_TO)
            return ApiError(fault, f"{fault.text}: {error}", RETRY_AFTER if fault is UNAVAILABLE else ())
        case Overloaded():
            # The queue is the client's to heed (429); the other limits are the node's own (503).
            fault = TOO_MANY_REQUESTS if str(error) == QUEUED else UNAVAILABLE
            return ApiError(fault, f"{fault.text}: {error}", RETRY_AFTER)
        case NodeGone():
            return ApiError(UNAVAILABLE, f"Service unavailable: {error}", RETRY_AFTER)
        case Unavailable():
            return ApiError(UNAVAILABLE, "Service unavailable: the database cannot be used", RETRY_AFTER)
        case _:
            return _refused_command(error)


def _refused_command(error: CallApiError) -> ApiError | None:
    """The answer for a command that what it is for does not allow."""
    match error:
        case NotModifiable():
            return ApiError(NOT_MODIFIABLE, str(error))
        case ParticipantUnknown() | MemberUnknown():
            return ApiError(NOT_FOUND, f"{NOT_FOUND.text}: {error}")
        case JoinRefused():
            return ApiError(Fault(error.code, 400, str(error)))
        case Conflict():
            return ApiError(CONFLICT)
        case _:
            return None
