"""Takes runs from a commit to an outcome: tree, job, score, artefacts. Knows nothing of verdicts."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator

import msgspec
from msgspec.structs import replace

from jumar.core.curve import Curve, read_curve
from jumar.core.evaluator import MOST_SCORE_BYTES, SCORE_FILE, FinishedRun
from jumar.core.executor import Ended, Lost
from jumar.core.job import ExitReport
from jumar.core.outcome import Failed, Measured, Outcome, Stopped, Why
from jumar.core.run import Purpose, Run
from jumar.errors import EnvironmentUnfit
from jumar.rules.checks import unproven
from jumar.rules.last_words import last_words
from jumar.study.parts import Parts
from jumar.study.places import Place, read_log, read_untrusted, run_job

CURVE_FILE = "curve.jsonl"
MOST_CURVE_BYTES = 4 << 20
PROFILES = "profile-"  # how the names begin of what a profiled run's processes wrote
MOST_PROFILES, MOST_PROFILE_BYTES = 16, 1 << 20
# Folders of landed runs are removed while the next run works, once it has been launched: both are
# Python's, and side by side they would take turns.
LAUNCH_S = 0.02
MOST_LEFT = 16
MOST_LOSSES = 2  # of one run in a sitting: a machine may die, and the next one is another
SPARE_BYTES = 1 << 20  # where less is free, a log cannot be trusted to be whole


class Landed(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has its outcome."""

    run: Run
    outcome: Outcome
    report: ExitReport
    artefacts: dict[str, str]


class Strayed(msgspec.Struct, frozen=True, kw_only=True):
    """A run that will have no outcome: what ran it died."""

    run: Run
    reason: str


class Aloft:
    """One run on its way. `report` is set once it has ended and is being scored."""

    def __init__(self, run: Run, place: Place) -> None:
        self.run = run
        self.place = place
        self.started = time.monotonic()
        self.report: ExitReport | None = None
        self.stopped: Stopped | None = None

    def curve(self) -> Curve:
        """The learning curve so far, as the candidate tells it."""
        return read_curve(read_untrusted(self.place.out, CURVE_FILE, MOST_CURVE_BYTES))

    def finished(self, report: ExitReport) -> FinishedRun:
        """What an evaluator is shown."""
        place = self.place
        return FinishedRun(
            run=self.run, report=report, tree=place.tree, out=place.out, log=place.log, work=place.work
        )


