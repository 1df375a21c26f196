"""Where a controller can be told to kill itself: every named transition, before, within and after.

The product has no hook for this. The bench wraps the methods of the product in a process that then
runs the real command, so what is killed is `jumar run` from its first line to its last.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

from jumar.core.event import Judged
from jumar.core.verdict import Decision
from jumar.ledgers import rows
from jumar.ledgers.sql import SqlLedger

BEFORE, WITHIN, AFTER = "before", "within", "after"

#: Kinds of event. `kept` is a verdict that moves the champion. `Answered` is none of them: only agents
#: that are paid leave it, and these studies have none.
EVENTS = (
    "StudyStarted",
    "Resumed",
    "Proposed",
    "Rebased",
    "RunStarted",
    "RunEnded",
    "RunLost",
    "Judged",
    "Held",
    "kept",
    "Noticed",
    "Certified",
    "Refuted",
    "Revisited",
    "Rested",
)

#: What happens on the way of an experiment, and where it is done.
PLACES = {
    "make the study's folder": "jumar.home:Home.make",
    "lock the study": "jumar.ledgers.hold:_lock",
    "make the tables": "jumar.ledgers.sql:migrate",
    "pin the target": "jumar.workspaces.git:GitWorkspace.pin",
    "fold the record": "jumar.study.loop:Recorder.__init__",
    "take up": "jumar.study.loop:take_up",
    "wipe the scratch": "jumar.study.resume:remove_folder",
    "mend the branch": "jumar.study.deciding:mend_branch",
    "ask the agent": "jumar.agents.replay:Replay.propose",
    "write a tree": "jumar.workspaces.git:write_tree",
    "commit a candidate": "jumar.workspaces.git:GitWorkspace.commit",
    "keep a candidate's ref": "jumar.workspaces.refs:keep",
    "hold git's lock on a ref": "pygit2:ReferenceTransaction.set_target",
    "release git's lock on a ref": "pygit2:ReferenceTransaction.commit",
    "sync a champion": "jumar.workspaces.git:make_durable",
    "move the branch": "jumar.workspaces.git:GitWorkspace.point",
    "make a run's folder": "jumar.study.places:Place.make",
    "write a run's tree": "jumar.workspaces.git:write_folder",
    "submit a job": "jumar.executors.local:LocalExecutor.submit",
    "start the warden": "jumar.sandboxes.starting:Warden.__init__",
    "start a process": "jumar.sandboxes.starting:_Spare.become",
    "launch a run": "jumar.sandboxes.bubblewrap:Bubblewrap.launch",
    "settle a run's output": "jumar.sandboxes.bubblewrap:_Box.exit",
    "hand a run over": "jumar.executors.local:LocalExecutor._hand_over",
    "ask for a score": "jumar.study.flight:Flights._follow",
    "land a run": "jumar.study.flight:Flights._land",
    "write an artefact": "jumar.ledgers.artefacts:_write",
    "name an artefact": "jumar.ledgers.artefacts:FolderArtefacts.put",
    "remove a run's folder": "jumar.study.places:Place.remove",
    "move on what waits": "jumar.study.proposing:Proposer.move_on",
    "bring up what waits": "jumar.study.rebasing:Rebasing.bring_up",
    "decide": "jumar.study.deciding:Deciding.decide",
    "retire": "jumar.study.loop:Loop._rest",
    "abandon": "jumar.study.flight:Flights.abandon",
    "close the executor": "jumar.executors.local:LocalExecutor.close",
    "close the ledger": "jumar.ledgers.sql:SqlLedger.close",
}


#: What a sitting has one of, or few.
ONCE = (
    "StudyStarted",
    "Resumed",
    "RunLost",
    "Noticed",
    "Certified",
    "Refuted",
    "Revisited",
    "Rested",
    "make the study's folder",
    "lock the study",
    "make the tables",
    "pin the target",
    "fold the record",
    "take up",
    "wipe the scratch",
    "start the warden",
    "sync a champion",
    "retire",
    "abandon",
    "close the executor",
    "close the ledger",
)


class Fault(NamedTuple):
    """Die on the `nth` time that this happens, on this side of it."""

    what: str
    side: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.side} {self.what}, time {self.nth}"


def every_fault() -> list[Fault]:
    """Each named transition on each of its sides; most of them at several times of a study."""
    found = [Fault(what, side) for what in EVENTS for side in (BEFORE, WITHIN, AFTER)]
    found += [Fault(what, side) for what in PLACES for side in (BEFORE, AFTER)]
    return found + [fault._replace(nth=nth) for fault in found if fault.what not in ONCE for nth in (2, 4)]


def arm(fault: Fault) -> None:
    """Wrap the product so that this process dies there."""
    if fault.what not in EVENTS:
        owner, name = _owner(PLACES[fault.what])
        _wrap(owner, name, fault, lambda _: True)
        return

    def concerns(arguments: tuple[Any, ...]) -> bool:
        return any(fault.what in _names(event) for event in arguments[2:])

    if fault.side != WITHIN:
        _wrap(SqlLedger, "append", fault, concerns)
        return
    # Written, and not committed: die where the counts have been written too.
    original, seen = SqlLedger.append, [0]

    @functools.wraps(original)
    def append(*arguments: Any) -> Any:
        seen[0] += concerns(arguments)
        if concerns(arguments) and seen[0] == fault.nth:
            _wrap(rows, "write_tally", Fault(fault.what, AFTER), lambda _: True)
        return original(*arguments)

    setattr(SqlLedger, "append", append)  # noqa: B010  (mypy would not have it otherwise)


def _names(event: object) -> tuple[str, ...]:
    kept = isinstance(event, Judged) and event.experiment > 0 and event.verdict.decision is Decision.KEPT
    return (type(event).__name__, "kept") if kept else (type(event).__name__,)


def _owner(place: str) -> tuple[Any, str]:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *above, name = path.split(".")
    for step in above:
        owner = getattr(owner, step)
    return owner, name


def _wrap(owner: Any, name: str, fault: Fault, concerns: Callable[[tuple[Any, ...]], bool]) -> None:
    original, seen = getattr(owner, name), [0]

    @functools.wraps(original)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        seen[0] += concerns(arguments)
        due = concerns(arguments) and seen[0] == fault.nth
        if due and fault.side == BEFORE:
            _die()
        result = original(*arguments, **named)
        if due:
            _die()
        return result

    setattr(owner, name, wrapped)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
