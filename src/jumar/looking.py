"""Runs outside the search: a first measurement, the answer to a probe, whether a re-test makes sense."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jumar.assembly import assembled
from jumar.core.event import Entry, Probed
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.run import Purpose, Run
from jumar.core.workspace import Workspace
from jumar.errors import Usage
from jumar.home import Home, Options
from jumar.study.flight import Flights, Landed

LOOK_S = 0.25
GRACE_S = 10.0  # for the process that ran the study to be followed by another


def first_measurement(folder: Path, contract_text: str) -> Landed:
    """Run the target as it lies in the work tree once, as a study would, and leave no trace."""
    with tempfile.TemporaryDirectory(prefix="jumar-") as state:
        home = Home(folder=folder, study="trial", state=Path(state))
        with assembled(home, contract_text, Options(include_dirty=True), lambda _: None) as parts:
            flights = Flights(parts)
            try:
                commit = parts.terms.base
                flights.start(
                    Run(key="0-1", experiment=BASELINE, commit=commit, seed=1, purpose=Purpose.BASELINE)
                )
                landed: tuple[Landed, ...] = ()
                while not landed:
                    landed = flights.wait(1.0)
                return landed[0]
            finally:
                flights.abandon()


def answer(
    entries: Callable[[int], Iterator[Entry]],
    is_run: Callable[[], bool],
    read: Callable[[str], bytes],
    asked: int,
) -> str:
    """What a probe showed that entry `asked` wants of the process that runs the study; waits for it.

    Raises Usage where it was refused, or nobody is there any more who could make it.
    """
    after = heard = asked
    alone = time.monotonic()
    while True:
        for entry in entries(after):
            after = entry.seq
            if isinstance(entry.event, Probed) and entry.event.asked == asked:
                if entry.event.trouble:
                    raise Usage(entry.event.trouble, fix=entry.event.fix)
                return read(entry.event.answer).decode()
        now = time.monotonic()
        alone = now if is_run() or after != heard else alone
        heard = after
        if now - alone > GRACE_S:
            raise Usage("nobody runs the study any more", fix="ask again: then the runs are made here")
        time.sleep(LOOK_S)


def refuse_retest(record: ExperimentRecord, study: StudyRecord, workspace: Workspace) -> None:
    """Raise Usage where an experiment cannot be tried again on the champion of now."""
    number, experiment, champion = record.number, record.experiment, study.champion_commit
    if experiment.parent == experiment.commit:
        what = "is the unchanged target" if number == BASELINE else "never became a commit"
        raise Usage(f"experiment {number} {what}: there is no change to try", fix="name another: `jumar log`")
    if record.is_open or record.stands:
        what = "is still under way" if record.is_open else "was kept: its change is in the champion"
        raise Usage(f"experiment {number} {what}", fix="name one that was discarded: `jumar log`")
    if experiment.parent == champion:
        raise Usage(
            f"experiment {number} was tried on the champion of now; once more would be a second draw of luck",
            fix="try it when something else was kept",
        )
    edits = workspace.merge(experiment.parent, champion, experiment.commit)
    if edits is None:
        raise Usage(
            f"experiment {number} and the champion change the same places",
            fix=f"make the change by hand: `jumar diff {number}`",
        )
    if not edits:
        raise Usage(f"the champion has the change of experiment {number}", fix="name another: `jumar log`")
