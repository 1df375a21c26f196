"""Takes a study up where it was left, however it was left."""

from __future__ import annotations

import os
import socket
from itertools import chain

from jumar.core.event import Noticed, Resumed, RunLost
from jumar.core.experiment import BASELINE
from jumar.errors import TargetUnfit
from jumar.rules.history import History
from jumar.study.parts import Parts
from jumar.study.places import remove_folder
from jumar.study.recorder import Recorder


def take_up(parts: Parts, recorder: Recorder) -> None:
    """Bring ledger, ref and disk into agreement, and record that this process has the study.

    A new study is started. Runs that the last controller left open are recorded as lost, to be
    made again. The branch is brought to the ledger's champion. Left-over scratch is removed.
    Called with the study held, so nothing of it can be alive.
    """
    history = recorder.history
    if history.terms is None:
        recorder.note(parts.terms)
    # Taken up first, and what was lost second: the time in between was nobody's.
    recorder.note(Resumed(pid=os.getpid(), host=socket.gethostname(), under=parts.executor.under))
    lose_open_runs(recorder, "its controller ended before it did")
    recorder.note(*(Noticed(words=words) for words in parts.notices))
    recorder.commit()
    refuse_foreign(parts, recorder)
    remove_folder(parts.scratch)


def lose_open_runs(recorder: Recorder, reason: str) -> None:
    """Record every run that has no outcome as lost. Called when none of them is alive."""
    history = recorder.history
    numbers = dict.fromkeys([*history.open, BASELINE, *history.kept])
    # A certification or revisit that was under way belongs to a champion, which has its verdict already.
    records = [history.experiments[number] for number in numbers if number in history.experiments]
    open_keys = [run.run.key for record in records for run in record.runs if run.is_open]
    recorder.note(*(RunLost(key=key, reason=reason) for key in open_keys))


def mend_branch(parts: Parts, recorder: Recorder) -> None:
    """Bring the branch to the ledger's champion.

    Raises TargetUnfit when it has commits that are not this study's or is checked out somewhere.
    """
    history = recorder.history
    now = refuse_foreign(parts, recorder)
    if _is_measured(history) and now != history.champion_commit:
        parts.workspace.point(parts.branch, history.champion_commit, old=now)


def refuse_foreign(parts: Parts, recorder: Recorder) -> str | None:
    """Where the branch is. Raises TargetUnfit when that is no commit of this study's."""
    history = recorder.history
    now = parts.workspace.resolve(parts.branch)
    if history.baseline_failed or now is None:
        return now
    if not (_is_measured(history) and _is_ours(now, history)):
        raise TargetUnfit(
            f"the branch {parts.branch.removeprefix('refs/heads/')} has commits that are not this study's",
            fix=f"move them to another name: git branch -m jumar/{parts.name} NAME",
        )
    return now


def _is_ours(commit: str, history: History) -> bool:
    """Whether an experiment made this commit. What was kept comes first: there the branch usually is."""
    kept = (history.experiments[number] for number in (BASELINE, *history.kept))
    return any(record.experiment.commit == commit for record in chain(kept, history.experiments.values()))


def _is_measured(history: History) -> bool:
    measured = BASELINE in history.experiments and BASELINE not in history.open
    return measured and not history.baseline_failed
