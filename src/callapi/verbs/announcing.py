"""Announcements: a document of Play, Say and Pause that a conference, or one of its participants, hears."""

from callapi.calls.call import Call
from callapi.calls.conferences.conference import Conference
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.one_shot import first_of
from callapi.verbs.execution import Execution, Services, StoryResult
from callapi.verbs.interpreter import run_documents
from callapi.verbs.mode import Mode


class Announcements:
    """The `Announcer` of the node."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, call: Call, request: DocumentRequest, room: Conference | None) -> str | None:
        """As `Announcer`."""
        execution = Execution(self._services, call, run_documents, Mode.HEARD)
        execution.elsewhere = room
        ended = room.ended if room is not None else call.ended

        async def over() -> None:
            await ended.wait()

        result = await first_of(run_documents(execution, request), over())
        if result is StoryResult.BROKEN:
            return f"no document or audio could be had from {request.url}"
        return None
