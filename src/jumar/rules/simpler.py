"""Owns when less code is a keep at an equal score: how it is counted, the margin, what may add up.

Equal within a margin is shown by two one-sided tests (Schuirmann 1987), here e-processes, so that one may
stop after any pair. The one against a loss decides; the one against a gain only says what to call it.

Small losses must not add up. So a simplification is not compared with the champion, which may be one
itself, but with its *anchor*: the last commit that was kept for a gain, or the unchanged target. However
many follow one another, all of them together stay within one margin. What those before the anchor are
seen to have lost is charged to the margin of all that come after it: a study has one margin in all.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from jumar.core.evidence import Noise
from jumar.core.experiment import ExperimentRecord
from jumar.core.proposal import Edit
from jumar.core.verdict import Decision, Verdict
from jumar.rules.duplicates import MOST_PARSED_BYTES, UNPARSABLE
from jumar.rules.evalue import Spread, log_evidence

LEAST_SAVED = 12  #: syntax-tree nodes, about two lines: what is less is a matter of spelling

# The margin, in spreads of a pair's difference: with it, equal code is known to be equal after five or
# six pairs. Found by simulation (bench/simpler.py), as are the screen and the drop.
MARGIN = 1.0
ENOUGH = math.log(20)  # a loss beyond the margin is kept once in twenty times at most
DROP_AT = -1.0
WORST_SCREEN = 0.5  # standard deviations of the first look below which no pair is spent

_LETTERS = 8  # of a text are as good as a node: code in a string is code
_GREATEST = 2**63  # a number beyond that is data

_UNCOUNTED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.type_ignore)


class Allowance(NamedTuple):
    """What simplifications are compared with, and what those before have cost."""

    anchor: str  #: commit
    charged: float  #: on the scale on which values are compared


def saved_nodes(before: Mapping[str, bytes], edits: Sequence[Edit]) -> int:
    """By how many syntax-tree nodes some edits make the code smaller; 0 where that cannot be said.

    Only Python is counted. An edit of anything else may hide code or data there, and counts as no
    simplification, whatever it removes beside.
    """
    saved = 0
    for edit in edits:
        old, new = _counted(edit.path, before.get(edit.path)), _counted(edit.path, edit.content)
        if old is None or new is None:
            return 0
        saved += old - new
    return max(0, saved)


def _counted(path: str, content: bytes | None) -> int | None:
    if content is None:
        return 0 if path.endswith(".py") else None
    return nodes_of(content) if path.endswith(".py") else None


@lru_cache(maxsize=64)
def nodes_of(content: bytes) -> int | None:
    """Size of Python code: what it does, not how it is written. None where it cannot be parsed.

    Comments, docstrings, layout, names and annotations count nothing; a number counts as one, with
    its sign; a text by its length, so that code does not become smaller by moving into a string.
    """
    if len(content) > MOST_PARSED_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except UNPARSABLE:
        return None
    total, left = 0, list[ast.AST](tree.body)
    while left:
        node = left.pop()
        total += _weight(node)
        left += _below(node)
    return total


def _weight(node: ast.AST) -> int:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str | bytes):
            return 1 + len(node.value) // _LETTERS
        if isinstance(node.value, int) and abs(node.value) >= _GREATEST:
            return 1 + node.value.bit_length() // (8 * _LETTERS)
        return 1
    return 0 if _says_nothing(node) else 1


def _below(node: ast.AST) -> list[ast.AST]:
    if _says_nothing(node) or (isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)):
        return []
    annotated = {"annotation", "returns"} if isinstance(node, ast.arg | ast.AnnAssign | _FUNCTIONS) else set()
    below: list[ast.AST] = []
    for name, value in ast.iter_fields(node):
        if name not in annotated:
            below += [
                part for part in (value if isinstance(value, list) else [value]) if isinstance(part, ast.AST)
            ]
    return below


_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def _says_nothing(node: ast.AST) -> bool:
    """What is only written: contexts, operators (their expression counts), docstrings."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, _UNCOUNTED)


def simplifies(record: ExperimentRecord) -> bool:
    """Whether an experiment's edit leaves so much less code that this alone is worth a keep."""
    return record.experiment.saved >= LEAST_SAVED


def margin_of(noise: Noise, charged: float) -> float:
    """What a simplification may lose, on the scale; 0 where too little is left to be told from nothing."""
    left = MARGIN * noise.pair_sd - charged
    return left if left >= MARGIN * noise.pair_sd / 2 else 0.0


def is_no_worse(gains: Sequence[float], spread: Spread, margin: float) -> bool:
    """Whether these gains refute a loss of `margin`."""
    return _against_a_loss(gains, spread, margin) >= ENOUGH


def is_no_better(gains: Sequence[float], spread: Spread, margin: float) -> bool:
    """Whether these gains refute a gain of `margin`."""
    return _against_a_loss([-gain for gain in gains], spread, margin) >= ENOUGH


def is_hopeless(gains: Sequence[float], spread: Spread, margin: float) -> bool:
    """Whether it has become unlikely that these gains ever refute a loss of `margin`."""
    return _against_a_loss(gains, spread, margin) <= DROP_AT


def _against_a_loss(gains: Sequence[float], spread: Spread, margin: float) -> float:
    lifted = [gain + margin for gain in gains]
    return log_evidence(lifted, spread, effects=(margin / spread.sd,))


def is_simplification(verdict: Verdict) -> bool:
    """Whether a keep is one for its code alone: it promises no gain, and none is counted."""
    return verdict.decision is Decision.KEPT and "simpler" in verdict.evidence


def allowance(line: Iterable[ExperimentRecord], base: str) -> Allowance:
    """The anchor and what was charged, from the keeps that led from `base` to the champion, in order.

    The last of several simplifications in a row was compared with their anchor: its loss is that of all.
    """
    anchor, charged, lost = base, 0.0, 0.0
    for record in line:
        assert record.verdict is not None, "what leads to the champion was kept"
        if is_simplification(record.verdict):
            lost = max(0.0, -float(record.verdict.evidence["simpler"]["gain"]))
        else:
            anchor, charged, lost = record.experiment.commit, charged + lost, 0.0
    return Allowance(anchor, charged)
