"""Owns the noise of a metric: how much it moves when nothing changes, and what gain can be seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from msgspec.structs import replace

from jumar.core.evidence import Noise
from jumar.errors import NotMeasurable
from jumar.rules.error_budget import evidence_needed
from jumar.rules.evalue import Spread, smallest_mean
from jumar.rules.scale import LEAST_SD, on_scale, sd_in_unit
from jumar.rules.student import squares_about_mean, t_quantile

# A metric that moves by a quarter of its own size when nothing changes cannot be improved by the
# per cents that experiments give.
MOST_NOISE = 0.25

# What one change gives on a good day; a refusal says what it would take to see that.
MODEST_GAIN = 0.05
MOST_TIMES = 1e6  # what is further off is out of reach, by whatever factor

# With the same seed twice: a difference under half of what two seeds give counts as "honours it".
SEEDED_BELOW = 0.5

# The past counts for at most so many degrees of freedom beside the pairs at hand, so that a change
# which makes runs noisier is judged by its own noise and not by what its ancestors had.
MOST_FREEDOM = 12

# Worse than its record by so many standard deviations of a run, a champion's runs keep nothing beside them.
RECORD_SDS = 5.0
RECORD_SHARE = 0.9999  # and Student's t for so much while σ is known from few runs: 22 from 4, 7 from 8

FAR = 1.5  # times as much, or as little, is another place on the logarithm
OTHERWISE = 3.0  # times as noisy or as quiet
LEARNT_FROM = 6  # runs; so many of equals look a third as noisy once in a hundred times, three once in ten


def measure_noise(values: Mapping[int, float], *, repeated: tuple[float, float] | None = None) -> Noise:
    """The noise of the unchanged target, from its values by seed and one seed run twice.

    Without any pair seen yet, `pair_sd` is that of two unrelated runs: that the same seed gives the
    same number with the same code does not say that it does so with other code (on tinylm pairing
    removes two thirds of the variance, not all). `update_noise` lowers it as pairs come in.

    Raises NotMeasurable when there are too few values, or when the metric is nearly all noise.
    """
    runs = list(values.values())
    seeded = _is_seeded(runs, repeated)
    if repeated is not None and not seeded:
        runs.append(repeated[1])  # as good as another seed
    if len(runs) < 2:
        raise NotMeasurable(
            "one seed of the unchanged target gave a number, and noise needs two or more",
            fix="set `baseline` in [measure] to 4",
        )
    if len(set(runs)) == 1:
        return Noise(run_sd=0.0, pair_sd=0.0, runs=len(runs), deterministic=True)
    is_positive = min(runs) > 0
    scaled = [math.log(value) for value in runs] if is_positive else runs
    sd = math.sqrt(squares_about_mean(scaled) / (len(runs) - 1))
    if sd < LEAST_SD:
        return Noise(run_sd=0.0, pair_sd=0.0, runs=len(runs), deterministic=True)
    noise = Noise(run_sd=sd, pair_sd=math.sqrt(2) * sd, runs=len(runs), relative=is_positive, seeded=seeded)
    # A share of the mean says something of a quantity only: zero is nowhere in particular on other scales.
    if is_positive and sd_in_unit(sd, fmean(runs), noise) > MOST_NOISE * abs(fmean(runs)):
        _refuse(noise, fmean(runs))
    return noise


def update_noise(noise: Noise, pairs: Sequence[tuple[float, float]]) -> Noise:
    """The noise after the (candidate, reference) values of one experiment's pairs.

    Whatever the gain is, it is the same in each of them, so what varies between them is noise:
    of the differences for `pair_sd`, of each side for `run_sd`. Pooled by degrees of freedom.
    """
    more = len(pairs) - 1
    if noise.deterministic or more < 1:
        return noise
    if noise.relative and any(value <= 0 for pair in pairs for value in pair):
        return noise  # these were compared in another unit
    freedom = noise.runs - 1
    scaled = [(on_scale(candidate, noise), on_scale(reference, noise)) for candidate, reference in pairs]
    between = squares_about_mean([candidate - reference for candidate, reference in scaled])
    within = sum(squares_about_mean(side) for side in zip(*scaled, strict=True)) / 2
    return replace(
        noise,
        run_sd=math.sqrt((freedom * noise.run_sd**2 + within) / (freedom + more)),
        pair_sd=math.sqrt((freedom * noise.pair_sd**2 + between) / (freedom + more)),
        runs=noise.runs + more,
    )


def leads_elsewhere(noise: Noise, pairs: Sequence[tuple[float, float]]) -> bool:
    """Whether the pairs of a kept experiment lead far, to where its own runs scatter otherwise than before.

    Not every noise grows with what is measured: an accuracy's shrinks towards 1. What was known is of no
    use there: it would hide every later gain, and as nothing passes a screen, nothing mends it.
    """
    if noise.deterministic or not noise.relative or len(pairs) < 2 or not _are_positive(pairs):
        return False
    scaled = [(on_scale(candidate, noise), on_scale(reference, noise)) for candidate, reference in pairs]
    moved = abs(fmean(candidate - reference for candidate, reference in scaled))
    return moved >= math.log(FAR) and bool(_other_sd(noise, [candidate for candidate, _ in scaled]))


def relearnt_noise(noise: Noise, own: Sequence[float]) -> Noise:
    """The noise of the place that a keep leads to, by its own runs; unchanged where they scatter as before.

    `own` are at least LEARNT_FROM values: fewer look quiet by luck.
    """
    if not all(value > 0 for value in own):
        return noise  # these are compared in another unit
    sd = _other_sd(noise, [on_scale(value, noise) for value in own])
    return replace(noise, run_sd=sd, pair_sd=math.sqrt(2) * sd, runs=len(own)) if sd else noise


def _other_sd(noise: Noise, values: Sequence[float]) -> float:
    """The values' own standard deviation where it is quite another than the noise's, else 0."""
    sd = math.sqrt(squares_about_mean(values) / (len(values) - 1))
    return 0.0 if not 0 < sd or 1 / OTHERWISE < sd / noise.run_sd < OTHERWISE else sd


def _are_positive(pairs: Sequence[tuple[float, float]]) -> bool:
    return all(value > 0 for pair in pairs for value in pair)


def pair_spread(noise: Noise) -> Spread:
    """What the noise says beforehand of a pair's difference. Raises ValueError without any noise."""
    if noise.pair_sd <= 0:
        raise ValueError("a metric without noise has no spread")
    return Spread(sd=noise.pair_sd, freedom=max(1, min(MOST_FREEDOM, noise.runs - 1)))


