from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from jumar.core.contract import Contract
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.verdict import Decision
from jumar.errors import LedgerUnfit, TargetUnfit
from jumar.reports import chart
from jumar.reports.contents import Sources, report_of
from jumar.reports.html import write_html
from jumar.reports.written import material_of
from jumar.testing.records import Shape, make_study

EVIL = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>"
    "\x1b[31m\u202e\x00\ud800 ${title} $style"
)
SOURCES = Sources(
    diff=lambda number: f"--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-old {number}\n+new {number}\n",
    log=lambda digest: f"log of {digest}".encode(),
    branch="jumar/mar5",
)
STUDY, RECORDS, CONTRACT = make_study(30, seed=1)


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the text of each kind of element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._last = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._last = tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._last, []).append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def write_report(
    study: StudyRecord, records: Sequence[ExperimentRecord], contract: Contract, sources: Sources
) -> str:
    material = material_of(study, records, contract, sources)
    return write_html(material, report_of(material))


@pytest.fixture(scope="module")
def text() -> str:
    return write_report(STUDY, RECORDS, CONTRACT, SOURCES)


def hostile(record: ExperimentRecord) -> ExperimentRecord:
    assert record.verdict is not None
    return replace(
        record,
        experiment=replace(record.experiment, hypothesis=EVIL, agent=EVIL),
        verdict=replace(record.verdict, reason=EVIL, code=EVIL, evidence={EVIL[:60]: EVIL[:60]}),
    )


def without_surrogates(text: str) -> str:
    return text.replace("\ud800", "")


