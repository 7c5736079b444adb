"""Libraries that are imported when they are first used: those that take much memory, and that a node may never need.

The import itself takes long (numpy: 0.2 s). Work of the event loop that needs such a library asks for it by `imported`,
so that a thread imports it and the calls of the node go on meanwhile; other threads just use it.
"""

import asyncio
import importlib
import sys
from threading import Lock
from types import ModuleType
from typing import Any, Final

_LOCK: Final = Lock()
_LATER: "Final[dict[str, _Later]]" = {}
"""Libraries whose import is not known to be complete."""


class _Later(ModuleType):
    """Stands for a module until one of its attributes is asked for; safe from any thread.

    Those who look through `sys.modules` (`inspect`, tracers) ask each module for its `__file__`: this one has none yet.
    """

    def __getattr__(self, attribute: str) -> Any:
        if attribute == "__file__":
            raise AttributeError(attribute)
        return getattr(_import(self), attribute)


def import_later(*names: str) -> None:
    """Let `import name` cost nothing from now on, until the module is used; those that are imported stay so."""
    for name in names:
        if name not in sys.modules:
            sys.modules[name] = _LATER[name] = _Later(name)


async def imported(*names: str) -> None:
    """Have libraries that `import_later` names imported by a thread, if they are not yet.

    Raises:
        ModuleNotFoundError: one of them is not installed.
    """
    for name in names:
        if (later := _LATER.get(name)) is not None:
            await asyncio.to_thread(_import, later)


def _import(later: _Later) -> ModuleType:
    name = later.__name__
    with _LOCK:
        if sys.modules.get(name) is later:
            del sys.modules[name]
    module = importlib.import_module(name)
    vars(later).update(vars(module))
    _LATER.pop(name, None)
    return module
