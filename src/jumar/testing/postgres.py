"""A PostgreSQL server of one's own on loopback, for tests: made in a moment, and gone with its owner."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import psycopg

ACCOUNT = "postgres"  #: whom it runs as where the tests are root, which no server runs as
PASSWORD = "a/b@c:d%"  #: what a URL must escape
START_S = 30.0


def program(name: str) -> str | None:
    """Where a program of the server is; Debian keeps them off PATH."""
    beside = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, beside), os.environ["PATH"]]))
    return found if os.geteuid() or _account() else None


class LocalServer:
    """Listens on loopback and wants a password there. Made by `local_server`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it answers."""
        command = [program("postgres") or "", "-D", str(self._folder / "db"), "-p", str(self.port)]
        command += ["-k", str(self._folder), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*_as_account(), *command], stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while True:
            try:
                return psycopg.connect(self._own_url("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def does(self, *statements: str, db: str = "postgres") -> None:
        """Execute statements as the server's owner."""
        with psycopg.connect(self._own_url(db), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def url(self, *, user: str = "ann", password: str | None = PASSWORD, db: str = "jumar") -> str:
        """The address of a database, as a user would write it."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{db}"

    def fresh(self) -> str:
        """The address of a place that holds nothing yet, which is made in a moment."""
        name = f"place{next(self._numbers)}"
        self.does(f"CREATE SCHEMA {name} AUTHORIZATION ann", db="jumar")
        return f"{self.url()}?options=-csearch_path%3D{name}"

    def _own_url(self, db: str) -> str:
        return f"postgresql://{ACCOUNT}@/{db}?host={quote(str(self._folder), safe='')}&port={self.port}"


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """A server with the user `ann` and her database `jumar`; nothing of it is left behind."""
    folder = Path(mkdtemp(prefix="jumar-postgres-"))
    try:
        folder.chmod(0o755)
        if account := _account():
            os.chown(folder, account.pw_uid, account.pw_gid)
        asked = ["--username", ACCOUNT, "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        command = [program("initdb") or "", "-D", str(folder / "db"), "--locale=C.UTF-8", *asked]
        subprocess.run([*_as_account(), *command], check=True, capture_output=True, cwd=folder)
        server = LocalServer(folder)
        server.start()
        try:
            server.does(f"CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE jumar OWNER ann")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    try:
        return None if os.geteuid() else pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _as_account() -> list[str]:
    """How to start what shall end when we do, however that is, and run as its account."""
    account = _account()
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"] if account else []
    return ["setpriv", *ids, "--pdeathsig=QUIT", "--"]
