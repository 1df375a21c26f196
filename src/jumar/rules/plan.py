"""Which runs to make next: what the judge wants, and the seeds it is given."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import cast

from msgspec.structs import replace

from jumar.core.contract import Contract
from jumar.core.evidence import Want
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.machine import alike
from jumar.core.outcome import Failed
from jumar.core.run import Purpose, Run, RunRecord, Side
from jumar.rules.evidence import (
    CERTIFY_PAIRS,
    REPEATED_PAIR,
    first_certifying_pair,
    latest_runs,
    noise_of,
    reference_of,
    standing,
)
from jumar.rules.history import History
from jumar.rules.seeds import reference_is_first, seed_for

# A run of the unchanged target may fail by bad luck once. A target that fails twice would fail all night.
MOST_FAILED = 1

_PER_EXPERIMENT = 1000  # room for the pairs of one experiment in the numbering of seeds


def baseline_runs(record: ExperimentRecord, history: History, contract: Contract) -> tuple[Run, ...]:
    """The runs of the unchanged target that are still missing.

    All but one have a seed of their own; the last repeats the first one's seed, which shows
    whether the metric is without noise and whether the target honours its seed. One that failed is
    made up for on another seed; one made under other circumstances is made again. The checks are made
    too: one that the unchanged target does not pass would turn down every change.
    """
    failed = {run.run.seed for run in failed_replicates(record)}
    done = {
        (run.run.purpose, run.run.seed, run.run.pair)
        for run in record.runs
        if not run.lost and run.run.seed not in failed and alike(run.under, history.under)
    }
    seeds = [_seed(history, Purpose.BASELINE, n) for n in range(contract.measure.baseline - 1 + len(failed))]
    seeds = [seed for seed in seeds if seed not in failed]
    wanted = [(Purpose.BASELINE, seed, 0) for seed in seeds]
    wanted.append((Purpose.BASELINE, seeds[0], REPEATED_PAIR))
    wanted += [(Purpose.CHECK, n, n) for n in range(len(contract.measure.checks))]
    runs = tuple(
        Run(
            key="",
            experiment=BASELINE,
            commit=record.experiment.commit,
            seed=seed,
            purpose=purpose,
            side=Side.REFERENCE,
            pair=pair,
        )
        for purpose, seed, pair in wanted
        if (purpose, seed, pair) not in done
    )
    return _numbered(record, runs)


def failed_replicates(record: ExperimentRecord) -> tuple[RunRecord, ...]:
    """The runs of the unchanged target, of those that tell the noise, which gave no number."""
    of_noise = (run for run in record.runs if run.run.purpose is Purpose.BASELINE)
    return tuple(run for run in of_noise if isinstance(run.outcome, Failed))


def fatal_failure(record: ExperimentRecord) -> Failed | None:
    """Why the unchanged target cannot be measured; None while there is hope."""
    checks = (run.outcome for run in record.runs if run.run.purpose is Purpose.CHECK)
    failed = [outcome for outcome in checks if isinstance(outcome, Failed)]
    failed += [cast(Failed, run.outcome) for run in failed_replicates(record)][MOST_FAILED:]
    return failed[0] if failed else None


def wanted_runs(want: Want, record: ExperimentRecord, history: History) -> tuple[Run, ...]:
    """The runs that answer the judge's next question about an experiment, to be made together."""
    candidate, parent = record.experiment.commit, record.experiment.parent
    purpose, number = want.purpose, record.number
    if purpose is Purpose.CONFIRM:
        runs = _pair(record, history, purpose, (candidate, reference_of(record, history)))
        return tuple(replace(run, strict=want.strict) for run in runs)
    if purpose is Purpose.SCREEN:
        # A seed that the champion has run too, another one for each experiment: no candidate can
        # live off one lucky seed.
        seed = standing(history, parent).by_seed.nth(number)
        run = Run(key="", experiment=number, commit=candidate, seed=seed, purpose=purpose)
    else:
        done = sum(1 for made in record.runs if made.run.purpose is purpose and made.outcome is not None)
        run = Run(key="", experiment=number, commit=candidate, seed=done, purpose=purpose, pair=done)
    return _numbered(record, (run,))


def revisiting_runs(history: History) -> tuple[Run, ...]:
    """The champion's next run of a revisit: alone at first, then beside what it is built on, if anything.

    Where the unchanged target was never run as runs are made now, it is run beside the first one: guards
    compare with it.
    """
    record, place = history.experiments[history.champion], history.revisited.get(history.champion, 0)
    made = latest_runs(record, Purpose.REVISIT, first=place)
    done = {(run.run.pair, run.run.side) for run in made}
    base = history.experiments[BASELINE].experiment.commit
    is_known = record.number == BASELINE or history.means(base).knows(history.under)
    beside = None if is_known else base
    while done.issuperset((place, side) for side in (Side.CANDIDATE, *([Side.REFERENCE] * bool(beside)))):
        place += 1
        beside = None if record.number == BASELINE else record.experiment.parent
    wanted = [Side.CANDIDATE, Side.REFERENCE] if beside else [Side.CANDIDATE]
    commits = (record.experiment.commit, beside or record.experiment.parent)
    pair = _pair(record, history, Purpose.REVISIT, commits, place)
    return _numbered(record, tuple(run for run in pair if run.side in wanted))


def certifying_runs(record: ExperimentRecord, history: History, contract: Contract) -> tuple[Run, ...]:
    """The next pair, champion and baseline, of the certification under way; empty when all are in."""
    first = first_certifying_pair(history, record.number)
    pair = _next_pair(record, Purpose.CERTIFY, first)
    # Two seeds show that there is no noise; were there any, two pairs would certify nothing.
    enough = 2 if noise_of(history).deterministic else CERTIFY_PAIRS
    if pair >= first + enough:
        return ()
    commits = (record.experiment.commit, history.experiments[BASELINE].experiment.commit)
    return _pair(record, history, Purpose.CERTIFY, commits, pair)


def _pair(
    record: ExperimentRecord,
    history: History,
    purpose: Purpose,
    commits: tuple[str, str],
    pair: int | None = None,
) -> tuple[Run, ...]:
    number = _next_pair(record, purpose, 0) if pair is None else pair
    index = record.number * _PER_EXPERIMENT + number
    seed, secret = _seed(history, purpose, index), _secret(history)
    attempt = sum(1 for made in record.runs if made.run.purpose is purpose and made.run.pair == number)
    sides = list(zip((Side.CANDIDATE, Side.REFERENCE), commits, strict=True))
    if reference_is_first(secret, purpose, index):
        sides.reverse()
    return _numbered(
        record,
        tuple(
            Run(
                key="",
                experiment=record.number,
                commit=commit,
                seed=seed,
                purpose=purpose,
                side=side,
                pair=number,
                attempt=attempt,
            )
            for side, commit in sides
        ),
    )


def _next_pair(record: ExperimentRecord, purpose: Purpose, first: int) -> int:
    """The first pair, from `first` on, of which no attempt has both sides; both are made anew."""
    sides = Counter(made.run.pair for made in latest_runs(record, purpose, first=first))
    return next(number for number in count(first) if sides[number] < len(Side))


def _numbered(record: ExperimentRecord, runs: tuple[Run, ...]) -> tuple[Run, ...]:
    first = len(record.runs) + 1
    return tuple(replace(run, key=f"{record.number}-{first + offset}") for offset, run in enumerate(runs))


def _seed(history: History, purpose: Purpose, index: int) -> int:
    return seed_for(_secret(history), purpose, index)


def _secret(history: History) -> str:
    assert history.terms is not None, "a study has terms before it has runs"
    return history.terms.secret
