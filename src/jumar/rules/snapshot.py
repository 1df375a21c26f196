"""Experiments as a sequence that never changes, made anew from the last one for what few of them changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import overload

from jumar.core.experiment import ExperimentRecord

# So many share a block. A change copies one block and the list of blocks: at 100,000 experiments some
# hundreds of references each, where a copy of all would be 100,000.
BLOCK = 512


class Snapshot(Sequence[ExperimentRecord]):
    """Experiments by their numbers, oldest first. What is made of one by `with_` leaves it as it is."""

    __slots__ = ("_blocks", "_count")

    def __init__(self) -> None:
        self._blocks: tuple[tuple[ExperimentRecord, ...], ...] = ()
        self._count = 0

    def with_(self, changed: Mapping[int, ExperimentRecord]) -> Snapshot:
        """These with others in some places; places behind the end follow it without a gap."""
        blocks = [*self._blocks]
        touched: dict[int, list[ExperimentRecord]] = {}
        made = Snapshot()
        made._count = self._count
        for number in sorted(changed):
            place, within = divmod(number, BLOCK)
            if place == len(blocks):
                blocks.append(())
            block = touched.setdefault(place, [*blocks[place]])
            block[within : within + 1] = [changed[number]]
            made._count = max(made._count, number + 1)
        for place, block in touched.items():
            blocks[place] = tuple(block)
        made._blocks = tuple(blocks)
        return made

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ExperimentRecord]:
        return chain.from_iterable(self._blocks)

    def __reversed__(self) -> Iterator[ExperimentRecord]:
        return chain.from_iterable(map(reversed, reversed(self._blocks)))

    @overload
    def __getitem__(self, which: int) -> ExperimentRecord: ...

    @overload
    def __getitem__(self, which: slice) -> Sequence[ExperimentRecord]: ...

    def __getitem__(self, which: int | slice) -> ExperimentRecord | Sequence[ExperimentRecord]:
        if isinstance(which, slice):
            return tuple(self[number] for number in range(*which.indices(self._count)))
        number = which + self._count if which < 0 else which
        if not 0 <= number < self._count:
            raise IndexError(which)
        return self._blocks[number // BLOCK][number % BLOCK]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(one == another for one, another in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]


def differing(before: Sequence[ExperimentRecord], now: Sequence[ExperimentRecord]) -> list[int]:
    """Numbers of those in `now` that are not the very ones of `before`, as far as both go."""
    pairs: Iterable[tuple[int, Sequence[ExperimentRecord], Sequence[ExperimentRecord]]] = [(0, before, now)]
    if isinstance(before, Snapshot) and isinstance(now, Snapshot):
        both = zip(before._blocks, now._blocks, strict=False)
        pairs = ((BLOCK * place, old, new) for place, (old, new) in enumerate(both) if old is not new)
    return [
        number
        for first, old, new in pairs
        for number, (one, other) in enumerate(zip(old, new, strict=False), first)
        if one is not other
    ]
