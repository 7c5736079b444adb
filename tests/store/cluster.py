"""A PostgreSQL server of our own, in a temporary directory, for the length of the test run."""

import os
import pwd
import shutil
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


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a server without databases of its own: append `/name`. Raises NoServer."""
    initdb, postgres, (user, group) = _program("initdb"), _program("postgres"), _user()
    with tempfile.TemporaryDirectory(prefix="callapi-postgresql-", ignore_cleanup_errors=True) as directory:
        os.chown(directory, user, group)
        files = f"{directory}/files"
        subprocess.run(
            [initdb, "-D", files, "-A", "trust", "-U", "callapi", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=directory,
            user=user,
            group=group,
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = subprocess.Popen(
            [postgres, "-D", files, "-p", str(port), "-k", directory, "-c", "fsync=off", "-h", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=directory,
            user=user,
            group=group,
        )
        try:
            url = f"postgresql://callapi@127.0.0.1:{port}"
            _wait(url)
            yield url
        finally:
            server.send_signal(2)  # SIGINT: fast shutdown
            server.wait(20)


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
