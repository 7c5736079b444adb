"""What a story may ask of its session: one frozen value per command, each an input of the machine."""

from msgspec import Struct

ExtraHeaders = tuple[tuple[str, str], ...]


class Ring(Struct, frozen=True, gc=False):
    """Send a 101..199; reliably (RFC 3262) if the peer requires it, or supports it and there is a body."""

    status: int
    reason: str | None
    body: bytes
    headers: ExtraHeaders


class Accept(Struct, frozen=True, gc=False):
    """Send the 200: with the answer, or with our offer if the INVITE held none."""

    body: bytes
    headers: ExtraHeaders


class Refuse(Struct, frozen=True, gc=False):
    """Send a final answer >= 300."""

    status: int
    reason: str | None
    headers: ExtraHeaders


class Acknowledge(Struct, frozen=True, gc=False):
    """Send the ACK, with the answer to the offer that the 2xx held."""

    body: bytes


class Offer(Struct, frozen=True, gc=False):
    """Send a re-INVITE with an offer."""

    body: bytes


class AnswerOffer(Struct, frozen=True, gc=False):
    """Answer the peer's re-INVITE or UPDATE; after `OfferRequested`, the body is our offer."""

    body: bytes


class RefuseOffer(Struct, frozen=True, gc=False):
    """Refuse the peer's re-INVITE or UPDATE; the session stays as it was."""

    status: int
    headers: ExtraHeaders


class SendInfo(Struct, frozen=True, gc=False):
    """Send an INFO; its answer is of no interest unless it says that the dialog is gone."""

    content_type: str
    body: bytes


class HangUp(Struct, frozen=True, gc=False):
    """End the session by whatever its state asks for: BYE, CANCEL or a final answer."""

    reason: str | None
    headers: ExtraHeaders


Command = Ring | Accept | Refuse | Acknowledge | Offer | AnswerOffer | RefuseOffer | SendInfo | HangUp
