"""A history of another loop, with the branch it was made on, comes out as charts, reports and exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jumar.core.contract import Direction
from jumar.errors import Usage
from jumar.exports.formats import as_text
from jumar.imports.reading import Asked, read_history, write_history
from jumar.testing.repository import Repository
from jumar.testing.tiny import Cli

HEAD = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"


class Checkout:
    """The three files, and the loop that everybody knows, played."""

    def __init__(self, folder: Path) -> None:
        self.user, self.rows = Repository(folder), [HEAD]
        self.user.commit(
            **{"train.py": "LR = 1\n", "prepare.py": "", "program.md": "# do\n", ".gitignore": "*.tsv\n"}
        )
        self.user.git("checkout", "-q", "-b", "autoresearch/mar5")
        self.row("0.9979", "44.0", "keep", "baseline")
        for n, value in enumerate((0.9932, 1.005, 0.0, 0.98, 0.985), 2):
            self.user.commit(**{"train.py": f"LR = {n}\n"})
            status = "crash" if not value else "keep" if value in (0.9932, 0.98) else "discard"
            self.row(f"{value:.6f}", "44.2", status, f"LR {n} <script>alert({n})</script>")
            if status != "keep":
                self.user.git("reset", "-q", "--hard", "HEAD~1")

    def row(self, *cells: str) -> None:
        self.rows.append("\t".join((self.user.git("rev-parse", "--short=7", "HEAD"), *cells)) + "\n")
        (self.user.folder / "results.tsv").write_text("".join(self.rows), encoding="utf-8")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("autoresearch"))


def test_a_results_tsv_with_its_branch_becomes_a_study_that_is_marked_self_reported(
    checkout: Checkout,
) -> None:
    history = read_history(checkout.user.folder, Asked())
    assert history.record.name == "autoresearch/mar5 (imported)" and history.contract.self_reported
    assert [one.is_kept for one in history.experiments] == [True, True, False, False, True, False]
    assert history.record.champion == 4
    assert history.experiments[4].experiment.commit == checkout.user.git("rev-parse", "HEAD")
    # What was discarded hangs from no branch any more, and is still to be seen.
    assert "-LR = 2\n+LR = 3" in history.diff(2)
    assert history.experiments[2].experiment.parent == history.experiments[1].experiment.commit


def test_it_comes_out_as_chart_page_markdown_and_json(checkout: Checkout, tmp_path: Path) -> None:
    before = checkout.user.state()
    written = write_history(read_history(checkout.user.folder, Asked()), tmp_path / "out")
    assert checkout.user.state() == before
    assert written["chart"].read_bytes()[:4] == b"\x89PNG"
    page = written["report"].read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(2)" in page and "<script>alert" not in page
    assert "self-reported" in page and "any may be luck" in page and "of which it measured nothing" in page
    assert "error budget" not in page and "mean of fresh runs" not in page and "jumar show" not in page
    said = json.loads(written["json"].read_text(encoding="utf-8"))
    assert said["imported"] == "results.tsv, a results.tsv" and said["recipes"] == []
    assert said["summary"]["sentence"] == "1.79 % better, self-reported, uncertified"


def test_it_goes_on_to_other_programs(checkout: Checkout) -> None:
    history = read_history(checkout.user.folder / "results.tsv", Asked())
    again = as_text(history.outgoing(str), "tsv").splitlines()
    assert again[0] + "\n" == HEAD
    assert [line.split("\t")[3] for line in again[1:]] == [
        "keep",
        "keep",
        "discard",
        "crash",
        "keep",
        "discard",
    ]
    assert as_text(history.outgoing(str), "csv").count("\n") == 7


def test_two_histories_of_one_name_are_two_studies_to_a_tracker(tmp_path: Path) -> None:
    keys = []
    for value, more in (("1.0", ""), ("1.1", ""), ("1.0", "b\t0.9\t0\tkeep\tlater\n")):
        (tmp_path / "results.tsv").write_text(f"{HEAD}a\t{value}\t0\tkeep\tstart\n{more}", encoding="utf-8")
        keys.append(read_history(tmp_path / "results.tsv", Asked()).outgoing(str).key)
    assert keys[0] == keys[2] != keys[1]


def test_commits_that_are_gone_and_keeps_off_the_branch_are_told(checkout: Checkout, tmp_path: Path) -> None:
    other = tmp_path / "results.tsv"
    other.write_text("".join(checkout.rows), encoding="utf-8")
    apart = read_history(other, Asked())
    assert "6 of 6 commits are not in the repository here" in "\n".join(apart.notes)
    assert apart.diff(1) == "" and apart.experiments[1].experiment.commit == "row 1"
    on_main = read_history(checkout.user.folder, Asked(branch="main"))
    assert "2 that were kept are not on main: #1, #4" in "\n".join(on_main.notes)
    with pytest.raises(Usage, match="no branch nowhere"):
        read_history(checkout.user.folder, Asked(branch="nowhere"))


def test_a_log_of_pi_autoresearch_is_found_in_its_folder(tmp_path: Path) -> None:
    entries: list[dict[str, object]] = [
        {"type": "config", "name": "Tests", "metricName": "s", "bestDirection": "higher"}
    ]
    for n, (metric, status) in enumerate(((1.0, "keep"), (1.5, "keep"), (0, "crash")), 1):
        entries.append({"run": n, "commit": "", "metric": metric, "status": status, "description": "x"})
    (tmp_path / ".auto").mkdir()
    (tmp_path / ".auto" / "log.jsonl").write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    history = read_history(tmp_path, Asked())
    assert history.contract.measure.metric.direction is Direction.MAXIMIZE
    written = write_history(history, tmp_path / "out")
    assert "50.0 % better" in written["report"].read_text(encoding="utf-8")
    assert written["chart"].stat().st_size > 10_000


def test_the_verb_says_what_it_found_and_no_ledger_is_made(checkout: Checkout, tmp_path: Path) -> None:
    path = str(checkout.user.folder / "results.tsv")
    done = Cli()(tmp_path, "import", path)
    assert "1.79 % better, self-reported, uncertified" in done.stdout
    assert "lower is taken to be better" in done.stderr
    assert (tmp_path / "results-tsv-report" / "progress.png").exists()
    assert not list(checkout.user.folder.rglob(".jumar")) and not list(tmp_path.rglob(".jumar"))


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.tsv", HEAD + "a\t1\t0\tdiscard\tx\n", "nothing to compare with"),
        ("b.tsv", "one\ntwo\n", "not the columns"),
        ("c.jsonl", "{}\n", "has no run"),
        ("d.tsv", "\0\1", "is no text"),
        ("e.tsv", "", "is empty"),
    ],
)
def test_what_is_no_history_is_refused_in_a_line(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(Usage, match=problem):
        read_history(tmp_path / name, Asked())


def test_an_empty_folder_names_the_files_that_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(Usage, match=r"results\.tsv"):
        read_history(tmp_path, Asked())
