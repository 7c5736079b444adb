"""A PostgreSQL server of our own, in a temporary directory, for the length of the test run."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


class NoServer(Exception):
    """Why there is no PostgreSQL to test with."""


def _program(name: str) -> str:
    found = shutil.which(name)
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if found is None and not places:
        raise NoServer(f"{name} is not installed")
    return found or str(places[-1])


def _user() -> tuple[int, int]:
    """User and group to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise NoServer("running as root, and there is no user postgres") from None
    return user.pw_uid, user.pw_gid


class PostgresServer:
    """One server, in `directory`; it can be stopped and started again."""

    def __init__(self, directory: str, postgres: str, user: int, group: int) -> None:
        self._directory = directory
        self._postgres = postgres
        self.user, self.group = user, group
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"postgresql://callapi@127.0.0.1:{self._port}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self._directory)

    def start(self, *more: str) -> None:
        """Start it and wait until it answers; `more` are arguments of `postgres`."""
        directory = self._directory
        options = [*more, "-k", directory, "-c", "fsync=off", "-c", "max_connections=200", "-h", "127.0.0.1"]
        self.process = subprocess.Popen(
            [self._postgres, "-D", f"{directory}/files", "-p", str(self._port), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=directory,
            user=self.user,
            group=self.group,
        )
        _wait(self.url)

    def stop(self) -> None:
        """Stop it, with its connections."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            self.process.wait(20)
            self.process = None

    def kill(self) -> None:
        """End it at once, as a machine does that loses its power."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)
            self.process = None

    def create(self, name: str, tablespace: str = "pg_default") -> str:
        """The URL of a new database."""
        self.run(f"CREATE DATABASE {name} TABLESPACE {tablespace}")
        return f"{self.url}/{name}"

    def run(self, statement: str) -> None:
        """Run a statement, outside of any transaction."""
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(statement)

    def give(self, folder: Path) -> None:
        """Let the server own a folder."""
        os.chown(folder, self.user, self.group)

    @contextmanager
    def standby(self) -> "Iterator[PostgresServer]":
        """A copy that follows this server, and has what is committed here; `run("SELECT pg_promote()")` on it."""
        copy = _program("pg_basebackup")
        with tempfile.TemporaryDirectory(
            prefix="callapi-standby-", ignore_cleanup_errors=True, dir="/tmp"
        ) as directory:
            os.chown(directory, self.user, self.group)
            subprocess.run(
                [
                    copy,
                    "-D",
                    f"{directory}/files",
                    "-R",
                    "-c",
                    "fast",
                    "--no-sync",
                    "-d",
                    f"{self.url}/postgres",
                ],
                check=True,
                capture_output=True,
                cwd=directory,
                user=self.user,
                group=self.group,
            )
            standby = PostgresServer(directory, self._postgres, self.user, self.group)
            standby.start("-c", "synchronous_standby_names=")
            self.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.run("SELECT pg_reload_conf()")
            try:
                yield standby
            finally:
                standby.stop()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server without databases of its own, running. Raises NoServer."""
    initdb, postgres, (user, group) = _program("initdb"), _program("postgres"), _user()
    with tempfile.TemporaryDirectory(prefix="callapi-postgresql-", ignore_cleanup_errors=True) as directory:
        os.chown(directory, user, group)
        subprocess.run(
            [initdb, "-D", f"{directory}/files", "-A", "trust", "-U", "callapi", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=directory,
            user=user,
            group=group,
        )
        server = PostgresServer(directory, postgres, user, group)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a server without databases of its own: append `/name`. Raises NoServer."""
    with postgres_server() as server:
        yield server.url


def _wait(url: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
