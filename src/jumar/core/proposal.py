"""What an agent hands over: a hypothesis, the effect it predicts, and the edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

REGULAR = 0o100644  #: git's mode of an ordinary file


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it shall be. Whatever an agent did to a tree can be said with these.

    `path` is relative to the target's folder, with `/`. `content` None removes the file.
    `mode` is git's: anything but REGULAR on a new file, or a change of it, is for scope to refuse.
    """

    path: str
    content: bytes | None
    mode: int = REGULAR


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a proposal cost to make."""

    usd: float = 0.0
    tokens: int = 0
    seconds: float = 0.0  #: how long the agent took


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One idea. `details` is the agent's own JSON (the tuner's knobs, say), kept with the record."""

    hypothesis: str
    edits: tuple[Edit, ...]
    agent: str
    predicted: float | None = None  #: relative gain the agent expects; 0.01 is 1 % better
    details: Mapping[str, Any] = {}
    cost: Cost = Cost()
