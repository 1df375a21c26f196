"""Puts a study together: what the loop works with is picked here and nowhere else."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import msgspec

import jumar
from jumar.agents.registry import anchored
from jumar.agents.sweeping import variants
from jumar.agents.team import make_team, role_of, words_of
from jumar.agents.tuning import KnobsNow, with_knobs
from jumar.core.contract import Clock, Contract
from jumar.core.evaluator import Evaluator
from jumar.core.event import StudyStarted
from jumar.core.executor import Executor
from jumar.core.sandbox import Promise, Sandbox
from jumar.core.workspace import Workspace
from jumar.errors import LedgerUnfit, TargetUnfit, Usage
from jumar.evaluators.scorer import Scorer, ScoringPlace
from jumar.evaluators.stdout import StdoutEvaluator
from jumar.executors.local import LocalExecutor
from jumar.executors.machine import ground, this_machine
from jumar.executors.ray_cluster import Cluster, RayExecutor
from jumar.executors.ray_shares import Asked
from jumar.executors.seats import circumstances, seats
from jumar.home import (
    CONTRACT,
    KEYS_OF_THE_LEDGER,
    Home,
    Options,
    at_scale,
    refuse_strangers,
    shares_for,
    wanted_of,
    with_limits,
)
from jumar.hooks.calling import Caller, calling
from jumar.hooks.settings import hooks_file, read_hooks
from jumar.ledgers.hold import hold
from jumar.ledgers.lease import leased
from jumar.ledgers.served import ServedCommits, bring_commits
from jumar.ledgers.sql import SqlLedger, open_ledger
from jumar.rules.checks import deciders
from jumar.rules.contract_file import read_contract
from jumar.rules.limits import limits_in_words
from jumar.rules.preflight import IN_WORDS, needs, preflight
from jumar.rules.scope import matches
from jumar.rules.shares import in_words
from jumar.sandboxes.detect import choose
from jumar.study.flight import CURVE_FILE
from jumar.study.holdout import inspect_hidden
from jumar.study.parts import Observer, Parts
from jumar.study.places import Surroundings, remove_folder
from jumar.study.steady import SteadyClock
from jumar.study.surroundings import find_hidden, look_around
from jumar.study.workbench import StudyBench
from jumar.workspaces.git import GitWorkspace, open_workspace


@contextmanager
def assembled(home: Home, contract_text: str, options: Options, observe: Observer) -> Iterator[Parts]:
    """Everything the loop needs, with the study held by this process and let go afterwards."""
    home.make()
    with (
        hold(home.own),
        _ledger(home) as ledger,
        _hooks(home, ledger) as hooks,
        _workspace(home, ledger) as workspace,
    ):
        sandbox = choose(options.sandbox)
        record = ledger.study(home.study)
        if record is None:
            terms = _first_terms(home, contract_text, options, workspace, sandbox)
        else:
            terms = record.terms
            _refuse_other_terms(home.study, terms, options)
        pinned = at_scale(read_contract(terms.contract), terms.scale)
        contract = with_limits(pinned, contract_text) if record else pinned
        accepted = refuse_strangers(home, terms, options, begins=record is None)
        waived = preflight(contract, sandbox.name, sandbox.promises, waive=accepted)
        executor = _executor(home, contract, options, sandbox)
        try:
            watched = hooks.beside(observe)
            parts = _parts(home, terms, contract, (workspace, sandbox, executor, ledger), watched)
            notices = (*_notices(terms, sandbox, waived), *_limits(pinned, parts), *_changed(parts))
            notices += inspect_hidden(contract, home.folder, workspace.files(terms.base), parts.around)
            yield msgspec.structs.replace(parts, notices=notices)
        finally:
            executor.close()
            remove_folder(home.scratch)


def _hooks(home: Home, ledger: SqlLedger) -> AbstractContextManager[Caller]:
    """Programs of the user's that are told what happens; nothing of what leaves no trace."""
    environ = environment()
    hooks = {} if home.state else read_hooks(hooks_file(environ))
    return calling(hooks, (home.study, home.folder, home.own), ledger, environ)


