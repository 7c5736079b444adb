"""What an application is asked next, and the interface of what runs its documents."""

from collections.abc import Coroutine
from typing import Any, Protocol

from msgspec import Struct

from callapi.calls.call import Call
from callapi.calls.parameters import Parameters


class DocumentRequest(Struct, frozen=True):
    """What an application is asked next: a URL, or a document that came with the command."""

    url: str
    method: str = "POST"
    parameters: Parameters = ()
    """Beyond the voice request's."""
    fallback_url: str | None = None
    fallback_method: str = "POST"
    inline: str | None = None
    """The document itself (`Twiml`, `Rcml`); `url` is then the base of its relative URLs."""
    must_arrive: bool = False
    """The request is completed even if the story is cancelled: for an action that must be sent exactly once."""


class Script(Protocol):
    """Runs documents on a call. Declared here, implemented by `verbs/interpreter`, handed in by `node/`."""

    def __call__(self, call: Call, request: DocumentRequest) -> Coroutine[Any, Any, None]:
        """The story of `call` from `request` on."""
        ...