def test_the_page_needs_no_network_and_no_other_file(text: str) -> None:
    page = Page(text)
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "poster", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_its_policy_allows_its_own_script_alone(text: str) -> None:
    page = Page(text)
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv")) or ""
    script = text[text.rindex("<script>") + len("<script>") : text.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy


def test_whatever_agents_wrote_is_text_and_never_markup() -> None:
    evil = without_surrogates(EVIL)
    study = replace(
        STUDY,
        reason=EVIL,
        terms=replace(STUDY.terms, contract=EVIL, machine={"host": EVIL}, sandbox=EVIL, waived=(EVIL,)),
    )
    records = [hostile(record) for record in RECORDS]
    metric = replace(CONTRACT.measure.metric, name=EVIL)
    contract = replace(CONTRACT, measure=replace(CONTRACT.measure, metric=metric, score=(evil,)))
    sources = Sources(diff=lambda _: f"+{EVIL}", log=lambda _: evil.encode(), branch=EVIL, chain=EVIL)
    written = write_report(study, records, contract, sources)
    page = Page(written)
    assert len(page.all("script")) == 1
    assert page.all("img") == page.all("image") == []
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not set(written) & set("\x1b\x00\u202e\ud800")
    assert "${title} $style" in written
    written.encode()


def test_every_experiment_has_its_row_and_its_details(text: str) -> None:
    page = Page(text)
    rows = [attributes["data-d"] for attributes in page.all("tr") if "data-d" in attributes]
    assert len(rows) == len(RECORDS)
    assert rows.count("baseline") == 1
    details = {attributes["id"] for attributes in page.all("details") if attributes.get("id")}
    assert details == {f"e{record.number}" for record in RECORDS}
    ids = {attributes["id"] for _, attributes in page.elements if attributes.get("id")}
    linked = {href[1:] for attributes in page.all("a") if (href := attributes.get("href"))}
    assert linked <= ids


def test_what_a_narrow_screen_leaves_out_goes_with_its_heading(text: str) -> None:
    tables = re.findall(r"<table><thead>(.*?)</thead><tbody>(.*?)</tbody>", text, flags=re.DOTALL)
    assert len(tables) > 4 and any("minor" in head for head, _ in tables)
    for head, body in tables:
        hidden = ["minor" in classes for classes in re.findall(r"<th([^>]*)>", head)]
        for row in re.split("<tr[^>]*>", body)[1:]:
            assert ["minor" in classes for classes in re.findall(r"<td([^>]*)>", row)] == hidden


def test_the_claim_is_in_the_title_and_on_the_page(text: str) -> None:
    page = Page(text)
    assert "certified on the holdout" in page.texts["title"][0]
    assert text.count("certified on the holdout") >= 2


def test_a_self_reported_study_says_so_wherever_a_number_stands() -> None:
    written = write_report(*make_study(30, seed=1, shape=Shape(self_reported=True)), SOURCES)
    heads = Page(written).texts["th"]
    assert not [head for head in heads if head.strip() == CONTRACT.measure.metric.name]
    assert "self-reported" in Page(written).texts["title"][0]


def test_the_secret_that_seeds_are_made_of_is_not_in_the_page() -> None:
    study = replace(STUDY, terms=replace(STUDY.terms, secret="5ec4e7" * 10))
    assert "5ec4e75ec4e7" not in write_report(study, RECORDS, CONTRACT, SOURCES)


def test_a_diff_or_log_that_cannot_be_read_is_said_and_the_rest_is_there() -> None:
    def no_diff(_: int) -> str:
        raise TargetUnfit("the commit is gone", fix="fetch it")

    def no_log(_: str) -> bytes:
        raise LedgerUnfit("the log is missing", fix="restore it")

    written = write_report(STUDY, RECORDS, CONTRACT, replace(SOURCES, diff=no_diff, log=no_log))
    assert "the commit is gone" in written
    assert "the log is missing" in written
    assert "All experiments" in written


def test_a_study_of_thousands_shows_what_matters_and_says_what_it_left_out() -> None:
    study, records, contract = make_study(2000, keeps=30)
    page = Page(write_report(study, records, contract, SOURCES))
    details = {attributes["id"] for attributes in page.all("details") if attributes.get("id")}
    assert {f"e{record.number}" for record in records if record.is_kept} <= details
    assert {f"e{record.number}" for record in records[-100:]} <= details
    assert len(details) < 300
    ids = {attributes["id"] for _, attributes in page.elements if attributes.get("id")}
    assert {href[1:] for link in page.all("a") if (href := link.get("href"))} <= ids
    left_out = len(records) - len(details)
    assert any(f"Left out: {left_out:,}" in words for words in page.texts["p"])
    assert not any("`" in words for words in page.texts["p"]), "commands are shown as code"


def test_enormous_diffs_do_not_make_an_enormous_page() -> None:
    study, records, contract = make_study(300)
    huge = replace(SOURCES, diff=lambda _: "+<&>\n" * 400 + "x" * 1_000_000)
    assert len(write_report(study, records, contract, huge).encode()) < 15_000_000


def test_without_matplotlib_there_is_a_report_that_says_how_to_get_the_chart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chart, "chart_available", lambda: False)
    written = write_report(STUDY, RECORDS, CONTRACT, SOURCES)
    assert "pip install &#x27;jumar[chart]&#x27;" in written or "pip install 'jumar[chart]'" in written
    assert "<svg xmlns" not in written


@pytest.mark.parametrize("experiments", [0, 1])
def test_a_study_that_has_hardly_begun_has_a_report(experiments: int) -> None:
    study, records, contract = make_study(experiments, keeps=0)
    assert "no change was kept" in write_report(study, records, contract, SOURCES)


def test_the_page_counts_what_is_open_where_something_is(text: str) -> None:
    assert "<dt>open</dt>" not in text
    written = write_report(replace(STUDY, open_experiments=1), RECORDS, CONTRACT, SOURCES)
    assert "<dt>open</dt><dd>1</dd>" in written


def test_an_open_experiment_and_a_failed_baseline_have_their_place() -> None:
    opened = replace(RECORDS[1], verdict=None, judged_at=None, runs=())
    baseline = RECORDS[0].verdict
    assert baseline is not None
    failed = replace(RECORDS[0], verdict=replace(baseline, decision=Decision.FAILED), runs=())
    written = write_report(STUDY, [failed, opened], CONTRACT, SOURCES)
    assert "not judged yet" in written
    assert "nothing measured yet" in written
