"""Owns the error budget of a study: how much evidence the next keep needs, so that few are false.

e-LOND (Xu and Ramdas 2024, "Online multiple testing with e-values"): the t-th experiment that is put
to the test is kept when its e-value reaches 1 / (α γ(t) (k + 1)), with k the keeps before it and γ a
fixed sequence that sums to one. The expected share of false keeps is then at most α, whatever the
number of experiments, whenever one stops, and however the experiments depend on one another, which
is why the keeps may be counted at the moment of the decision although tests overlap.
"""

from __future__ import annotations

import math

FALSE_KEEPS = 0.10  # the share α that a study may have, unless its contract says otherwise

# γ(t) ~ (t + 10)^-2: nearly flat over the first dozen tests, thin enough to go on for ever. One
# experiment in ten is tested, so a long night has about a hundred tests; flatter sequences save for
# thousands, and cost a study what it could have kept (docs/judge.md).
_OFFSET, _POWER = 10, 2.0


def evidence_needed(test: int, keeps: int, share: float = FALSE_KEEPS) -> float:
    """Logarithm of the e-value that keeps the `test`-th tested experiment (from 1) after `keeps` keeps."""
    if test < 1 or keeps < 0 or not 0 < share < 1:
        raise ValueError(f"no error budget for test {test} after {keeps} keeps at a share of {share}")
    spent = _POWER * math.log(test + _OFFSET) + math.log(_TOTAL)
    return max(0.0, spent - math.log(share) - math.log(keeps + 1))


def _sum_from(first: int) -> float:
    """Σ k^-POWER over k from `first` on, by Euler and Maclaurin; eight digits from 10 on."""
    integral: float = first ** (1 - _POWER) / (_POWER - 1)
    rest: float = first**-_POWER / 2 + _POWER * first ** (-_POWER - 1) / 12
    return integral + rest


_TOTAL = _sum_from(1 + _OFFSET)
