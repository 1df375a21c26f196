from __future__ import annotations

import random
from pathlib import Path

import pytest

import jumar
from jumar.errors import Breach
from jumar.rules.growth import MOST_KNOWN_BYTES, MOST_NEW_BYTES, bytes_added, check_growth

PACKAGE = Path(jumar.__file__).parent
CODE = (PACKAGE / "targets" / "tinylm" / "train.py").read_bytes()
FIRST = {"train.py": CODE, "lib/optimiser.py": (PACKAGE / "rules" / "judge.py").read_bytes()}


def noise(size: int, seed: int = 0) -> bytes:
    """So many letters, each of six bits that nobody can guess."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return bytes(random.Random(seed).choices(letters, k=size))


def test_what_did_not_change_is_not_new() -> None:
    assert bytes_added(FIRST, FIRST) == 0
    check_growth(FIRST, FIRST)


def test_code_that_moves_turns_round_or_is_renamed_costs_little() -> None:
    halves = CODE[: len(CODE) // 2], CODE[len(CODE) // 2 :]
    moved = {"model.py": CODE, "lib/optimiser.py": FIRST["lib/optimiser.py"]}
    turned = {**FIRST, "train.py": halves[1] + halves[0]}
    renamed = {path: content.replace(b"config", b"settings") for path, content in FIRST.items()}
    assert max(bytes_added(files, FIRST) for files in (moved, turned, renamed)) < 400


def test_code_may_grow_to_several_times_what_it_was() -> None:
    rules = sorted((PACKAGE / "rules").glob("contract*.py"))
    added = {f"lib/{path.name}": path.read_bytes() for path in rules}
    assert sum(map(len, added.values())) > 3 * len(CODE)
    check_growth({**FIRST, **added}, FIRST)


@pytest.mark.parametrize(
    "hidden",
    [
        {"train.py": CODE + b'WEIGHTS = "' + noise(22_500) + b'"\n'},
        {"train.py": CODE + b"".join(b"# %s\n" % noise(60, n) for n in range(380))},
        {"lib/weights.json": noise(22_500)},
        {f"lib/{noise(180, n).decode().replace('/', '-')}.py": b"" for n in range(130)},
        {"train.py": noise(22_500) + noise(22_500) * 20},
    ],
    ids=["a literal", "comments", "a data file", "the names of files", "repetition"],
)
def test_knowledge_counts_wherever_it_is_hidden(hidden: dict[str, bytes]) -> None:
    with pytest.raises(Breach, match=r"more than 16,384 bytes \(compressed\)") as caught:
        check_growth({**FIRST, **hidden}, FIRST)
    assert caught.value.code == "too-much-new"


def test_knowledge_that_comes_in_parts_counts_together_and_room_is_not_made_by_deleting() -> None:
    parts = {f"lib/part{n}.py": noise(10_000, n) for n in range(3)}
    files = dict(FIRST)
    for path, content in list(parts.items())[:2]:
        files[path] = content
        check_growth(files, FIRST)
    with pytest.raises(Breach):
        check_growth({**files, **parts}, FIRST)
    with pytest.raises(Breach):
        check_growth(parts, FIRST)


def test_what_is_removed_brings_nothing() -> None:
    assert bytes_added({}, {"data.txt": noise(50_000)}) == 0


def test_counting_ends_with_the_answer() -> None:
    much = noise(4 << 20)
    assert MOST_NEW_BYTES < bytes_added({"x": much}, {}) < 8 * MOST_NEW_BYTES
    assert MOST_KNOWN_BYTES > len(much), "a file may be edited that is as large as a proposal may be"
