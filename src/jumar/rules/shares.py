"""Owns shares: how they are said, that they sum to one, and whose turn it is where several agents work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from jumar.errors import Usage

# A sum of so much less or more is rounding: 0.33 three times.
ROUNDED = 0.015
# So many proposals may be owed to an agent that could not be asked; what is beyond is forgotten, or it
# would have the machine to itself when it is back.
MOST_OWED = 3.0
_SAID = re.compile(r"(.+)=([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)", re.DOTALL)


def read_shares(words: Sequence[str]) -> dict[str, float]:
    """Agents and shares from `NAME`, or from several `NAME=SHARE` (equal ones where none is said).

    Raises Usage for shares that do not sum to one, and for an agent that is named twice.
    """
    if len(words) == 1 and "=" not in words[0].partition(":")[0]:
        return {words[0]: 1.0}  # what follows the colon is the agent's own, whatever is in it
    said: dict[str, float | None] = {}
    for word in words:
        match = _SAID.fullmatch(word)
        name, share = (match[1].strip(), _number(match[2])) if match else (word, None)
        if share is None and "=" in word.partition(":")[0]:
            name, _, no_share = word.partition("=")
            raise Usage(
                f"{no_share!r} is no share of {name}", fix=f"say --agent '{name}=0.3', or just {name}"
            )
        if name in said:
            raise Usage(f"the agent {name} is named twice", fix="give each agent one share")
        said[name] = share
    silent = [name for name, share in said.items() if share is None]
    if len(silent) == len(said):
        return dict.fromkeys(said, 1 / len(said))
    if silent:
        raise Usage(
            f"the agent {silent[0]} has no share", fix=f"say --agent '{silent[0]}=0.3', or none at all"
        )
    shares = {name: share for name, share in said.items() if share is not None}
    if trouble := disagreement(shares):
        problem, example = trouble
        fix = " ".join(f"--agent '{name}={share:g}'" for name, share in example.items())
        raise Usage(
            problem, fix=f"in the same proportions: {fix}" if fix else "give shares above 0 that sum to 1"
        )
    return shares


def disagreement(shares: Mapping[str, float]) -> tuple[str, dict[str, float]] | None:
    """What is wrong with the shares, and the same proportions as they should be said; None when they sum."""
    low = [name for name, share in shares.items() if not share > 0]
    if low:
        return f"the share of {low[0]} is {shares[low[0]]:g}, which is not above 0", {}
    total = sum(shares.values())
    if abs(total - 1) <= ROUNDED:
        return None
    rounded = {name: round(share / total, 2) for name, share in shares.items()}
    sums = abs(sum(rounded.values()) - 1) <= ROUNDED and all(rounded.values())
    return f"the shares of the agents sum to {total:g}, not to 1", rounded if sums else {}


def in_words(shares: Mapping[str, float]) -> str:
    """`tuner`, or `tuner=0.7, codex=0.3`."""
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{name}={share:.3g}" for name, share in shares.items())


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


class Turns:
    """What each agent is owed: its share of every proposal, less those that it made.

    It follows from the proposals in their order alone, so a study that is taken up again goes on with
    the agent whose turn it was.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._owed = dict.fromkeys(names, 0.0)

    def took(self, name: str, shares: Mapping[str, float]) -> None:
        """An agent made a proposal. One that is no member took nobody's turn."""
        if name not in self._owed:
            return
        total = sum(shares.values())
        for each in self._owed:
            self._owed[each] += shares.get(each, 0.0) / total
        self._owed[name] -= 1.0
        self._forget(shares)

    def order(
        self, shares: Mapping[str, float], without: Collection[str] = (), thinking: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Who is to be asked, the one that is owed most first; those in `without` are left out.

        Each time that an agent is named in `thinking` counts as a proposal of its own to come.
        """
        total = sum(shares.values())
        to_come = Counter(thinking)
        due = {
            name: owed + (1 + to_come.total()) * shares.get(name, 0.0) / total - to_come[name]
            for name, owed in self._owed.items()
            if name not in without
        }
        # Nine digits: sums of shares in another order are the same to that.
        return tuple(sorted(due, key=lambda name: -round(due[name], 9)))

    def _forget(self, shares: Mapping[str, float]) -> None:
        """Divide what is owed beyond the most among the others, by their shares."""
        for name, owed in self._owed.items():
            others = {each: shares.get(each, 0.0) for each in self._owed if each != name}
            if owed <= MOST_OWED or not sum(others.values()):
                continue
            self._owed[name] = MOST_OWED
            for each, share in others.items():
                self._owed[each] += (owed - MOST_OWED) * share / sum(others.values())
