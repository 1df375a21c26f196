"""Measures a trained model by questions alone: bits per byte on text that no run has seen.

    python score.py      started by Jumar after a run; by hand it scores out/ on the search split

The model lives in two other processes (serve.py), one after the other: the second runs the candidate's
code only when the first has ended, with all that it started. Two that live at once can agree on what
to say by file locks, futexes or load, whatever separates them. The first gets windows of text in a
secret order and gives logits. From these the probabilities are computed here, so they sum to one; every
byte of every window counts. The second gets the same windows in another order, most with another
text's ending from a secret place on. A model whose answers depend on later tokens, on other questions
or on chance is refused. Nothing that a candidate wrote is ever imported or unpickled: its config is not
even read. JUMAR_STRICT=1 asks the second three times as often, with as many endings, and both in
batches of any size; the number is the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import select
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serve import ANSWER, ASK, ERROR, FRAME, READY, SHAPE, START, WEIGHTS, read_header

HERE = Path(__file__).resolve().parent
WINDOW = 128  # tokens that are predicted; one more before them is given
WINDOWS = 192  # evenly spread, never adjacent: about 64 KiB, with a standard error of 0.01 between texts
REPEATS = 24  # windows that are asked again as they are; all others with another ending
ROWS = 16  # windows in a question; when strict also fewer, so that no batch is like another
STRICT_ROUNDS = 3  # how often everything is asked again when strict, each time with other endings
READY_S, ANSWERS_S = 60.0, 60.0  # a quiet machine needs 3 and 1; past that it is no model of this budget
# Honest models differ by nothing on a CPU (bfloat16 too), by 1e-5 where kernels depend on the batch. The
# mean is the sharper test: leaks that stay below the first limit would together gain what the second allows.
MOST_SHIFT, MOST_MEAN_SHIFT = 5e-3, 1e-3  # in nats

Array = np.ndarray[Any, Any]


class Refused(Exception):
    """The answers are not those of an honest model; the message says how we know."""


def main() -> None:
    """Score one run, and write what was found."""
    out = Path(os.environ.get("JUMAR_OUT", HERE / "out"))
    run_out = Path(os.environ.get("JUMAR_RUN_OUT", HERE / "out"))
    tokens, table = read_data(os.environ.get("JUMAR_SPLIT", "search"))
    try:
        parameters = count_parameters(run_out)
        with open_pipes(run_out) as pipes:
            servers = [Server(*pair, vocabulary=len(table["bytes"])) for pair in pipes]
            score = measure(servers, tokens, table, strict=os.environ.get("JUMAR_STRICT") == "1")
        score["measurements"] |= {"parameters": parameters}
    except Refused as refusal:
        score = {"refused": str(refusal)}
    (out / "score.json").write_text(json.dumps(score), encoding="utf-8")
    if "JUMAR_SERVERS" not in os.environ:
        print(json.dumps({name: part for name, part in score.items() if name != "items"}, indent=1))


def read_data(split: str) -> tuple[Array, dict[str, Any]]:
    """The split's tokens and the table of tokens, if they are what data/digests.json says."""
    known = json.loads((HERE / "data" / "digests.json").read_bytes())["files"]
    contents = []
    for name in (f"hidden/{split}.bin", "tokens.json"):
        content = (HERE / "data" / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != known[name]:
            sys.exit(f"data/{name} is not what data/digests.json says (fix: run `python prepare.py`)")
        contents.append(content)
    return np.frombuffer(contents[0], dtype="<u2").astype(np.int64), json.loads(contents[1])


def count_parameters(run_out: Path) -> int:
    """Numbers in the file of weights, buffers included, as its header says."""
    try:
        # Whoever made this folder may have put a link or a pipe there.
        fd = os.open(run_out / WEIGHTS, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise ValueError(f"{WEIGHTS} is no file")
            return sum(math.prod(map(int, entry["shape"])) for entry in read_header(file).values())
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise Refused(f"the weights cannot be read: {error}") from None


# Asking


class Server:
    """One process that answers with the candidate's code; everything it says is doubted."""

    def __init__(self, answers: int, questions: int, vocabulary: int) -> None:
        self.answers, self.questions, self.vocabulary = answers, questions, vocabulary
        self.deadline = time.monotonic() + READY_S

    def start(self) -> None:
        """Let it run the candidate's code; when that is ready, the time for its answers begins to run."""
        self.deadline = time.monotonic() + READY_S
        self.send(FRAME.pack(START, 0))
        self.receive(READY, 0)
        self.deadline = time.monotonic() + ANSWERS_S

    def end(self) -> None:
        """Send it off, and wait until nothing is left of it: its sandbox holds the pipe until then."""
        self.send(FRAME.pack(ASK, 0))
        self.wait()
        if os.read(self.answers, 1):
            raise Refused("a server of the model said more than it was asked")

    def ask(self, windows: Array) -> Array:
        """Logits after each token of each window."""
        rows, columns = windows.shape
        content = SHAPE.pack(rows, columns) + windows.astype("<u2").tobytes()
        self.send(FRAME.pack(ASK, len(content)) + content)
        answer = self.receive(ANSWER, 4 * rows * columns * self.vocabulary)
        return np.frombuffer(answer, dtype="<f4").reshape(rows, columns, self.vocabulary)

    def send(self, content: bytes) -> None:
        """Write all of it, or refuse: a question is smaller than a pipe, so only the dead block."""
        try:
            os.write(self.questions, content)
        except OSError:
            self.receive(ANSWER, 0)  # its last words say more than the broken pipe
            raise Refused("a server of the model ended before it was asked everything") from None

    def receive(self, kind: bytes, size: int) -> bytearray:
        """The content of the next frame, which has to be of this kind and size."""
        said, length = FRAME.unpack(self.read(FRAME.size))
        if said == ERROR:
            message = self.read(min(length, 2000)).decode(errors="replace")
            raise Refused(f"the model could not answer: {message}")
        if said != kind or length != size:
            raise Refused(
                f"an answer has {length} bytes instead of {size}: not a float32 logit per token and place"
            )
        return self.read(size)

    def read(self, size: int) -> bytearray:
        """Exactly so many bytes, in time."""
        buffer = bytearray(size)
        view, filled = memoryview(buffer), 0
        while filled < size:
            self.wait()
            count = os.readv(self.answers, [view[filled:]])
            if not count:
                raise Refused("a server of the model ended before it had answered everything")
            filled += count
        return buffer

    def wait(self) -> None:
        """Until there is something to read, or the pipe's end."""
        if not select.select([self.answers], [], [], max(0.0, self.deadline - time.monotonic()))[0]:
            raise Refused(
                f"the model is too slow: it has {READY_S:g} s to start, {ANSWERS_S:g} s to answer and to end"
            )


@contextmanager
def open_pipes(run_out: Path) -> Iterator[list[tuple[int, int]]]:
    """Where to read and write, of two servers: those that Jumar started, or by hand our own."""
    if given := os.environ.get("JUMAR_SERVERS"):
        yield [tuple(map(int, pair.split(":"))) for pair in given.split(",")]
        return
    env = os.environ | {"JUMAR_RUN_OUT": str(run_out)}
    command = [sys.executable, str(HERE / "serve.py")]
    with ExitStack() as stack:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        children = [stack.enter_context(subprocess.Popen(command, env=env, **pipes)) for _ in range(2)]
        yield [(child.stdout.fileno(), child.stdin.fileno()) for child in children]
        for child in children:
            child.kill()


# Measuring


@dataclass(frozen=True)
class Question:
    """A window as it is put to a server; from `cut` on it goes on as another text does."""

    window: int
    given: Array
    targets: Array  #: what follows each token in the text itself
    cut: int = WINDOW


def measure(
    servers: list[Server], tokens: Array, table: dict[str, Any], *, strict: bool = False
) -> dict[str, Any]:
    """The score of a model that answers honestly. Raises Refused for any other."""
    lengths = np.array([len(token) // 2 for token in table["bytes"]])
    starts = np.linspace(0, len(tokens) - WINDOW - 1, WINDOWS).astype(int)
    windows = tokens[starts[:, None] + np.arange(WINDOW + 1)]
    fewest = 1 if strict else ROWS
    whole = [Question(number, row[:-1], row[1:]) for number, row in enumerate(windows)]
    found = answer(servers[0], whole, fewest)
    changed = change(windows, random.SystemRandom(), rounds=STRICT_ROUNDS if strict else 1)
    shift = compare(found, changed, answer(servers[1], changed, fewest))
    bits, sizes = -found / math.log(2), lengths[windows[:, 1:]]
    return {
        "metric": bits.sum() / sizes.sum(),
        "measurements": {"bytes_scored": int(sizes.sum()), "largest_shift": shift},
        "breakdown": break_down(windows, bits, sizes, np.array(table["counts"])),
        "items": (bits.sum(1) / sizes.sum(1)).round(6).tolist(),
    }


def change(windows: Array, chance: random.Random, rounds: int = 1) -> list[Question]:
    """What the second server is asked: each window with another ending, from where nobody can know."""
    questions = []
    for place, number in enumerate(chance.sample(range(WINDOWS), WINDOWS)):
        given, targets = windows[number, :-1], windows[number, 1:]
        for again in range(rounds):
            if (place + again * REPEATS) % WINDOWS < REPEATS:
                questions.append(Question(number, given, targets))
                continue
            cut = chance.randrange(1, WINDOW)
            differing = [other for other in range(WINDOWS) if windows[other, cut] != given[cut]]
            ending = windows[chance.choice(differing), cut:-1]
            questions.append(Question(number, np.concatenate([given[:cut], ending]), targets, cut))
    return questions


def answer(server: Server, questions: list[Question], fewest: int) -> Array:
    """Log probability (nats) of what follows each token in the text. Starts the server, and ends it."""
    server.start()
    found, chance = np.empty((len(questions), WINDOW)), random.SystemRandom()
    order = chance.sample(range(len(questions)), len(questions))
    while order:
        count = chance.randint(fewest, ROWS)
        rows, order = order[:count], order[count:]
        logits = server.ask(np.stack([questions[row].given for row in rows]))
        targets = np.stack([questions[row].targets for row in rows])
        found[rows] = log_probabilities(logits, targets)
    server.end()
    return found


def log_probabilities(logits: Array, targets: Array) -> Array:
    """Of the targets, normalised here; the sum is of doubles. `logits` are spent."""
    if not np.isfinite(logits).all():
        raise Refused("the logits are not all finite")
    with np.errstate(over="ignore"):
        logits -= logits.max(-1, keepdims=True)
    chosen = np.take_along_axis(logits, targets[..., None], -1)[..., 0].astype(np.float64)
    if not np.isfinite(chosen).all():
        raise Refused("a token of the text was given no probability at all")
    np.exp(logits, out=logits)
    return chosen - np.log(logits.sum(-1, dtype=np.float64))


def compare(found: Array, questions: list[Question], answers: Array) -> float:
    """The largest shift between two answers that must be the same. Raises Refused when one is too large."""
    pairs = list(zip(questions, answers, strict=True))
    again = [found[asked.window] - answer for asked, answer in pairs if asked.cut == WINDOW]
    largest = float(np.abs(again).max())
    if largest > MOST_SHIFT:
        raise Refused(
            f"the same window was answered differently by {largest:.3f} nats: the answers depend on the "
            "order, on other questions or on chance"
        )
    before = [(found[asked.window] - answer)[: asked.cut] for asked, answer in pairs if asked.cut < WINDOW]
    moved = float(np.abs(np.concatenate(before)).max())
    gained = float(np.mean([shift[-1] for shift in before]))
    if moved > MOST_SHIFT or gained > MOST_MEAN_SHIFT:
        raise Refused(
            f"not causal: with another ending, earlier answers moved by up to {moved:.3f} nats, and the last "
            f"one before it lost {gained:.4f} on average"
        )
    return max(largest, moved)


def break_down(windows: Array, bits: Array, sizes: Array, counts: Array) -> dict[str, float]:
    """Bits per byte of parts of the text, for whoever thinks about what to try next."""
    place = np.broadcast_to(np.arange(WINDOW), bits.shape)
    rank = np.argsort(np.argsort(-counts))[windows[:, 1:]]
    pairs = windows[:, :-1] * len(counts) + windows[:, 1:]
    again = np.array([[pair in row[:end] for end, pair in enumerate(row)] for row in pairs.tolist()])
    parts = {
        "position 0-15": place < 16,
        "position 16-31": (place >= 16) & (place < 32),
        "position 32-63": (place >= 32) & (place < 64),
        "position 64-127": place >= 64,
        "frequent tokens": rank < 64,
        "middling tokens": (rank >= 64) & (rank < 384),
        "rare tokens": rank >= 384,
        "pair seen before in the window": again,
        "pair new in the window": ~again,
    }
    return {name: float(bits[part].sum() / sizes[part].sum()) for name, part in parts.items() if part.any()}


if __name__ == "__main__":
    main()
