"""What a coding agent's program may know of its user: keys from the environment, and its own settings.

Both are copies. What the program renews of its log-in goes back to where it was taken from; nothing
else does, because settings can name commands that its next call outside a sandbox would obey.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

_MOST_BYTES = 256 << 10  # of one file of settings; what is larger is a history or a cache
_SECRET_NAME = re.compile(r"key|token|secret|passw|auth|cred", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"""(?:key|token|secret|passw)[\w."'-]*\s*[:=]\s*["']?([^\s"',}]{16,})""", re.IGNORECASE
)
_BORNE = re.compile(r"""\b(?:bearer|basic)\s+([^\s"',}]+)""", re.IGNORECASE)
_LOGGED_IN = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")  # the password in an address
_A_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")  # of a variable, and no secret
_LEAST_SECRET = 8
_LOGIN = re.compile(r"auth|cred", re.IGNORECASE)  # names of files that programs renew log-ins in

#: What programs read of the network's and the locale's settings.
_COMMON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "TZ")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A file of settings: where it is taken from, its name below the program's home, and what of it."""

    source: Path
    name: str
    keys: tuple[str, ...] = ()  #: of a JSON object, those that are taken; none: the file as it is


class Account:
    """The copies. `secrets` are the values that must never be recorded."""

    def __init__(
        self, environ: Mapping[str, str], variables: Iterable[str], settings: Iterable[Setting]
    ) -> None:
        wanted = (*_COMMON, *variables)
        self.env = {
            name: value for name, value in environ.items() if any(fnmatchcase(name, glob) for glob in wanted)
        }
        self._sources: dict[str, tuple[Path, bytes]] = {}
        self.settings: dict[str, bytes] = {}
        for setting in settings:
            whole = _read(setting.source)
            content = _some(whole, setting.keys) if whole and setting.keys else whole
            if content:
                self.settings[setting.name] = content
                self._sources[setting.name] = (setting.source, content)
        self.secrets = _secrets(self.env, self.settings.values())

    def renewed(self, name: str, content: bytes) -> None:
        """Give a renewed log-in back, so that the user's own is not an outdated one.

        Only in the place of what was taken, where that still stands; and only in the same shape, so that
        nothing but values can have changed.
        """
        source, taken = self._sources[name]
        is_whole = _read(source) == taken
        if not (_LOGIN.search(name) and is_whole and _shape(content) == _shape(taken) is not None):
            return
        self.secrets = tuple({*self.secrets, *_secrets({}, (content,))})
        with suppress(OSError):  # read-only: then the user logs in again, as after any such program
            _replace(source.resolve(), content)
            self._sources[name] = (source, content)

    def censored(self, text: bytes) -> bytes:
        """`text` with every secret blacked out."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret.encode(), b"[secret]")
        return text

    def is_told(self, text: bytes) -> bool:
        """True when a secret stands in `text`."""
        return any(secret.encode() in text for secret in self.secrets)


def settings_named(program: str, home: Path) -> tuple[Setting, ...]:
    """Files that a program called so keeps its settings in, by the customs of Unix programs."""
    folders = (f".{program}", f".config/{program}", f".local/share/{program}")
    found = [path for folder in folders for path in sorted((home / folder).glob("*"))]
    found += sorted(home.glob(f".{program}.*"))
    return tuple(
        Setting(source=path, name=path.relative_to(home).as_posix()) for path in found if path.is_file()
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= _MOST_BYTES else b""
    except OSError:
        return b""


def _some(content: bytes, keys: tuple[str, ...]) -> bytes:
    try:
        whole = json.loads(content)
    except ValueError:
        return b""
    found = {key: whole[key] for key in keys if key in whole} if isinstance(whole, dict) else {}
    return json.dumps(found).encode() if found else b""


def _secrets(env: Mapping[str, str], settings: Iterable[bytes]) -> tuple[str, ...]:
    found = {value for name, value in env.items() if _SECRET_NAME.search(name)}
    for text in (*env.values(), *(content.decode("utf-8", "replace") for content in settings)):
        for pattern in (_ASSIGNED, _BORNE, _LOGGED_IN):
            found.update(pattern.findall(text))
    return tuple(sorted(one for one in found if len(one) >= _LEAST_SECRET and not _A_NAME.fullmatch(one)))


def _shape(content: bytes) -> object:
    """The names and types of a JSON object; None where it is none."""

    def of(value: object) -> object:
        if isinstance(value, dict):
            return {key: of(inner) for key, inner in value.items()}
        return "list" if isinstance(value, list) else type(value).__name__

    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return of(whole) if isinstance(whole, dict) else None


def _replace(path: Path, content: bytes) -> None:
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(draft, path.stat().st_mode & 0o777)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
