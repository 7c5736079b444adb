"""Clients that register through the edge of a service."""

from dataclasses import dataclass

from tests.scenarios.harness.raw_phone import RawPhone
from tests.scenarios.harness.registering import Registrant
from tests.scenarios.harness.service import DOMAIN, Service


@dataclass(frozen=True, slots=True)
class Target:
    """Where a phone registers that is not one node."""

    sip_address: tuple[str, int]
    sip_port: int


def registrant(service: Service, phone: RawPhone, password: str) -> Registrant:
    """A client that registers through the edge."""
    made = Registrant(Target(service.edge.address, service.edge.port), phone, password)  # type: ignore[arg-type]
    made.realm = DOMAIN
    return made
