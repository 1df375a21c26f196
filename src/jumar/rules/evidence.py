"""Draws from a study's history what the judge may see of one experiment."""

from __future__ import annotations

from jumar.core.contract import Contract, Metric
from jumar.core.evidence import Evidence, Noise, Pair, Standing
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.machine import Circumstances, alike
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, RunRecord, Side
from jumar.rules.history import History, Keeps, Pooled
from jumar.rules.noise import LEARNT_FROM, leads_elsewhere, measure_noise, relearnt_noise, update_noise
from jumar.rules.quarantine import largest_gain
from jumar.rules.simpler import Allowance, allowance, is_simplification, margin_of, simplifies

# Certification at the end: with four pairs of a paired sd of 0.23 % the interval is ±0.4 %.
CERTIFY_PAIRS = 4
REPEATED_PAIR = 1  # marks the baseline run that repeats the first one's seed


def evidence_for(number: int, history: History, contract: Contract) -> Evidence:
    """Everything a verdict on experiment `number` may rest on, as of now."""
    record = history.experiments[number]
    screen, noise = latest_runs(record, Purpose.SCREEN), noise_of(history)
    under = _made_under(record) or history.under
    parent = standing(history, record.experiment.parent, under)
    is_known = history.means(record.experiment.parent).knows(under)
    beside = reference_of(record, history)
    saved = record.experiment.saved if simplifies(record) else 0
    keeps = _keeps(history, contract.measure.metric)
    return Evidence(
        metric=contract.measure.metric,
        noise=noise,
        baseline=standing(history, history.experiments[BASELINE].experiment.commit, under),
        champion=parent,
        guards=contract.measure.guards,
        confirmations=contract.measure.confirmations,
        test=history.tested.get(number, len(history.tested) + 1),
        keeps=keeps.gains,
        false_keeps=contract.measure.false_keeps,
        bound=contract.measure.bound,
        largest_gain=keeps.largest,
        saved=saved,
        margin=margin_of(noise, keeps.allowed.charged) if saved else 0.0,
        checks=len(contract.measure.checks),
        screen=screen[0].outcome if screen else None,
        screen_seed=screen[0].run.seed if screen else None,
        checked=tuple(run.outcome for run in latest_runs(record, Purpose.CHECK) if run.outcome),
        reference=standing(history, beside, under) if beside != record.experiment.parent else None,
        confirming=number in history.tested,
        pairs=pairs_of(record, Purpose.CONFIRM),
        alike=is_known and all(alike(run.under, under) for run in screen),
    )


def reference_of(record: ExperimentRecord, history: History) -> str:
    """The commit beside which an experiment is confirmed: its parent, or for less code the anchor."""
    if not simplifies(record):
        return record.experiment.parent
    return (history.keeps.allowed if history.keeps else _allowance(history)).anchor


def _keeps(history: History, metric: Metric) -> Keeps:
    """Of the keeps that stand: one taken back makes the next one no cheaper, and no jump believed."""
    if history.keeps is None:
        stand = [one for one in map(history.experiments.__getitem__, history.kept) if not one.refuted]
        gains = sum(1 for one in stand if one.verdict and not is_simplification(one.verdict))
        history.keeps = Keeps(gains, largest_gain(stand, metric), _allowance(history))
    return history.keeps


def _allowance(history: History) -> Allowance:
    kept = {history.experiments[number].experiment.commit: number for number in history.kept}
    line: list[ExperimentRecord] = []
    number: int | None = history.champion if history.champion != BASELINE else None
    while number is not None:
        line.append(history.experiments[number])
        number = kept.get(line[-1].experiment.parent)
    return allowance(reversed(line), history.experiments[BASELINE].experiment.commit)


def _made_under(record: ExperimentRecord) -> Circumstances | None:
    """What an experiment's latest run was made under."""
    return next((run.under for run in reversed(record.runs) if run.under), None)


def standing(history: History, commit: str, under: Circumstances | None = None) -> Standing:
    """A commit's own measurements: of runs made `under` circumstances, or else those of now.

    Where it was never run so, of all. Raises LookupError when it was never measured.
    """
    means, under = history.means(commit), under or history.under
    return means.standing(under if means.knows(under) else None)


def noise_of(history: History) -> Noise:
    """Noise between runs, from the baseline's replicates and every pair made since.

    Raises NotMeasurable when the baseline's replicates give none.
    """
    pooled = _pooled(history) or Pooled(0, baseline_noise(history))
    for number in history.paired[pooled.done :]:
        pooled = _pooled_with(history.experiments[number], pooled)
    history.pooled = pooled
    return pooled.noise


def _pooled(history: History) -> Pooled | None:
    """What was pooled, unless a revisit or a keep taken back made it another."""
    known = history.pooled
    if known is None or known.holds:
        return known
    records = {number: history.experiments[number] for number in known.elsewhere}
    same = all(record.stands and _own_values(record) == known.elsewhere[n] for n, record in records.items())
    return known._replace(holds=True) if same else None


