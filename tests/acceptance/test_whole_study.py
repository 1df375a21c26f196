"""A study from the first command to the report, and what it leaves alone."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import jumar as api
from jumar.core.verdict import Decision
from jumar.errors import Usage
from jumar.testing.repository import Repository
from jumar.testing.tiny import EXACT, Cli, contract

Sound = Callable[[Path], None]


def users_state(user: Repository) -> dict[str, tuple[int, int, str]]:
    return {path: seen for path, seen in user.state().items() if not path.startswith(".jumar/")}


def test_a_study_runs_from_one_command_and_the_users_files_stay_as_they_are(
    tiny: Callable[..., Path], jumar: Cli, assert_sound: Sound
) -> None:
    folder = tiny(notes="as committed\n")
    user = Repository(folder)
    user.write("notes", "to be stashed\n")
    user.git("stash")
    user.write("notes", "staged\n")
    user.git("add", "notes")
    user.write("notes", "not staged\n")
    user.write("scribble", "untracked\n")
    before = users_state(user)

    said = jumar(folder, "run").stdout

    assert users_state(user) == before
    assert_sound(folder)
    study = api.open_study(folder)
    record = study.record()
    assert record is not None
    assert record.decisions[Decision.KEPT] > 0
    assert record.claim is not None
    assert record.claim.certified
    assert "(limit 8)" in said
    assert user.git("merge-base", "--is-ancestor", "HEAD", "jumar/tiny") == ""
    kept = [one for one in study.experiments() if one.is_kept and one.number]
    assert kept[-1].experiment.commit == user.git("rev-parse", "jumar/tiny")
    assert user.git("diff", "--name-only", "HEAD", "jumar/tiny") == "work.py"


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    user = Repository(tmp_path_factory.mktemp("studied"))
    user.commit(**{"work.py": EXACT, "jumar.toml": contract(experiments=5)})
    Cli()(user.folder, "run")
    return user.folder


def test_every_verb_that_looks_answers(studied: Path, jumar: Cli) -> None:
    status = jumar(studied, "status").stdout
    assert "self-reported" in status
    assert json.loads(jumar(studied, "status", "--json").stdout)["summary"]["study"] == "tiny"
    assert "kept" in jumar(studied, "log", "--kept").stdout
    first = api.open_study(studied).experiment(1).experiment
    assert first.hypothesis in jumar(studied, "show", "1").stdout
    assert "+++ b/work.py" in jumar(studied, "diff", "1").stdout
    rows = list(csv.reader(io.StringIO(jumar(studied, "export", "--tsv").stdout), delimiter="\t"))
    assert {len(row) for row in rows} == {5}
    assert len(rows) >= 1 + 1 + 5
    experiments = json.loads(jumar(studied, "export", "--json").stdout)
    assert [one["experiment"]["number"] for one in experiments] == list(range(len(experiments)))


def test_the_report_is_one_page_with_a_chart_and_a_table_beside_it(studied: Path, jumar: Cli) -> None:
    said = json.loads(jumar(studied, "report", "--json").stdout)
    found = {Path(path).name: Path(path).read_bytes() for path in said.values()}
    assert found["progress.png"].startswith(b"\x89PNG")
    page = found["report.html"].decode()
    assert "self-reported" in page
    assert found["results.tsv"].count(b"\n") >= 1 + 1 + 5


def test_a_study_that_is_finished_says_so_and_does_nothing_more(studied: Path, jumar: Cli) -> None:
    before = jumar(studied, "export", "--json").stdout
    said = jumar(studied, "run", "--experiments", "3").stdout
    assert "(limit 5)" in said
    assert "raise the limit in [limits] of jumar.toml and say `jumar run`" in said
    assert jumar(studied, "export", "--json").stdout == before


def test_a_limit_that_is_raised_lets_a_finished_study_go_on(tiny: Callable[..., Path], jumar: Cli) -> None:
    folder = tiny(work=EXACT, contract=contract(experiments=1))
    jumar(folder, "run", "--workers", "1")
    (folder / "jumar.toml").write_text(contract(experiments=3, limits="plateau = 9"))
    done = jumar(folder, "run", "--workers", "1")
    assert "the limits are now experiments = 3, plateau = 9, by jumar.toml" in done.stdout
    assert "the study began with experiments = 1" in done.stdout
    assert "jumar.toml has changed" not in done.stderr
    study = api.open_study(folder)
    assert [one.number for one in study.experiments()] == [0, 1, 2, 3]
    assert (study.contract.limits.experiments, study.contract_changed) == (3, False)
    (folder / "jumar.toml").write_text(contract(experiments=4).replace('"loss"', '"other"'))
    done = jumar(folder, "run", "--workers", "1")
    assert "this study keeps to its own" in done.stderr
    assert api.open_study(folder).contract.measure.metric.name == "loss"


def test_the_python_api_runs_a_study_and_gives_values_and_a_frame(
    tiny: Callable[..., Path], assert_sound: Sound
) -> None:
    folder = tiny(work=EXACT)
    # One run at a time: side by side, a winner's rival is tried again beyond the limit.
    alone = api.Options(workers=1)
    study = api.open_study(folder, options=alone)
    assert study.record() is None
    assert study.experiments() == ()
    record = study.run(experiments=3)
    assert sum(record.decisions.values()) == 3
    assert [one.number for one in study.experiments(last=2)] == [2, 3]
    frame = study.frame()
    assert len(frame) == 4
    again = api.open_study(folder, options=alone).run(experiments=2)
    assert sum(again.decisions.values()) == 5
    assert_sound(folder)


def test_the_python_api_refuses_a_number_of_experiments_that_is_none(tiny: Callable[..., Path]) -> None:
    study = api.open_study(tiny(work=EXACT))
    with pytest.raises(Usage, match="experiments is -1"):
        study.run(experiments=-1)
    with pytest.raises(Usage, match="hours is 0"):
        study.run(hours=0)
    assert study.record() is None


def test_a_study_runs_in_a_thread_that_is_not_the_main_one(tiny: Callable[..., Path]) -> None:
    study = api.open_study(tiny(work=EXACT))
    worker = threading.Thread(target=study.run, kwargs={"experiments": 1})
    worker.start()
    worker.join(timeout=60)
    assert len(study.experiments()) == 2


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys, jumar; assert not {'optuna', 'sqlalchemy', 'pygit2', 'msgspec'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
