"""Records of recordings; the sound itself is in files."""

from callapi.store.reading.repository import Repository
from callapi.store.records import RecordingRecord


class RecordingRepository(Repository[RecordingRecord]):
    """Recordings, of an account or (`Equals("call_sid", …)`) of one call."""

    kind = RecordingRecord
