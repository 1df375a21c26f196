"""Trains a small language model for as long as it is given, and prints its loss on other text."""

import math
import os
import random
import time

from letters import LETTERS, TRAINING, loss

LR = 0.1  # learning rate
DECAY = 0.003  # weight decay
FADE = 0.0  # 0 .. 0.9; how much of the learning rate is gone at the end
BACK = 1  # one of: 1, 2, 3


class Model:
    """For each of the last letters, a weight for every letter that may be next."""

    def __init__(self) -> None:
        self.weights = [[[0.0] * LETTERS for _ in range(LETTERS)] for _ in range(BACK)]

    def chances(self, before: list[int]) -> list[float]:
        rows = [table[letter] for table, letter in zip(self.weights, reversed(before))]
        sums = [math.exp(sum(column)) for column in zip(*rows)]
        total = sum(sums)
        return [one / total for one in sums]

    def learn(self, before: list[int], following: int, rate: float) -> None:
        errors = self.chances(before)
        errors[following] -= 1
        for table, letter in zip(self.weights, reversed(before)):
            table[letter] = [w - rate * (e + DECAY * w) for w, e in zip(table[letter], errors)]


dice = random.Random(int(os.environ.get("JUMAR_SEED", 0)))
budget = 0.9 * float(os.environ.get("JUMAR_BUDGET_S", 2))
model, steps = Model(), 0
while (spent := time.process_time()) < budget:
    for place in dice.choices(range(BACK, len(TRAINING)), k=50):
        model.learn(TRAINING[place - BACK : place], TRAINING[place], LR * (1 - FADE * spent / budget))
    steps += 50
print(f"steps: {steps}")
print(f"val_loss: {loss(model.chances):.5f}")
