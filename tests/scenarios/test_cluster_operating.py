"""What operators do beneath a service: a pooler, a backup and its restore, a node that starts anew."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.database_path import DatabasePath
from tests.scenarios.harness.ledger import records, state, unfinished
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.promises import judge, reported
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.service import KAMAILIO, Service
from tests.scenarios.harness.waiting import eventually, nothing_left
from tests.store.cluster import PostgresServer

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = [
    pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed"),
    pytest.mark.timeout(120),
]
CONFIGURATION = """\
[databases]
* = host=127.0.0.1 port={server} user=callapi
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = session
default_pool_size = 60
max_client_conn = 200
ignore_startup_parameters = options
unix_socket_dir =
logfile = {folder}/pgbouncer.log
"""


@pytest.fixture
def server(postgresql: PostgresServer) -> PostgresServer:
    """The PostgreSQL server."""
    return postgresql


@contextmanager
def pgbouncer(server: PostgresServer) -> Iterator[int]:
    """PgBouncer before `server`, in sessions; its port."""
    folder, port = server.folder / "pgbouncer", free_port()
    folder.mkdir()
    file = folder / "pgbouncer.ini"
    text = CONFIGURATION.format(server=urlsplit(server.url).port, port=port, folder=folder)
    file.write_text(text, encoding="utf-8")
    server.give(folder)
    process = subprocess.Popen(
        [str(PGBOUNCER), "--quiet", str(file)],
        stderr=subprocess.DEVNULL,
        user=server.user,
        group=server.group,
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (Debian: pgbouncer)")
async def test_nodes_work_through_a_pooler_of_sessions(
    application: Application, server: PostgresServer, tmp_path: Path
) -> None:
    """A command for a call of another node is carried over: LISTEN and advisory locks work."""
    webhook = application.webhook("pooler")
    webhook["voice"], webhook["moved"] = response("<Gather timeout='60'/>"), response("<Hangup/>")
    webhook["ended"] = ""
    numbers = [{"number": "*", "voice_url": webhook.url("voice"), "status_callback": webhook.url("ended")}]
    direct = server.create("pooled")
    with pgbouncer(server) as port:
        url = f"postgresql://callapi@127.0.0.1:{port}/pooled"
        async with (
            Service(tmp_path, server, numbers, count=2, url=url, has_edge=False) as service,
            RawPhone("alice", "127.0.0.20") as alice,
        ):
            first, second = service.nodes
            call = alice.invite(first.uri("1"), first.sip_address, body=sdp(9))
            await call.gets("INVITE", 200)
            call.request("ACK")
            sid = webhook.all("voice")[0]["CallSid"]
            status, record = await second.rest("POST", f"Calls/{sid}.json", Url=webhook.url("moved"))
            assert status == 200, record
            await call.gets("BYE")
            service.url = direct
            await nothing_left("its end", lambda: unfinished(service))
            await eventually(
                "its callback",
                lambda: len(reported(webhook, "ended")) == 1,
                seen=lambda: dict(reported(webhook, "ended")),
            )
            judge(reported(webhook, "ended"))


async def test_a_backup_is_restored(application: Application, server: PostgresServer, tmp_path: Path) -> None:
    """Dumped under a live call, restored into another database: its nodes know all, and end what was live."""
    webhook = application.webhook("backup")
    webhook["voice"] = response("<Gather timeout='60'/>")
    webhook["ended"] = ""
    numbers = [{"number": "*", "voice_url": webhook.url("voice"), "status_callback": webhook.url("ended")}]
    dump = tmp_path / "callapi.dump"
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    async with (
        Service(tmp_path / "before", server, numbers, count=1, has_edge=False) as service,
        RawPhone("alice", "127.0.0.20") as alice,
    ):
        [node] = service.nodes
        status, made = await node.rest("POST", "Clients.json", Login="bob", Password="Secret-123456")
        assert status in {200, 201}, made
        call = alice.invite(node.uri("1"), node.sip_address, body=sdp(9))
        await call.gets("INVITE", 200)
        call.request("ACK")
        sid = webhook.all("voice")[0]["CallSid"]
        await eventually("its record", lambda: records(service)[sid][0] == "in-progress")
        await run("pg_dump", "--format=custom", f"--file={dump}", service.url)
        call.request("BYE")
        await call.gets("BYE", 200)
        account, token = service.account_sid, service.auth_token
    url = server.create("restored")
    await run("pg_restore", "--no-owner", f"--dbname={url}", str(dump))
    restored = Service(tmp_path / "after", server, numbers, count=1, url=url, has_edge=False)
    restored.nodes[0].account_sid, restored.nodes[0].auth_token = account, token
    async with restored:
        record = await restored.nodes[0].final(sid)
        assert record["status"] == "completed"
        status, page = await restored.nodes[0].rest("GET", "Clients.json")
        assert [each["login"] for each in page["clients"]] == ["bob"]
        await eventually(
            "its callbacks",
            lambda: len(reported(webhook, "ended").get(sid, ())) == 2,
            seen=lambda: dict(reported(webhook, "ended")),
        )
        assert len(set(reported(webhook, "ended")[sid])) == 1, "the second comes under the id of the first"


async def run(program: str, *arguments: str) -> None:
    """A program of PostgreSQL."""
    found = shutil.which(program) or str(next(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))  # noqa: ASYNC240
    process = await asyncio.create_subprocess_exec(
        found, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def test_a_node_that_loses_its_name_or_its_database_while_it_starts_begins_anew(
    server: PostgresServer, tmp_path: Path
) -> None:
    """On a machine too busy for its heartbeats; and after a takeover, while the database is away. It does not exit."""
    raised = (
        "UPDATE nodes SET epoch = epoch + 1, beat = -1, state = 'dead' WHERE name = 'node-1' AND beat >= 0"
    )
    direct = server.create("anew")
    async with AsyncExitStack() as stack:
        path = await stack.enter_async_context(DatabasePath(direct))
        service = Service(tmp_path, server, [], count=1, url=path.url, has_edge=False)
        service.url = direct  # the test asks the database by itself
        [node] = service.nodes
        # Executed, not forked: its start takes long enough to lose something meanwhile.
        node.prefix = ("env",)
        connection = stack.enter_context(psycopg.connect(direct, autocommit=True))

        def is_taken_over() -> bool:
            try:
                return connection.execute(raised).rowcount == 1
            except psycopg.errors.UndefinedTable:
                return False

        def said() -> str:
            return node.process.log.read_text(encoding="utf-8")

        starting = asyncio.create_task(stack.enter_async_context(service))
        await eventually("the node to claim its name", is_taken_over)
        await starting
        assert "starts anew" in said()
        await eventually("the node to be up", lambda: state(service, "node-1") == "up")
        before = len(said())
        await eventually("the node to be taken over from", is_taken_over)
        await eventually("the node to know", lambda: "was taken over since" in said()[before:])
        async with path.refusing():
            await eventually("a start without a database", lambda: "is not up" in said()[before:])
        await eventually("the node to be up", lambda: state(service, "node-1") == "up")
