"""A client of a node's REST interface, for commands that ask a running node.

The node is the one of `--config`, else of `callapi.toml` in the working directory, else of the built-in settings, each
with the environment over it. The account is that of `CALLAPI_ACCOUNT_SID` and `CALLAPI_AUTH_TOKEN`, else the first
account in the node's database.
"""

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urljoin

import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from callapi.base.errors import CallApiError
from callapi.base.settings import ACCOUNT_SID, AUTH_TOKEN, Settings

TIMEOUT_S: Final = 15
_ANYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - addresses of listeners, nothing is bound


class NodeUnreachable(CallApiError):
    """The node does not answer, or its account is not known."""


class Refused(CallApiError):
    """The node answered with an error; `status` is that of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class NodeClient:
    """Asks one node in the name of its account. Raises NodeUnreachable, Refused."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        self._base = base_url(settings)
        sid, token = environ.get(ACCOUNT_SID), environ.get(AUTH_TOKEN)
        self.account_sid, token = (sid, token) if sid and token else _first_account(settings, sid)
        credentials = base64.b64encode(f"{self.account_sid}:{token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The JSON at `path` below the account (`Calls/CA….json`)."""
        return json.loads(self.download(path, query))

    def download(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """The content at `path` below the account."""
        url = f"{self._base}/2010-04-01/Accounts/{self.account_sid}/{path}"
        return self._open(f"{url}?{urlencode(query)}" if query else url)

    def pages(self, path: str, key: str, query: Mapping[str, str]) -> Iterator[Any]:
        """The records of a list, page after page."""
        page = self.get(path, query)
        while True:
            yield from page[key]
            if not page["next_page_uri"]:
                return
            page = json.loads(self._open(urljoin(self._base, page["next_page_uri"])))

    def _open(self, url: str) -> bytes:
        request = urllib.request.Request(url, headers=self._headers)  # noqa: S310 - http or https of the settings
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, _message(error)) from error
        except OSError as error:
            reason = getattr(error, "reason", error)
            text = f"no node answers at {self._base} ({reason}); name its configuration with --config"
            raise NodeUnreachable(text) from error
        return content


def base_url(settings: Settings) -> str:
    """Where the node listens, as seen from its own machine."""
    host, _, port = settings.http.listen.rpartition(":")
    bare = host.strip("[]")
    if bare in _ANYWHERE:
        host = "127.0.0.1"
    scheme = "https" if settings.http.tls_certificate else "http"
    return f"{scheme}://{host}:{port}"


def _first_account(settings: Settings, sid: str | None) -> tuple[str, str]:
    wanted = "sid = :sid" if sid else "parent_sid IS NULL"
    query = f"SELECT sid, auth_token FROM accounts WHERE {wanted} ORDER BY date_created LIMIT 1"  # noqa: S608 - no input
    try:
        engine = sqlalchemy.create_engine(_readable(settings))
        with engine.connect() as connection:
            row = connection.execute(sqlalchemy.text(query), {"sid": sid} if sid else {}).first()
    except (SQLAlchemyError, OSError) as error:
        raise NodeUnreachable(_UNKNOWN) from error
    if row is None:
        raise NodeUnreachable(_UNKNOWN)
    return str(row[0]), str(row[1])


_UNKNOWN: Final = (
    "the node's account is not known: set CALLAPI_ACCOUNT_SID and CALLAPI_AUTH_TOKEN, "
    "or name the node's configuration with --config"
)


def _readable(settings: Settings) -> str:
    """The database's URL, without making an SQLite file that is not there."""
    url = settings.database_url()
    scheme, _, path = url.partition(":///")
    if scheme.startswith("sqlite"):
        if not Path(path).is_file():
            raise FileNotFoundError(path)
        return url
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
