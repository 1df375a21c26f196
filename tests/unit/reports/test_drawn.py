from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as some

from jumar.reports.drawn import bar, scatter
from jumar.reports.foretold import Foretold

SHARES = some.floats(-1e100, 1e100)


def dots(pairs: list[tuple[float, float]]) -> list[Foretold]:
    return [
        Foretold(experiment=n, agent="a", predicted=predicted, measured=measured, kept=n % 2 == 0)
        for n, (predicted, measured) in enumerate(pairs, 1)
    ]


@given(some.lists(some.tuples(SHARES, SHARES), min_size=1, max_size=8))
@example([(0.0, 0.0)])
@example([(1e-300, -1e100), (5e-324, 1e100)])
def test_every_dot_is_within_the_picture(pairs: list[tuple[float, float]]) -> None:
    drawn, beyond = scatter(dots(pairs))
    root = ElementTree.fromstring(drawn)
    width, height = map(float, (root.attrib["viewBox"].split()[2:]))
    circles = root.findall(".//circle")
    assert len(circles) == len(pairs)
    assert all(0 <= float(one.attrib["cx"]) <= width for one in circles)
    assert all(0 <= float(one.attrib["cy"]) <= height for one in circles)
    assert beyond == sum("off" in one.attrib["class"] for one in circles)
    assert len(root.findall(".//text")) < 40


def test_what_is_far_from_most_stands_at_the_edge_and_sets_no_scale() -> None:
    usual = [(0.01 * n, 0.01 * n) for n in range(1, 12)]
    _, beyond = scatter(dots(usual))
    drawn, one = scatter(dots([*usual, (0.05, 7.0)]))
    assert (beyond, one) == (0, 1)
    assert "+600 %" not in drawn


@given(some.lists(some.floats(-1e100, 1e100), min_size=1, max_size=5))
def test_a_bar_stays_on_its_scale(gains: list[float]) -> None:
    ends = [0.0, *gains]
    for gain in gains:
        rect = ElementTree.fromstring(bar(0.0, gain, min(ends), max(ends))).find("rect")
        assert rect is not None
        assert 0 <= float(rect.attrib["x"]) <= 100.01
        assert rect.attrib["class"] == ("up" if gain >= 0 else "down")
