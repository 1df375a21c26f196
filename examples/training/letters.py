"""The question: which text, and what counts as the loss on it. Agents may not change this file."""

import math
import random
from collections.abc import Callable

LETTERS = 12


def text(length: int, seed: int) -> list[int]:
    """Letters that follow from the two before them, mostly."""
    dice, letters = random.Random(seed), [0, 1]
    while len(letters) < length:
        likely = (3 * letters[-1] + 5 * letters[-2]) % LETTERS
        letters.append(likely if dice.random() < 0.7 else dice.randrange(LETTERS))
    return letters


TRAINING, VALIDATION = text(20_000, 1), text(2_000, 2)


def loss(chances: Callable[[list[int]], list[float]], most: int = 8) -> float:
    """Bits per letter of the validation text, for chances given up to `most` letters before."""
    places = range(most, len(VALIDATION))
    return -sum(math.log2(chances(VALIDATION[n - most : n])[VALIDATION[n]]) for n in places) / len(places)
