"""The parameters of every request that speaks of one call: the voice request and the status callback.

The spellings are the vendor's; what does not exist is left out, and the text "null" never appears. What single verbs
add (digits, recordings, the outcome of a Dial) is in `verbs/parameters.py`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from callapi.base.clock import rfc2822
from callapi.sip import Headers
from callapi.store import CallRecord

Parameters = tuple[tuple[str, str], ...]

CALLBACK_SOURCE: Final = "call-progress-events"


def present(pairs: Iterable[tuple[str, str | int | None]]) -> Parameters:
    """`pairs` without those that do not exist, as text."""
    return tuple([(name, str(value)) for name, value in pairs if value is not None and value != ""])


def voice_request(record: CallRecord, status: str, sip: Parameters = ()) -> Parameters:
    """What each request about a call carries; `status` is its `CallStatus`, `sip` what `sip_request` gave."""
    return (
        present(
            (
                ("CallSid", record.sid),
                ("AccountSid", record.account_sid),
                ("From", record.from_),
                ("To", record.to),
                ("CallStatus", status),
                ("ApiVersion", record.api_version),
                ("Direction", record.direction),
                ("CallerName", record.caller_name),
                ("ForwardedFrom", record.forwarded_from),
                ("ParentCallSid", record.parent_call_sid),
            )
        )
        + sip
    )


def sip_request(
    call_id: str, headers: Headers, source_ip: str | None = None, domain: str | None = None
) -> Parameters:
    """What a SIP message adds: its Call-ID, where it came from, and each of its X- headers."""
    return present(
        (
            ("SipCallId", call_id),
            ("SipSourceIp", source_ip),
            ("SipDomain", domain),
            *x_headers("SipHeader_", headers),
        )
    )


def x_headers(prefix: str, headers: Headers) -> Parameters:
    """`prefix` and name for each X- header (and User-to-User, RFC 7433), in the order of the message."""
    return tuple(
        [
            (prefix + name, value)
            for name, value in headers.items()
            if name[:2] in {"X-", "x-"} or name.lower() == "user-to-user"
        ]
    )


def status_callback(
    record: CallRecord, status: str, at: datetime, sequence: int, sip: Parameters = ()
) -> Parameters:
    """One status callback of `record`; a final `status` brings the duration and the SIP response code."""
    is_final = record.end_time is not None
    return voice_request(record, status, sip) + present(
        (
            ("CallDuration", record.duration or 0 if is_final else None),
            ("SipResponseCode", record.sip_response_code if is_final else None),
            ("Timestamp", rfc2822(at)),
            ("CallbackSource", CALLBACK_SOURCE),
            ("SequenceNumber", sequence),
        )
    )
