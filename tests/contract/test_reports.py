from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from PIL import Image

from jumar.core.contract import Direction
from jumar.errors import EnvironmentUnfit
from jumar.reports.chart import Form, chart_available, draw_progress
from jumar.reports.progress import Mark, Progress, progress_of, view
from jumar.testing.records import Shape, make_study

STUDIES = {
    "five": make_study(5, seed=2),
    "all failed": make_study(12, keeps=0, shape=Shape(failed=1.0, invalid=0.0)),
    "none kept": make_study(40, keeps=0),
    "maximised": make_study(60, shape=Shape(direction=Direction.MAXIMIZE, metric="accuracy", start=0.6)),
    "without noise": make_study(60, shape=Shape(noise=0.0, metric="bytes", start=48212.0)),
    "thousands": make_study(3000),
    "baseline alone": make_study(0),
}


def hostile(text: str) -> Progress:
    progress = progress_of(*make_study(8, seed=2))
    marks = tuple(replace(mark, label=text) for mark in progress.kept)
    return replace(progress, study=text, metric=text, kept=marks)


@pytest.mark.parametrize("name", STUDIES)
def test_a_chart_is_a_picture_with_something_in_it(name: str) -> None:
    picture = Image.open(io.BytesIO(draw_progress(progress_of(*STUDIES[name]))))
    assert picture.size == (1760, 990)
    assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 20


def test_nothing_measured_yet_is_a_chart_too() -> None:
    study, records, contract = make_study(0)
    progress = progress_of(study, [replace(records[0], runs=(), verdict=None)], contract)
    assert b"nothing measured yet" in draw_progress(progress, form=Form.SVG)


@pytest.mark.parametrize("name", ["five", "maximised", "baseline alone"])
def test_what_is_open_and_what_was_stopped_early_have_marks_of_their_own(name: str) -> None:
    progress = progress_of(*STUDIES[name])
    plain = draw_progress(progress, form=Form.SVG)
    assert b"stopped early" not in plain
    assert b">open<" not in plain
    near = (Mark(number=1, value=progress.staircase[0], label=""),)
    far = (Mark(number=2, value=-1e30, label=""), Mark(number=2, value=1e30, label=""))
    for opened in ({"undecided": near}, {"undecided": far}, {"unmeasured": (2,)}):
        drawn = draw_progress(replace(progress, stopped=(3, 4), **opened), form=Form.SVG)
        assert drawn.count(b">stopped early<") == 1
        assert drawn.count(b">open") == 1


def test_the_same_progress_gives_the_same_bytes() -> None:
    progress = progress_of(*STUDIES["five"])
    for form in Form:
        assert draw_progress(progress, form=form) == draw_progress(progress, form=form)


def test_an_svg_says_what_the_title_says_and_stays_small() -> None:
    progress = progress_of(*STUDIES["thousands"])
    drawn = draw_progress(progress, form=Form.SVG)
    assert len(drawn) < 600_000
    assert progress.title in " ".join(ElementTree.fromstring(drawn).itertext())


@pytest.mark.parametrize(
    "text", ["costs $5 and $\\frac{", "</text><script>alert(1)</script>", "学习率 \u202e\x1b[31m"]
)
def test_a_hypothesis_of_any_kind_is_drawn_as_plain_text(text: str) -> None:
    drawn = draw_progress(hostile(text), form=Form.SVG)
    ElementTree.fromstring(drawn)
    assert b"<script" not in drawn
    assert "\u202e".encode() not in drawn


def test_a_chart_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "progress.png"
    assert draw_progress(progress_of(*STUDIES["five"]), path=path) == path.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_without_matplotlib_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not chart_available()
    with pytest.raises(EnvironmentUnfit, match=r"pip install 'jumar\[chart\]'"):
        draw_progress(progress_of(*STUDIES["five"]))


def places(drawn: bytes) -> set[tuple[float, float]]:
    """Where the lines of an SVG begin: to the right and down, in shares of its size."""
    tree = ElementTree.fromstring(drawn)
    _, _, width, height = map(float, tree.attrib["viewBox"].split())
    starts = re.findall(r' d="M (\S+) (\S+)', drawn.decode())
    return {(float(x) / width, float(y) / height) for x, y in starts}


@pytest.mark.parametrize(("name", "worse_is_up"), [("five", True), ("maximised", False)])
@pytest.mark.parametrize("kind", ["refuted", "undecided"])
def test_what_is_beyond_the_scale_stands_at_the_edge_on_its_own_side(
    name: str, worse_is_up: bool, kind: str
) -> None:
    progress = replace(progress_of(*STUDIES[name]), others=(), undecided=(), refuted=())
    base, best = progress.staircase[0], progress.staircase[-1]
    before = draw_progress(progress, form=Form.SVG)
    for times, up in ((9.0, not worse_is_up), (-9.0, worse_is_up)):
        value = base + times * (best - base)
        mark = Mark(number=3, value=value, label="far away")
        drawn = draw_progress(replace(progress, **{kind: (mark,)}), form=Form.SVG)
        told = [y for x, y in places(drawn) - places(before) if y > 0.12]  # what is above is the legend
        assert b"off the scale" in drawn
        assert told and all(y < 0.2 if up else y > 0.8 for y in told)


def test_the_words_of_the_certified_band_cover_no_mark() -> None:
    progress = progress_of(*STUDIES["five"])
    assert progress.band is not None
    low, high = view(progress)
    mark = Mark(number=1, value=progress.band.low - 0.02 * (high - low), label="taken back")

    def caption(drawn: Progress) -> tuple[float, float]:
        texts = ElementTree.fromstring(draw_progress(drawn, form=Form.SVG)).iter()
        (found,) = (one for one in texts if one.text and one.text.startswith("certified at"))
        return float(found.attrib["x"]), float(found.attrib["y"])

    assert caption(replace(progress, refuted=(mark,))) != caption(progress)
