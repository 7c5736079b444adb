"""The commands of the cluster as the `OtherNodes` of REST: a request travels as a command, whole."""

import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import MsgspecError
from msgspec.json import Decoder, Encoder

from callapi.api.application import Application
from callapi.api.requests.forwarding import ForwardedAnswer, ForwardedRequest
from callapi.base.ids import AccountSid, CallSid
from callapi.base.retrying import looked_up
from callapi.calls.conferences.elsewhere import RoomsElsewhere
from callapi.cluster import Commands, Member, NodeGone
from callapi.store import Equals, PageRequest, Store

log = logging.getLogger(__name__)

LOOKS: Final = 4
BETWEEN_LOOKS_S: Final = 0.05
_CONFERENCE_SID: Final = re.compile("CF[0-9a-f]{32}")
_ENCODER = Encoder()
_REQUEST = Decoder(ForwardedRequest)
_ANSWER = Decoder(ForwardedAnswer)


class RestOfOthers:
    """Finds the node that has a call or a recording, and passes requests on to it."""

    def __init__(
        self,
        store: Store,
        member: Member,
        commands: Commands,
        rooms: RoomsElsewhere | None,
        name: str,
        has_call: Callable[[CallSid], bool],
    ) -> None:
        """`has_call`: whether this node has a live or queued call of that sid."""
        self._rooms = rooms
        self._store = store
        self._member = member
        self._commands = commands
        self._name = name
        self._has_call = has_call

    async def node_of_call(self, sid: CallSid) -> str | None:
        """As `OtherNodes`."""
        if self._has_call(sid):
            return None
        # Another node may be about to write it: its application is asked at the same moment.
        record = await looked_up(partial(self._store.calls.fetch, sid), LOOKS, BETWEEN_LOOKS_S)
        if record is None or record.end_time is not None or record.node == self._name:
            return None
        return record.node

    async def node_of_conference(self, account: AccountSid, room: str) -> str | None:
        """As `OtherNodes`."""
        by = Equals("sid" if _CONFERENCE_SID.fullmatch(room) else "friendly_name", room)
        page = await self._store.conferences.page(account, PageRequest(size=10), by)
        live = [each for each in page.records if each.status != "completed"]
        if not live or live[0].node == self._name:
            return None
        return live[0].node

    async def host_of_conference(self, account: AccountSid, room: str) -> str | None:
        """As `OtherNodes`."""
        if self._rooms is None or _CONFERENCE_SID.fullmatch(room):
            return await self.node_of_conference(account, room)
        return await self._rooms.host_of(account, room)

    async def node_of_recording(self, sid: str) -> str | None:
        """As `OtherNodes`."""
        record = await self._store.recordings.fetch(sid)
        if record is None or record.node in {"", self._name}:
            return None
        return record.node if self._member.membership.running(record.node) is not None else None

    async def forward(self, node: str, request: ForwardedRequest) -> ForwardedAnswer:
        """As `OtherNodes`."""
        answer = await self._commands.ask(node, _ENCODER.encode(request).decode())
        try:
            return _ANSWER.decode(answer)
        except MsgspecError as error:
            raise NodeGone(f"the node {node} that has this is of another version") from error


async def carry_out(application: Application, request: str) -> str:
    """The handler of commands: what another node passes on, carried out by `application`; empty: it is not known."""
    try:
        forwarded = _REQUEST.decode(request)
    except MsgspecError:
        log.warning("a request of a node of another version cannot be carried out")
        return ""
    response = await application.execute(forwarded)
    return _ENCODER.encode(ForwardedAnswer.of(response)).decode()
