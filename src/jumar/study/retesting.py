"""Trying an old experiment again on the champion of now: who may, and what agents are told of it."""

from __future__ import annotations

from jumar.core.desk import Tool
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.workspace import Workspace
from jumar.errors import Usage
from jumar.rules.history import History
from jumar.rules.revival import repeats

RETEST = Tool(
    name="retest",
    about="Have an old experiment tried again on the champion of now: a near miss, or what came before what "
    "it needs. Its change is merged and judged, next in turn, as an experiment of its own; once a proposal.",
    arguments={
        "type": "object",
        "properties": {"experiment": {"type": "integer", "minimum": 1, "description": "its number"}},
        "required": ["experiment"],
        "additionalProperties": False,
    },
)
TAKEN = "It is tried again next in turn; what comes of it stands in a later brief. Now propose."


def refuse_again(record: ExperimentRecord, history: History, workspace: Workspace) -> None:
    """Raise Usage where `refuse_retest` does, and where an experiment's next try is nothing new."""
    refuse_retest(record, history.champion_commit, workspace)
    experiments, waiting = history.experiments, history.retests.values()
    if why := repeats(record.number, experiments, history.champion, waiting):
        raise Usage(why, fix="see `jumar log` for what comes of it; try it when something else was kept")


def refuse_retest(record: ExperimentRecord, champion: str, workspace: Workspace) -> None:
    """Raise Usage where an experiment cannot be tried again on the commit of the champion of now."""
    number, experiment = record.number, record.experiment
    if experiment.parent == experiment.commit:
        what = "is the unchanged target" if number == BASELINE else "never became a commit"
        raise Usage(f"experiment {number} {what}: there is no change to try", fix="name another: `jumar log`")
    if record.is_open or record.stands:
        what = "is still under way" if record.is_open else "was kept: its change is in the champion"
        what = "waits for a person's approval" if record.held else what
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
