"""Addresses that a demo can have: what is taken is replaced, and said."""

import socket

from callapi.base.settings import HttpSettings, Settings, SipSettings
from callapi.cli.ports import choose_addresses, free_port, problem_with, split_address


def test_addresses_are_parsed() -> None:
    assert split_address("udp://127.0.0.1:5060") == ("udp", "127.0.0.1", 5060)
    assert split_address("tls://[::1]:5061") == ("tls", "::1", 5061)
    assert split_address("0.0.0.0:8080") == ("tcp", "0.0.0.0", 8080)


def _settings(sip: int, http: int) -> Settings:
    return Settings(
        sip=SipSettings(listen=(f"udp://127.0.0.1:{sip}", f"tcp://127.0.0.1:{sip}")),
        http=HttpSettings(listen=f"127.0.0.1:{http}", public_url=f"http://127.0.0.1:{http}"),
    )


def test_what_is_free_is_kept() -> None:
    settings = _settings(free_port(), free_port())
    chosen = choose_addresses(settings)
    assert chosen.settings == settings
    assert chosen.remarks == []


def test_what_is_taken_is_replaced_and_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip, socket.socket() as http:
        sip.bind(("127.0.0.1", 0))
        http.bind(("127.0.0.1", 0))
        http.listen()
        taken_sip, taken_http = sip.getsockname()[1], http.getsockname()[1]
        assert problem_with("udp", "127.0.0.1", taken_sip)
        chosen = choose_addresses(_settings(taken_sip, taken_http))
    udp, tcp = (split_address(each) for each in chosen.settings.sip.listen)
    assert udp[2] == tcp[2] != taken_sip, "UDP and TCP stay on one port"
    port = split_address(chosen.settings.http.listen)[2]
    assert port != taken_http
    assert chosen.settings.http.public_url == f"http://127.0.0.1:{port}"
    assert [str(taken_sip) in each or str(taken_http) in each for each in chosen.remarks] == [True, True]
