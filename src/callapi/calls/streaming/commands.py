"""What REST may ask of the streams and transcriptions of live calls."""

from callapi.base.ids import CallSid
from callapi.calls.call import Call
from callapi.calls.control import NotModifiable
from callapi.calls.live import LiveCalls
from callapi.calls.streaming.live_streams import LiveStreams
from callapi.calls.streaming.request import StreamRecord, StreamRequest
from callapi.calls.transcribing.live_transcriptions import LiveTranscriptions
from callapi.calls.transcribing.request import TranscriptionRecord, TranscriptionRequest


class StreamCommands:
    """Starts and stops what runs beside the documents of this node's calls."""

    def __init__(self, live: LiveCalls, streams: LiveStreams, transcriptions: LiveTranscriptions) -> None:
        self._live = live
        self._streams = streams
        self._transcriptions = transcriptions

    def start_stream(self, call: CallSid, request: StreamRequest) -> StreamRecord:
        """Start a stream on a live call; as it stands now.

        Raises:
            NotModifiable: the call is over, or not up yet.
            StreamRefused: it has as many streams as it may, or one of that name.
        """
        live = self._require(call)
        self._streams.check(live, request)
        return self._streams.start(live, request).record

    def stop_stream(self, call: CallSid, key: str) -> StreamRecord | None:
        """End the stream of that sid or name; None if the call has, or had, none."""
        stream = self._streams.find(call, key)
        if stream is None:
            return None
        stream.stop()
        return stream.record

    def start_transcription(self, call: CallSid, request: TranscriptionRequest) -> TranscriptionRecord:
        """Start a transcription of a live call; as it stands now.

        Raises:
            NotModifiable: the call is over, or not up yet.
            TranscriptionRefused: it has as many as it may, one of that name, or nothing recognises speech here.
        """
        live = self._require(call)
        self._transcriptions.check(call, request)
        return self._transcriptions.start(live, request).record

    def stop_transcription(self, call: CallSid, key: str) -> TranscriptionRecord | None:
        """End the transcription of that sid or name; None if the call has, or had, none."""
        transcription = self._transcriptions.find(call, key)
        if transcription is None:
            return None
        transcription.stop()
        return transcription.record

    def _require(self, call: CallSid) -> Call:
        live = self._live.get(call)
        if live is None or live.ended.is_set:
            raise NotModifiable(f"the call {call} is not in progress")
        return live
