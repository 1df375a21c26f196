"""Where a target and its studies live on disk, and how a user wants them run. Light: every verb needs it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from jumar.core.contract import Clock, Contract
from jumar.core.event import StudyStarted
from jumar.errors import ContractInvalid, LedgerUnfit, TargetUnfit, Usage
from jumar.executors.seats import Wanted
from jumar.ledgers.place import Address, Place, read_address
from jumar.ledgers.said import remember, unsaid
from jumar.rules.contract_file import read_contract
from jumar.rules.plain import short
from jumar.rules.shares import disagreement

CONTRACT = "jumar.toml"
STATE = ".jumar"
SERVER = "server"  #: file in there: the database of the ledger, where that is on a server
LEDGER_VARIABLE = "JUMAR_LEDGER"
KEYS_OF_THE_LEDGER = (LEDGER_VARIABLE, "PGPASSWORD")
TRY = ".jumar-try"  #: file of a work tree that was handed out: what it is of
AGENT = "tuner"  #: of a study that was asked for no other


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a study is run, beyond what its contract says. None leaves it to Jumar."""

    agent: str | Mapping[str, float] | None = None  #: or several, with their shares
    scale: str | None = None
    sandbox: str | None = None  #: choosing one accepts what it does not promise
    workers: int | None = None  #: runs at once
    gpus_per_worker: float | Literal["mig"] | None = None  #: None: a whole one where there is any
    oversubscribe: bool = False  #: more workers than the machine has cores, memory or GPUs for
    executor: Literal["local", "ray"] = "local"  #: who makes runs: this machine, or a Ray cluster
    address: str | None = None  #: of the cluster's head; None: a Ray of our own on this machine
    resources: Mapping[str, float] = {}  #: that each run takes of a cluster's machine, as Ray names them
    include_dirty: bool = False  #: start from the work tree as it is, snapshot into a commit
    new: bool = False  #: start another study though the last one could go on
    ledger: str | None = None  #: where the record is, as a URL; by itself the one that is remembered


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Where a target and one of its studies live on disk.

    `.jumar/` beside the contract holds `ledger.db`, `artefacts/` and a folder per study with its
    lock, its scratch and its reports. It ignores itself, so git never sees it. Where the record is on a
    server it says so instead, and the server has the artefacts.
    """

    folder: Path
    study: str
    state: Path | None = None  #: instead of `.jumar/`, for what shall leave no trace
    server: Address | None = None  #: of the ledger, where it is no file in there

    @property
    def root(self) -> Path:
        """The folder that holds everything Jumar knows of this target."""
        return self.state or self.folder / STATE

    @property
    def private(self) -> tuple[Path, ...]:
        """What no run may see: the ledger tells seeds to come, a scorer's tree has its hidden data."""
        return tuple(dict.fromkeys((self.root, self.folder / STATE)))

    @property
    def ledger(self) -> Place:
        """The ledger of every study of this target."""
        return self.server or self.root / "ledger.db"

    @property
    def own(self) -> Path:
        """This study's lock and reports."""
        return self.root / "studies" / self.study

    @property
    def scratch(self) -> Path:
        """Folders of runs under way; removed when the study rests."""
        return self.own / "scratch"

    def make(self) -> None:
        """Make what is missing, and remember where the record is.

        Raises TargetUnfit when the folder cannot be written.
        """
        try:
            self.own.mkdir(parents=True, exist_ok=True)
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
            if self.server is not None:
                (self.root / SERVER).write_text(f"{self.server}\n", encoding="utf-8")
                remember(self.folder, SERVER, [self.server.url])
        except OSError as error:
            raise TargetUnfit(
                f"cannot write to {self.root} ({error.strerror})",
                fix="make the target's folder writable, or free some disk",
            ) from error


def find_home(folder: Path, study: str = "", *, ledger: str | None = None) -> Home:
    """Where the target in `folder` lives.

    Its ledger is the one asked for, else that of JUMAR_LEDGER in the environment, else the one that was
    last run with here, else a file. Raises Usage for an address that cannot be read, for one asked for with
    its password, and for one that is remembered here though this user never named it here; LedgerUnfit
    where somebody committed `.jumar`.
    """
    folder = folder.resolve()
    _refuse_committed(folder / STATE)
    server = None
    if ledger is not None:
        server = read_address(ledger, whence="--ledger")
        if server.hidden:
            raise Usage(
                "--ledger has a password in it, which every process of this machine can read",
                fix=f"leave it out there, and put it into ~/.pgpass, PGPASSWORD or {LEDGER_VARIABLE}",
            )
    given = os.environ.get(LEDGER_VARIABLE, "").strip()
    if given and (server is None or read_address(given, whence=LEDGER_VARIABLE).url == server.url):
        server = read_address(given, whence=LEDGER_VARIABLE)
    remembered = folder / STATE / SERVER
    if server is None and remembered.exists():
        server = read_address(remembered.read_text(encoding="utf-8"), whence=str(remembered))
        if unsaid(folder, SERVER, [server.url]):
            raise Usage(
                f"{remembered} names {short(server.url, 200)}, which you never named here: it may have come "
                "with the folder",
                fix="if you know that server, say it once: jumar run --ledger "
                f"{shlex.quote(server.url)}; else: rm {shlex.quote(str(remembered))}",
            )
    return Home(folder=folder, study=study, server=server)


