"""Where a ledger is: a file of this machine, or a PostgreSQL database that several machines write to.

Light: every verb needs it. A password is kept apart from the address, so that no message, record or
file of ours can have it.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

import msgspec

from jumar.errors import Usage

SCHEMES = ("postgresql", "postgres")
EXAMPLE = "postgresql://ann@db.example.org/jumar"
_SECRET = re.compile(
    r"(password|secret|token|scram_(client|server)_key)$", re.IGNORECASE
)  # of libpq's settings


class Address(msgspec.Struct, frozen=True):
    """A PostgreSQL database. In words it is its URL without the password and other secrets."""

    url: str
    password: str = ""
    secrets: tuple[tuple[str, str], ...] = ()  #: others that libpq takes, such as the password of a key

    @property
    def hidden(self) -> tuple[str, ...]:
        """What nobody may read."""
        return tuple(each for each in (self.password, *(value for _, value in self.secrets)) if each)

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        """Without its secrets, wherever this is shown."""
        return f"<ledger {self.url}>"


Place = Path | Address


def read_address(text: str, *, whence: str) -> Address:
    """The address that a person wrote. Raises Usage, and never quotes what may be a password."""
    try:
        parts = urlsplit(text.strip())
        secret = unquote(parts.password or "")
        _ = parts.port  # says so when it is no number, as where a password has a slash
    except ValueError:
        raise _unreadable(whence, "cannot be read") from None
    if parts.scheme not in SCHEMES:
        raise _unreadable(whence, "is no address of a PostgreSQL database")
    if not parts.path.strip("/"):
        raise _unreadable(whence, "names no database")
    # As libpq reads it: a plus is no blank.
    said = (each.partition("=") for each in parts.query.split("&") if each)
    query = [(unquote(name), unquote(value)) for name, _, value in said]
    secrets = {name: value for name, value in query if _SECRET.search(name)}
    secret = secret or secrets.get("password", "")
    secrets.pop("password", None)
    rest = urlencode([pair for pair in query if not _SECRET.search(pair[0])], quote_via=quote)
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}{at}{host}"
    url = urlunsplit((SCHEMES[0], netloc, parts.path, rest, ""))
    return Address(url, secret, tuple(secrets.items()))


def is_there(place: Place) -> bool:
    """Whether a ledger may be there: of a database only the server can tell."""
    return isinstance(place, Address) or place.exists()


def _unreadable(whence: str, how: str) -> Usage:
    return Usage(
        f"the address of the ledger in {whence} {how}",
        fix=f"write it like {EXAMPLE} (special characters percent-encoded)",
    )
