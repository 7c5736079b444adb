"""Text of peers as it may be quoted."""

import re
from typing import Final

_UNQUOTABLE: Final = re.compile(r'["\\]|[^ -~]')
_MAX_CHARACTERS: Final = 200


def quotable(text: str) -> str:
    """`text` as it may stand between the quotes of a `Warning` header, whatever the peer had written."""
    return _UNQUOTABLE.sub("?", text)[:_MAX_CHARACTERS]
