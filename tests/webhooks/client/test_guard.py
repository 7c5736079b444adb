"""Where we connect to, and where not, when private networks are off limits."""

import socket
from collections.abc import AsyncIterator, Sequence

import pytest

from callapi.webhooks import AddressRefused, Fetcher, FetchOptions, InvalidUrl, WebRequest
from callapi.webhooks.client.guard import GuardedResolver, NotPublicError, is_public, open_public_socket
from callapi.webhooks.client.resolver import AddressInfo, Resolver
from tests.webhooks.servers import Reply, Script


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "2001:0:102:304::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "100::1",
        "3fff::1",
        "localhost",
        "2130706433",
        "",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "100.63.255.255",
        "172.32.0.1",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_public(address: str) -> None:
    assert is_public(address)


class FakeResolver:
    """Answers what the test gives it, one answer for each question, the last again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[AddressInfo]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 0, "", (each, port))
            for each in answer
        ]

    async def close(self) -> None:
        return


async def test_the_resolver_hands_on_what_is_public() -> None:
    guarded = GuardedResolver(FakeResolver(["10.0.0.1", "1.1.1.1"]))
    assert [each[4][0] for each in await guarded.resolve("mixed.example", 80)] == ["1.1.1.1"]
    await guarded.close()


async def test_the_resolver_refuses_a_name_that_is_private_altogether() -> None:
    with pytest.raises(NotPublicError, match=r"10\.0\.0\.1"):
        await GuardedResolver(FakeResolver(["10.0.0.1", "::1"])).resolve("inside.example", 80)


def test_the_socket_is_the_last_look() -> None:
    with pytest.raises(NotPublicError):
        open_public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80)))
    with pytest.raises(NotPublicError):
        open_public_socket((socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("::1", 80, 0, 0)))
    open_public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("1.1.1.1", 80))).close()


async def _refused(url: str, resolver: Resolver | None = None) -> AddressRefused:
    options = FetchOptions(timeout_s=5, allow_private_networks=False, resolver=resolver)
    async with Fetcher(options) as fetcher:
        with pytest.raises(AddressRefused) as caught:
            await fetcher.fetch(WebRequest(url))
    assert caught.value.code == 11210
    return caught.value


@pytest.fixture
async def inside() -> AsyncIterator[Script]:
    """An application on loopback that must never be asked."""
    async with Script(Reply()) as application:
        yield application
        assert application.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
async def test_loopback(inside: Script, host: str) -> None:
    error = await _refused(f"http://{host}:{inside.port}/")
    assert "webhooks.allow_private_networks" in str(error)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0"])
async def test_loopback_in_odd_notations(inside: Script, host: str) -> None:
    async with Fetcher(FetchOptions(timeout_s=5, allow_private_networks=False)) as fetcher:
        with pytest.raises((AddressRefused, InvalidUrl)):
            await fetcher.fetch(WebRequest(f"http://{host}:{inside.port}/"))


async def test_a_name_that_leads_inside(inside: Script) -> None:
    error = await _refused(f"http://inside.example:{inside.port}/", FakeResolver(["127.0.0.1"]))
    assert "127.0.0.1" in str(error)


async def test_metadata_of_a_cloud() -> None:
    await _refused("http://169.254.169.254/latest/meta-data/")
    await _refused("https://metadata.example/", FakeResolver(["169.254.169.254", "fd00:ec2::254"]))


async def test_a_name_that_changes_its_mind_is_judged_by_where_the_socket_goes(
    inside: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first look saw a public address, the connection would go inside."""

    async def blind(
        self: GuardedResolver, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[AddressInfo]:
        return await self._inner.resolve(host, port, family)

    monkeypatch.setattr(GuardedResolver, "resolve", blind)
    await _refused(f"http://rebound.example:{inside.port}/", FakeResolver(["127.0.0.1"]))


async def test_a_redirect_that_leads_inside(inside: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.2 stands for a public address, 127.0.0.1 is what it always is."""
    monkeypatch.setattr("callapi.webhooks.client.guard.is_public", lambda address: address == "127.0.0.2")
    redirect = Reply(302, headers=(("Location", inside.url()),))
    async with Script(redirect, host="127.0.0.2") as outside:
        await _refused(outside.url())
        assert len(outside.requests) == 1
