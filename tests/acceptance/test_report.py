"""The report of a real study, and every command in it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from jumar.testing.tiny import CONTRACT, NOISY, Cli, environment


def typed(command: str, folder: Path) -> str:
    """What a shell in `folder` says to a command that works."""
    done = subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_of_a_report_gives_its_number(
    repository: Callable[[Mapping[str, str]], Path], jumar: Cli
) -> None:
    # Deep in its repository, and not the latest study there.
    folder = repository({"deep/er/work.py": NOISY, "deep/er/jumar.toml": CONTRACT}) / "deep" / "er"
    ran = jumar(folder, "run", "--experiments", "3").stdout
    own = folder / ".jumar/studies/tiny"
    for name in ("report.html", "report.md", "report.json", "progress.png"):
        assert str(own / name) in ran and (own / name).stat().st_size, "a run that ends has its report"
    (own.with_name("tiny-2") / "report.html").mkdir(parents=True)
    in_the_way = jumar(folder, "run", "--experiments", "1", "--new")
    assert "the report was not written" in in_the_way.stderr and "next:" in in_the_way.stdout
    written = json.loads(jumar(folder, "report", "--study", "tiny", "--json").stdout)
    report = json.loads(Path(written["json"]).read_text(encoding="utf-8"))
    summary = report["summary"]
    assert summary["champion"]["experiment"] > 0
    said = {recipe["what"]: typed(recipe["command"], folder) for recipe in report["recipes"]}

    champion = next(words for what, words in said.items() if "champion's value" in what)
    assert f"experiment {summary['champion']['experiment']}" in " ".join(champion.split())
    assert re.search(r"^\+(RATE|WIDTH)", said["all that was kept, as one change"], re.MULTILINE)
    by_hand, printed = next((what, words) for what, words in said.items() if "by hand" in what)
    told = re.search(r"measured ([\d.]+)", by_hand)
    assert told and float(told[1]) == pytest.approx(float(printed.removeprefix("loss: ")), rel=1e-5)
    assert "0 would be others" in said["every verdict, from the recorded runs"]
    assert said["the table, for other programs"].startswith("commit\tloss")
    assert all(one["command"] for one in summary["advice"] if "measure it on fresh seeds" in one["words"])

    typed("git branch -D jumar/tiny", folder)
    jumar(folder, "report", "--study", "tiny")
    text = Path(written["markdown"]).read_text(encoding="utf-8")
    mending = re.search(r"git branch jumar/tiny [0-9a-f]+", text)
    assert mending
    typed(mending[0], folder)
    typed("git rev-parse --verify jumar/tiny", folder)
