"""The report as Markdown and as JSON: the same study, for a pull request and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from jumar.core.contract import Direction, Guard
from jumar.core.experiment import BASELINE
from jumar.core.verdict import Decision, Verdict
from jumar.reports.contents import Material, Report, Sources, report_of
from jumar.reports.markdown import write_markdown
from jumar.reports.written import material_of, write_json, write_report
from jumar.testing.records import Shape, make_study

LIMIT = 65_536  # characters that GitHub takes
EVIL = "@all [x](https://evil.example) ![y](//e) | \\| `` <script>alert(1)</script>\n# see #12 $a$\x1b[31m"
SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"
SOURCES = Sources(diff=lambda _: "", log=lambda _: b"", branch="jumar/mar5", chain="whole")
STUDY, RECORDS, CONTRACT = make_study(60, keeps=5, seed=1)


def material(experiments: int = 60, *, keeps: int | None = 5, shape: Shape | None = None) -> Material:
    return material_of(*make_study(experiments, keeps=keeps, seed=1, shape=shape), SOURCES)


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of(material())


def test_json_is_of_the_schema_in_the_docs_and_comes_back_as_it_went(report: Report) -> None:
    written = write_json(report)
    assert msgspec.json.decode(written, type=Report) == report
    assert json.loads(SCHEMA.read_bytes()) == json.loads(msgspec.json.encode(msgspec.json.schema(Report))), (
        "write it anew: python -m jumar.reports.schema > docs/report.schema.json"
    )


def test_the_secret_that_seeds_are_made_of_is_in_neither() -> None:
    study = replace(STUDY, terms=replace(STUDY.terms, secret="5ec4e7" * 10))
    told = report_of(material_of(study, RECORDS, CONTRACT, SOURCES))
    assert b"5ec4e75ec4e7" not in write_json(told) + write_markdown(told).encode()


def test_the_steps_to_the_champion_add_up_to_what_the_search_saw(report: Report) -> None:
    gains = [step.gain for step in report.steps if step.gain is not None]
    assert len(gains) == len(report.summary.keeps) == 5
    assert sum(gains) == pytest.approx(report.summary.gain)
    assert [step.experiment for step in report.steps] == sorted(step.experiment for step in report.steps)
    assert sum(share.gain for share in report.summary.agents) == pytest.approx(report.summary.gain)


def test_markdown_tells_what_the_page_tells(report: Report) -> None:
    text = write_markdown(report)
    assert f"**{report.summary.sentence}**" in text
    for title in ("Wins, surest first", "What the champion is made of", "Predicted against", "The agents"):
        assert f"### {title}" in text
    assert all(f"| {keep.experiment} |" in text for keep in report.summary.keeps)
    assert all(recipe.command in text for recipe in report.recipes)
    for told in report.summary.predictions:
        assert f"- {told.agent} predicted " in text


def test_nobodys_words_are_markdown_in_a_pull_request() -> None:
    records = [
        replace(
            record,
            experiment=replace(record.experiment, hypothesis=EVIL, agent=EVIL),
            verdict=record.verdict and replace(record.verdict, reason=EVIL, code=EVIL),
        )
        for record in RECORDS
    ]
    study = replace(STUDY, reason=EVIL, terms=replace(STUDY.terms, machine={"host": EVIL}, sandbox=EVIL))
    metric = replace(CONTRACT.measure.metric, name=EVIL)
    guard = Guard(name=EVIL, at_most=True, bound=1.0, relative=False)
    measure = replace(CONTRACT.measure, metric=metric, score=(EVIL,), guards=(guard,))
    contract = replace(CONTRACT, measure=measure)
    sources = replace(SOURCES, branch=EVIL, branch_at=None, chain=EVIL, promises=(EVIL,))
    text = write_markdown(report_of(material_of(study, records, contract, sources)))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    flat = [token for one in tokens for token in (one, *(one.children or ()))]
    kinds = {token.type for token in flat}
    assert not kinds & {"link_open", "image", "html_inline", "heading_open h1", "blockquote_open"}
    html = [token.content for token in flat if token.type == "html_block"]
    assert all(block.startswith(("<details><summary>", "</details>")) for block in html)
    assert "evil" not in "".join(token.content for token in flat if token.type in ("text", "html_block"))
    assert "\x1b" not in text


def test_the_longest_study_fits_into_a_pull_request() -> None:
    study, records, contract = make_study(3000, keeps=400)
    long = [
        replace(
            record,
            experiment=replace(record.experiment, hypothesis="|`" * 4000, agent=f"{'|' * 300}{n % 40}"),
            verdict=record.verdict and replace(record.verdict, reason="\\|" * 4000, code=f"{n}" * 90),
        )
        for n, record in enumerate(records)
    ]
    text = write_markdown(report_of(material_of(study, long, contract, SOURCES)))
    assert "375 more" in text
    assert len(text) < LIMIT


@pytest.mark.parametrize(
    ("shape", "keeps", "words"),
    [
        (Shape(), 0, "No change was kept."),
        (Shape(self_reported=True), 5, "**self-reported**"),
        (Shape(certified=False), 5, "uncertified"),
        (Shape(direction=Direction.MAXIMIZE, metric="accuracy", start=0.6), 5, "higher is better"),
        (Shape(failed=1.0, invalid=0.0), 0, "crashed"),
    ],
    ids=["nothing kept", "self-reported", "uncertified", "maximised", "all failed"],
)
def test_every_kind_of_study_is_told_plainly(shape: Shape, keeps: int, words: str) -> None:
    assert words in write_markdown(report_of(material(20, keeps=keeps, shape=shape)))


def test_a_report_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    paths = write_report(tmp_path, material(5, keeps=1))
    assert sorted(paths) == ["chart", "json", "markdown", "report"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths.values())
    assert all(path.stat().st_size > 1000 for path in paths.values())


@pytest.mark.parametrize("experiments", [0, 1])
def test_a_study_that_has_hardly_begun_is_told_too(experiments: int) -> None:
    study, records, contract = make_study(experiments, keeps=0)
    told = report_of(material_of(study, records, contract, SOURCES))
    assert not told.steps and not told.together
    assert len(told.experiments) == experiments + 1
    assert "no better" in write_markdown(told)
    failed = replace(records[0], runs=(), verdict=Verdict(decision=Decision.FAILED, reason="it crashed"))
    unmeasured = report_of(material_of(study, [failed], contract, SOURCES))
    assert unmeasured.experiments[0].value is None
    assert "nothing measured yet" in write_markdown(unmeasured)


def test_a_branch_that_is_gone_is_told_with_what_brings_it_back() -> None:
    gone = report_of(material_of(STUDY, RECORDS, CONTRACT, replace(SOURCES, branch_at=None)))
    said = next(fact for fact in gone.trust if fact.name == "branch")
    assert said.kind == "warning"
    assert f"git branch jumar/mar5 {STUDY.champion_commit[:12]}" in said.words
    assert f"git branch jumar/mar5 {STUDY.champion_commit[:12]}" in write_markdown(gone)


def test_a_keep_that_was_refuted_is_no_step_and_is_told_with_why() -> None:
    kept = [record for record in RECORDS if record.is_kept and record.number != BASELINE]
    marked = [
        replace(record, refuted="no better on fresh runs") if record.number == kept[-1].number else record
        for record in RECORDS
    ]
    before = kept[-2]
    study = replace(STUDY, champion=before.number, champion_commit=before.experiment.commit, claim=None)
    told = report_of(material_of(study, marked, CONTRACT, SOURCES))
    assert [step.experiment for step in told.steps] == [record.number for record in kept[:-1]]
    assert told.experiments[kept[-1].number].state == "refuted"
    assert f"`#{kept[-1].number}`" in write_markdown(told)


def test_what_was_measured_alone_and_on_top_is_told() -> None:
    last = RECORDS[-1]
    assert last.verdict is not None
    both = {
        "champion": 2.0, "gain": 0.1, "interval": None, "confirmed": False, "experiment": 7, "on_top_of": 9,
        "on_top": 0.02,
    }  # fmt: skip
    verdict = replace(last.verdict, evidence={"champion": 1.0, "additivity": both})
    records = [*RECORDS[:-1], replace(last, verdict=verdict)]
    told = report_of(material_of(STUDY, records, CONTRACT, SOURCES))
    (one,) = told.together
    assert (one.experiment, one.first, one.on_top_of) == (last.number, 7, 9)
    assert [one.alone, one.on_top] == pytest.approx([0.05, 0.02])
    assert "| 7 | +5.0 %, one look | 9 |" in write_markdown(told)
