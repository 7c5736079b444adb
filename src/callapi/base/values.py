"""Values of every room: those that know secrets, and words of the configuration.

All other values are plain frozen structs of msgspec, in the room that they belong to.
"""

from enum import StrEnum
from typing import ClassVar

from msgspec import Struct


class Redacted(Struct, frozen=True):
    """A value whose `secrets` are left out where it is shown."""

    secrets: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = (
            f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in self.secrets
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class SrtpPolicy(StrEnum):
    """Whether a leg's media is encrypted: `media.srtp`, and `srtp` of a trunk, a client or a `<Sip>`."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"
