"""A course that was read before, in a file beside the study's lock: a cache, and never more than that.

A hundred thousand experiments take seconds to be read from the record, and a moment from here. What is in
the file counts only while the record still has, with the same digest, the entry that was read last, and
while the modules that made it are the same to the letter.
"""

from __future__ import annotations

import os
from array import array
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from jumar.reports import columns, course, pages, slots
from jumar.reports.course import Course

NAME = "course.cache"
_MODULES = (columns, course, pages, slots)


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says."""

    form: str
    study: str
    course: Course


def remember(own: Path, study: str, read: Course) -> None:
    """Keep a course in the study's folder. Where that cannot be, the next reading takes longer."""
    content = msgspec.msgpack.encode(_Kept(form=_form(), study=study, course=read), enc_hook=_packed)
    draft = own / f"{NAME}.{os.getpid()}"
    with suppress(OSError):
        draft.write_bytes(content)
        os.replace(draft, own / NAME)
    with suppress(OSError):
        draft.unlink(missing_ok=True)


def recall(own: Path, study: str) -> Course | None:
    """The course that was kept, if it is one of this study and of this Jumar."""
    try:
        content = (own / NAME).read_bytes()
        if msgspec.msgpack.decode(content, type=_Head) != _Head(form=_form(), study=study):
            return None
        found = msgspec.msgpack.decode(content, type=_Kept, dec_hook=_unpacked).course
    except (OSError, msgspec.MsgspecError, ValueError, EOFError):
        return None
    found.columns.share()
    return found


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """The same without what takes time."""

    form: str
    study: str


@cache
def _form() -> str:
    sources = (Path(module.__file__ or "").read_bytes() for module in _MODULES)
    return sha256(b"\0".join(sources)).hexdigest()


def _packed(value: Any) -> Any:
    if isinstance(value, array):
        return (value.typecode, value.tobytes())
    raise NotImplementedError(f"{type(value)} is no part of a course")


def _unpacked(kind: type, value: Any) -> Any:
    if kind is not array:
        raise NotImplementedError(f"{kind} is no part of a course")
    code, content = value
    made = array(code)
    made.frombytes(content)
    return made