class Flights:
    """The runs that are under way. Each that was started lands or strays exactly once, or is abandoned."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._aloft: dict[str, Aloft] = {}
        self._left: list[Place] = []  # of runs that landed; removed while the next one runs
        self._strayed: list[Strayed] = []
        self._sides: dict[Hashable, str] = {}  # of pairs of which one side was started: its key
        self._losses: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._aloft)

    def __iter__(self) -> Iterator[Aloft]:
        return iter(tuple(self._aloft.values()))

    @property
    def free(self) -> int:
        """How many more runs may start now."""
        return self._parts.executor.slots - len(self._aloft)

    def start(self, run: Run) -> None:
        """Start a run that the ledger already knows of."""
        parts = self._parts
        place = Place(parts.scratch)
        try:
            place.make()
        except OSError as error:
            raise EnvironmentUnfit(
                f"a run cannot have its folder {place.root}: {error.strerror}",
                fix="free some disk, or make the target's folder writable",
            ) from error
        parts.workspace.materialise(run.commit, place.tree, without=parts.around.without)
        self._aloft[run.key] = Aloft(run, place)
        job = run_job(parts.contract, run, place, parts.around)
        parts.executor.submit(replace(job, beside=self._other_side(run)))

    def _other_side(self, run: Run) -> str:
        """Key of the run that this one is to be compared with, where that was started before."""
        if run.purpose not in (*PAIRED, Purpose.REVISIT):
            return ""
        what = (run.experiment, run.purpose, run.pair, run.attempt)
        other = self._sides.pop(what, "")
        if not other:
            self._sides[what] = run.key
        return other

    def stop_early(self, key: str, stopped: Stopped) -> None:
        """End a hopeless run; it lands as `stopped`."""
        aloft = self._aloft[key]
        if aloft.report is None and aloft.stopped is None:
            aloft.stopped = stopped
            self._parts.executor.cancel(key)

    def wait(self, timeout_s: float, is_due: Callable[[], bool] = lambda: False) -> tuple[Landed, ...]:
        """Runs that have their outcome since the last call; waits no longer once something else `is_due`."""
        ended = self._parts.executor.wait(min(timeout_s, LAUNCH_S))
        if not ended or len(self._left) > MOST_LEFT:
            self._tidy()
        if not ended and timeout_s > LAUNCH_S and not is_due():
            ended = self._parts.executor.wait(timeout_s - LAUNCH_S)
        landed = [self._follow(each) for each in ended]
        return tuple(flight for flight in landed if flight)

    def strayed(self) -> tuple[Strayed, ...]:
        """Runs that were lost since the last call, to be made again.

        Raises EnvironmentUnfit for one that was lost before: its machines are to be looked at.
        """
        strayed, self._strayed = tuple(self._strayed), []
        for each in strayed:
            run = each.run
            what = (run.experiment, run.commit, run.seed, run.purpose, run.side, run.pair)
            self._losses[what] += 1
            if self._losses[what] >= MOST_LOSSES:
                raise EnvironmentUnfit(
                    f"run {run.key} was lost, and so was the one before it that it repeats: {each.reason}",
                    fix="see to the machines that runs are made on; then `jumar run` goes on from here",
                )
        return strayed

    def abandon(self) -> None:
        """Stop everything at once; what was under way has no outcome."""
        self._parts.executor.close()
        for aloft in self._aloft.values():
            aloft.place.remove()
        self._aloft.clear()
        self._tidy()

    def _tidy(self) -> None:
        for place in self._left:
            place.remove()
        self._left.clear()

    def _follow(self, ended: Ended | Lost) -> Landed | None:
        key, _, is_score = ended.key.partition(":")
        aloft = self._aloft[key]
        if isinstance(ended, Lost):  # of a score too: what is to be scored may have gone with it
            del self._aloft[key]
            self._left.append(aloft.place)
            self._strayed.append(Strayed(run=aloft.run, reason=ended.reason))
            return None
        if is_score:
            assert aloft.report is not None, "a score follows its run"
            return self._land(aloft, aloft.report, ended.report)
        aloft.report = ended.report
        if aloft.stopped is None and aloft.run.purpose is not Purpose.CHECK:
            scoring = self._parts.evaluator.scoring(aloft.finished(ended.report))
            if scoring is not None:
                self._parts.executor.submit(scoring)
                return None
        return self._land(aloft, ended.report, None)

    def _land(self, aloft: Aloft, report: ExitReport, scored: ExitReport | None) -> Landed:
        curve = aloft.curve()
        outcome = self._outcome(aloft, report, scored)
        if isinstance(outcome, Failed):
            _refuse_full_disk(aloft, report)
        if isinstance(outcome, Measured):
            outcome = replace(outcome, others={**outcome.others, **_metered(report, scored, curve)})
            if aloft.run.purpose not in PAIRED:
                outcome = replace(outcome, items=())  # the score that is kept beside the ledger has them
        landed = Landed(
            run=aloft.run, outcome=outcome, report=report, artefacts=self._keep(aloft.finished(report))
        )
        del self._aloft[aloft.run.key]
        self._left.append(aloft.place)
        return landed

    def _outcome(self, aloft: Aloft, report: ExitReport, scored: ExitReport | None) -> Outcome:
        if aloft.stopped is not None:
            return aloft.stopped
        if aloft.run.purpose is not Purpose.CHECK:
            return self._parts.evaluator.measure(aloft.finished(report), scored)
        command, said = self._parts.contract.measure.checks[aloft.run.pair], read_log(aloft.place.log)
        how = report.ending.value if report.exit_code is None else f"exit code {report.exit_code}"
        if report.succeeded and not (how := unproven(command, said)):
            return Measured(value=report.wall_s)
        last = last_words(said).rpartition("\n")[2]
        words = ": ".join(filter(None, (f"`{' '.join(command)}`", how, report.detail, last)))
        return Failed(why=Why.CHECK_FAILED, detail=words)

    def _keep(self, finished: FinishedRun) -> dict[str, str]:
        found = {
            "log": read_log(finished.log),
            "curve": read_untrusted(finished.out, CURVE_FILE, MOST_CURVE_BYTES),
            "score": read_untrusted(finished.scored, SCORE_FILE, MOST_SCORE_BYTES),
            "score_log": read_log(finished.score_log),
        }
        if finished.run.profiled:
            names = sorted(name for name in os.listdir(finished.out) if name.startswith(PROFILES))
            found |= {
                name: read_untrusted(finished.out, name, MOST_PROFILE_BYTES) for name in names[:MOST_PROFILES]
            }
        return {name: self._parts.artefacts.put(content) for name, content in found.items() if content}


# Of an experiment's runs only pairs are compared item by item. A screen has no partner to be compared with,
# and without its items an experiment of tinylm takes 1.7 KB less of the ledger, and of memory.
PAIRED = frozenset({Purpose.CONFIRM, Purpose.CERTIFY})


def _refuse_full_disk(aloft: Aloft, report: ExitReport) -> None:
    """Raise EnvironmentUnfit where a run failed on a full disk that it did not fill itself."""
    free_bytes = shutil.disk_usage(aloft.place.root).free
    if free_bytes + report.output_bytes + report.disk_bytes < SPARE_BYTES:
        raise EnvironmentUnfit(
            f"run {aloft.run.key} failed on a full disk, which is not held against it",
            fix=f"free some disk (`df -h {aloft.place.root.parent}`), and run again",
        )


def _metered(report: ExitReport, scored: ExitReport | None, curve: Curve) -> dict[str, float]:
    """Our own measurements of a run, under the names that guards use; they win over reported ones.

    `serve_cpu_s` is what the candidate's code spent while it was scored, which no budget covers.
    `curve_steps` is the one that the candidate told itself.
    """
    ours = {
        "peak_memory_mb": report.peak_memory_bytes / 1e6,
        "cpu_s": report.cpu_s,
        "wall_s": report.wall_s,
        "output_mb": (report.output_bytes + report.disk_bytes) / 1e6,
    }
    if scored and scored.servers:
        ours["serve_cpu_s"] = sum(server.cpu_s for server in scored.servers)
    if curve and curve[-1].step > 0:
        ours["curve_steps"] = curve[-1].step
    return ours
