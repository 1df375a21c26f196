"""Where runs live: what a candidate may have left there is read and removed without harm."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jumar.core.contract import Budget, Clock
from jumar.core.run import Purpose, Run, Side
from jumar.errors import TargetUnfit
from jumar.study.places import MOST_LOG_BYTES, Place, read_log, read_untrusted, remove_folder, run_job
from jumar.study.surroundings import find_hidden, look_around
from jumar.testing.records import make_study

CONTRACT = make_study(0)[2]


def test_an_untrusted_file_is_read_up_to_a_bound(tmp_path: Path) -> None:
    (tmp_path / "curve").write_bytes(b"0123456789")
    assert read_untrusted(tmp_path, "curve", 4) == b"0123"
    assert read_untrusted(tmp_path, "missing", 4) == b""


def test_neither_links_nor_pipes_nor_folders_are_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        assert read_untrusted(tmp_path, name, 100) == b""


def test_of_a_long_log_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"first" + bytes(MOST_LOG_BYTES * 3) + b"last")
    kept = read_log(log)
    assert len(kept) < MOST_LOG_BYTES + 100
    assert kept.startswith(b"first")
    assert kept.endswith(b"last")
    assert b"bytes left out" in kept
    assert read_log(tmp_path / "none") == b""


def test_a_folder_goes_whatever_a_candidate_did_to_its_modes(tmp_path: Path) -> None:
    folder, outside = tmp_path / "run", tmp_path / "outside"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (folder / "a" / "link").symlink_to(outside)
    (folder / "a" / "b").chmod(0)
    (folder / "a").chmod(0o500)
    remove_folder(folder)
    assert not folder.exists()
    assert (outside / "mine").read_text() == "mine"
    remove_folder(folder)


def job_of(purpose: Purpose, clock: Clock, tmp_path: Path) -> dict[str, object]:
    terms = replace(CONTRACT.run, budget=Budget(amount=7.0, clock=clock), env=("DEPTH=6",))
    measure = replace(CONTRACT.measure, checks=(("one",), ("two",)), hidden=())
    contract = replace(CONTRACT, run=terms, measure=measure)
    around = look_around(contract, tmp_path, frozenset(), {"PATH": "/bin", "SECRET": "x"})
    run = Run(key="1-1", experiment=1, commit="c" * 40, seed=5, purpose=purpose, pair=1)
    job = run_job(contract, run, Place(tmp_path), around)
    return {"env": dict(job.env), "command": job.command, "cpu_s": job.caps.cpu_s}


def test_a_run_is_told_its_seed_budget_and_scale_and_nothing_of_the_users_environment(tmp_path: Path) -> None:
    env = job_of(Purpose.SCREEN, Clock.WALL, tmp_path)["env"]
    assert isinstance(env, dict)
    ours = {"JUMAR_SEED": "5", "JUMAR_SCALE": "default", "JUMAR_BUDGET_S": "7"}
    assert {"PATH": "/bin", "DEPTH": "6", **ours}.items() <= env.items()
    assert all(name.startswith("JUMAR_") or name in ("PATH", "DEPTH") for name in env)


def test_nothing_that_a_run_is_shown_says_whose_side_it_is_on(tmp_path: Path) -> None:
    around = look_around(
        replace(CONTRACT, measure=replace(CONTRACT.measure, hidden=())), tmp_path, frozenset(), {}
    )

    def shown(**of: Any) -> tuple[str, int]:
        run = Run(experiment=12, commit="c" * 40, seed=5, **of)
        place = Place(tmp_path)
        job = replace(run_job(CONTRACT, run, place, around), key="")
        return repr(job).replace(place.root.name, "NAME"), len(place.root.name)

    seen = {
        shown(key=f"12-{number}", purpose=purpose, side=side, pair=pair, attempt=attempt)
        for number, (purpose, side, pair, attempt) in enumerate(
            product([Purpose.SCREEN, Purpose.CONFIRM, Purpose.CERTIFY], Side, [0, 3], [0, 1])
        )
    }
    assert len(seen) == 1
    assert Place(tmp_path).root != Place(tmp_path).root


def test_on_a_cpu_clock_libraries_are_held_to_one_thread(tmp_path: Path) -> None:
    env = job_of(Purpose.SCREEN, Clock.CPU, tmp_path)["env"]
    assert isinstance(env, dict)
    assert env["OMP_NUM_THREADS"] == "1"


def test_a_budget_in_steps_is_told_as_steps(tmp_path: Path) -> None:
    env = job_of(Purpose.SCREEN, Clock.STEPS, tmp_path)["env"]
    assert isinstance(env, dict)
    assert env["JUMAR_BUDGET_STEPS"] == "7"
    assert "JUMAR_BUDGET_S" not in env


def test_a_check_runs_its_own_command_and_only_the_timeout_bounds_it(tmp_path: Path) -> None:
    job = job_of(Purpose.CHECK, Clock.CPU, tmp_path)
    assert job["command"] == ("two",)
    assert job["cpu_s"] is None


def test_inputs_that_do_not_exist_are_named(tmp_path: Path) -> None:
    contract = replace(CONTRACT, run=replace(CONTRACT.run, inputs=("data/missing",)))
    with pytest.raises(TargetUnfit, match="data/missing does not exist"):
        look_around(contract, tmp_path, frozenset(), {})


def test_inputs_that_would_show_what_is_hidden_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, record, home = tmp_path / "work" / "target", tmp_path / "record", tmp_path / "home" / "me"
    data = home / "data"
    for place in (folder / "data", record / "studies", data):
        place.mkdir(parents=True)
    (folder / "up").symlink_to(folder.parent)
    monkeypatch.setenv("HOME", str(home))

    def look(entry: str) -> tuple[Path, ...]:
        run, measure = replace(CONTRACT.run, inputs=(entry,)), replace(CONTRACT.measure, hidden=())
        contract = replace(CONTRACT, run=run, measure=measure)
        return look_around(contract, folder, frozenset(), {}, private=(record,)).readable

    for entry, why in (
        (str(folder.parent), "contains the target itself"),
        (str(folder), "contains the target itself"),
        ("up", "contains the target itself"),
        ("~", "your whole home"),
        (str(home.parent), "your whole home"),
        (str(record), "no run may see"),
        (str(record / "studies"), "no run may see"),
    ):
        with pytest.raises(TargetUnfit, match=why):
            look(entry)
    assert look("~/data") == (data,)
    assert look("data") == ()


def test_what_is_private_is_masked_beside_the_hidden_data(tmp_path: Path) -> None:
    measure = replace(CONTRACT.measure, hidden=())
    private = (tmp_path / ".jumar", tmp_path / ".git")
    around = look_around(replace(CONTRACT, measure=measure), tmp_path, frozenset(), {}, private=private)
    assert around.masked == private


def test_hidden_data_is_masked_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "copy").write_text("x")
    (tmp_path / "list").write_text(f"{tmp_path / 'copy'}\n\n{tmp_path / 'gone'}\n")
    measure = replace(CONTRACT.measure, hidden=("tracked", "beside", "@list"))
    paths = frozenset({"tracked/file", "other"})
    hidden = find_hidden(replace(CONTRACT, measure=measure), tmp_path, paths)
    assert hidden.tracked == ("tracked",)
    assert hidden.beside == {"beside": tmp_path / "beside"}
    assert set(hidden.masked) == {tmp_path / "tracked", tmp_path / "beside", tmp_path / "copy"}


def test_hidden_data_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    for entry in ("nowhere", "@nowhere"):
        measure = replace(CONTRACT.measure, hidden=(entry,))
        with pytest.raises(TargetUnfit, match=r"\[measure\] hidden"):
            find_hidden(replace(CONTRACT, measure=measure), tmp_path, frozenset())
