"""The texts of recordings."""

from callapi.store.reading.repository import Repository
from callapi.store.records import TranscriptRecord


class TranscriptRepository(Repository[TranscriptRecord]):
    """Texts, of an account or (`Equals("recording_sid", …)`) of one recording."""

    kind = TranscriptRecord