@cache
def _refuse_committed(state: Path) -> None:
    """Raise LedgerUnfit for a record that came with the code: it tells what its author liked."""
    from jumar.workspaces.committed import is_committed

    if is_committed(state):
        raise LedgerUnfit(
            f"somebody committed {state}: a record is of one checkout, and this one may say what its "
            "author liked",
            fix=f"git rm -r --cached {STATE} && git commit -m 'No record'; look at what it is before you "
            f"trust it, or remove it: rm -r {STATE}",
        )


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """What a work tree that was handed out is of."""

    target: str
    study: str
    parent: str  #: commit whose files it began with
    links: tuple[str, ...] = ()  #: inputs of runs: shown there, and no part of it
    key: str = ""  #: under which the record says that somebody works in it


def read_try(folder: Path) -> Try | None:
    """What a folder is a work tree of; None where it was not handed out."""
    try:
        return msgspec.json.decode((folder / TRY).read_bytes(), type=Try)
    except (OSError, ValueError, msgspec.DecodeError):  # ValueError: no system takes such a name
        return None


def shares_for(asked: str | Mapping[str, float] | None, contract: Contract) -> dict[str, float]:
    """Who proposes in a new study: whom the user asked for, else whom the contract names, else the tuner.

    Raises Usage for shares that do not sum to one.
    """
    if not asked:
        return dict(contract.agents) or {AGENT: 1.0}
    if isinstance(asked, str):
        return {asked: 1.0}
    if trouble := disagreement(asked):
        raise Usage(
            trouble[0], fix=f"in the same proportions: {trouble[1]}" if trouble[1] else "make them sum"
        )
    return dict(asked)


def refuse_strangers(home: Home, terms: StudyStarted, options: Options, *, begins: bool) -> bool:
    """Whether this user accepted, now or before, what the study's sandbox does not promise.

    A record may have come with the folder. Raises Usage where it names agents that this user never named
    here, and that may be any program, or talk to any server, with the user's keys.
    """
    from jumar.agents.registry import leads_anywhere

    strangers = [spec for spec in terms.shares if leads_anywhere(spec)]
    if home.state is None:
        if begins or options.agent:
            remember(home.folder, "agent", strangers)
        if begins or options.sandbox:
            remember(home.folder, "without", terms.waived)
        if strange := unsaid(home.folder, "agent", strangers):
            alone = len(terms.shares) == 1
            words = (spec if alone else f"{spec}={share:g}" for spec, share in terms.shares.items())
            again = " ".join(f"--agent {shlex.quote(each)}" for each in words)
            raise Usage(
                f"the record names the agent `{short(strange[0], 200)}`, which you never named in this "
                "folder: the record may have come with it",
                fix=f"if you know it and trust it with your keys: jumar run {again}",
            )
    return options.sandbox is not None or (
        bool(terms.waived) and not unsaid(home.folder, "without", terms.waived)
    )


def wanted_of(contract: Contract, options: Options) -> Wanted:
    """What a study asks of the machine that its runs are made on."""
    return Wanted(
        memory_bytes=contract.run.memory_bytes,
        workers=options.workers,
        gpus=options.gpus_per_worker,
        on_wall_clock=contract.run.budget.clock is Clock.WALL,
        oversubscribed=options.oversubscribe,
    )


def with_limits(contract: Contract, text: str) -> Contract:
    """The contract with the [limits] that `text` says; its own where `text` is no contract.

    They say when a study ends, never what it finds: the one part that may change while it lives.
    """
    try:
        return msgspec.structs.replace(contract, limits=read_contract(text).limits)
    except ContractInvalid:
        return contract


def pinned(terms: StudyStarted, text: str) -> Contract:
    """The contract that a study is pinned to, at its scale, with the limits that jumar.toml's `text` says."""
    return with_limits(at_scale(read_contract(terms.contract), terms.scale), text)


def strayed(terms: StudyStarted, text: str) -> str:
    """What to know where jumar.toml's `text` is not what a study is pinned to; nothing where it is."""
    if terms.contract == text:
        return ""
    try:
        now = read_contract(text)
    except ContractInvalid as error:
        return (
            f"jumar.toml cannot be read now, and the study keeps to its own, limits included: {error.problem}"
        )
    if with_limits(now, terms.contract) == read_contract(terms.contract):
        return ""
    return "jumar.toml has changed since; this study keeps to its own, `jumar run --new` starts another"


def at_scale(contract: Contract, scale: str | None) -> Contract:
    """The contract on the rung asked for. Raises Usage for a scale it does not have."""
    if scale is None or scale == contract.scale:
        return contract
    if scale not in contract.scales:
        raise Usage(f"the contract has no scale `{scale}`", fix=f"it has: {', '.join(contract.scales)}")
    return contract.at(scale)
