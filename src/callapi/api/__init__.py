"""Floor 4, REST: the resources of Twilio's API and their Restcomm spelling, as one ASGI application.

Each resource is one file of `resources/`: a table of its parameters, one of its fields, a short function for each
operation. What all of them share (authentication, parameters, paging, answers) is beside it, once. Nothing here
knows how a call is placed or a record kept.
"""

from callapi.api.application import Application, create_app
from callapi.api.deps import CallCommands, CallPlacing, Deps, Health

__all__ = ["Application", "CallCommands", "CallPlacing", "Deps", "Health", "create_app"]
