"""Floor 4, console: the pages for people at `/console`, their sign-in, and what they need beyond REST.

The pages are TypeScript (`console/` at the top of the repository), built into `static/` of this package. They are a
client of REST and of the live feed: nothing is decided here. Text from callers is never made into HTML.
"""

from callapi.console.application import Console, ConsoleOptions
from callapi.console.pages import is_built

__all__ = ["Console", "ConsoleOptions", "is_built"]