def _pooled_with(record: ExperimentRecord, pooled: Pooled) -> Pooled:
    """What is pooled after one more experiment that was judged after pairs of runs."""
    noise = pooled.noise
    values = [
        (pair.candidate.value, pair.reference.value)
        for pair in pairs_of(record, Purpose.CONFIRM)
        if pair.alike and isinstance(pair.candidate, Measured) and isinstance(pair.reference, Measured)
    ]
    pooled = pooled._replace(done=pooled.done + 1)
    if record.stands and leads_elsewhere(noise, values):
        own = _own_values(record)
        pooled = pooled._replace(elsewhere={**pooled.elsewhere, record.number: own})
        if len(own) < LEARNT_FROM:
            pooled = pooled._replace(unlearnt=record.number)
        elif (learnt := relearnt_noise(noise, own)) is not noise:
            return pooled._replace(noise=learnt)
    return pooled._replace(noise=update_noise(noise, values))


def _own_values(record: ExperimentRecord) -> list[float]:
    """What an experiment's own commit gave in its pairs, made up to LEARNT_FROM by its revisits.

    Of runs under several circumstances those under which there are most: others differ by more than noise.
    """
    values: dict[Circumstances | None, list[float]] = {}
    paired = len(latest_runs(record, Purpose.CONFIRM)) // len(Side)
    for run in (*latest_runs(record, Purpose.CONFIRM), *latest_runs(record, Purpose.REVISIT)):
        if run.run.side is Side.CANDIDATE and isinstance(run.outcome, Measured):
            values.setdefault(run.under, []).append(run.outcome.value)
    return max(values.values(), key=len, default=[])[: max(LEARNT_FROM, paired)]


def baseline_noise(history: History) -> Noise:
    """Noise as the unchanged target alone shows it; stays what it is for all of a study."""
    values: dict[int, float] = {}
    repeated: tuple[float, float] | None = None
    for run in history.experiments[BASELINE].runs:
        if run.run.purpose is Purpose.BASELINE and isinstance(run.outcome, Measured):
            if run.run.pair == REPEATED_PAIR and run.run.seed in values:
                repeated = (values[run.run.seed], run.outcome.value)
            else:
                values[run.run.seed] = run.outcome.value
    return measure_noise(values, repeated=repeated)


def certifying_pairs(history: History, champion: int) -> tuple[Pair, ...]:
    """Every complete pair of a champion's certifications: whoever looks again adds to what was seen.

    A run of an earlier look that gave no number has been answered for then, and is left out.
    """
    record, first = history.experiments[champion], first_certifying_pair(history, champion)
    every, now = (
        [pair for pair in pairs_of(record, Purpose.CERTIFY, first=begin) if pair.alike]
        for begin in (0, first)
    )
    told = [
        pair
        for pair in every[: len(every) - len(now)]
        if isinstance(pair.candidate, Measured) and isinstance(pair.reference, Measured)
    ]
    return (*told, *now)


def first_certifying_pair(history: History, champion: int) -> int:
    """Each certification of a champion has pairs, and so seeds, of its own."""
    return CERTIFY_PAIRS * sum(1 for claim in history.claims if claim.experiment == champion)


def pairs_of(record: ExperimentRecord, purpose: Purpose, *, first: int = 0) -> tuple[Pair, ...]:
    """The complete pairs of one purpose from number `first` on, in order."""
    sides: dict[int, dict[Side, RunRecord]] = {}
    for run in latest_runs(record, purpose, first=first):
        sides.setdefault(run.run.pair, {})[run.run.side] = run
    found = []
    for number in sorted(sides):
        both = sides[number]
        if len(both) < 2:
            continue
        candidate, other = both[Side.CANDIDATE], both[Side.REFERENCE]
        assert candidate.outcome is not None and other.outcome is not None
        found.append(
            Pair(
                seed=candidate.run.seed,
                candidate=candidate.outcome,
                reference=other.outcome,
                strict=candidate.run.strict and other.run.strict,
                alike=alike(candidate.under, other.under),
            )
        )
    return tuple(found)


def latest_runs(record: ExperimentRecord, purpose: Purpose, *, first: int = 0) -> list[RunRecord]:
    """Finished runs of one purpose, in the order they were wanted: of each pair those of one attempt.

    That is the last attempt with both sides, or the last one: sides of two attempts may lie hours apart.
    From pair `first` on: pairs begin in their order, so the many before, of a champion that was run anew
    again and again, are not looked at.
    """
    latest: dict[int, dict[int, dict[Side, RunRecord]]] = {}  # pair → attempt, the last one first → side
    for run in reversed(record.runs):
        if run.run.purpose is not purpose:
            continue
        if run.run.pair < first:
            break
        if run.outcome is not None:
            sides = latest.setdefault(run.run.pair, {}).setdefault(run.run.attempt, {})
            sides.setdefault(run.run.side, run)
    made = (max(latest[pair].values(), key=len) for pair in sorted(latest))
    return [sides[side] for sides in made for side in Side if side in sides]
