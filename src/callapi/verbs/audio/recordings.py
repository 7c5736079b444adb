"""What verbs ask of recordings: where callbacks go, and the recording of a Dial."""

from callapi.calls.call import Call
from callapi.calls.recording.commands import record_options
from callapi.calls.recording.recordings import (
    STARTED_BY_DOCUMENT,
    ActiveRecording,
    Recordable,
    RecordingCallback,
    RecordingFacts,
)
from callapi.media import RecordOptions
from callapi.rcml import Channels, Dial, Record, Recording, RecordingTrack
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


class RecordedCallee:
    """The called party alone, in the name of its caller's call. A `Recordable`."""

    def __init__(self, caller: Call, callee: Call) -> None:
        self.record = caller.record
        self.ended = callee.ended
        self.start_recording = callee.start_recording
        self.notify = caller.notify
        self.run_detached = caller.run_detached


def start_recording(noun: Recording, execution: Execution) -> None:
    """Begin what `<Start><Recording>` asks for."""
    callback = None
    if noun.status_callback:
        url = execution.resolve(noun.status_callback)
        callback = RecordingCallback(url, noun.status_callback_method, noun.status_callback_events)
    options = record_options(noun.channels is Channels.DUAL, noun.track.value, trim=noun.trim)
    recordings, sent_only = execution.services.recordings, noun.track is RecordingTrack.OUTBOUND
    active = recordings.start(execution.call, STARTED_BY_DOCUMENT, options, callback, sent_only=sent_only)
    active.name = noun.name


class RecordedDial:
    """The recording that a Dial may ask for; every method does nothing if it does not."""

    def __init__(self, verb: Dial, execution: Execution) -> None:
        self._verb = verb
        self._execution = execution
        self._active: ActiveRecording | None = None

    def begin(self, callee: Call | None = None) -> None:
        """Start now if the mode says so: from the first ringing (no callee yet), or once the callee has accepted."""
        mode, track = self._verb.record, self._verb.recording_track
        is_early = callee is None and not (mode.is_from_ringing and track is not RecordingTrack.OUTBOUND)
        if not mode.records or self._active is not None or is_early:
            return
        caller: Call = self._execution.call
        recorded: Recordable = caller
        if track is RecordingTrack.OUTBOUND and callee is not None:
            recorded = RecordedCallee(caller, callee)
        options = RecordOptions(
            channels=2 if mode.is_dual and track is RecordingTrack.BOTH else 1,
            received_only=track is not RecordingTrack.BOTH,
            trim=self._verb.trim,
        )
        callback = callback_of(self._verb, self._execution)
        recordings = self._execution.services.recordings
        self._active = recordings.start(recorded, "DialVerb", options, callback)

    def stop(self) -> None:
        """The parties have parted."""
        if self._active is not None:
            self._active.stop()

    async def facts(self) -> RecordingFacts | None:
        """What the action reports."""
        return await self._active.facts() if self._active is not None else None
