from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jumar.cli.nexts import entering, next_steps
from jumar.core.agent import NOTHING_LEFT
from jumar.core.ledger import Condition
from jumar.reports.summary import summarise
from jumar.testing.records import make_study

STUDY, RECORDS, CONTRACT = make_study(60, seed=1)


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment that this process seems to run from, put on PATH but not activated."""
    own = tmp_path / "my venv"
    (own / "bin").mkdir(parents=True)
    (own / "bin" / "activate").touch()
    (own / "bin" / "jumar").touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(own))
    monkeypatch.setenv("PATH", str(own / "bin"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return own


def test_an_environment_that_is_not_active_is_activated_first(venv: Path, tmp_path: Path) -> None:
    assert entering(tmp_path / "a b") == [f". '{venv}/bin/activate'", f"cd '{tmp_path}/a b'"]


def test_one_that_is_active_needs_nothing(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    assert entering(Path()) == []


def test_nor_does_one_with_a_link_on_path(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "jumar").symlink_to(venv / "bin" / "jumar")
    monkeypatch.setenv("PATH", str(links))
    assert entering(Path()) == []


def test_a_python_that_is_no_environment_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert entering(Path()) == []


def ending(**changes: Any) -> tuple[str, list[str]]:
    """What is said, and which commands are named, at this ending of a study; without `git diff`'s commits."""
    record = replace(STUDY, **changes)
    records = RECORDS
    if record.champion == 0:
        records = tuple(
            replace(one, refuted="refuted") if one.is_kept and one.number else one for one in records
        )
    words, commands = next_steps(record, summarise(record, records, CONTRACT))
    return " ".join(words), [command.partition(f" {record.terms.base[:10]}")[0] for command in commands]


RESTING: dict[str, Any] = {"condition": Condition.RESTING, "reason": "interrupted"}
MERGE = f"git merge jumar/{STUDY.name}"


def test_what_was_certified_is_to_be_read_and_merged() -> None:
    words, commands = ending()
    assert "merge its branch" in words
    assert commands == ["jumar report", "git diff", MERGE, "jumar run --new"]
    assert ending(**RESTING) == ("", ["jumar report", "git diff", MERGE, "jumar run"])


def test_what_was_not_certified_is_never_to_be_merged() -> None:
    assert STUDY.claim is not None
    undecided = replace(STUDY.claim, certified=False, reason="undecided, as it is")
    older = replace(STUDY.claim, champion="f" * 40)
    for claim, why in ((None, "uncertified"), (undecided, "undecided, as it is"), (older, "has moved")):
        words, commands = ending(claim=claim)
        assert commands == ["jumar certify", "jumar report", "git diff"]
        assert why in words and "A limit of the contract was reached" in words
        assert "merge its branch" not in words
        words, commands = ending(claim=claim, **RESTING)
        assert commands == ["jumar certify", "jumar report", "git diff", "jumar run"]


def test_where_everything_was_refuted_there_is_nothing_to_merge_or_to_certify() -> None:
    bare: dict[str, Any] = {"champion": 0, "champion_commit": STUDY.terms.base, "claim": None}
    words, commands = ending(**bare)
    assert "merge" not in words and commands == ["jumar log --kept", "jumar run --new"]
    assert ending(**bare, **RESTING) == ("", ["jumar log --kept", "jumar run"])


def test_where_nothing_was_kept_or_is_left_to_try_nobody_is_told_to_run_on() -> None:
    study, records, contract = make_study(12, keeps=0)
    words, commands = next_steps(study, summarise(study, records, contract))
    assert commands == ["jumar log", "jumar run --new"] and "merge" not in " ".join(words)
    study = replace(study, condition=Condition.RESTING, reason=NOTHING_LEFT)
    words, commands = next_steps(study, summarise(study, records, contract))
    assert commands == ["jumar log", "jumar run --new"] and "nothing left to propose" in " ".join(words)
    assert ending(condition=Condition.RESTING, reason=NOTHING_LEFT)[1][-2:] == [MERGE, "jumar run --new"]
