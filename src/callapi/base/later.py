"""Libraries that are imported when they are first used: those that take much memory, and that a node may never need."""

import importlib
import sys
from threading import Lock
from types import ModuleType
from typing import Any, Final

_LOCK: Final = Lock()


class _Later(ModuleType):
    """Stands for a module until one of its attributes is asked for; safe from any thread.

    Those who look through `sys.modules` (`inspect`, tracers) ask each module for its `__file__`: this one has none yet.
    """

    def __getattr__(self, attribute: str) -> Any:
        if attribute == "__file__":
            raise AttributeError(attribute)
        name = self.__name__
        with _LOCK:
            if sys.modules.get(name) is self:
                del sys.modules[name]
        module = importlib.import_module(name)
        vars(self).update(vars(module))
        return getattr(module, attribute)


def import_later(*names: str) -> None:
    """Let `import name` cost nothing from now on, until the module is used; those that are imported stay so."""
    for name in names:
        sys.modules.setdefault(name, _Later(name))
