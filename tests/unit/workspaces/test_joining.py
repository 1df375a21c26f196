from __future__ import annotations

import random

import pytest

from jumar.workspaces.joining import join

BASE = b"LR = 0.1\nDEPTH = 3\nWIDTH = 8\nrun(lr=LR, depth=DEPTH)\n"


def changed(*changes: tuple[bytes, bytes]) -> bytes:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


LR, DEPTH, WIDTH = (b"0.1", b"1e-05"), (b"3", b"4"), (b"8", b"16")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ((LR,), (DEPTH,)),
        ((LR, WIDTH), (DEPTH,)),
        ((DEPTH,), (LR, WIDTH)),
        ((LR, DEPTH), (DEPTH, WIDTH)),
        (((b"lr=LR", b"lr=0.2"),), ((b"depth=DEPTH", b"depth=-1"),)),
        (((b"LR = 0.1\n", b"import math\n\nLR = 0.1\n"),), (DEPTH,)),
        ((DEPTH,), ()),
        ((), ()),
    ],
    ids=["neighbours", "around", "between", "one in common", "one line", "a new line", "one side", "none"],
)
def test_changes_of_different_places_are_joined(
    ours: tuple[tuple[bytes, bytes], ...], theirs: tuple[tuple[bytes, bytes], ...]
) -> None:
    both = changed(*dict.fromkeys((*ours, *theirs)))
    assert join(BASE, changed(*ours), changed(*theirs)) == both
    assert join(BASE, changed(*theirs), changed(*ours)) == both


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (changed((b"3", b"4")), changed((b"3", b"5"))),
        (changed((b"DEPTH = 3\n", b"")), changed((b"3", b"5"))),
        (changed((b"DEPTH = 3\n", b"")), changed((b"0.1", b"0.2"))),
        (changed((b"DEPTH = 3\n", b"DEPTH = 3\nA = 1\n")), changed((b"8", b"16"))),
        (b"", changed((b"3", b"5"))),
        (b"A = 1\n" + BASE, b"B = 1\n" + BASE),
    ],
    ids=["one value", "gone", "gone beside it", "new beside it", "all gone", "two new ones"],
)
def test_what_belongs_where_is_never_guessed(ours: bytes, theirs: bytes) -> None:
    assert join(BASE, ours, theirs) is None
    assert join(BASE, theirs, ours) is None


def test_it_never_loses_a_change_that_it_joined() -> None:
    lines = [b"%d\n" % n for n in range(40)]
    for first in range(40):
        for second in range(40):
            ours, theirs = list(lines), list(lines)
            ours[first], theirs[second] = b"ours\n", b"theirs\n"
            joined = join(b"".join(lines), b"".join(ours), b"".join(theirs))
            if first == second:
                assert joined is None
            else:
                assert joined is not None
                assert b"ours\n" in joined and b"theirs\n" in joined


def test_of_lines_that_repeat_the_one_in_its_place_is_changed_or_none_is() -> None:
    chance, plain = random.Random(5), 0
    for _ in range(300):
        base = [b"H\n", *(chance.choice([b"a\n", b"a\n", b"b\n"]) for _ in range(chance.randint(4, 9)))]
        places = chance.sample(range(1, len(base)), 4)
        ours, theirs, both = list(base), list(base), list(base)
        for n, place in enumerate(places):
            (theirs if n % 2 else ours)[place] = both[place] = b"new %d\n" % n
        joined = join(b"".join(base), b"".join(ours), b"".join(theirs))
        assert joined in (None, b"".join(both))
        plain += joined is not None
    assert plain > 200


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (b"x a a a y", b"x a a y", b"x a a n a y"),  # which of the three is gone?
        (b"x a a a y", b"x a a a a y", b"n a a a y"),  # and where is the fourth?
        (
            b"a a a a a y",
            b"a w a a a y",
            b"n a a a a r s",
        ),  # from the start n came, from the end an a changed
    ],
    ids=["one gone", "one more", "two readings"],
)
def test_where_lines_that_repeat_came_or_went_nothing_near_them_is_joined(
    base: bytes, ours: bytes, theirs: bytes
) -> None:
    first, one, other = (words.replace(b" ", b"\n") + b"\n" for words in (base, ours, theirs))
    assert join(first, one, other) is None
    assert join(first, other, one) is None
