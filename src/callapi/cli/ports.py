"""Which addresses a demo can have: those of the settings, or free ones in place of those that other programs use."""

import socket
from dataclasses import dataclass, field
from typing import Final

from callapi.base.listen_address import parse_listen_address
from callapi.base.settings import Settings

LOOPBACK: Final = "127.0.0.1"


def split_address(listen: str) -> tuple[str, str, int]:
    """Transport, host and port of `udp://127.0.0.1:5060`; without a scheme the transport is `tcp`."""
    address = parse_listen_address(listen)
    return address.scheme or "tcp", address.host, address.port


def problem_with(transport: str, host: str, port: int) -> str | None:
    """None if the port can be bound, else the system's reason."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        try:
            if transport != "udp":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def free_port(host: str = LOOPBACK) -> int:
    """A port of `host` that is free for UDP and for TCP at this moment."""
    for _ in range(64):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if problem_with("udp", host, port) is None:
            return port
    raise OSError(f"no free port on {host}")


@dataclass(slots=True)
class Chosen:
    """Settings with addresses that can be had, and a sentence for each that had to be changed."""

    settings: Settings
    remarks: list[str] = field(default_factory=list)


def choose_addresses(settings: Settings) -> Chosen:
    """Keep what is free; where a port is taken, take another one of the same host."""
    chosen = Chosen(settings)
    listen = _sip(settings.sip.listen, chosen.remarks)
    http = settings.http
    _, host, port = split_address(http.listen)
    if problem_with("tcp", host, port):
        other = free_port(host)
        chosen.remarks.append(f"port {port} is in use: HTTP listens on {other}")
        http = http.model_copy(update={"listen": f"{host}:{other}", "public_url": f"http://{host}:{other}"})
    sip = settings.sip.model_copy(update={"listen": listen})
    chosen.settings = settings.model_copy(update={"sip": sip, "http": http})
    return chosen


def _sip(listen: tuple[str, ...], remarks: list[str]) -> tuple[str, ...]:
    """One replacement for each port, so that UDP and TCP stay together."""
    addresses = [split_address(each) for each in listen]
    replaced: dict[int, int] = {}
    for transport, host, port in addresses:
        if port not in replaced and problem_with(transport, host, port):
            replaced[port] = free_port(host)
            remarks.append(f"port {port} is in use: SIP listens on {replaced[port]}")
    return tuple(f"{transport}://{host}:{replaced.get(port, port)}" for transport, host, port in addresses)
