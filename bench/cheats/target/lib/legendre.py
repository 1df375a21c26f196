"""Legendre polynomials: shapes on [-1, 1] that share nothing with one another."""


def legendre(degree: int, x: float) -> float:
    """The value of one of them, by the three-term recurrence."""
    before, now = 1.0, x
    if degree == 0:
        return before
    for k in range(2, degree + 1):
        before, now = now, ((2 * k - 1) * x * now - (k - 1) * before) / k
    return now
