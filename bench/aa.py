"""Edits that do nothing and real gains of known size, through real studies of tinylm.

Thirty edits that change nothing (`bench.nothings`) are replayed in one study: none may be kept, and
nothing certified. Then three gains of about 1, 2 and 5 % each have a study of their own: each must be
kept. What they are truly worth is measured in pairs of runs outside those studies, on other seeds.
Half an hour to an hour on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import unified_diff
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.common import Bar, arguments, report
from bench.nothings import NOTHINGS, Nothing, differs_only_in_form, replaced
from bench.tinylm import PATH, make_target
from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.outcome import Measured
from jumar.core.proposal import Edit
from jumar.core.run import Purpose, Run
from jumar.home import Home, Options
from jumar.rules.student import mean_and_interval
from jumar.study.flight import Flights

# About how many per cent a change is worth → the change.
GAINS = {
    1: ("LR = 1e-3 ", "LR = 1.3e-3 "),
    2: ("LR = 1e-3 ", "LR = 1.45e-3 "),
    5: ("BATCH = 16 ", "BATCH = 8 "),
}
OUTSIDE = 50_000  # first seed of the pairs outside the studies; a study draws its own from its name


def main() -> int:
    """Play the studies, measure the gains, and say by the exit code whether every bar holds."""
    parser = arguments("aa", __doc__ or "")
    parser.add_argument("--edits", type=int, default=len(NOTHINGS), help="that do nothing (30)")
    parser.add_argument("--gains", default="1,2,5", help="of about so many per cent (1,2,5)")
    parser.add_argument("--pairs", type=int, default=6, help="that measure each gain (6)")
    parser.add_argument("--budget", type=float, default=10.0, help="CPU seconds of a run (10)")
    parser.add_argument("--workers", type=int, default=2, help="runs at once (2)")
    options = parser.parse_args()
    gains = [int(gain) for gain in options.gains.split(",") if gain]
    with tempfile.TemporaryDirectory(prefix="jumar-bench-") as place:
        bench = Bench(Path(place), options.budget, options.workers, progress=not options.json)
        nothing = bench.play_nothings(NOTHINGS[: options.edits])
        planted = {f"{gain} %": bench.play_gain(gain, options.pairs) for gain in gains}
    figures = {"nothing": nothing, "planted": planted, "budget_s": options.budget}
    return report("aa", figures, bars(nothing, planted), json=options.json, save=options.save)


def bars(nothing: Mapping[str, Any], planted: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """What has to hold."""
    return [
        Bar("edits that do nothing: kept", nothing["kept"], 0),
        Bar("edits that do nothing: certified gains", nothing["certified gains"], 0),
        Bar("edits that do nothing: gave no number", nothing["failed"], 0),
        *(
            Bar(f"a gain of {gain}: kept", float(row["kept"]), 1, at_least=True)
            for gain, row in planted.items()
        ),
    ]


class Bench:
    """One copy of the target, and the studies of it."""

    def __init__(self, place: Path, budget_s: float, slots: int, *, progress: bool) -> None:
        self._place, self._slots, self._progress = place, slots, progress
        self._folder = place / "tinylm"
        self._contract = make_target(self._folder, budget_s)
        self._source = (self._folder / PATH).read_text(encoding="utf-8")

    def play_nothings(self, edits: Iterable[Nothing]) -> dict[str, Any]:
        """What came of edits that do nothing, after each has been shown to be one."""
        edits = tuple(edits)
        for edit in edits:
            assert differs_only_in_form(edit, self._source, self._folder), edit.words
        changed = [(edit.words, edit.change(self._source)) for edit in edits]
        study = self._replay("nothing", changed)
        tried = study.experiments()[1:]
        assert len(tried) == len(edits), "every edit was played"
        claim, ends = _recorded(study).claim, Counter(_end_of(record) for record in tried)
        runs = [_runs(record) for record in tried]
        return {
            "edits": len(tried),
            "kinds": dict(Counter(edit.kind for edit in edits)),
            "ends": dict(ends),
            "kept": sum(record.is_kept for record in tried),
            "failed": ends["failed"],
            "certified gains": int(claim is not None and claim.certified),
            "runs": sum(runs),
            "runs per edit that ran": round(sum(runs) / max(1, sum(run > 0 for run in runs)), 2),
            "passed the screen": sum(_pairs(record) > 0 for record in tried),
            "noise of a run": _noise(study),
        }

    def play_gain(self, per_cent: int, pairs: int) -> dict[str, Any]:
        """What came of a real gain in a study, and what it is worth outside."""
        old, new = GAINS[per_cent]
        better = replaced(old, new)(self._source)
        study = self._replay(f"gain-{per_cent}", [(f"{old.strip()} becomes {new.strip()}", better)])
        (record,) = study.experiments()[1:]
        claim = _recorded(study).claim
        mean, interval = self._worth(better, pairs)
        return {
            "change": record.experiment.hypothesis,
            "worth": round(mean, 5),
            "worth at 95 %": [round(end, 5) for end in interval],
            "kept": record.is_kept,
            "runs": _runs(record),
            "pairs": _pairs(record),
            "end": record.verdict.reason if record.verdict else "",
            "certified": bool(claim and claim.certified),
            "claimed": round(claim.relative, 5) if claim else None,
            "claimed at 95 %": [round(end, 5) for end in claim.relative_interval] if claim else None,
        }

    def _replay(self, name: str, changed: Iterable[tuple[str, str]]) -> Study:
        """A study of these programs, each handed in as a patch."""
        folder = self._place / f"{name}-patches"
        folder.mkdir()
        for number, (words, source) in enumerate(changed, 1):
            (folder / f"{number:02}.patch").write_text(_patch(words, self._source, source), encoding="utf-8")
        options = Options(agent=f"replay:{folder}", workers=self._slots)
        study = open_study(self._folder, study=name, options=options)
        study.run()
        for record in study.experiments():
            self._say(f"{name} {record.number}: {record.verdict.reason if record.verdict else 'open'}")
        return study

    def _worth(self, better: str, pairs: int) -> tuple[float, tuple[float, float]]:
        """Mean relative gain over the unchanged target, with its interval, in pairs side by side."""
        home, gains = Home(folder=self._folder, study="outside"), []
        with assembled(home, self._contract, Options(workers=2), lambda _: None) as parts:
            edit = Edit(path=PATH, content=better.encode())
            made = parts.workspace.commit(
                parts.terms.base, (edit,), message="gain", ref="refs/jumar/bench/gain"
            )
            flights = Flights(parts)
            for seed in range(OUTSIDE, OUTSIDE + pairs):
                for key, commit in (("new", made.sha), ("old", parts.terms.base)):
                    run = Run(
                        key=f"{key}-{seed}", experiment=0, commit=commit, seed=seed, purpose=Purpose.SCREEN
                    )
                    flights.start(run)
                values: dict[str, float] = {}
                while len(values) < 2:
                    for landed in flights.wait(timeout_s=1.0):
                        assert isinstance(landed.outcome, Measured), landed.outcome
                        values[landed.run.key.partition("-")[0]] = landed.outcome.value
                gains.append(1 - values["new"] / values["old"])
                self._say(f"outside, seed {seed}: {values['old']:.4f} becomes {values['new']:.4f}")
        return fmean(gains), mean_and_interval(gains)[1]

    def _say(self, words: str) -> None:
        if self._progress:
            print(words, flush=True)


def _patch(words: str, old: str, new: str) -> str:
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    return words + "\n\n" + "".join(unified_diff(before, after, f"a/{PATH}", f"b/{PATH}"))


def _recorded(study: Study) -> StudyRecord:
    record = study.record()
    assert record is not None
    return record


def _end_of(record: ExperimentRecord) -> str:
    assert record.verdict is not None
    end = record.verdict.code or record.verdict.decision.value
    return f"{end} after {_pairs(record)} pairs" if _pairs(record) else end


def _pairs(record: ExperimentRecord) -> int:
    return len(record.verdict.evidence.get("pairs", ())) if record.verdict else 0


def _runs(record: ExperimentRecord) -> int:
    """What the search spent on it: certification is the study's."""
    return sum(run.run.purpose in (Purpose.SCREEN, Purpose.CONFIRM) for run in record.runs)


def _noise(study: Study) -> float | None:
    for record in reversed(study.experiments()):
        if record.verdict and (sd := record.verdict.evidence.get("run_sd")):
            return round(float(sd), 5)
    return None


if __name__ == "__main__":
    sys.exit(main())
