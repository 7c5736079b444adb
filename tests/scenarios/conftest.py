"""Fixtures of the scenarios: one application and one node for the session, a number of its own for each test.

Everything here runs on one event loop, so that processes and servers can live longer than a test.
"""

import asyncio
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test

from callapi.store.sql.backend import SqlBackend
from tests.scenarios.harness.application import Application, Webhook
from tests.scenarios.harness.browser_phone import Browser
from tests.scenarios.harness.database_path import DatabasePath
from tests.scenarios.harness.forked_process import ForkingParent
from tests.scenarios.harness.ladder import ladder
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.service import EDGE_HOST, Service
from tests.scenarios.harness.sipp import PROGRAM as SIPP
from tests.scenarios.harness.street import MICROPHONE_HZ, Street, new_street
from tests.sip.transport.certificates import Authority
from tests.store.cluster import NoServer, PostgresServer, postgres_server

HERE = Path(__file__).parent
_NUMBERS = [str(number) for number in range(1000, 1800)]
_FREE_NUMBERS = iter(_NUMBERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here as scenarios, and give them the session's event loop."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.scenario)
        if is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if "sipp" in getattr(item, "fixturenames", ()) and SIPP is None:
            item.add_marker(pytest.mark.skip(reason="SIPp is not installed (Debian: sip-tester)"))


@dataclass(frozen=True, slots=True)
class Server:
    """The node, as one test sees it: under its own number."""

    node: Node
    number: str

    @property
    def uri(self) -> str:
        """Where to call."""
        return self.node.uri(self.number)

    @property
    def tcp_uri(self) -> str:
        """Where to call over TCP."""
        return self.node.uri(self.number, transport="tcp")


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def _quick_starts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Nodes are forked, and find their tables made: imports and migrations are most of the CPU of a first start.

    What a user starts (`test_first_hour.py`, `test_lifecycle.py`, `test_cli.py`) is executed, and finds nothing.
    """
    Node.migrated = tmp_path_factory.mktemp("migrated") / "callapi.db"
    await asyncio.to_thread(_migrate, f"sqlite:///{Node.migrated}")
    async with ForkingParent() as Node.parent:
        yield
    Node.parent = Node.migrated = None


def _migrate(url: str) -> None:
    backend = SqlBackend(url)
    backend.open()
    backend.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def application() -> AsyncIterator[Application]:
    """The web server that all tests share."""
    async with Application() as application:
        yield application


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node(application: Application, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """The node that all tests share; whose number is called decides whose application is asked."""
    numbers = [
        {"number": number, "voice_url": f"{application.base_url}/{number}/voice"} for number in _NUMBERS
    ]
    async with Node(tmp_path_factory.mktemp("node"), numbers=numbers) as node:
        yield node
    assert node.process.returncode == 0, node.process.failure("did not leave in good order")


@pytest.fixture
def server(node: Node) -> Server:
    """The node under a number that no other test has."""
    return Server(node, next(_FREE_NUMBERS))


@pytest.fixture
def webhook(application: Application, server: Server) -> Webhook:
    """The application behind this test's number; the first document is `webhook["voice"]`."""
    return application.webhook(server.number)


NodeFactory = Callable[..., Awaitable[tuple[Node, Webhook]]]


@pytest_asyncio.fixture(loop_scope="session")
async def new_node(application: Application, tmp_path: Path) -> AsyncIterator[NodeFactory]:
    """Start a node of the test's own, with its own settings; gives it and its application."""
    nodes: list[Node] = []
    names = itertools.count(1)

    async def start(number: dict[str, Any] | None = None, **settings: dict[str, Any]) -> tuple[Node, Webhook]:
        name = f"{tmp_path.name}-{next(names)}"
        folder = tmp_path / name
        folder.mkdir()
        webhook = application.webhook(name)
        numbers = [{"number": "*", "voice_url": webhook.url("voice"), **(number or {})}]
        node = Node(folder, numbers=numbers, settings=settings)
        nodes.append(node)
        await node.__aenter__()
        return node, webhook

    yield start
    for node in nodes:
        await node.__aexit__()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _kept_nodes() -> AsyncIterator[dict[str, Node]]:
    nodes: dict[str, Node] = {}
    yield nodes
    for node in nodes.values():
        await node.__aexit__()


@pytest.fixture
def kept_node(
    application: Application, tmp_path_factory: pytest.TempPathFactory, _kept_nodes: dict[str, Node]
) -> NodeFactory:
    """Like `new_node`, for tests that leave a node as it was: those of a file with the same settings share one."""

    async def find(number: dict[str, Any] | None = None, **settings: dict[str, Any]) -> tuple[Node, Webhook]:
        key = json.dumps([number, settings], sort_keys=True)
        node = _kept_nodes.get(key)
        folder = node.folder if node is not None else tmp_path_factory.mktemp("kept")
        webhook = application.webhook(folder.name)
        if node is None:
            numbers = [{"number": "*", "voice_url": webhook.url("voice"), **(number or {})}]
            node = _kept_nodes[key] = Node(folder, numbers=numbers, settings=settings)
            await node.__aenter__()
        return node, webhook

    return find


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node_with_fallback(
    application: Application, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Node]:
    """A node whose every number has a fallback URL."""
    webhook = application.webhook("fallback")
    number = {"number": "*", "voice_url": webhook.url("voice"), "voice_fallback_url": webhook.url("fallback")}
    async with Node(tmp_path_factory.mktemp("fallback"), numbers=[number]) as node:
        yield node


@pytest.fixture
def fallback_node(node_with_fallback: Node, application: Application) -> tuple[Node, Webhook]:
    """That node, and its application as this test's own."""
    return node_with_fallback, application.webhook("fallback")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Three nodes behind an edge with a certificate, and what is around them."""

    service: Service
    webhook: Webhook
    """The application of every number; final callbacks come to `ended`."""
    path: DatabasePath
    """The way of the nodes to their database."""
    authority: Authority

    def fresh(self) -> tuple[Service, Webhook]:
        """The service, its application without memory of earlier tests."""
        self.webhook.requests.clear()
        for page in ("ended", "child", "after"):
            self.webhook[page] = ""
        return self.service, self.webhook


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """The PostgreSQL server that the tests of several nodes share."""
    try:
        with postgres_server() as server:
            yield server
    except NoServer as reason:
        pytest.skip(f"no PostgreSQL: {reason}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _three_nodes(
    application: Application, postgresql: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    webhook = application.webhook("cluster")
    numbers = [{"number": "*", "voice_url": webhook.url("voice"), "status_callback": webhook.url("ended")}]
    authority = Authority(tmp_path_factory.mktemp("authority"))
    async with DatabasePath(postgresql.create(f"cluster_{secrets.token_hex(4)}")) as path:
        service = Service(tmp_path_factory.mktemp("cluster"), postgresql, numbers, url=path.url)
        service.edge.tls = authority.issue(EDGE_HOST)
        async with service:
            service.url = path.direct  # the tests ask the database by themselves
            yield Cluster(service, webhook, path, authority)


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(_three_nodes: Cluster) -> AsyncIterator[Cluster]:
    """The service that the tests of several nodes share; what a failed test has stopped is started again."""
    service = _three_nodes.service
    for node in service.nodes:
        if node.process.returncode is not None:
            await node.start()
    await service.edge_is_ready()
    yield _three_nodes


PhoneFactory = Callable[[str], Awaitable[Phone]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def phones(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Phone]]:
    """The PJSUA2 phones of the session, by name."""
    phones: dict[str, Phone] = {}
    yield phones
    await asyncio.gather(*(each.__aexit__() for each in phones.values()))


@pytest_asyncio.fixture(loop_scope="session")
async def phone(
    phones: dict[str, Phone], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PhoneFactory]:
    """`await phone("alice")`: a softphone, ready; everything is hung up after the test, or the phone replaced."""
    used: dict[str, Phone] = {}

    async def take(name: str) -> Phone:
        if name not in phones:
            phones[name] = await Phone(name, tmp_path_factory.mktemp(name)).__aenter__()
        used[name] = phones[name]
        return phones[name]

    yield take
    for name, each in used.items():
        if not await each.reset():
            await phones.pop(name).__aexit__()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One Chromium for the tests of a file."""
    async with Browser(tmp_path_factory.mktemp("browser"), MICROPHONE_HZ) as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _street(
    request: pytest.FixtureRequest,
    application: Application,
    browser: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Street]:
    """One node for the tests of a file."""
    name = request.module.__name__.rpartition(".")[2]
    async with new_street(tmp_path_factory.mktemp(name), application, name, browser) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def street(
    request: pytest.FixtureRequest, _street: Street, application: Application
) -> AsyncIterator[Street]:
    """The node and the browser of the file, with an application of the test's own and no tabs."""
    name = request.module.__name__.rpartition(".")[2]
    yield Street(_street.node, application.webhook(name), _street.browser)
    await _street.close_tabs()


@pytest.fixture
def sipp(tmp_path: Path) -> Path:
    """The folder for SIPp's files; skips the test where there is no SIPp."""
    return tmp_path


Measured = Callable[[str], None]
_MEASURED: list[str] = []


@pytest.fixture
def measured() -> Measured:
    """Keep a line of figures for the end of the run."""
    return _MEASURED.append


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was measured."""
    if _MEASURED:
        terminalreporter.section("measured")
        for line in _MEASURED:
            terminalreporter.write_line(line)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add to a failure what was on the wire, what the application was asked, and the end of the node's log."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result has no type here
    if report.when == "call" and report.failed and HERE in item.path.parents:
        for title, text in ladder(getattr(item, "funcargs", {}), since=call.start):
            report.sections.append((title, text))
