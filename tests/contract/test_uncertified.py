"""No gain is told without the word *uncertified*, unless a certification stands behind it."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace
from rich.console import Console

from jumar.cli.views import experiment_grid, experiments_table, status_grid
from jumar.core.contract import Contract
from jumar.core.event import Certified, Entry, Judged, Refuted
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.reports.contents import Sources, report_of
from jumar.reports.happenings import entry_words
from jumar.reports.html import write_html
from jumar.reports.progress import progress_of
from jumar.reports.summary import summarise
from jumar.reports.values import Values, kept
from jumar.reports.written import material_of
from jumar.testing.records import Shape, make_study

Study = tuple[StudyRecord, tuple[ExperimentRecord, ...], Contract]

GAIN = re.compile(r"\d %? better|\bgains?\b|[+]\d[\d.]* %")
#: What speaks of gains and tells none.
EXPLAINED = re.compile(
    "Each gain is relative|The gain is uncertified|the certified gain, measured|It was still finding gains|"
    "better in \\d+ of|looked better|predicted"
)


@pytest.fixture
def study() -> Study:
    study, records, contract = make_study(60, keeps=5, shape=Shape(certified=False))
    return study, tuple(records), contract


class Texts(HTMLParser):
    """Every piece of text of a page; of a table, each cell with the heading of its row or column."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._heads: list[str] = []
        self._cell, self._in_head, self._stack = -1, False, [""]

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._stack.append(tag)
        if tag in ("table", "thead"):
            self._heads, self._in_head = [], tag == "thead"
        elif tag == "tr":
            self._cell = -1
        elif tag == "th" and self._in_head:
            self._heads.append("")
        elif tag == "th":
            self._heads = ["", ""]
        elif tag == "td":
            self._cell += 1

    def handle_endtag(self, tag: str) -> None:
        while self._stack.pop() != tag:
            pass
        self._in_head = self._in_head and tag != "thead"

    def handle_data(self, data: str) -> None:
        if {"style", "script", "pre", "code", "title", "svg"} & set(self._stack) or not data.strip():
            return
        if "th" in self._stack:
            self._heads[-1] += data
            self._heads = [data] if not self._in_head else self._heads
        in_cell = "td" in self._stack and 0 <= self._cell < len(self._heads)
        self.found.append(f"{self._heads[self._cell]}: {data}" if in_cell else data)


def page(study: Study) -> str:
    sources = Sources(diff=lambda _: "", log=lambda _: b"", branch="jumar/s")
    material = material_of(*study, sources)
    return write_html(material, report_of(material))


def drawn(*things: object) -> str:
    console = Console(file=io.StringIO(), width=240, markup=False, highlight=False, emoji=False)
    console.print(*things)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def untold(said: list[str]) -> list[str]:
    """What tells a gain without the word."""
    return [
        one for one in said if GAIN.search(one) and not EXPLAINED.search(one) and "uncertified" not in one
    ]


def test_the_page_calls_every_gain_of_an_uncertified_study_so(study: Study) -> None:
    texts = Texts()
    texts.feed(page(study))
    assert sum("uncertified" in text for text in texts.found) > 10
    assert not untold(texts.found)


def test_the_terminal_calls_every_gain_of_an_uncertified_study_so(study: Study) -> None:
    record, records, contract = study
    metric, values = contract.measure.metric, Values(records)
    heading = drawn(experiments_table(records, values, metric)).splitlines()[:2]
    assert "uncertified" in heading[0] and "gain" in heading[1]
    summary = summarise(record, records, contract)
    assert not untold(drawn(status_grid(summary, "resting", records)).splitlines())
    for one in kept(records):
        assert not untold(drawn(experiment_grid(one, values, metric)).splitlines())
        assert one.verdict is not None
        entry = Entry(
            seq=1, at=1.0, study="s", digest="", event=Judged(experiment=one.number, verdict=one.verdict)
        )
        assert "uncertified" in (entry_words(entry, contract) or "")
    assert "(uncertified)" in progress_of(*study).title


def test_a_certified_gain_is_told_with_the_day_the_machine_the_pairs_and_the_gap() -> None:
    record, records, contract = make_study(60, keeps=5)
    assert record.claim is not None and record.claim.certified
    claim = replace(
        record.claim, machine="nightingale", at=1_790_000_000.0, working=record.claim.relative + 0.02
    )
    study = replace(record, claim=claim), tuple(records), contract
    entry = Entry(seq=1, at=1.0, study="s", digest="", event=Certified(claim=claim))
    summary = summarise(*study)
    for said in (
        page(study),
        drawn(status_grid(summary, "resting", records)),
        entry_words(entry, contract) or "",
    ):
        assert "4 pairs of fresh runs, nightingale, 2026-09-21" in said
        assert "2.0 points less" in said or "2.00 points less" in said
    assert summary.gap == pytest.approx(0.02)


def refuted(study: Study) -> Study:
    """The same study after a certification took back its last two keeps."""
    record, records, contract = study
    *_, before, _, champion = kept(records)
    fallen = [one.number for one in kept(records)[-2:]]
    marked = tuple(
        replace(one, refuted="refuted, as it says") if one.number in fallen else one for one in records
    )
    assert champion.number in fallen
    commit = before.experiment.commit
    return replace(record, champion=before.number, champion_commit=commit, claim=None), marked, contract


def test_keeps_that_were_taken_back_are_shown_as_refuted_everywhere(study: Study) -> None:
    record, records, contract = refuted(study)
    summary, progress = summarise(record, records, contract), progress_of(record, records, contract)
    assert [bool(keep.refuted) for keep in summary.keeps] == [False, False, False, True, True]
    assert len(progress.refuted) == 2
    assert not {mark.number for mark in progress.refuted} & {mark.number for mark in progress.kept}
    assert "5 kept, 2 of them refuted" in progress.title
    text = drawn(
        experiments_table(records, Values(records), contract.measure.metric),
        status_grid(summary, "resting", records),
    )
    assert text.count("kept, refuted") == 2
    assert "2 refuted" in text and "refuted, as it says" in text
    assert "kept, refuted" in page((record, records, contract))


def test_a_refutation_is_told_as_it_happens(study: Study) -> None:
    event = Refuted(experiment=9, champion=3, commit="c" * 40, reason="refuted, as it says")
    said = entry_words(Entry(seq=1, at=1.0, study="s", digest="", event=event), study[2])
    assert said == "#9 is taken back: refuted, as it says"


def test_with_everything_taken_back_the_study_says_that_it_found_nothing(study: Study) -> None:
    record, records, contract = study
    marked = tuple(replace(one, refuted="refuted") if one.number and one.is_kept else one for one in records)
    bare = replace(record, champion=0, champion_commit=record.terms.base, claim=None)
    assert summarise(bare, marked, contract).sentence == "no better: what was kept was refuted on fresh runs"
