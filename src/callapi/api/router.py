"""From method and path to the operation."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from callapi.api.errors import METHOD_NOT_ALLOWED, NOT_FOUND, ApiError
from callapi.api.operation import Operation
from callapi.api.requests.request_path import Format, RequestPath

_SID: Final = re.compile(r"\{(\w+)\}")
NAMED: Final = frozenset({"Key", "Room", "Participant", "Member"})
"""In a path: a sid or a name that the client chose."""


class _Path(Struct, frozen=True):
    pattern: re.Pattern[str]
    operations: list[Operation]


class Router:
    """All operations, by their paths."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._paths: dict[str, _Path] = {}
        for each in operations:
            pattern = re.compile(_SID.sub(_group, each.path))
            self._paths.setdefault(each.path, _Path(pattern, [])).operations.append(each)

    def find(self, method: str, request_path: RequestPath) -> tuple[Operation, Mapping[str, str]]:
        """The operation and the sids in its path.

        Raises:
            ApiError: 404, or 405 with `Allow`.
        """
        for path in self._paths.values():
            if match := path.pattern.fullmatch(request_path.path):
                try:
                    return _of_method(path.operations, method, request_path), match.groupdict()
                except ApiError:
                    if self._wants_a_sid(method, path):
                        break
                    raise
        raise ApiError(
            NOT_FOUND, f"The requested resource {request_path.uri(request_path.path)} was not found"
        )

    def _wants_a_sid(self, method: str, path: _Path) -> bool:
        """Whether another path of the same shape has the method, for sids only: a name is none of its resources."""
        shape = _SID.sub("{}", path.operations[0].path)
        return any(
            other is not path
            and _SID.sub("{}", other.operations[0].path) == shape
            and any(each.method == method for each in other.operations)
            for other in self._paths.values()
        )


def _group(place: re.Match[str]) -> str:
    """The pattern of one place of a path."""
    allowed = "[^/]{1,256}" if place[1] in NAMED else "[A-Za-z0-9]{1,64}"
    return f"(?P<{place[1]}>{allowed})"


def _of_method(operations: list[Operation], method: str, request_path: RequestPath) -> Operation:
    wanted = request_path.suffix or request_path.format
    if request_path.suffix is None and request_path.accept.startswith("audio/"):
        wanted = Format.MP3 if request_path.accept.startswith("audio/mpeg") else Format.WAV
    fitting = [each for each in operations if wanted in each.formats] or [
        each for each in operations if request_path.suffix is None
    ]
    if not fitting:
        raise ApiError(NOT_FOUND)
    for each in fitting:
        if each.method == ("GET" if method == "HEAD" else method):
            return each
    allowed = sorted({each.method for each in fitting})
    raise ApiError(METHOD_NOT_ALLOWED, headers=(("Allow", ", ".join(allowed)),))
