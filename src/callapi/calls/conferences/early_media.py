"""Called parties that a room hears before they answer: their ringing, and the early media of their networks.

REST's `EarlyMedia` asks for it (by default). Such a party hears nothing of the room.
"""

from callapi.base.ids import CallSid
from callapi.calls.call import Call
from callapi.media import Room, RoomMember


class EarlyMedia:
    """The parties that ring for one room."""

    def __init__(self) -> None:
        self._places: dict[CallSid, RoomMember] = {}

    def __bool__(self) -> bool:
        return bool(self._places)

    def begin(self, call: Call, room: Room) -> None:
        """The party rings: `room` hears it as a ringing tone until its network sends audio. Idempotent."""
        if call.sid not in self._places:
            self._places[call.sid] = room.join(call.leg.stream, early=True)

    def end(self, call_sid: CallSid) -> None:
        """The party has answered, or never will. Idempotent."""
        place = self._places.pop(call_sid, None)
        if place is not None:
            place.leave()
