"""The grammar of listening addresses: `udp://127.0.0.1:5060`, `wss://[::1]:443`, `127.0.0.1:8080`.

One place for the settings, the sockets and the command line. An IPv6 address is written in brackets and held without.
"""

import re
from typing import NamedTuple

_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s]+):(?P<port>[0-9]{1,5})")
MAX_PORT = 65535


class ListenAddress(NamedTuple):
    """Where one listener is bound."""

    scheme: str
    """`udp`, `tcp`, ... in lower case; empty where the text names none."""
    host: str
    """An IP address (IPv6 without brackets) or a name of this machine."""
    port: int
    """0: the system chooses."""

    @property
    def host_port(self) -> str:
        """`host:port`, an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_port}" if self.scheme else self.host_port


def parse_listen_address(text: str) -> ListenAddress:
    """Read `scheme://host:port` or `host:port`. Raises ValueError that says how an address looks."""
    scheme, separator, address = text.rpartition("://")
    match = _HOST_PORT.fullmatch(address)
    if match is None or int(match["port"]) > MAX_PORT or (separator and not scheme.isalpha()):
        example = "udp://127.0.0.1:5060" if separator else "127.0.0.1:8080"
        raise ValueError(f"must look like {example}")
    return ListenAddress(scheme.lower(), match["host"].strip("[]"), int(match["port"]))
