"""Where a ledger is: a file of this machine, or a PostgreSQL database that several machines write to.

Light: every verb needs it. A password is kept apart from the address, so that no message, record or
file of ours can have it.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import msgspec

from jumar.errors import Usage

SCHEMES = ("postgresql", "postgres")
EXAMPLE = "postgresql://ann@db.example.org/jumar"


class Address(msgspec.Struct, frozen=True):
    """A PostgreSQL database. In words it is its URL without the password."""

    url: str
    password: str = ""

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        """Without the password, wherever this is shown."""
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
    query = parse_qsl(parts.query, keep_blank_values=True)
    secret = secret or next((value for name, value in query if name == "password"), "")
    rest = urlencode([(name, value) for name, value in query if name != "password"])
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}{at}{host}"
    return Address(urlunsplit((SCHEMES[0], netloc, parts.path, rest, "")), secret)


def is_there(place: Place) -> bool:
    """Whether a ledger may be there: of a database only the server can tell."""
    return isinstance(place, Address) or place.exists()


def _unreadable(whence: str, how: str) -> Usage:
    return Usage(
        f"the address of the ledger in {whence} {how}",
        fix=f"write it like {EXAMPLE} (special characters percent-encoded)",
    )