def record_width(noise: Noise) -> float:
    """By how much a champion may be worse than its record, on the scale, before it is not believed."""
    return max(RECORD_SDS, t_quantile(RECORD_SHARE, max(1, noise.runs - 1))) * noise.run_sd


def smallest_gain(noise: Noise, confirmations: int, level: float) -> float:
    """The gain that is kept four times out of five with so many pairs, in the metric's unit at `level`.

    An estimate for people: what would just be the first keep on average, and 0.84 standard errors more.
    """
    return 0.0 if noise.deterministic else sd_in_unit(_smallest(noise, confirmations), level, noise)


def _smallest(noise: Noise, confirmations: int) -> float:
    just = smallest_mean(confirmations, pair_spread(noise), evidence_needed(test=1, keeps=0))
    return just + 0.84 * noise.pair_sd / math.sqrt(confirmations)


def _is_seeded(values: Sequence[float], repeated: tuple[float, float] | None) -> bool:
    if repeated is None or repeated[0] == repeated[1]:
        return True
    if len(values) < 2:
        return False
    sd = math.sqrt(squares_about_mean(values) / (len(values) - 1))
    return abs(repeated[0] - repeated[1]) < SEEDED_BELOW * math.sqrt(2) * sd


def _refuse(noise: Noise, mean: float) -> None:
    sd = sd_in_unit(noise.run_sd, mean, noise)
    share = f"{sd / mean:.0%} of its mean {mean:.4g}"
    # Noise falls with the root of how much goes into a number.
    times = math.ceil(min(_smallest(noise, 8) / MODEST_GAIN, MOST_TIMES) ** 2)
    more = f" for a gain of {MODEST_GAIN:.0%} to be seen, about {times:,} times as much:"
    raise NotMeasurable(
        f"the metric moves by {sd:.3g} between runs of the unchanged target ({share}); even with "
        f"8 pairs of runs only a gain of about {smallest_gain(noise, 8, mean):.3g} could be seen",
        fix=f"make one run say more;{more} a longer budget, a larger evaluation set, the mean of several "
        'seeds, `clock = "cpu"` or "steps" on a busy machine; and seed everything from JUMAR_SEED',
    )
