"""A call is in the common database before its application hears of it.

A node that has its database to itself writes the first record of a call into a file, which its next start reads. The
file of a node that has died for good is read by no other one: among several, the record itself must be there.
"""

from typing import Final

from callapi.calls.call import Call
from callapi.calls.documents.document import DocumentRequest, Script
from callapi.store import Store

KEPT_S: Final = 0.5
"""How long the first document waits for that; while the database is away it does not."""


class KeptFirst:
    """The `Script` of inbound calls on a node among others."""

    def __init__(self, store: Store, script: Script) -> None:
        self._store = store
        self._script = script

    async def __call__(self, call: Call, request: DocumentRequest) -> None:
        """As `Script`."""
        await self._store.kept(KEPT_S)
        await self._script(call, request)
