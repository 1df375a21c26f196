from __future__ import annotations

from jumar.testing.records import make_study

STUDY = make_study(60, seed=1)[0]


def test_a_study_is_shown_in_a_line_and_without_its_secret() -> None:
    shown = repr(STUDY)
    assert shown.startswith("<study mar5: finished, 60 experiments, 8 kept, champion ")
    assert STUDY.terms.secret not in shown
    assert "[target]" not in shown
