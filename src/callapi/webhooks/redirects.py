"""Which step follows a redirect (RFC 9110 §15.4), as applications written for Twilio expect it.

301, 302 and 303 are followed with GET, 307 and 308 with the same method and body. Whatever the method, the
next URL gets the request's parameters again, since an application asked without `CallSid` cannot answer;
those that its own query names already are left as the application wrote them. 300, 304 and a redirect
without `Location` are final answers.
"""

from typing import Final
from urllib.parse import urljoin

from msgspec.structs import replace

from callapi.webhooks.encoding import ParsedUrl, RedirectStep, parse_url

MAX_REDIRECTS: Final = 5
_TO_GET: Final = frozenset({301, 302, 303})
_AS_IT_IS: Final = frozenset({307, 308})


def next_step(step: RedirectStep, status: int, location: str | None) -> RedirectStep | None:
    """Where `status` and `location` lead from `step`; None if nowhere: the answer is final.

    Raises:
        ValueError: `location` is not an http or https URL.
    """
    if location is None or status not in _TO_GET | _AS_IT_IS:
        return None
    target = _resolve(step.target, location)
    if status in _AS_IT_IS and step.method == "POST":
        return RedirectStep(target, "POST", step.parameters)
    named = target.url.query.keys()
    return RedirectStep(target, "GET", tuple(pair for pair in step.parameters if pair[0] not in named))


def _resolve(base: ParsedUrl, location: str) -> ParsedUrl:
    try:
        location = urljoin(base.text, location.strip())
    except ValueError as error:
        raise ValueError("it cannot be read as a URL") from error
    target = parse_url(location)
    # Credentials were given for one origin and stay with it (RFC 9110 §15.4, step 4 of its list).
    if target.authorization is None and target.origin == base.origin:
        return replace(target, authorization=base.authorization)
    return target
