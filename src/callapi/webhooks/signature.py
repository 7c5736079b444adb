"""The two signatures that a request carries, both keyed with the account's auth token.

`X-Twilio-Signature` is Twilio's, so that its validators work unchanged. It covers the URL and the form, but
not the time, so a captured request can be replayed; `X-CallAPI-Signature` covers the time as well, and the body
byte by byte.
"""

import hmac
from base64 import b64encode
from functools import lru_cache

from callapi.webhooks.exchange import Parameters


def twilio_signature(url: str, parameters: Parameters, token: str) -> str:
    """Base64 of HMAC-SHA1 over `url` and the POST parameters, as Twilio's validators compute it.

    The parameters are sorted by name, those of one name by value, a pair that repeats counts once; a GET
    has its parameters in `url` and none here.
    """
    form = "".join(map("".join, sorted(set(parameters))))
    keyed = _keyed(token, "sha1").copy()
    keyed.update((url + form).encode("utf-8", "replace"))
    return b64encode(keyed.digest()).decode()


def callapi_signature(url: str, body: bytes, token: str, timestamp: int) -> str:
    """`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<url>.` and the body (empty for a GET)."""
    signed = f"{timestamp}.{url}.".encode("utf-8", "replace") + body
    keyed = _keyed(token, "sha256").copy()
    keyed.update(signed)
    return f"t={timestamp},v1={keyed.hexdigest()}"


@lru_cache(maxsize=1024)
def _keyed(token: str, algorithm: str) -> hmac.HMAC:
    """An HMAC keyed once, to be copied: `hmac.digest` releases the GIL on each call."""
    return hmac.new(token.encode(), digestmod=algorithm)
