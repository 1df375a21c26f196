"""The edits that bench.aa takes for nothing are other files that do the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.nothings import NOTHINGS, differs_only_in_form, replaced

import jumar.targets
from jumar.rules.duplicates import fingerprint

# train.py leaves its curve to the end of its process, and here there is none.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

TARGET = Path(jumar.targets.__file__).parent / "tinylm"
SOURCE = (TARGET / "train.py").read_text(encoding="utf-8")


def test_thirty_edits_are_thirty_files_and_most_are_other_code_and_run() -> None:
    changed = [edit.change(SOURCE) for edit in NOTHINGS]
    assert len({SOURCE, *changed}) == 31
    codes = {fingerprint({"train.py": text.encode()}) for text in changed}
    assert len(codes - {fingerprint({"train.py": SOURCE.encode()})}) >= 20  # the rest needs no run


@pytest.mark.parametrize("at", [0, 1])
def test_an_edit_that_does_nothing_trains_the_same_weights(at: int) -> None:
    pytest.importorskip("torch")
    assert differs_only_in_form(NOTHINGS[at], SOURCE, TARGET)


def test_an_edit_that_does_something_is_told() -> None:
    pytest.importorskip("torch")
    other = NOTHINGS[0]._replace(change=replaced("LR = 1e-3 ", "LR = 2e-3 "))
    assert not differs_only_in_form(other, SOURCE, TARGET)
