"""What agents were answered, as text that a person can read, whichever agent kept it and in whatever form."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


def readable(content: bytes) -> str:
    """The words of a kept reply. What is of no known form is shown as it stands."""
    try:
        kept = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return content.decode("utf-8", "replace")
    if isinstance(kept, Mapping) and "transcript" in kept:
        return "\n\n".join(filter(None, _of_program(kept)))
    if isinstance(kept, list) and all(isinstance(each, Mapping) for each in kept):
        return "\n\n".join(words for message in kept for words in _of_message(message))
    return _indented(kept)


def _of_program(kept: Mapping[str, Any]) -> Iterator[str]:
    """What a coding agent's program said: its last message, what went wrong, then all of it."""
    yield _words(kept.get("words"))
    if trouble := _words(kept.get("trouble")):
        yield f"trouble: {trouble}"
    try:
        said = base64.b64decode(_words(kept["transcript"]), validate=True)
    except (binascii.Error, ValueError):
        return
    yield said.decode("utf-8", "replace")


def _of_message(message: Mapping[str, Any]) -> Iterator[str]:
    """What a model answered, part by part."""
    parts = message.get("parts")
    if not isinstance(parts, list):
        yield _indented(message)
        return
    for part in parts:
        if not isinstance(part, Mapping):
            yield _indented(part)
        elif name := _words(part.get("tool_name")):
            yield f"→ {name} {_indented(part.get('args', part.get('content')))}"
        elif words := _words(part.get("content")):
            yield f"({words})" if part.get("part_kind") == "thinking" else words


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _indented(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode("utf-8", "replace")
