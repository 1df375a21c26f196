"""Owns what becomes of a keep that a person has to approve."""

from __future__ import annotations

from msgspec.structs import replace

from jumar.core.event import Asked, Wish
from jumar.core.verdict import REJECTED, Decision, Verdict


def read_words(words: str) -> tuple[int | None, str]:
    """The experiment that an approval or a rejection is about, and why, where that is said."""
    number, _, why = words.strip().partition(" ")
    return (int(number) if number.isdecimal() else None), " ".join(why.split())


def ruled(held: Verdict, asked: Asked | None, *, approve: bool) -> Verdict | None:
    """The verdict on what waits, after what a person `asked`, if anything; None while it has to wait.

    Where the contract does not want approvals any more (`approve`), what waits is kept. What is rejected
    has no gain: it is no near miss that anybody should come back to.
    """
    if asked is None:
        return None if approve else replace(held, reason=f"{held.reason}; no approval is wanted any more")
    _, why = read_words(asked.words)
    if asked.wish is Wish.APPROVE:
        return replace(held, reason=f"{held.reason}; approved{why and f': {why}'}")
    said = f"{REJECTED} by a person{f': {why}' if why else ', who did not say why'}"
    return Verdict(decision=Decision.DISCARDED, reason=said, evidence=held.evidence)
