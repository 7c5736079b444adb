"""Late and forked responses to our INVITE that still need an ACK, BYE or CANCEL (RFC 3261 §13.2.2.4).

- the 2xx of the session, repeated because our ACK was lost: the same ACK again;
- a 2xx of another fork: an ACK and a BYE in its own dialog;
- a 1xx or 2xx from a hop that was given up: a CANCEL, or an ACK and a BYE.
"""

from callapi.sip.dialog import Dialog
from callapi.sip.invite_session.effects import Effect, SendAck, SendCancel
from callapi.sip.invite_session.inputs import ResponseReceived
from callapi.sip.messages.message import Request
from callapi.sip.outputs import SendRequest

MAX_ACKS = 32


class LateResponses:
    """The ACKs sent for one outbound INVITE, by the tag of the peer and the number of the try."""

    __slots__ = ("_acks", "_cancelled")

    def __init__(self) -> None:
        self._acks: dict[tuple[str, int], Request] = {}
        self._cancelled: set[int] = set()

    def remember(self, ack: Request) -> None:
        """The session sent this ACK."""
        self._acks[(ack.to.tag or "", ack.cseq.number)] = ack

    def settle(self, input_: ResponseReceived) -> list[Effect]:
        """What this response to an INVITE of ours still needs, so that its sender does not wait for us."""
        response = input_.response
        number = input_.request.cseq.number
        if response.is_provisional:
            if number in self._cancelled:
                return []
            self._cancelled.add(number)
            return [SendCancel(input_.request)]
        if not response.is_success:
            return []
        key = self._key(input_)
        known = self._acks.get(key)
        if known is not None:
            return [SendAck(known)]
        if len(self._acks) >= MAX_ACKS:
            return []
        dialog = Dialog.of_client(input_.request, response)
        ack = self._acks[key] = dialog.acknowledge(input_.request)
        return [SendAck(ack), SendRequest(dialog.request("BYE"))]

    @staticmethod
    def _key(input_: ResponseReceived) -> tuple[str, int]:
        return (input_.response.to.tag or "", input_.request.cseq.number)
