"""What can go wrong before a call exists, with the code of its notification."""

from typing import Final

from callapi.base.errors import CallApiError

INVALID_SIP_URI: Final = 13224
SIP_URI_TOO_LONG: Final = 60_010
SIP_HEADERS_TOO_LONG: Final = 21_227
INVALID_SIP_HEADER: Final = 60_011
UNKNOWN_TRANSPORT: Final = 60_012
CLIENT_NOT_REGISTERED: Final = 32_009
NO_TRUNK: Final = 60_013
NO_MEDIA_PORTS: Final = 60_014
ACCOUNT_FULL: Final = 60_015
UNREACHABLE: Final = 32_011
CREDENTIALS_WANTED: Final = 60_016
UNUSABLE_ANSWER: Final = 60_017
TOO_MANY_HOPS: Final = 60_018
NUMBER_BLOCKED: Final = 13_227


class NotPlaceable(CallApiError):
    """A call cannot be placed: no INVITE is sent. `code` is that of the notification."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
