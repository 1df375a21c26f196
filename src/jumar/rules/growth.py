"""Owns how much a candidate may know that the unchanged target did not: what was learnt elsewhere is free.

Counted is information, not length: the compressed size of the editable files that changed, given
what they said at the start. It is an upper bound on what they can carry, wherever in them it is
hidden: in literals, comments, names, files. Code is mostly repetition and costs little of it.
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Mapping

from jumar.errors import Breach

# About 1,250 lines of new Python, or 33,000 weights of four bits. All that half a year of records changed
# in the well-known speedrun of nanoGPT is 6.6 kB of it, two years 28 kB; a study starts afresh sooner.
MOST_NEW_BYTES = 16 << 10
MOST_KNOWN_BYTES = 8 << 20  #: of what was there at the start; what lies beyond counts as new

_CHUNK_BYTES = 1 << 16
_LEAST_WINDOW_BYTES = 4096  # that LZMA takes


def check_growth(files: Mapping[str, bytes], first: Mapping[str, bytes]) -> None:
    """Raise Breach when `files` bring more than MOST_NEW_BYTES that `first`, the unchanged ones, have not."""
    if bytes_added(files, first) > MOST_NEW_BYTES:
        raise Breach(
            f"with this, the code has more than {MOST_NEW_BYTES:,} bytes (compressed) that the unchanged "
            "target has not",
            fix="write how a thing is worked out, not its result; data for every run belongs in [run] inputs",
            code="too-much-new",
        )


def bytes_added(files: Mapping[str, bytes], first: Mapping[str, bytes], most: int = MOST_NEW_BYTES) -> int:
    """How many bytes tell `files` to somebody who has `first`. Past `most`, counting ends."""
    changed = sorted(path for path in files.keys() | first.keys() if files.get(path) != first.get(path))
    known = b"".join(_said(path, first[path]) for path in changed if path in first)[:MOST_KNOWN_BYTES]
    new = b"".join(_said(path, files[path]) for path in changed if path in files)
    # It looks back over all of both. A window of 16 MB for a page of code takes 18 ms to lay out.
    window = max(_LEAST_WINDOW_BYTES, min(len(known) + len(new), 2 * MOST_KNOWN_BYTES))
    before = _compressed(window, known)
    return max(0, _compressed(window, known, new, most=before + most) - before)


def _said(path: str, content: bytes) -> bytes:
    return path.encode("utf-8", "surrogateescape") + b"\0" + content


def _compressed(window: int, *parts: bytes, most: float = math.inf) -> int:
    """The compressed size of the parts together, or what it had grown to when it passed `most`."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": window}]
    compressor = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=filters)
    size = 0
    for part in parts:
        for start in range(0, len(part), _CHUNK_BYTES):
            size += len(compressor.compress(part[start : start + _CHUNK_BYTES]))
            if size > most:
                return size
    return size + len(compressor.flush())
