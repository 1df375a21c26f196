"""Owns who may come in: tokens that stand in an address, the key that a browser keeps, names we answer to."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import socket
import stat
from ipaddress import ip_address
from pathlib import Path

KEY_FILE = "web-key"  #: in the study's own folder; removing it signs every browser out
_KEY_BYTES = 32


class Gate:
    """Tokens let a browser in once; from then on it shows a cookie, which outlives this server.

    The cookie is made from a key that lies beside the study's lock. One that was given out for reading
    does not open a server that takes orders.
    """

    def __init__(
        self, key: bytes, *, port: int, read_only: bool, names: frozenset[str] = frozenset()
    ) -> None:
        self.token = secrets.token_urlsafe(24)
        self.cookie = f"jumar-{port}"  # cookies are told apart by host and name, not by port
        self.read_only = read_only
        scope = b"read" if read_only else b"steer"
        self.pass_value = hmac.new(key, scope, hashlib.sha256).hexdigest()
        self._names = names | {"localhost"}
        self._once: set[str] = set()

    def token_for_once(self) -> str:
        """A token that lets in the first who shows it: for a command line, which others can read."""
        token = secrets.token_urlsafe(24)
        self._once.add(token)
        return token

    def lets_in(self, token: str) -> bool:
        """Whether a token in an address is one of ours."""
        if token in self._once:
            self._once.discard(token)
            return True
        return _same(token, self.token)

    def knows(self, cookie: str) -> bool:
        """Whether a browser was let in before."""
        return _same(cookie, self.pass_value)

    def answers_to(self, host: str) -> bool:
        """Whether a Host header names us. A name that somebody made point here does not; an address does."""
        name = _name_of(host)
        try:
            ip_address(name)
        except ValueError:
            return name in self._names
        return True


def _name_of(host: str) -> str:
    """`[::1]:7700` → `::1`, `localhost:7700` → `localhost`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def names_of_this_machine() -> frozenset[str]:
    """What others may call this machine."""
    return frozenset({socket.gethostname().lower(), socket.getfqdn().lower()})


def kept_key(folder: Path) -> bytes:
    """The key that lies in `folder`, made where there is none; one that others could have read is replaced.

    Where the folder cannot be written, a key that ends with this process.
    """
    path = folder / KEY_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (found := _read(path)) is not None:
            return found
        path.unlink(missing_ok=True)
        key = secrets.token_bytes(_KEY_BYTES)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(key)
        return key
    except FileExistsError:  # another server of this study made it in between
        return _read(path) or secrets.token_bytes(_KEY_BYTES)
    except OSError:
        return secrets.token_bytes(_KEY_BYTES)


def _read(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with open(handle, "rb") as file:
        known = os.fstat(file.fileno())
        if known.st_uid != os.getuid() or stat.S_IMODE(known.st_mode) & 0o077:
            return None
        key = file.read(_KEY_BYTES + 1)
    return key if len(key) == _KEY_BYTES else None
