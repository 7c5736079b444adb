"""`advertised_address = "auto"`: asked from a server on the loopback, whose answer names another address."""

import asyncio
import socket
from contextlib import closing
from typing import cast

import pytest

from callapi.base.errors import SettingsError
from callapi.base.settings import MediaSettings, Settings, SipSettings
from callapi.media.stun import MAGIC_COOKIE
from callapi.node import public_address
from callapi.node.public_address import with_public_address


class StunServer(asyncio.DatagramProtocol):
    """Says 198.51.100.7 to each request but the first `silent_to`, after a datagram that answers nothing."""

    def __init__(self, silent_to: int = 0) -> None:
        self.silent_to = silent_to

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.silent_to -= 1
        if self.silent_to >= 0:
            return
        masked = (int.from_bytes(socket.inet_aton("198.51.100.7"), "big") ^ MAGIC_COOKIE).to_bytes(4, "big")
        self.transport.sendto(b"not an answer", addr)
        head = bytes.fromhex("0101000c") + MAGIC_COOKIE.to_bytes(4, "big") + data[8:20]
        self.transport.sendto(head + bytes.fromhex("0020000800010000") + masked, addr)


async def settings_for(
    server: StunServer, sip: str = "auto", media: str = "auto"
) -> tuple[Settings, asyncio.BaseTransport]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    settings = Settings(
        sip=SipSettings(advertised_address=sip),
        media=MediaSettings(advertised_address=media, stun_server=f"{host}:{port}"),
    )
    return settings, transport


@pytest.mark.parametrize(
    ("sip", "media", "found"),
    [
        ("auto", "auto", ("198.51.100.7", "198.51.100.7")),
        ("", "auto", ("", "198.51.100.7")),
        ("sip.example.com", "", ("sip.example.com", "")),
    ],
)
async def test_auto_alone_is_replaced(sip: str, media: str, found: tuple[str, str]) -> None:
    settings, transport = await settings_for(StunServer(), sip, media)
    with closing(transport):
        settings = await with_public_address(settings)
    assert (settings.sip.advertised_address, settings.media.advertised_address) == found


async def test_a_lost_request_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_address, "WAITS_S", (0.05, 5.0))
    settings, transport = await settings_for(StunServer(silent_to=1))
    with closing(transport):
        assert (await with_public_address(settings)).media.advertised_address == "198.51.100.7"


async def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_address, "WAITS_S", (0.01, 0.01))
    settings, transport = await settings_for(StunServer(silent_to=99))
    with closing(transport), pytest.raises(SettingsError, match=r"stun_server.*does not answer"):
        await with_public_address(settings)


async def test_auto_needs_a_server() -> None:
    settings = Settings(media=MediaSettings(advertised_address="auto"))
    with pytest.raises(SettingsError, match=r"needs media\.stun_server"):
        await with_public_address(settings)