@contextmanager
def _ledger(home: Home) -> Iterator[SqlLedger]:
    """The record, with this controller's right to write to it.

    It is verified: nothing is built on one that was tampered with or is damaged. That costs
    6 ms at 100 experiments and 0.5 s at 10,000, once in a sitting.
    """
    with closing(open_ledger(home.ledger)) as opened, leased(opened, home.study, home.own) as ledger:
        if broken := ledger.verify():
            raise LedgerUnfit(
                f"the ledger {home.ledger} no longer says what was written: {broken.problem}",
                fix="see `jumar doctor --ledger`; restore a backup, or begin anew"
                + (" in another database" if home.server else f": mv {home.root} {home.root}-broken"),
            )
        yield ledger


@contextmanager
def _workspace(home: Home, ledger: SqlLedger) -> Iterator[GitWorkspace]:
    keep = ServedCommits(ledger.server).put if ledger.server else None
    workspace = open_workspace(home.folder, keep=keep)
    with workspace.held(home.study):
        bring_commits(ledger, home.study, workspace)
        yield workspace


def _refuse_other_terms(study: str, terms: StudyStarted, options: Options) -> None:
    agents = options.agent and in_words(_shares(options, read_contract(terms.contract)))
    for name, asked, has in (
        ("agent", agents, in_words(terms.shares)),
        ("scale", options.scale, terms.scale),
    ):
        if asked is not None and asked != has:
            raise Usage(
                f"study {study} goes on with its {name} `{has}`, not `{asked}`",
                fix=f"leave --{name} out, or start another study: --new --{name} {asked}",
            )


def _notices(terms: StudyStarted, sandbox: Sandbox, waived: tuple[str, ...]) -> tuple[str, ...]:
    """What of this sitting's sandbox a reader of the record has to know."""
    words = []
    if sandbox.name != terms.sandbox:
        words.append(
            f"this sitting runs in the sandbox `{sandbox.name}`; the study began in `{terms.sandbox}`"
        )
    if waived:
        lacks = "; ".join(IN_WORDS[Promise(name)] for name in waived)
        words.append(f"the sandbox `{sandbox.name}` does not promise, as was accepted: {lacks}")
    return tuple(words)


def _limits(pinned: Contract, parts: Parts) -> tuple[str, ...]:
    """Says that the study goes by other limits than it began with, and of limits that bound nobody."""
    words, limits = [], parts.contract.limits
    if limits != pinned.limits:
        now, then = limits_in_words(limits), limits_in_words(pinned.limits)
        words.append(f"the limits are now {now}, by jumar.toml; the study began with {then}")
    agents = parts.team.members if parts.team else {parts.agent.name: parts.agent}
    for name in limits.agents:
        if name not in agents:
            there = ", ".join(agents)
            words.append(f"[limits] agents names {name}, which is no agent of this study ({there})")
    return tuple(words)


def _changed(parts: Parts) -> tuple[str, ...]:
    """Says that the code moved on while the study keeps to the commit it is pinned to."""
    head = parts.workspace.resolve("HEAD")
    if head is None or head == parts.terms.base:
        return ()
    target = parts.contract.target
    now, then = parts.workspace.files(head), parts.workspace.files(parts.terms.base)
    champion = parts.workspace.resolve(parts.branch)
    found = parts.workspace.files(champion) if champion else {}
    watched = [path for path in now if matches(path, (*target.editable, *parts.protected))]
    changed = [path for path in watched if now[path] not in (then.get(path), found.get(path))]
    if not changed:
        return ()
    names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return (f"{names} changed since the study started; it goes on from its own champion (--new starts anew)",)


