"""Owns where seeds come from: a secret of the study, so that no candidate can know them beforehand."""

from __future__ import annotations

import hashlib
import hmac

from jumar.core.run import Purpose

_MOST = 2**31 - 1  # fits every library's seed: numpy and torch take more, C's srand and CUDA do not


def seed_for(secret: str, purpose: Purpose, index: int) -> int:
    """The seed of the `index`-th run (or pair) of a purpose: 1 to 2³¹ - 1, always the same one.

    HMAC-SHA256 under the study's secret (RFC 2104): whoever has seen any number of seeds still
    cannot tell the next one.
    """
    return _draw(secret, f"seed:{purpose.value}:{index}")


def reference_is_first(secret: str, purpose: Purpose, index: int) -> bool:
    """Whether the reference is launched before the candidate in the `index`-th pair of a purpose.

    Drawn, so that no run can tell from the order which side it is on.
    """
    return _draw(secret, f"order:{purpose.value}:{index}") % 2 == 0


def chance_for(secret: str, number: int, attempt: int, strand: int = 0) -> int:
    """What the agent draws its randomness from for an attempt at proposal `number`.

    Another one for each `strand`: what it thinks about at once.
    """
    return _draw(secret, f"chance:{number}:{attempt}" + (f":{strand}" if strand else ""))


def start_for(secret: str, number: int) -> int:
    """What decides where proposal `number` starts from."""
    return _draw(secret, f"start:{number}")


def _draw(secret: str, what: str) -> int:
    digest = hmac.digest(secret.encode(), what.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") % _MOST + 1
