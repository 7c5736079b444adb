"""Lists a page at a time, with Twilio's keys.

`PageToken` says after which record a page begins, so that records which arrive meanwhile shift nothing; `Page` alone
counts pages from 0.
"""

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from callapi.api.requests.parameter_types import choice, pattern, whole
from callapi.api.requests.parameters import Given, Parameter
from callapi.api.requests.request_path import RequestPath
from callapi.api.responses.representations import Representation
from callapi.api.responses.xml import element
from callapi.store import Json, Page, PageRequest

DEFAULT_SIZE: Final = 50
MAX_SIZE: Final = 1000

PAGE: Final = Parameter("Page", whole(0, 1_000_000), "which page, from 0", default=0)
PAGE_SIZE: Final = Parameter(
    "PageSize", whole(1, 1_000_000), f"records to a page; above {MAX_SIZE} counts as {MAX_SIZE}"
)
PAGE_TOKEN: Final = Parameter(
    "PageToken", pattern("PA[A-Z]{2}[0-9a-f]{32}", "the token of a next_page_uri"), "as in `next_page_uri`"
)
OLDEST_FIRST: Final = "DateCreated:asc"
SORT_BY: Final = Parameter(
    "SortBy", choice("DateCreated:desc", OLDEST_FIRST), "the order; the newest come first without it"
)
_PLACE: Final = (PAGE, PAGE_SIZE, PAGE_TOKEN)
PAGING: Final[tuple[Parameter[Any], ...]] = (*_PLACE, SORT_BY)
_NAMES: Final = frozenset(each.name for each in _PLACE)


def page_request(given: Given, default_size: int = DEFAULT_SIZE) -> PageRequest:
    """The page that was asked for."""
    token = given.get(PAGE_TOKEN)
    size = min(given.get(PAGE_SIZE) or default_size, MAX_SIZE)
    after = token.removeprefix("PA") if token else None
    return PageRequest(given[PAGE], size, after, oldest_first=given.get(SORT_BY) == OLDEST_FIRST)


def as_json(page: Page[Any], shows: Representation[Any], request_path: RequestPath) -> dict[str, Json]:
    """Twilio's envelope."""
    return {
        shows.plural: [shows.as_json(each, request_path) for each in page.records],
        **_envelope(page, request_path),
    }


def as_xml(page: Page[Any], shows: Representation[Any], request_path: RequestPath) -> str:
    """The list as one element, the envelope as its attributes."""
    attributes = {name.replace("_", ""): value for name, value in _envelope(page, request_path).items()}
    opening = element(shows.plural_element, None, attributes).removesuffix("/>")
    items = "".join(element(shows.element, shows.as_xml(each, request_path)) for each in page.records)
    return f"{opening}>{items}</{shows.plural_element}>"


def _envelope(page: Page[Any], request_path: RequestPath) -> dict[str, Json]:
    request = page.request
    start = request.page * request.size
    number = request.page
    following = None
    if page.has_next:
        sid = (
            getattr(page.records[-1], "sid", None) if page.records else None
        )  # all of it may be filtered out
        following = _uri(request_path, number + 1, request.size, f"PA{sid}" if sid else None)
    return {
        "page": number,
        "page_size": request.size,
        "start": start,
        "end": start + max(len(page.records) - 1, 0),
        "uri": request_path.uri(request_path.path) + (f"?{request_path.query}" if request_path.query else ""),
        "first_page_uri": _uri(request_path, 0, request.size),
        "previous_page_uri": _uri(request_path, number - 1, request.size) if number else None,
        "next_page_uri": following,
    }


def _uri(request_path: RequestPath, page: int, size: int, token: str | None = None) -> str:
    filters = [
        pair for pair in parse_qsl(request_path.query, keep_blank_values=True) if pair[0] not in _NAMES
    ]
    pairs = [*filters, ("PageSize", str(size)), ("Page", str(page))]
    if token is not None:
        pairs.append(("PageToken", token))
    return f"{request_path.uri(request_path.path)}?{urlencode(pairs)}"
