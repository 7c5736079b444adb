"""What verbs ask of recordings: where callbacks go, and the recording of a Dial."""

from callapi.calls.recordings import ActiveRecording, RecordingCallback, RecordingFacts
from callapi.media import RecordOptions
from callapi.rcml import Dial, Record
from callapi.verbs.execution import Execution


def callback_of(verb: Dial | Record, execution: Execution) -> RecordingCallback | None:
    """Where the callbacks of a verb's recording go."""
    if not verb.recording_status_callback:
        return None
    return RecordingCallback(
        execution.resolve(verb.recording_status_callback),
        verb.recording_status_callback_method,
        verb.recording_status_callback_events,
    )


class RecordedDial:
    """The recording that a Dial may ask for; every method does nothing if it does not."""

    def __init__(self, verb: Dial, execution: Execution) -> None:
        self._verb = verb
        self._execution = execution
        self._active: ActiveRecording | None = None

    def begin(self, *, has_answer: bool) -> None:
        """Start now if the mode says so: from the first ringing, or once the callee has accepted."""
        mode = self._verb.record
        if not mode.records or self._active is not None or not (has_answer or mode.is_from_ringing):
            return
        callback = callback_of(self._verb, self._execution)
        options = RecordOptions(channels=2 if mode.is_dual else 1)
        recordings = self._execution.services.recordings
        self._active = recordings.start(self._execution.call, "DialVerb", options, callback)

    def stop(self) -> None:
        """The parties have parted."""
        if self._active is not None:
            self._active.stop()

    async def facts(self) -> RecordingFacts | None:
        """What the action reports."""
        return await self._active.facts() if self._active is not None else None
