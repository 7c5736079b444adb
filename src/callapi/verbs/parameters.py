"""What single verbs add to the voice request: the outcome of a Dial, a recording. Spellings are the vendor's."""

import json
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from callapi.calls.call import Call
from callapi.calls.parameters import Parameters, present, x_headers
from callapi.calls.recording.recordings import RecordingFacts
from callapi.calls.status import CallStatus

_JSON: Final = json.JSONEncoder(separators=(",", ":"))


class BranchFacts(Struct, frozen=True):
    """One noun of a Dial and how it ended. `screening`: accepted, declined, hung-up, failed; None: no screening."""

    target: str
    status: CallStatus
    call: Call | None = None
    sip_code: int | None = None
    screening: str | None = None

    @property
    def as_json(self) -> dict[str, Any]:
        """An object of `DialBranches`; what does not exist is left out."""
        pairs = {
            "target": self.target,
            "call_sid": self.call.sid if self.call else None,
            "status": self.status.value,
            "sip_code": self.sip_code,
            "ring_duration": self.call.record.ring_duration if self.call else None,
            "screening": self.screening,
            "redirected_to": self.call.redirects[-1] if self.call and self.call.redirects else None,
        }
        return {name: value for name, value in pairs.items() if value is not None}


class DialOutcome(Struct, frozen=True):
    """How a Dial ended. `reported` is the branch that was joined, else the one with the best outcome."""

    status: CallStatus
    branches: tuple[BranchFacts, ...]
    reported: BranchFacts | None
    joined_s: float = 0.0
    was_bridged: bool = False


def dial_action(outcome: DialOutcome, recording: RecordingFacts | None) -> Parameters:
    """What the `action` of a Dial is sent beyond the voice request."""
    branch = outcome.reported
    call = branch.call if branch else None
    pairs: Sequence[tuple[str, str | int | None]] = (
        ("DialCallStatus", outcome.status.value),
        ("DialCallSid", call.sid if call else None),
        ("DialCallDuration", int(outcome.joined_s + 0.5)),
        ("DialBridged", "true" if outcome.was_bridged else "false"),
        ("DialRingDuration", call.record.ring_duration if call else None),
        ("DialSrtp", call.leg.encryption if call else None),
        ("DialBranches", _JSON.encode([each.as_json for each in outcome.branches])),
    )
    sip: Parameters = ()
    if call is not None and branch is not None:
        response = call.final_response
        sip = present((("DialSipCallId", call.leg.session.call_id), ("DialSipResponseCode", branch.sip_code)))
        sip += x_headers("DialSipHeader_", response.headers) if response else ()
    return present(pairs) + sip + (recorded(recording) if recording else ())


def recorded(recording: RecordingFacts) -> Parameters:
    """What an `action` is sent of a recording."""
    return present(
        (
            ("RecordingUrl", recording.url),
            ("RecordingSid", recording.sid),
            ("RecordingDuration", recording.duration),
        )
    )
