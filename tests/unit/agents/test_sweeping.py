"""Which values a sweep looks at."""

from __future__ import annotations

from collections import Counter

import pytest

from jumar.agents.sweeping import variants
from jumar.errors import Usage

FILES = {
    "a.py": b"LR = 0.01  # 0.001 .. 0.1 log\nWIDTH = 4  # one of: 4, 8, 16\nMODE = 'x'  # one of: x, y\n",
    "b.py": b"LR = 0.5\nDEPTH = 3\n",
}


def test_values_lie_across_the_range_and_the_present_one_is_left_out() -> None:
    found = variants(FILES, (), ("a.py:LR",), 5)
    values = [float(one.value) for one in found]
    assert len(values) == 5 and values == sorted(values) and 0.01 not in values
    assert (values[0], values[-1]) == (0.001, 0.1)
    assert all(one.was == 0.01 for one in found)
    assert found[0].edits[0].content == FILES["a.py"].replace(b"LR = 0.01 ", b"LR = 0.001 ")


def test_runs_are_shared_among_knobs_and_a_knob_of_few_values_has_few() -> None:
    found = variants(FILES, (), ("WIDTH", "MODE", "DEPTH", "DEPTH"), 9)
    assert Counter(one.knob for one in found) == {"a.py:WIDTH": 2, "a.py:MODE": 1, "b.py:DEPTH": 3}
    assert [one.value for one in found[:3]] == [8, 16, "y"]


@pytest.mark.parametrize(
    ("name", "most", "fix"),
    [("LR", 4, "did you mean"), ("a.py:WIDHT", 4, "did you mean a.py:WIDTH"), ("?", 4, "jumar knobs")],
)
def test_a_name_that_is_no_knob_or_not_plain_is_refused(name: str, most: int, fix: str) -> None:
    with pytest.raises(Usage) as refused:
        variants(FILES, (), (name,), most)
    assert fix in refused.value.fix


def test_more_knobs_than_runs_are_refused() -> None:
    with pytest.raises(Usage, match="needs more runs than 2"):
        variants(FILES, (), ("WIDTH", "MODE"), 1)


def test_values_of_ones_own_are_looked_at_as_they_are_listed() -> None:
    found = variants(FILES, (), ("a.py:LR=0.02, 1", "WIDTH"), 4)
    assert [(one.knob, one.value) for one in found[:2]] == [("a.py:LR", 0.02), ("a.py:LR", 1.0)]
    assert {one.knob for one in found[2:]} == {"a.py:WIDTH"} and len(found) == 4
    with pytest.raises(Usage, match="needs more runs than 3"):
        variants(FILES, (), ("a.py:LR=0.02,0.03", "WIDTH"), 2)
    with pytest.raises(Usage, match="fast is no value"):
        variants(FILES, (), ("a.py:LR=fast",), 4)
    with pytest.raises(Usage, match="is given no other value"):
        variants(FILES, (), ("a.py:LR=",), 4)
