"""A stand-in for tinylm that answers at once: its real knobs, ideas that change code, and a made-up loss.

The knobs are read from the target's own `train.py`. How much each of them and each idea is worth follows
what was measured on the target where it was: the start at 3.19 and the best of forty trials at 2.36 bits
per byte, the gain of single edits alone and beside others, the noise between runs. The shape in between
is invented. So this tells how ways to search compare on something like tinylm, and nothing of tinylm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from math import log2
from random import Random
from typing import Any, NamedTuple

from jumar.agents.knobs import find_knobs
from jumar.core.outcome import Why

PATH = "train.py"
START = 3.19
SHARED_SD, OWN_SD = 0.0020, 0.0015  # relative; together 0.25 %


class Idea(NamedTuple):
    """An edit of one function. `gain` is of the loss's logarithm, once the knobs suit it.

    `rate` is by how many doublings it moves the best learning rate, `std` the best spread of the
    embedding; until these are moved too, some ideas look like nothing or worse.
    """

    name: str
    gain: float
    rate: float = 0.0
    std: float = 0.0


# Eight help, four do nothing, six harm: about as a real script of ideas for this target fared.
IDEAS = (
    Idea("rotary_positions", 0.060, std=-1.0),
    Idea("muon", 0.050, rate=0.8),
    Idea("zero_init_outputs", 0.030, rate=0.5),
    Idea("squared_relu", 0.022),
    Idea("qk_norm", 0.022, rate=0.8),
    Idea("short_context_first", 0.010),
    Idea("rms_norm", 0.008, rate=0.3),
    Idea("value_residual", 0.014, rate=-0.4),
    Idea("bias_off", 0.0),
    Idea("nesterov", 0.0, rate=0.3),
    Idea("fused_heads", 0.0),
    Idea("label_order", 0.0),
    Idea("weight_average", -0.019),
    Idea("softcap", -0.023),
    Idea("dropout", -0.030),
    Idea("tied_embeddings", -0.220),
    Idea("deeper_mlp", -0.025, rate=-0.8),
    Idea("stochastic_depth", -0.040),
)


def source() -> bytes:
    """The knobs as the target has them, and a function for each idea to change."""
    whole = files("jumar.targets").joinpath("tinylm", "train.py").read_text(encoding="utf-8")
    knobs = whole[whole.index("# The model\n") : whole.index("CONTEXT =")]
    parts = [f"def part_of_{idea.name}(x):\n    return x\n" for idea in IDEAS]
    return "\n\n".join([knobs.rstrip() + "\n", *parts]).encode()


def with_idea(content: bytes, name: str) -> bytes | None:
    """The source with an idea in it; None where it is there already."""
    before = f"def part_of_{name}(x):\n    return x\n".encode()
    after = f"def part_of_{name}(x):\n    return {name}(x)\n".encode()
    return content.replace(before, after) if before in content else None


def loss_of(content: bytes) -> float | Why:
    """What a run would measure without noise, or why it gives no number."""
    k = {knob.name.partition(":")[2]: knob.value for knob in find_knobs(PATH, content)}
    there = [idea for idea in IDEAS if f"return {idea.name}(".encode() in content]
    log = _log_loss(k, there)
    return log if isinstance(log, Why) else math.exp(log - _log_at_start()) * START


@cache
def _log_at_start() -> float:
    log = _log_loss({knob.name.partition(":")[2]: knob.value for knob in find_knobs(PATH, source())}, [])
    assert isinstance(log, float)
    return log


def _log_loss(k: Mapping[str, Any], there: list[Idea]) -> float | Why:
    rate, width, depth = log2(k["LR"] / 1e-3), log2(k["WIDTH"] / 128), log2(k["DEPTH"] / 2)
    batch, std = log2(k["BATCH"] / 16), log2(k["EMBEDDING_STD"])
    if rate + 0.3 * std > 4.4 + 8 * k["WARMUP"]:
        return Why.NOT_FINITE
    if k["WIDTH"] * k["BATCH"] * k["DEPTH"] * k["MLP_RATIO"] > 128 * 16 * 2 * 4 * 10:
        return Why.OUT_OF_MEMORY
    best_rate = 2.6 + 0.4 * batch - 0.3 * width + sum(idea.rate for idea in there)
    best_std = -4.0 + sum(idea.std for idea in there)
    told = 0.016 * (rate - best_rate) ** 2 + 0.0045 * (std - best_std) ** 2
    told += 0.045 * (width + 1.0) ** 2 * (1.0 if width > -1 else 0.4) + 0.012 * (depth + 1.0) ** 2
    told += 0.014 * (batch + 1.0) ** 2 + 0.003 * log2(k["HEADS"] / 4) ** 2
    told += 0.006 * log2(k["MLP_RATIO"] / 3) ** 2 + 0.0012 * log2(k["WEIGHT_DECAY"] / 0.06) ** 2
    told += 0.8 * (k["BETA1"] - 0.87) ** 2 + 0.0015 * log2((1 - k["BETA2"]) / 0.02) ** 2
    told += 3.0 * (k["WARMUP"] - 0.05) ** 2 + 0.006 * (k["CLIP"] - 1.0) ** 2
    told += (0.030 - 0.022 * min(3.0, max(0.0, rate))) * k[
        "COOLDOWN"
    ]  # good at a high rate, bad at a low one
    return float(told - sum(idea.gain for idea in there))


class Noise:
    """What a run measures: the loss, with a part that all runs of its seed share and one of its own."""

    def __init__(self, game: str) -> None:
        self._game = game
        self._runs = 0

    def __call__(self, loss: float, seed: int) -> float:
        """The value of the next run."""
        self._runs += 1
        shared = _dice(f"{self._game}/{seed}").gauss(0, SHARED_SD)
        return loss * (1 + shared + _dice(f"{self._game}/run {self._runs}").gauss(0, OWN_SD))


def _dice(name: str) -> Random:
    return Random(sha256(name.encode()).digest())
