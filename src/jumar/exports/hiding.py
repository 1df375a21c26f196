"""Takes out of texts what must not leave this machine: keys, the places of its files, a study's secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

Hide = Callable[[str], str]

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|COOKIE|DSN", re.IGNORECASE)
LEAST = 6  # characters of a value that is hidden wherever it stands: a shorter one would hit any word
# What providers' keys look like, for those that are in no variable of ours.
_SHAPES = re.compile(
    r"\b(?:sk-[\w-]{16,}|gh[opsur]_\w{20,}|github_pat_\w{20,}|hf_\w{20,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}"
    r"|xox[abprs]-[\w-]{10,}|wandb_v\d_\w{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")


def unknown(environment: Mapping[str, str], passed: tuple[str, ...]) -> tuple[str, ...]:
    """The variables that runs are given, that sound secret, and whose value here is not known.

    A run may have printed it, and nobody could find it to hide it.
    """
    names = (name for name in passed if "=" not in name and _SECRET_NAME.search(name))
    return tuple(name for name in names if name not in environment)


def hider(environment: Mapping[str, str], passed: tuple[str, ...], places: Mapping[Path, str]) -> Hide:
    """A function that hides the values of variables that sound secret or are `passed` to runs.

    `places` are folders of this machine and what is written in their place, such as `~`. What has the
    shape of a key or stands as a password in an address is hidden as well.
    """
    names = {name.partition("=")[0] for name in passed}
    said = {
        value: f"[{name}]"
        for name, value in environment.items()
        if len(value) >= LEAST and (name in names or _SECRET_NAME.search(name))
    }
    said |= {value: "[env]" for each in passed if len(value := each.partition("=")[2]) >= LEAST}
    folders = {str(place): name for place, name in places.items() if len(place.parts) > 1}
    values = [re.escape(value) for value in sorted(said, key=len, reverse=True)]
    paths = [re.escape(path) for path in sorted(folders, key=len, reverse=True)]
    found = [*values, *(f"(?<![\\w.~-]){path}(?![\\w-])" for path in paths)]
    known = re.compile("|".join(found)) if found else None

    def hide(text: str) -> str:
        if known:
            text = known.sub(lambda match: said.get(match[0]) or folders[match[0]], text)
        return _IN_ADDRESS.sub("[hidden]", _SHAPES.sub("[hidden]", text))

    return hide
