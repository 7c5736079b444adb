"""`<Client>`: a registered user to call, on every device registered under the name. A noun of `<Dial>`."""

from dataclasses import dataclass

from callapi.rcml.elements.noun import Noun


@dataclass(frozen=True, slots=True)
class Client(Noun):
    """Call a registered user."""

    name: str
    """The user, without `client:`; headers may follow as on a SIP URI: `alice?X-Order=7`."""
