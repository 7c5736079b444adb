"""Inspection of a request before it is processed: RFC 3261 §8.2.1 to §8.2.3, §21.4, §11; RFC 4475 §3.3.

Pure: a request in, a refusal or None out. What does not parse, and what lacks a mandatory header, never comes here.
"""

from msgspec import Struct

from callapi.sip.invite_session.session_timer import is_too_small
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import SipUri

ALLOWED = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY")
SUPPORTED = ("100rel", "timer", "replaces", "norefersub")
SUPPORTED_WITHOUT_OFFER = SUPPORTED[1:]
SDP = "application/sdp"
_ACCEPTED_BODIES = frozenset({SDP, "multipart/mixed", "multipart/related", "multipart/alternative"})
_WITH_DESCRIPTION = frozenset({"INVITE", "UPDATE", "PRACK"})
_SDP_RANGES = frozenset({SDP, "application/*", "*/*"})
_IDENTITIES = frozenset({"", "identity"})


class InspectionRefusal(Struct, frozen=True):
    """Status and headers of the answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


def inspect(request: Request, *, allow: tuple[str, ...], min_se: int) -> InspectionRefusal | None:
    """Why a request is refused without state, in the order of §8.2; None: it may go on."""
    is_refresh = (
        request.method == "SUBSCRIBE" and request.to.tag is not None
    )  # of the subscription of a REFER
    if request.method not in allow and not is_refresh:
        return InspectionRefusal(405, (("Allow", ", ".join(allow)),))
    if not isinstance(request.uri, SipUri) and not (
        request.method == "INVITE" and request.uri.scheme == "tel"
    ):
        return InspectionRefusal(416)
    if request.max_forwards == 0:
        return InspectionRefusal(483)
    unknown = sorted(request.require.difference(SUPPORTED))
    if unknown:
        return InspectionRefusal(420, (("Unsupported", ", ".join(unknown)),))
    if request.method in _WITH_DESCRIPTION:
        return _inspect_description(request, min_se)
    return None


def _inspect_description(request: Request, min_se: int) -> InspectionRefusal | None:
    if request.body and not _is_optional(request):
        if request.content_type not in _ACCEPTED_BODIES:
            return InspectionRefusal(415, (("Accept", SDP),))
        encoding = (request.headers.get("Content-Encoding") or "").strip().lower()
        if encoding not in _IDENTITIES:
            return InspectionRefusal(415, (("Accept-Encoding", "identity"),))
    if request.method == "INVITE" and not _takes_sdp(request):
        return InspectionRefusal(406, (("Warning", '399 callapi "the answer would be application/sdp"'),))
    if is_too_small(request, min_se):
        return InspectionRefusal(422, (("Min-SE", str(min_se)),))
    return None


def _is_optional(request: Request) -> bool:
    """Whether a body may be left unread (§20.11)."""
    disposition = (request.headers.get("Content-Disposition") or "").lower().replace(" ", "")
    return "handling=optional" in disposition


def _takes_sdp(request: Request) -> bool:
    ranges = request.headers.get_all("Accept")
    return not ranges or any(
        item.partition(";")[0].strip().lower() in _SDP_RANGES for value in ranges for item in value.split(",")
    )
