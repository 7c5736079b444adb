"""URLs of databases: several servers in one, as PostgreSQL's own programs have them.

`postgresql://user@10.0.0.20:5432,10.0.0.21:5432/callapi` names a primary and its standbys (libpq, "Connection URIs");
SQLAlchemy wants them as parameters.
"""

import re
from typing import Final
from urllib.parse import quote

_SEVERAL: Final = re.compile(
    r"(?P<scheme>postgresql(?:\+\w+)?)://(?P<user>[^@/?]*@)?(?P<hosts>[^/?]*,[^/?]*)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?"
)
_PORT: Final = re.compile(r":(\d*)$")
_STANDARD_PORT: Final = "5432"
_KIND: Final = "target_session_attrs"


def with_servers_as_parameters(url: str) -> str:
    """`url`, the hosts and ports of several servers moved into its query; any other URL as it is.

    Of several servers the one that takes writes is looked for, unless `target_session_attrs` says otherwise.
    """
    found = _SEVERAL.fullmatch(url)
    if found is None:
        return url
    servers = found["hosts"].split(",")
    hosts = [_PORT.sub("", each).strip("[]") for each in servers]
    ports = [(match[1] if (match := _PORT.search(each)) else "") or _STANDARD_PORT for each in servers]
    query = [f"host={quote(','.join(hosts), safe='')}", f"port={quote(','.join(ports), safe='')}"]
    if found["query"]:
        query.append(found["query"])
    if _KIND not in (found["query"] or ""):
        query.append(f"{_KIND}=read-write")
    return f"{found['scheme']}://{found['user'] or ''}{found['path'] or '/'}?{'&'.join(query)}"
