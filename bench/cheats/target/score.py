"""Measures a fitted curve by questions alone: the mean squared error on points that no run has seen.

Two processes that share nothing are asked everything, each in a secret order of its own; where they
differ, the answers depend on more than the question. Nothing that a candidate wrote is imported.
"""

import json
import math
import os
import random
import select
import time
from pathlib import Path

PATIENCE_S = 15.0  # an honest answer takes 20 microseconds, the first one a start of Python
MOST_LINE_BYTES = 100


class Refused(Exception):
    """The answers are not those of an honest curve; the message says how we know."""


class Server:
    """One process that answers with the candidate's code; everything it says is doubted."""

    def __init__(self, answers: int, questions: int) -> None:
        self.answers, self.questions = answers, questions
        self.deadline = time.monotonic() + PATIENCE_S
        self.said = b""

    def ask(self, x: float) -> float:
        """What the curve is at `x`."""
        try:
            os.write(self.questions, b"%s\n" % json.dumps(x).encode())
        except OSError:
            raise Refused("a server ended before it was asked everything") from None
        try:
            value = json.loads(self.line())
        except ValueError:
            raise Refused("an answer is no JSON") from None
        if type(value) not in (int, float) or not abs(value) < 1e6:
            raise Refused("an answer is no plain number")
        return float(value)

    def line(self) -> bytes:
        """The next line, in time."""
        while b"\n" not in self.said:
            if not select.select([self.answers], [], [], max(0.0, self.deadline - time.monotonic()))[0]:
                raise Refused(f"the answers took more than {PATIENCE_S:g} s")
            part = os.read(self.answers, 4096)
            if not part or len(self.said) > MOST_LINE_BYTES:
                raise Refused("a server ended before it had answered everything, or says too much")
            self.said += part
        line, _, self.said = self.said.partition(b"\n")
        return line


def measure(servers: list[Server], truth: list[list[float]]) -> dict[str, object]:
    """The score of a curve that answers honestly. Raises Refused for any other."""
    found: list[dict[int, float]] = [{}, {}]
    for server, answers in zip(servers, found, strict=True):
        for number in random.SystemRandom().sample(range(len(truth)), len(truth)):
            answers[number] = server.ask(truth[number][0])
    if any(abs(found[0][number] - found[1][number]) > 1e-9 for number in range(len(truth))):
        raise Refused("the same question was answered differently: by order, by chance or by state")
    losses = [(found[0][number] - y) ** 2 for number, (_, y) in enumerate(truth)]
    return {"metric": math.fsum(losses) / len(losses), "items": losses}


def main() -> None:
    """Score one run, and write what was found."""
    truth = json.loads(Path("hidden", f"{os.environ['JUMAR_SPLIT']}.json").read_text())
    servers = [Server(*map(int, pair.split(":"))) for pair in os.environ["JUMAR_SERVERS"].split(",")]
    score: dict[str, object]
    try:
        score = measure(servers, truth)
    except Refused as refusal:
        score = {"refused": str(refusal)}
    Path(os.environ["JUMAR_OUT"], "score.json").write_text(json.dumps(score))


if __name__ == "__main__":
    main()
