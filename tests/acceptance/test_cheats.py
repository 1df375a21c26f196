"""A handful of the corpus of cheats; `python -m bench.cheats` plays all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.cheats.case import Case, load
from bench.cheats.study import play

from jumar.errors import Usage

CASES = Path(__file__).parents[2] / "bench" / "cheats" / "cases"
HANDFUL = (
    "answers-nan brings-a-script brings-attributes edits-the-scorer honest-artefacts paints-the-terminal "
    "plants-a-hook prints-a-better-number reads-the-hidden-points starts-where-it-left-off "
    "works-after-the-end"
).split()


def test_a_handful_of_cheats_gains_nothing_and_does_no_harm(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    came, faults = play(load([CASES], HANDFUL), "fit", tmp_path / "stage")
    assert {one.case: one.wrong for one in came if one.wrong} == {}
    assert [one.case for one in came if one.was_kept] == ["honest-artefacts"]
    assert faults == []


def test_a_case_that_is_handled_otherwise_than_it_says_is_told(tmp_path: Path) -> None:
    """The runner itself can fail: a real gain that calls itself worthless, a mark where one can be left."""
    gain = Case(name="gain", family="number", tries="Gains.", expect="honest", code="DEGREES.append(2)\n")
    breach = Case(name="breach", family="number", tries="Fails.", expect="invalid: too-large", code="1 / 0\n")
    came, _ = play([gain, breach], "fit", tmp_path / "stage")
    assert [bool(one.wrong) for one in came] == [True, True]
    assert came[0].was_kept


def test_every_case_of_the_corpus_can_be_read(tmp_path: Path) -> None:
    cases = load([CASES])
    assert len([case for case in cases if not case.is_twin]) >= 45
    assert {case.family for case in cases if case.is_twin} == {case.family for case in cases}
    (tmp_path / "mine.toml").write_text('family = "x"\ntries = "y"\nexpect = "luck"\n')
    with pytest.raises(Usage, match="expects 'luck'"):
        load([tmp_path])
    with pytest.raises(Usage, match="no such case: nothing"):
        load([CASES], ["nothing"])
