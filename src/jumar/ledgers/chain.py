r"""The chain: how an event becomes bytes, how each entry is tied to the one before, how breaks show.

The digest of an entry is the SHA-256, in hex, of these bytes:

    ["<previous digest>",<seq>,<at>,"<study>"]\n<event>

The first line is compact JSON; the previous digest of the first entry is 64 zeros; `at` is the
shortest decimal form that reads back to the same double. `<event>` is the event's own JSON, byte for
byte as it is stored. Any language can check it; changing, removing or inserting an entry breaks every
digest after it. What a chain cannot show by itself is that its newest entries are gone: for that,
the tables that are drawn from the entries are compared with them.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from jumar.core.event import Event
from jumar.errors import LedgerUnfit

GENESIS = "0" * 64  #: stands for the digest before the first

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """The first place where a ledger no longer says what was written. `seq` is 0 beyond the entries."""

    seq: int
    problem: str


def link(previous: str, seq: int, at: float, study: str, event: str) -> str:
    """The digest of an entry; `event` is its JSON as stored."""
    return sha256(_encoder.encode((previous, seq, at, study)) + b"\n" + event.encode()).hexdigest()


def encode(event: Event) -> tuple[str, Event]:
    """The event's JSON, and the event as whoever reads that will be given it.

    Text that is no valid Unicode (a file name from a candidate, say) is kept with escapes. Raises
    LedgerUnfit for what could not be read back, such as a NaN.
    """
    try:
        content = _encoder.encode(event)
    except UnicodeEncodeError:
        content = _encoder.encode(_escaped(msgspec.to_builtins(event)))
    try:
        return content.decode(), _decoder.decode(content)
    except msgspec.ValidationError as error:
        raise LedgerUnfit(
            f"a {type(event).__name__} event cannot be recorded: {error}",
            fix="leave the value out, or record the failure instead: NaN and infinity are not numbers here",
        ) from error


def decode(seq: int, event: str) -> Event:
    """The event that was stored. Raises LedgerUnfit when it cannot be understood."""
    try:
        return _decoder.decode(event)
    except msgspec.MsgspecError as error:
        raise LedgerUnfit(
            f"entry {seq} of the ledger cannot be read: {error}",
            fix="update Jumar if a newer one wrote it; otherwise restore the ledger from a backup",
        ) from error


def _escaped(value: Any) -> Any:
    """`value` with every lone surrogate in its texts written as an escape."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_escaped(key): _escaped(item) for key, item in value.items()}
        case list() | tuple():
            return [_escaped(item) for item in value]
        case _:
            return value