def _first_terms(
    home: Home, contract_text: str, options: Options, workspace: GitWorkspace, sandbox: Sandbox
) -> StudyStarted:
    contract = at_scale(read_contract(contract_text), options.scale)
    waived = preflight(contract, sandbox.name, sandbox.promises, waive=options.sandbox is not None)
    shares = _shares(options, contract)
    make_team(shares, environ=environment())  # an unknown agent is said before anything is pinned
    editable = contract.target.editable
    roles = [words_of(role) for role in map(role_of, shares) if role]
    paths = (*editable, CONTRACT, contract.target.program, *_commands(contract), *roles)
    base = workspace.pin(paths, include_dirty=options.include_dirty)
    pinned = workspace.read(base, CONTRACT)
    if pinned is None:
        raise TargetUnfit(f"{CONTRACT} is not committed", fix=f"git add {CONTRACT} && git commit")
    for path in roles:
        if workspace.read(base, path) is None:
            raise TargetUnfit(
                f"a role has no words: {path} is not committed",
                fix=f"write there what this agent is to do differently, then: git add {path} && git commit",
            )
    files = frozenset(workspace.files(base))
    closed = protected_paths(contract, files)
    if not any(matches(path, editable) and not matches(path, closed) for path in files):
        raise TargetUnfit(
            f"no committed file matches [target] editable = {', '.join(editable)}",
            fix="correct the globs (relative to the folder of jumar.toml), or commit the files; what checks "
            "run, such as tests, may not change",
        )
    return StudyStarted(
        base=base,
        contract=pinned.decode("utf-8"),
        scale=contract.scale,
        agent=in_words(shares),
        agents=shares if len(shares) > 1 else {},
        secret=secrets.token_hex(32),
        sandbox=sandbox.name,
        promises=tuple(promise.value for promise in Promise if promise in sandbox.promises),
        waived=waived,
        machine=msgspec.to_builtins(this_machine()),
        jumar=jumar.__version__,
    )


def _shares(options: Options, contract: Contract) -> dict[str, float]:
    """Who proposes in a new study, from whatever folder it is taken up."""
    return {anchored(spec): share for spec, share in shares_for(options.agent, contract).items()}


def _parts(
    home: Home,
    terms: StudyStarted,
    contract: Contract,
    made: tuple[GitWorkspace, Sandbox, Executor, SqlLedger],
    observe: Observer,
) -> Parts:
    workspace, sandbox, executor, ledger = made
    paths = frozenset(workspace.files(terms.base))
    private = (*home.private, *workspace.places)
    environ, protected = environment(), protected_paths(contract, paths)
    around = look_around(contract, home.folder, paths, environ, private=private)
    bench = bench_of(home, contract, sandbox, around, protected)
    program = workspace.read(terms.base, contract.target.program) or b""
    team, clock = make_team(terms.shares, contract.hybrid, bench, environ), SteadyClock()
    return Parts(
        name=home.study,
        terms=terms,
        contract=contract,
        program=program.decode("utf-8", "replace"),
        roles={
            name: (workspace.read(terms.base, words_of(role)) or b"").decode("utf-8", "replace")
            for name, role in team.roles.items()
        },
        protected=protected,
        agent=next(iter(team.members.values())),
        team=team if len(team.members) > 1 or team.polish or team.nearby else None,
        workspace=workspace,
        executor=executor,
        evaluator=_evaluator(home, contract, workspace, terms.base, around),
        ledger=ledger,
        artefacts=ledger.artefacts(drafts=home.scratch),
        around=around,
        scratch=home.scratch,
        observe=observe,
        knobs=KnobsNow(),
        with_knobs=with_knobs,
        variants=variants,
        now=clock,
        jumped=clock.jumped,
        machine=this_machine,
    )


def bench_of(
    home: Home, contract: Contract, sandbox: Sandbox, around: Surroundings, protected: Sequence[str]
) -> StudyBench:
    """Where agents that are programs work."""
    editable = contract.target.editable
    return StudyBench(
        sandbox,
        lambda: open_workspace(home.folder),
        around,
        home.scratch,
        lambda path: matches(path, editable) and not matches(path, protected),
    )


