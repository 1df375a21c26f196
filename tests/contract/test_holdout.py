from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.errors import TargetUnfit
from jumar.study.holdout import inspect_hidden
from jumar.study.places import Surroundings
from jumar.testing.records import make_study

TEXT = "what no run may read\n" * 4


def look(folder: Path, hidden: str = "hidden", shown: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What is said of a folder whose commit has work.py, with further files shown to runs."""
    contract = make_study(0)[2]
    contract = replace(contract, measure=replace(contract.measure, hidden=(hidden, "@list")))
    (folder / "work.py").write_text("RATE = 1.0\n" * 4)
    inputs = {name: folder / name for name in shown}
    around = Surroundings(env={}, inputs=inputs, readable=(), masked=(), without=())
    return inspect_hidden(contract, folder, ["work.py"], around)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "search").write_text(TEXT)
    (tmp_path / "hidden" / "holdout").write_text(TEXT.upper())
    (tmp_path / "hidden" / ".keep").write_text("")
    return tmp_path


def test_hidden_data_as_it_should_be_is_nothing_to_speak_of(folder: Path) -> None:
    assert look(folder) == ()


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_an_empty_holdout_is_refused(folder: Path, left: str) -> None:
    (folder / "none").mkdir()
    if left != "nothing":
        (folder / "none" / "holdout").write_text("")
    with pytest.raises(TargetUnfit, match="hidden: none is empty") as caught:
        look(folder, "none")
    assert "make it" in caught.value.fix


def test_an_empty_file_beside_others_is_noticed(folder: Path) -> None:
    (folder / "hidden" / "holdout").write_text("")
    assert look(folder) == ("hidden data: hidden/holdout is empty",)


def test_a_holdout_that_is_the_validation_set_is_noticed(folder: Path) -> None:
    (folder / "hidden" / "holdout").write_text(TEXT)
    (said,) = look(folder)
    assert "hidden/search" in said and "hidden/holdout" in said and "are the same" in said
    assert "what the search was measured with" in said


@pytest.mark.parametrize("place", ["data", "data/deep"])
def test_hidden_data_that_runs_are_shown_elsewhere_is_refused(folder: Path, place: str) -> None:
    (folder / place).mkdir(parents=True)
    (folder / place / "copy").write_text(TEXT)
    with pytest.raises(TargetUnfit, match=rf"hidden/search is the same as {place}/copy, which every run can"):
        look(folder, shown=("data",))
    (folder / place / "copy").write_text(TEXT[:-1] + " ")
    assert look(folder, shown=("data",)) == ()


def test_hidden_data_inside_an_input_is_not_taken_for_a_copy_of_itself(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "hidden").rename(folder / "data" / "hidden")
    assert look(folder, "data/hidden", shown=("data",)) == ()


def test_hidden_data_that_the_commit_has_under_another_name_is_refused(folder: Path) -> None:
    (folder / "hidden" / "answers").write_text("RATE = 1.0\n" * 4)
    with pytest.raises(TargetUnfit, match=r"hidden/answers is the same as work\.py"):
        look(folder)
