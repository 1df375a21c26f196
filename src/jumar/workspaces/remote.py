"""Talks to another repository by git's own program: lists refs, fetches some, pushes some; nothing else.

Of the other repository nothing is obeyed: no hook and no setting of its own where it is a folder here, no
tag, branch or submodule that was not asked for, no protocol that runs a command. Of the repository here no
hook runs, and no ref moves but those named. Not stopped: a server that is slow, within a time limit.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pygit2

from jumar.errors import EnvironmentUnfit, TooLarge, Usage
from jumar.rules.plain import short
from jumar.workspaces.received import read_tag

MOST_S = 600.0  #: for one request
MOST_LISTED_BYTES = 64 << 20
MOST_FETCHED_BYTES = 1 << 30  #: of a pack
MOST_MEMORY_BYTES = 512 << 20  #: of git: a small pack can hold an object of any size
MOST_FAILED = 40  #: fetches, in search of what cannot be fetched
AT_ONCE = 400  #: refs in one push; a command line is bounded
_PROTOCOLS = "file:git:http:https:ssh"
# How to log in and to reach a server is the user's to say; all else of git's variables may name
# another repository than ours.
_KEPT = (
    *("GIT_SSH", "GIT_ASKPASS", "GIT_TERMINAL_PROMPT", "GIT_PROXY_COMMAND", "GIT_HTTP"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
)
_DEAF = ("-c", "core.hooksPath=/dev/null", "-c", "core.alternateRefsCommand=true", "-c", "gc.auto=0")
_HERE = (
    *_DEAF,
    "-c",
    "maintenance.auto=false",
    "-c",
    "core.bigFileThreshold=32m",  # a larger file is never held in memory as a whole
    "-c",
    "pack.threads=2",
    "-c",
    "fetch.writeCommitGraph=false",
    "-c",
    "push.pushOption=",
)
_LISTED = re.compile(r"([0-9a-f]{40})\t(refs/\S+)")
_CURES = (
    (
        r"dubious ownership",
        "its owner is somebody else: git config --global --add safe.directory, if you trust it",
    ),
    (r"not appear to be a git repository|does not exist|not found", "make it: git init --bare FOLDER"),
    (r"resolve host|refused|timed out|unreachable|connect", "see that its server can be reached"),
    (r"denied|could not read|uthentication|verification failed", "log in as for `git fetch`, then try again"),
    (r"No space left|quota", "free some disk"),
)
_TOO_LARGE = re.compile(r"too large|File size limit|SIGXFSZ|[Oo]ut of memory")


class Remote(NamedTuple):
    """Another repository: how the user calls it, its address, where a relative one starts from."""

    git_dir: Path
    name: str
    url: str
    start: Path

    @property
    def shown(self) -> str:
        """The address without a password that may stand in it."""
        parts = urlsplit(self.url)
        if parts.scheme and "@" in parts.netloc:
            return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        return self.url

    def refs(self) -> dict[str, str]:
        """Every ref that it tells of, by name; what a tag stands on as `NAME^{}`."""
        if folder := self._folder():
            # Git would read every tag as a whole to say what it stands on, and one can be of any size.
            with suppress(pygit2.GitError, UnicodeError):
                return dict(_refs_of(pygit2.Repository(str(folder))))
        said = self._git(
            "ls-remote", *self._deaf("upload-pack"), "--", self.url, most_bytes=MOST_LISTED_BYTES
        )
        found = (_LISTED.fullmatch(line) for line in said.splitlines())
        return {match[2]: match[1] for match in found if match}

    def fetch(self, wanted: Mapping[str, str]) -> None:
        """Fetch objects (a ref to make here → its id), with everything that they rest on.

        By id, because for a name git reads all tags there whose names begin so, of whatever size.
        Raises TooLarge for what goes beyond a bound, EnvironmentUnfit for what fails otherwise.
        """
        options = ("--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules", "--no-write-fetch-head")
        words = ("fetch", *options, "--refmap=", *self._deaf("upload-pack"), "--stdin", "--", self.url)
        specs = "".join(f"+{sha}:{here}\n" for here, sha in wanted.items())
        self._git(*words, told=specs)

    def fetch_by_halves(self, wanted: Mapping[str, str]) -> Iterator[tuple[str, EnvironmentUnfit]]:
        """Fetch what can be fetched of these: what cannot, and why; one without a name for the rest.

        Each failure costs a fetch, so the search for those at fault is given up after so many.
        """
        parts, failed = [list(wanted)], 0
        while parts:
            part = parts.pop()
            try:
                self.fetch({ref: wanted[ref] for ref in part})
            except EnvironmentUnfit as error:
                failed += 1
                if failed > MOST_FAILED:
                    yield "", error
                    return
                half = len(part) // 2
                if half:
                    parts += [part[half:], part[:half]]
                else:
                    yield part[0], error

    def push(self, objects: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
        """Set refs there to objects of ours; of refs that are refused, the reason.

        Those in `before` may move, from what is said there; others must not exist yet.
        """
        refused: dict[str, str] = {}
        specs = [f"{sha}:{ref}" for ref, sha in objects.items()]
        for first in range(0, len(specs), AT_ONCE):
            refused |= dict(self._push(specs[first : first + AT_ONCE], before))
        return refused

    def _push(self, specs: Sequence[str], before: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        options = ("--porcelain", "--no-verify", "--no-signed", "--recurse-submodules=no", "--no-follow-tags")
        refs = [spec.partition(":")[2] for spec in specs]
        leases = [f"--force-with-lease={ref}:{before.get(ref, '')}" for ref in refs]
        words = ("push", *options, *leases, *self._deaf("receive-pack"), "--", self.url, *specs)
        said = self._git(*words, may_fail="\n!\t")
        for line in said.splitlines():
            flag, _, rest = line.partition("\t")
            if flag == "!":
                names, _, why = rest.partition("\t")
                yield names.partition(":")[2], short(why, 200)

    def knows(self, repo: pygit2.Repository, commit: str, tips: Sequence[str]) -> bool:
        """Whether a commit is one of `tips`, or below one that we have too."""
        told = "".join(f"^{tip}\n" for tip in dict.fromkeys(tips) if tip in repo)
        return bool(told) and not self._git("rev-list", "-n", "1", commit, "--stdin", told=told).strip()

    def _deaf(self, program: str) -> tuple[str, ...]:
        """What has a folder of this machine served without its own hooks."""
        if not self._folder():
            return ()
        return (f"--{program}=git {' '.join(_DEAF)} -c receive.autogc=false {program}",)

    def _folder(self) -> Path | None:
        """Where it is, if it is on this machine."""
        path = self.start / self.url.removeprefix("file://")
        return path if path.exists() else None

    def _git(
        self, *words: str, told: str = "", most_bytes: int = MOST_FETCHED_BYTES, may_fail: str = "\0"
    ) -> str:
        """What git says. Raises EnvironmentUnfit where it fails and does not say `may_fail`."""
        command = ["git", f"--git-dir={self.git_dir}", *_HERE, *words]
        # Files and no pipes: a limit on the size of files then bounds what the other side makes git say.
        with (
            tempfile.TemporaryFile() as said,
            tempfile.TemporaryFile() as wrong,
            tempfile.TemporaryFile() as asked,
        ):
            asked.write(told.encode())
            asked.seek(0)
            try:
                process = subprocess.Popen(
                    command, cwd=self.start, env=_environment(), stdin=asked, stdout=said, stderr=wrong
                )
            except FileNotFoundError as error:
                raise EnvironmentUnfit("there is no program git", fix="install git") from error
            with process:
                try:
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
                    # Its own memory, and that of what it starts; files that it looks into do not count.
                    resource.prlimit(process.pid, resource.RLIMIT_DATA, (MOST_MEMORY_BYTES,) * 2)
                    code = process.wait(MOST_S)
                except subprocess.TimeoutExpired as error:
                    raise EnvironmentUnfit(
                        f"{self.shown} took more than {MOST_S / 60:.0f} minutes", fix="try again later"
                    ) from error
                finally:
                    process.kill()
            said.seek(0)
            wrong.seek(0)
            text = said.read().decode("utf-8", "replace")
            if code and may_fail not in f"\n{text}":
                raise self._failed(wrong.read(1 << 16).decode("utf-8", "replace"), code)
            return text

    def _failed(self, said: str, code: int) -> EnvironmentUnfit:
        lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
        why = short((lines or said.splitlines() or [f"git ended with {code}"])[0], 300)
        why = why.removeprefix("fatal: ").replace(self.url, self.shown)
        if _TOO_LARGE.search(said):
            return TooLarge(f"{self.shown}: {why}", fix="ask whose it is to send less")
        fix = next(
            (cure for words, cure in _CURES if re.search(words, said)), "see what `git ls-remote` says of it"
        )
        return EnvironmentUnfit(f"{self.shown}: {why}", fix=fix)


def find_remote(repo: pygit2.Repository, name: str, start: Path) -> tuple[Remote, Remote]:
    """Where to fetch from and where to push to: a remote that the repository knows by name, or an address.

    Its address alone is used: what else is set for a remote (what it mirrors, what it fetches) is not.
    Raises Usage for neither.
    """
    git_dir = Path(repo.path)
    known = {str(remote.name): (remote.url or "", remote.push_url) for remote in repo.remotes}
    if name in known:
        root, (url, push_url) = Path(repo.workdir), known[name]
        return Remote(git_dir, name, url, root), Remote(git_dir, name, push_url or url, root)
    if name.startswith("-") or not (":" in name or (start / name).is_dir()):
        names = ", ".join(known)
        raise Usage(
            f"{short(name, 100)} is no remote of this repository, no folder and no address",
            fix=f"name one of: {names}" if names else "name a folder with a bare repository, or an address",
        )
    remote = Remote(git_dir, name, name, start)
    return remote, remote


def _refs_of(repo: pygit2.Repository) -> Iterator[tuple[str, str]]:
    for name in repo.references:
        target = repo.references[name].target
        if isinstance(target, pygit2.Oid):
            yield name, str(target)
            with suppress(ValueError):
                yield f"{name}^{{}}", read_tag(repo, str(target))[0]


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }
    return kept | {"LC_ALL": "C", "GIT_ALLOW_PROTOCOL": _PROTOCOLS, "GIT_OPTIONAL_LOCKS": "0"}