def _evaluator(
    home: Home, contract: Contract, workspace: Workspace, base: str, around: Surroundings
) -> Evaluator:
    if contract.self_reported:
        return StdoutEvaluator(contract)
    # Beside the scratch of runs, not in it: taking a study up wipes that.
    pinned = home.own / "pinned"
    remove_folder(pinned)
    workspace.materialise(base, pinned)
    hidden = find_hidden(contract, home.folder, frozenset(workspace.files(base)))
    return Scorer(
        contract,
        ScoringPlace(
            pinned=pinned,
            inputs=around.inputs,
            hidden=hidden.beside,
            readable=around.readable,
            masked=around.masked,
            env=around.env,
        ),
    )


def environment() -> Mapping[str, str]:
    """This process's environment, with the programs of its virtual environment first on PATH.

    `python` in a contract then means the Python that a user who typed `.venv/bin/jumar` expects.
    An activated environment wins; the private one of a tool installer (pipx, uv tool) never counts.
    What opens the ledger is in it for nobody: neither runs nor agents.
    """
    environ = {name: value for name, value in os.environ.items() if name not in KEYS_OF_THE_LEDGER}
    own = Path(sys.prefix)
    private = any((own / mark).exists() for mark in ("pipx_metadata.json", "uv-receipt.toml"))
    activated = "VIRTUAL_ENV" in environ or "CONDA_PREFIX" in environ
    if sys.prefix != sys.base_prefix and not private and not activated:
        environ["PATH"] = f"{own / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
    return environ


def _executor(home: Home, contract: Contract, options: Options, sandbox: Sandbox) -> Executor:
    if options.executor == "ray":
        return RayExecutor(_cluster(home, contract, options, sandbox))
    for name, given in (("address", options.address), ("resource", options.resources)):
        if given:
            raise Usage(f"--{name} is of a Ray cluster", fix="add --executor ray, or leave it out")
    here, wanted = ground(), wanted_of(contract, options)
    shared_out = seats(here, wanted)
    return LocalExecutor(sandbox, shared_out, circumstances(here, wanted, shared_out))


def _cluster(home: Home, contract: Contract, options: Options, sandbox: Sandbox) -> Cluster:
    """What the study needs of a cluster: every machine's sandbox has to keep what this one's does of that."""
    if options.oversubscribe or options.gpus_per_worker == "mig":
        what = "--oversubscribe" if options.oversubscribe else "--gpus-per-worker mig"
        raise Usage(f"{what} is of one machine alone", fix="leave it out, or say --resource for a cluster")
    run, measure = contract.run, contract.measure
    commands = (run.command, measure.score, measure.serve, *measure.checks)
    places = [Path(os.path.expanduser(entry)) for entry in run.inputs]
    return Cluster(
        address=options.address,
        asked=Asked(
            memory_bytes=run.memory_bytes,
            workers=options.workers,
            resources=options.resources,
            gpus=options.gpus_per_worker,
            on_wall_clock=run.budget.clock is Clock.WALL,
        ),
        choose=choose,
        sandbox=options.sandbox,
        needs=needs(contract) & sandbox.promises,
        commands=tuple(dict.fromkeys(each[0] for each in commands if each and "/" not in each[0])),
        path=environment()["PATH"],
        standing=tuple(place for place in places if place.is_absolute() and place.exists()),
        watched=(CURVE_FILE,),
        scratch=home.scratch,
        log=home.own / "ray.log",
    )


def _commands(contract: Contract) -> tuple[str, ...]:
    """Words of the contract's commands that may be files of the target."""
    measure = contract.measure
    commands = (contract.run.command, measure.score, measure.serve, *measure.checks)
    words = {word.removeprefix("./") for command in commands for word in command}
    return tuple(sorted(word for word in words if not word.startswith(("-", "/"))))


def protected_paths(contract: Contract, paths: Collection[str]) -> tuple[str, ...]:
    """Globs of the target's files that its measuring is made of, whatever `editable` says."""
    target = contract.target
    named = [word for word in _commands(contract) if word in paths and not matches(word, target.editable)]
    tests = [glob for command in contract.measure.checks for glob in deciders(command)]
    return (CONTRACT, target.program, *named, *tests)
