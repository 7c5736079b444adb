"""What REST may ask of the recordings of live calls and conferences: begin one, pause it, let it go on, end it."""

from enum import StrEnum

from msgspec.structs import replace

from callapi.base.ids import CallSid
from callapi.calls.control import NotModifiable
from callapi.calls.live import LiveCalls
from callapi.calls.recording.recordings import STARTED_BY_REST, Recorded, RecordingCallback, Recordings
from callapi.media import RecordOptions
from callapi.store import RecordingRecord


class RecordingChange(StrEnum):
    """What an update of a recording asks for."""

    PAUSE_SILENT = "pause, the time is silent"
    PAUSE_SKIP = "pause, the time is left out"
    RESUME = "in-progress"
    STOP = "stopped"


def record_options(is_dual: bool, track: str, *, trim: bool) -> RecordOptions:  # noqa: FBT001 - one of two channels
    """How to record a call. `track` is `inbound` (what the party says, alone) or `both`."""
    is_inbound = track == "inbound"
    return RecordOptions(channels=2 if is_dual and not is_inbound else 1, received_only=is_inbound, trim=trim)


class RecordingCommands:
    """Carries them out on the calls and conferences of this node."""

    def __init__(self, live: LiveCalls, recordings: Recordings) -> None:
        self._live = live
        self._recordings = recordings

    def start_recording(
        self,
        call: CallSid,
        options: RecordOptions,
        callback: RecordingCallback | None,
        *,
        sent_only: bool = False,
    ) -> RecordingRecord:
        """Record a live call from now on (`sent_only`: what its party hears); the record. Raises NotModifiable."""
        live = self._live.get(call)
        if live is None or live.ended.is_set or not live.leg.is_answered:
            raise NotModifiable(f"the call {call} is not in progress, and cannot be recorded")
        return self._recordings.start(live, STARTED_BY_REST, options, callback, sent_only=sent_only).record

    def change_recording(self, of: Recorded, key: str, change: RecordingChange) -> RecordingRecord | None:
        """Change the recording of that sid (or `Twilio.CURRENT`); None if no such recording is under way."""
        active = self._recordings.find(of, key)
        if active is None:
            return None
        match change:
            case RecordingChange.PAUSE_SILENT | RecordingChange.PAUSE_SKIP:
                active.pause(skips=change is RecordingChange.PAUSE_SKIP)
            case RecordingChange.RESUME:
                active.resume()
            case RecordingChange.STOP:
                active.stop()
                return replace(active.record, status="stopped")
        return active.record
