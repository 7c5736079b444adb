"""Who a node is: an identity that is made at its first start and kept in its data directory.

A process that finds the identity there, in a directory that is locked for it, knows that earlier processes of this
identity are over. One of the same name with another identity may be running on another machine.
"""

import re
import secrets
from importlib.metadata import version
from pathlib import Path
from typing import Final

from callapi.base.settings import Settings
from callapi.store import Owner

FILE: Final = "node-id"
_IDENTITY: Final = re.compile("[0-9a-f]{32}")


def identity_of(data_dir: Path) -> str:
    """The identity kept in `data_dir`, which is made if there is none. Raises OSError."""
    path = data_dir / FILE
    try:
        kept = path.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        kept = ""
    if _IDENTITY.fullmatch(kept):
        return kept
    made = secrets.token_hex(16)
    data_dir.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{made}\n", "ascii")
    return made


def owner_of(settings: Settings) -> Owner:
    """The node of `settings`, as the others on its database see it. Raises OSError."""
    return Owner(
        name=settings.node.name,
        identity=identity_of(settings.node.data_dir),
        sip=settings.sip.listen[0],
        http=f"{'https' if settings.http.tls_certificate else 'http'}://{settings.http.listen}",
        version=version("callapi"),
        numbers=tuple(each.number for each in settings.numbers),
    )
