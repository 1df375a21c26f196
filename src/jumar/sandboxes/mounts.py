"""What a job's file system looks like inside bubblewrap, as arguments for it.

Every path shown and every path masked is an entry; entries are mounted from the shallowest to the
deepest, so the most specific one decides, and where two meet the mask does.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import jumar
from jumar.core.job import Job
from jumar.errors import SandboxUnavailable
from jumar.sandboxes.limits import scratch_bytes
from jumar.sandboxes.programs import SYSTEM, Program

TARGET, OUT = Path("/target"), Path("/out")
_EMPTY = Path(jumar.__file__).with_name("py.typed")  # an empty file that is always there
_ETC = (  # few: each costs a mount
    *("ld.so.cache", "alternatives", "localtime", "timezone", "nsswitch.conf", "fonts"),
    *("crypto-policies", "ssl/openssl.cnf"),
)
_ETC_NETWORK = (
    *("resolv.conf", "hosts", "host.conf", "services", "protocols", "gai.conf"),
    *("ssl/certs", "ssl/cert.pem", "pki/tls/certs", "pki/ca-trust", "ca-certificates"),
)
_GPU_LIBRARIES = (Path("/run/opengl-driver"), Path("/usr/lib/wsl"))


class Entry(NamedTuple):
    """A place inside. `source` None is an empty bounded folder."""

    place: Path
    source: Path | None
    size_bytes: int = 4096
    mode: str = "0755"
    writable: bool = False


def arguments(job: Job, program: Program, home: Path) -> list[str]:
    """The arguments that build the whole file system of `job`."""
    entries = _entries(job, program, home)
    masks = _masks(job, entries)
    mounted = {entry.place: entry for entry in _in_order(entries, masks)}
    args = [*_links(), "--proc", "/proc", "--dev", "/dev", *_gpus()]
    scratch = str(scratch_bytes(job.caps))
    args += ["--perms", "1777", "--size", scratch, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    made: set[Path] = set()
    for entry in mounted.values():
        for parent in reversed(entry.place.parents):
            if parent not in mounted and parent not in made and _covering(parent, mounted) is None:
                made.add(parent)
                args += ["--perms", "0755", "--dir", str(parent)]
        args += _mount(entry)
    for mask in masks:
        if mask.source is None:
            args += ["--remount-ro", str(mask.place)]
    return [*args, "--remount-ro", "/", "--chdir", str(OUT / job.work if job.work else TARGET)]


def _mount(entry: Entry) -> list[str]:
    if entry.source is None:
        size = str(entry.size_bytes)
        return ["--perms", entry.mode, "--size", size, "--tmpfs", str(entry.place)]
    return ["--bind" if entry.writable else "--ro-bind", str(entry.source), str(entry.place)]


def _entries(job: Job, program: Program, home: Path) -> list[Entry]:
    scratch = scratch_bytes(job.caps)
    entries = [Entry(*shown) for shown in _system(job.network)]
    entries += [Entry(Path("/tmp"), None, scratch, "1777"), Entry(home, None, scratch // 4, "1777")]
    entries += [Entry(path, source_of(path)) for path in (*program.needs, *job.readable)]
    entries += [Entry(TARGET, job.tree.resolve())]
    for place, source in job.inputs.items():
        make_room(job.tree, place, is_folder=source_of(source).is_dir())
        entries.append(Entry(TARGET / place, source_of(source)))
    return [*entries, Entry(OUT, job.out.resolve(), writable=True)]


@functools.cache
def _system(network: bool) -> tuple[tuple[Path, Path], ...]:
    """What of the machine everyone sees: place → source."""
    programs = [path for path in (*map(Path, SYSTEM), *_GPU_LIBRARIES) if not path.is_symlink()]
    return tuple((path, path.resolve()) for path in (*programs, *settings(network)) if path.exists())


def settings(network: bool) -> tuple[Path, ...]:
    """The files of /etc that programs need and that hold no secrets."""
    return tuple(Path("/etc", name) for name in _ETC + (_ETC_NETWORK if network else ()))


def source_of(path: Path) -> Path:
    """Where a path shown really lies. Raises SandboxUnavailable when it cannot be shown."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise SandboxUnavailable(
            f"{path}, which runs shall see, does not exist", fix="create it, or correct the contract"
        ) from error
    mode, needed = real.stat().st_mode, 0o005 if real.is_dir() else 0o004
    if os.geteuid() == 0 and mode & needed != needed:
        raise SandboxUnavailable(
            f"{path} is readable by root alone, and runs are not root", fix=f"chmod -R a+rX {path}"
        )
    return real


def _masks(job: Job, entries: Iterable[Entry]) -> list[Entry]:
    """An empty entry wherever something masked would be visible."""
    masks: dict[Path, Entry] = {}
    shown = [(entry.source, entry.place) for entry in entries if entry.source and not entry.writable]
    for masked in job.masked:
        real = masked.resolve()
        for source, place in shown:
            if real.is_relative_to(source) and real.exists():
                inside = place / real.relative_to(source)
                masks[inside] = Entry(inside, None if real.is_dir() else _EMPTY)
    return list(masks.values())


def _in_order(entries: Iterable[Entry], masks: Iterable[Entry]) -> Iterator[Entry]:
    """Shallow before deep; of several for one place the last, a mask above all."""
    by_place = {entry.place: entry for entry in (*entries, *masks)}
    yield from sorted(by_place.values(), key=lambda entry: len(entry.place.parts))


def _covering(path: Path, mounted: dict[Path, Entry]) -> Entry | None:
    """The entry from the host that `path` lies in; None where we ourselves must make it."""
    for parent in path.parents:
        if parent in mounted:
            return mounted[parent] if mounted[parent].source else None
    return None


def make_room(tree: Path, place: str, *, is_folder: bool) -> None:
    """Make a mount point for an input in a materialised tree; what is in the way goes."""
    path = tree
    parts = [part for part in Path(place).parts if part != "."]
    if not parts or ".." in parts or Path(place).is_absolute():
        raise SandboxUnavailable(f"an input cannot be shown at {place!r}", fix="name a path inside the tree")
    for number, part in enumerate(parts, 1):
        path /= part
        wants_folder = is_folder or number < len(parts)
        is_fine = not path.is_symlink() and (path.is_dir() if wants_folder else path.is_file())
        if is_fine:
            continue
        if path.is_symlink() or path.is_file():
            path.unlink()
        if wants_folder:
            path.mkdir()
        else:
            path.touch()


def _links() -> Iterator[str]:
    """/bin and the like, where they are links into /usr."""
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))


def _gpus() -> Iterator[str]:
    """NVIDIA's device nodes, where there are any; their libraries lie below /usr."""
    for name in sorted(os.listdir("/dev")):
        if name.startswith("nvidia"):
            yield from ("--dev-bind-try", f"/dev/{name}", f"/dev/{name}")
