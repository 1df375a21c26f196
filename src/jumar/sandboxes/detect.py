"""Which sandboxes work on this machine, strongest first: tried once per process, not guessed."""

from __future__ import annotations

import difflib
import functools
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from jumar.core.job import Caps, Job
from jumar.core.sandbox import Promise, Sandbox
from jumar.errors import JumarError, SandboxUnavailable, Usage
from jumar.sandboxes.bubblewrap import Bubblewrap
from jumar.sandboxes.landlock import Landlock
from jumar.sandboxes.process import Process

_SANDBOXES: dict[str, Callable[[], Sandbox]] = {
    "bubblewrap": Bubblewrap,
    "landlock": Landlock,
    "process": Process,
}
_BOUNDARIES = ("bubblewrap", "landlock")
_NO_NAMESPACES = (
    "allow bwrap its user namespaces; on Ubuntu: "
    "printf 'abi <abi/4.0>,\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }\\n' "
    "| sudo tee /etc/apparmor.d/bwrap && sudo apparmor_parser -r /etc/apparmor.d/bwrap; "
    "in a container: --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of sandbox on this machine. Where it does not work, `reason` says why, `fix` what to do."""

    name: str
    promises: frozenset[Promise]  #: empty where it does not work
    usable: bool
    reason: str = ""
    fix: str = ""


def detect() -> tuple[Found, ...]:
    """Every kind, strongest first, whether it works here or not."""
    return tuple(_try(name) for name in _SANDBOXES)


def choose(name: str | None) -> Sandbox:
    """The sandbox called `name`, or the strongest that works and is a boundary.

    Raises Usage for an unknown name, SandboxUnavailable when it does not work here, or when
    nothing but `process` does and that was not asked for.
    """
    if name is None:
        for boundary in _BOUNDARIES:
            if _try(boundary).usable:
                return _SANDBOXES[boundary]()
        strongest = _try(_BOUNDARIES[0])
        raise SandboxUnavailable(
            f"no sandbox works here; {strongest.name}: {strongest.reason}",
            fix=f"{strongest.fix}; or do without one: --sandbox process",
        )
    if name not in _SANDBOXES:
        near = difflib.get_close_matches(name, _SANDBOXES, n=1)
        known = ", ".join(_SANDBOXES)
        raise Usage(
            f"there is no sandbox called {name!r}",
            fix=f"did you mean {near[0]!r}? (known: {known})" if near else f"choose one of: {known}",
        )
    found = _try(name)
    if not found.usable:
        raise SandboxUnavailable(f"the sandbox `{name}` does not work here: {found.reason}", fix=found.fix)
    return _SANDBOXES[name]()


@functools.cache
def _try(name: str) -> Found:
    """Run `true` in it."""
    try:
        sandbox = _SANDBOXES[name]()
        _probe(sandbox)
    except JumarError as error:
        fix = _NO_NAMESPACES if error.problem.startswith("bubblewrap: bwrap: ") else error.fix
        return Found(name=name, promises=frozenset(), usable=False, reason=error.problem, fix=fix)
    return Found(name=name, promises=sandbox.promises, usable=True)


def _probe(sandbox: Sandbox) -> None:
    with tempfile.TemporaryDirectory(prefix="jumar-probe-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "tree").mkdir()
        job = Job(
            key="probe",
            command=(sys.executable, "-I", "-S", "-c", ""),
            tree=folder / "tree",
            out=folder / "out",
            log=folder / "log",
            caps=Caps(wall_s=30, memory_bytes=1 << 30),
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
        report = sandbox.launch(job).report()
        if not report.succeeded:
            said = (folder / "log").read_text(errors="replace").strip().splitlines()
            raise SandboxUnavailable(
                f"a trial run ended as {report.ending.value}: {report.detail or (said or ['no output'])[-1]}",
                fix="see docs/sandboxes.md",
            )
