"""Records of recordings; the sound itself is in files."""

from callapi.store.records import RecordingRecord
from callapi.store.repositories.repository import Repository


class RecordingRepository(Repository[RecordingRecord]):
    """Recordings, of an account or (`Equals("call_sid", …)`) of one call."""

    kind = RecordingRecord
