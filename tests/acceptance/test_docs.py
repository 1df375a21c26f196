"""What the pages say is typed, and what they show comes; the site is built, and asks nothing of anybody."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest
from docs.site.__main__ import build
from docs.site.blocks import SHELL, Block, blocks_of, is_among, outputs_of, script_of
from docs.site.pages import ROOT, shown
from docs.site.reference import pages as drawn
from markdown_it import MarkdownIt

from jumar.app import open_study
from jumar.core.experiment import ExperimentRecord
from jumar.core.verdict import Decision
from jumar.testing.tiny import NOISY, Cli, contract, environment

EXAMPLES = "cp -r examples/"
OF_OTHERS = "src/jumar/integrations/skill/SKILL.md"


def typed_on(page: str) -> list[Block]:
    """The blocks of a page that are run, in order."""
    blocks = blocks_of(page, (ROOT / page).read_text(encoding="utf-8"))
    kinds = (*SHELL, "python")
    return [one for one in blocks if one.kind in kinds and one.said == ""]


TYPED = {page: typed_on(page) for page in [*shown(), "README.md"] if page not in {*drawn(), OF_OTHERS}}
TYPED["docs/python.md"] = typed_on("docs/python.md")
ON_EXAMPLES = [page for page, blocks in TYPED.items() if any(EXAMPLES in one.text for one in blocks)]
# What is measured there is time: on a busy machine a verdict may be another one than on the page.
TIMED, MEASURED = "docs/examples/speed.md", re.compile(r"#\d+ (kept|discarded) [+-]|% better,")
ON_A_STUDY = [page for page, blocks in TYPED.items() if blocks and page not in ON_EXAMPLES]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small target with a study that has reached its limit."""
    folder = tmp_path_factory.mktemp("finished") / "target"
    folder.mkdir()
    files = {"work.py": NOISY, "jumar.toml": contract(experiments=6), "program.md": "Lower the loss.\n"}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    start = "git init -q && git add -A && git -c user.name=T -c user.email=t@localhost commit -qm start"
    subprocess.run(["bash", "-c", start], cwd=folder, check=True)
    Cli()(folder, "run", "--experiments", "3", "--agent", "tuner=0.7", "--agent", "external=0.3")
    return folder


def type_out(blocks: list[Block], folder: Path, home: Path) -> None:
    """Type them in `folder`; what the page shows must come."""
    home.mkdir()
    identity = "[user]\n\tname = Ann\n\temail = ann@localhost\n[init]\n\tdefaultBranch = main\n"
    (home / ".gitconfig").write_text(identity, encoding="utf-8")
    env = {key: value for key, value in environment().items() if not key.startswith(("GIT_", "XDG_"))}
    done = subprocess.run(
        ["bash", "-s"],
        input=script_of(blocks),
        cwd=folder,
        env=env | {"HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    came = outputs_of(done.stdout.replace(str(home), "~"))
    for number, block in enumerate(blocks):
        for place, (command, lines) in enumerate(block.commands):
            output = came[f"{number}.{place}"]
            assert "@@failed" not in output, (command, output)
            measured = block.page == TIMED
            wanted = [line for line in lines if line.strip(" …") and not (measured and MEASURED.search(line))]
            missing = [line for line in wanted if not is_among(line, output)]
            assert missing == [], (str(block), command, output)


@pytest.mark.parametrize("page", ON_A_STUDY)
def test_a_page_can_be_typed_in_a_study(page: str, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "target"
    shutil.copytree(finished, folder, symlinks=True)
    type_out(TYPED[page], folder, tmp_path / "home")


def decided(folder: Path) -> list[Decision | None]:
    experiments: tuple[ExperimentRecord, ...] = open_study(folder).experiments()
    return [one.verdict.decision if one.verdict else None for one in experiments]


def is_a_tuned_script(home: Path) -> None:
    record = open_study(home / "training").record()
    assert record is not None and record.claim is not None
    assert record.claim.certified and record.claim.self_reported and record.claim.relative > 0.1


def is_a_faster_program(home: Path) -> None:
    baseline, less, replaced, _, parsed = decided(home / "speed")
    assert (baseline, less) == (Decision.KEPT, Decision.DISCARDED)
    assert Decision.KEPT in (replaced, parsed)


def is_a_cheaper_query(home: Path) -> None:
    assert decided(home / "query") == [Decision.KEPT, Decision.FAILED, Decision.KEPT, Decision.KEPT]
    record = open_study(home / "query").record()
    assert record is not None and record.claim is not None
    assert record.claim.certified and not record.claim.self_reported


def is_a_first_study(home: Path) -> None:
    assert (home / "mine" / ".jumar" / "studies" / "mine" / "report.html").stat().st_size > 10_000


ENDS: Mapping[str, Callable[[Path], None]] = {
    "docs/examples/training.md": is_a_tuned_script,
    "docs/examples/speed.md": is_a_faster_program,
    "docs/examples/query.md": is_a_cheaper_query,
    "docs/quick-start.md": is_a_first_study,
}


@pytest.mark.parametrize("page", ON_EXAMPLES)
def test_an_example_comes_out_as_its_page_says(page: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "here" / "examples")
    type_out(TYPED[page], tmp_path / "here", tmp_path / "home")
    ENDS[page](tmp_path / "home")


@pytest.mark.skipif(find_spec("zensical") is None, reason="the site is built with the extra `docs`")
def test_the_site_is_built_without_a_warning_and_asks_nothing_of_anybody(tmp_path: Path) -> None:
    site = tmp_path / "site"
    build(site)
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert len(pages) == len(shown()) + 1  # and the one for what is not there
    fetched = r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"?((?:https?:)?//[^\s\">]+)"
    assert {url for text in pages.values() for url in re.findall(fetched, text)} == set()
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import )[\"']?https?:", styles) == []
    for page, name in shown().items():
        as_git_hosts_do = MarkdownIt("commonmark").enable("table")
        wanted = as_git_hosts_do.render((ROOT / page).read_text(encoding="utf-8"))
        came = pages[site / name.replace("README.md", "index.md").replace(".md", ".html")]
        assert shape_of(came.partition("<article")[2].partition("</article>")[0]) == shape_of(wanted), page
    for path, text in pages.items():
        if path.name != "404.html":
            assert "offline.js" in text
            lost = [place for place in places_in(text) if not os.path.exists(path.parent / place)]
            assert lost == [], path.name


def shape_of(html: str) -> dict[str, int]:
    """How many items, tables, rows, blocks and pictures a text has, in whatever dialect it was read."""
    html = re.sub(r"(?s)^.*?(?=<h1)", "", html)
    html = re.sub(r"(?s)<footer.*|<nav.*?</nav>", "", html)
    tags = ("li", "ol", "table", "tr", "pre", "img", "h2")
    return {tag: len(re.findall(rf"<{tag}[ >]", html)) for tag in tags}


def places_in(text: str) -> set[str]:
    """The files that a page links to or shows."""
    found = re.findall(r"\b(?:src|href)=\"?([^\s\">]+)", text)
    inside = (place for place in found if not re.match(r"[a-z]+:|//|#", place))
    return {unquote(place.partition("#")[0].partition("?")[0]) for place in inside} - {""}
