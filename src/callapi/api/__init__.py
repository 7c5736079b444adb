"""Floor 4, REST: the resources of Twilio's API and their Restcomm spelling, as one ASGI application.

Each resource is one file of `resources/`: a table of its parameters, one of its fields, a short function for each
operation. What all of them share (authentication, parameters, paging, answers) is beside it, once. Nothing here
knows how a call is placed or a record kept.
"""

from callapi.api.application import Application, create_app
from callapi.api.deps import CallCommands, CallPlacing, Deps, Health
from callapi.api.feed.live_feed import Feed, Relayed
from callapi.api.feed.request import feed_of
from callapi.api.requests.sessions import Sessions

__all__ = [
    "Application",
    "CallCommands",
    "CallPlacing",
    "Deps",
    "Feed",
    "Health",
    "Relayed",
    "Sessions",
    "create_app",
    "feed_of",
]
