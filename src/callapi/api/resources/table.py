"""The table of all resources."""

from typing import Final

from msgspec import Struct

from callapi.api.operation import Operation
from callapi.api.resources import sip
from callapi.api.resources.accounts import accounts, keys, tokens
from callapi.api.resources.calls import (
    call_commands,
    calls,
    events,
    notifications,
    recording_commands,
    recordings,
    streams,
    transcriptions,
    transcripts,
)
from callapi.api.resources.conferences import conferences, participant_calls, participants, queues
from callapi.api.resources.routes import applications, clients, numbers, trunks


class Resource(Struct, frozen=True):
    """One resource, for readers: its name, what it is, what can be done with it."""

    name: str
    about: str
    operations: tuple[Operation, ...]


RESOURCES: Final = (
    Resource("Calls", calls.__doc__, (*calls.OPERATIONS, *call_commands.OPERATIONS)),
    Resource("Events", events.__doc__, events.OPERATIONS),
    Resource("Streams", streams.__doc__, streams.OPERATIONS),
    Resource("Call transcriptions", transcriptions.__doc__, transcriptions.OPERATIONS),
    Resource("Conferences", conferences.__doc__, conferences.OPERATIONS),
    Resource("Participants", participants.__doc__, (*participants.OPERATIONS, *participant_calls.OPERATIONS)),
    Resource("Queues", queues.__doc__, queues.OPERATIONS),
    Resource("Recordings", recordings.__doc__, (*recordings.OPERATIONS, *recording_commands.OPERATIONS)),
    Resource("Transcriptions", transcripts.__doc__, transcripts.OPERATIONS),
    Resource("Notifications", notifications.__doc__, notifications.OPERATIONS),
    Resource("IncomingPhoneNumbers", numbers.__doc__, numbers.OPERATIONS),
    Resource("Applications", applications.__doc__, applications.OPERATIONS),
    Resource("Clients", clients.__doc__, clients.OPERATIONS),
    Resource("Trunks", trunks.__doc__, trunks.OPERATIONS),
    Resource("SIP", sip.__doc__, sip.OPERATIONS),
    Resource("Keys", keys.__doc__, keys.OPERATIONS),
    Resource("Tokens", tokens.__doc__, tokens.OPERATIONS),
    Resource("Accounts", accounts.__doc__, accounts.OPERATIONS),
)
OPERATIONS: Final = tuple(each for resource in RESOURCES for each in resource.operations)
