"""Synthetic landscapes: sources with knobs, and the loss that their values would have without noise."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any, NamedTuple, Protocol

from jumar.agents.knobs import find_knobs
from jumar.core.outcome import Why

PATH = "train.py"
Knobs = Mapping[str, Any]

_TEN = """\
LR = 1e-3
WIDTH = 128
DEPTH = 2
BATCH = 16
WEIGHT_DECAY = 0.01
BETA1 = 0.9
BETA2 = 0.999
WARMUP = 0.0
CLIP = 1.0
INIT_STD = 1.0
"""
_WIDE = "".join(f"P{n} = 1.0\n" for n in range(20)) + (
    "LR = 1e-3\nWIDTH = 64\nDROPOUT = 0.1\nACT = 'gelu'  # one of: gelu, relu, relu2, silu\nBIAS = True\n"
)


class Loss(Protocol):
    """What a run with these knobs would measure, or why it would fail."""

    def __call__(self, k: Knobs) -> float | Why: ...


class Landscape(NamedTuple):
    """`best` is the smallest loss that a long search with the true losses found in the ranges."""

    name: str
    source: str
    loss: Loss
    best: float

    def of(self, source: bytes) -> float | Why:
        """The loss of a program."""
        return self.loss({knob.name.partition(":")[2]: knob.value for knob in find_knobs(PATH, source)})


def _off(value: float, best: float) -> float:
    """Squared doublings between a value and the best one."""
    return float(log2(value / best) ** 2)


def _bowl(k: Knobs) -> float:
    """Every knob by itself; the best lies two to three doublings away in four of ten."""
    far = 4 * _off(k["LR"], 7e-3) + 4 * _off(k["WIDTH"], 48) + 10 * _off(k["DEPTH"], 1)
    near = 6 * _off(k["BATCH"], 8) + 0.4 * _off(k["WEIGHT_DECAY"], 0.03) + 2 * _off(1 - k["BETA1"], 0.2)
    rest = 0.5 * _off(1 - k["BETA2"], 0.02) + 0.4 * _off(k["CLIP"], 2) + 6 * _off(k["INIT_STD"], 0.25)
    return float(2 + 0.002 * (far + near + rest + 200 * (k["WARMUP"] - 0.06) ** 2))


def _ridge(k: Knobs) -> float:
    """Rate, batch and width want to move together, and depth against width."""
    lr, batch = log2(k["LR"] / 1e-3), log2(k["BATCH"] / 16)
    width, depth = log2(k["WIDTH"] / 128), log2(k["DEPTH"] / 2)
    along = 15 * (lr - 0.5 * batch + 0.7 * width - 1) ** 2 + 6 * (batch + 1.5) ** 2
    across = (10 if width + depth > 0 else 5) * (width + depth) ** 2 + 4 * (width - 1) ** 2
    rest = 4 * _off(k["INIT_STD"], 0.25) + 2 * _off(1 - k["BETA1"], 0.2) + 0.3 * _off(k["CLIP"], 2)
    return float(2 + 0.002 * (along + across + rest))


def _cliff(k: Knobs) -> float | Why:
    """The best is next to where the loss is no number and the memory is full."""
    if k["LR"] * k["INIT_STD"] ** 0.5 > 6e-3 * (1 + 4 * k["WARMUP"]):
        return Why.NOT_FINITE
    if k["WIDTH"] * k["BATCH"] * k["DEPTH"] > 6000:
        return Why.OUT_OF_MEMORY
    large = 6 * _off(k["LR"], 8e-3) + 6 * _off(k["WIDTH"], 300) + 10 * _off(k["DEPTH"], 3)
    rest = 6 * _off(k["BATCH"], 8) + 2 * _off(1 - k["BETA1"], 0.2) + 3 * _off(k["INIT_STD"], 0.3)
    rest += 0.5 * _off(1 - k["BETA2"], 0.02) + 200 * (k["WARMUP"] - 0.06) ** 2
    return float(2 + 0.002 * (large + rest))


def _wide(k: Knobs) -> float:
    """Twenty-five knobs, of which nine matter."""
    named = 6 * _off(k["LR"], 6e-3) + 5 * _off(k["WIDTH"], 200) + 3 * _off(k["DROPOUT"], 0.03)
    chosen = {"gelu": 10, "relu": 20, "relu2": 0, "silu": 10}[k["ACT"]] + 6 * k["BIAS"]
    hidden = 4 * _off(k["P0"], 3) + 3 * _off(k["P1"], 0.4) + 2 * _off(k["P2"], 2) + _off(k["P3"], 0.6)
    return float(2 + 0.002 * (named + chosen + hidden))


LANDSCAPES = (
    Landscape("bowl", _TEN, _bowl, 2.0031),
    Landscape("ridge", _TEN, _ridge, 2.0022),
    Landscape("cliff", _TEN, _cliff, 2.0092),
    Landscape("wide", _WIDE, _wide, 2.0012),
)
