"""What pages make of values: charts, diffs, the tree's rails, addresses. Nothing of it is ever a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from starlette.datastructures import QueryParams

from jumar.reports.pages import Band, Busy, Chain, CurveView, Dot, Node, Overview, PairView, Query
from jumar.reports.summary import Level
from jumar.web.charts import curves, differences, stairs
from jumar.web.code import diff_lines
from jumar.web.experiment_page import compared
from jumar.web.experiments_page import address_of, read_query
from jumar.web.integrity_page import standing
from jumar.web.lineage_page import rails

SCRIPT = "<script>1</script><img src=x onerror=1> {{ 1 }} {b} :formatter"
BASELINE = Dot(number=0, value=1.2, state="baseline")


def overview(**changes: Any) -> Overview:
    level = Level(experiment=0, commit="a", value=1.2, runs=4)
    empty: Mapping[type, Any] = {str: "", int: 0, float: 0.0, bool: False, tuple: ()}
    values: dict[str, Any] = {
        field.name: () if "tuple" in str(field.type) else empty.get(field.type)
        for field in msgspec.structs.fields(Overview)
    }
    values |= {
        "direction": "minimize", "baseline": level, "champion": level, "counts": {}, "experiments": 3,
        "busy": Busy(first_at=0.0, width_s=1.0, runs=(), workers=None), "steps": (BASELINE,), **changes,
    }  # fmt: skip
    return Overview(**values)


def keys(options: Any) -> Iterator[str]:
    if isinstance(options, dict):
        for key, value in options.items():
            yield key
            yield from keys(value)
    elif isinstance(options, list | tuple):
        for one in options:
            yield from keys(one)


def test_no_key_of_a_chart_comes_from_what_others_wrote() -> None:
    kept = Dot(number=3, value=1.0, state="kept", label=SCRIPT, low=0.9, high=1.1)
    fallen = Dot(number=2, value=1.0, state="refuted", label=SCRIPT)
    band = Band(
        experiment=3, level=1.0, low=0.9, high=1.1, certified=True, refuted=False, at=0.0, words=SCRIPT
    )
    seen = overview(
        steps=(BASELINE, kept),
        dots=(fallen,),
        bands=(band,),
        metric=SCRIPT,
        sentence=SCRIPT,
        without_value=(1,),
    )
    pair = PairView(pair=1, seed=7, candidate=1.0, reference=1.1, gain=0.1)
    curve = CurveView(
        key=SCRIPT, experiment=3, side="candidate", purpose="", seed=7, is_own=True, points=((0, 1),)
    )
    for options in (stairs(seen), differences((pair,)), curves((curve,))):
        found = set(keys(options))
        assert not [key for key in found if "<script" in key]
        assert {key for key in found if key.startswith(":")} <= {":formatter"}
        json.dumps(options, allow_nan=False)


def test_the_course_shows_what_is_off_the_scale_and_what_has_no_number() -> None:
    far = Dot(number=1, value=90.0, state="discarded")
    kept = Dot(number=3, value=1.0, state="kept", label="smaller batches")
    options = stairs(overview(steps=(BASELINE, kept), dots=(far,), without_value=(2,)))
    series = {one["name"]: one for one in options["series"]}
    edge = options["yAxis"]["max"]
    assert edge < 90.0
    (placed,) = series["discarded"]["data"]
    assert (placed["value"], placed["symbol"]) == ([1, edge], "triangle")
    assert "off the scale" in placed["tip"]
    assert [one["value"][0] for one in series["no number"]["data"]] == [2]
    assert series["champion"]["data"] == [[0, 1.2], [3, 1.0], [3, 1.0]]
    assert [one["name"] for one in series["kept"]["data"]] == ["", "#3  smaller batches"]


def test_a_study_without_anything_has_a_chart() -> None:
    level = Level(experiment=0, commit="a", value=None, runs=0)
    for direction in ("minimize", "maximize"):
        json.dumps(stairs(overview(steps=(), baseline=level, direction=direction)), allow_nan=False)


def test_bars_are_drawn_from_zero() -> None:
    pairs = [PairView(pair=n, seed=n, candidate=1.0, reference=1.1, gain=0.1 + n / 1000) for n in range(2)]
    options = differences(pairs)
    assert options["yAxis"]["scale"] is False
    assert [one["value"] for one in options["series"][0]["data"]] == [["1", 0.1], ["2", 0.101]]


def test_a_phone_has_no_room_for_what_is_certified_in_words() -> None:
    band = Band(
        experiment=1,
        level=1.0,
        low=0.9,
        high=1.1,
        certified=True,
        refuted=False,
        at=0.0,
        words="41.1 % better",
    )
    narrow, wide = (one["option"] for one in stairs(overview(bands=(band,)))["media"])
    said = [
        [line["label"]["formatter"] for line in one["series"][1]["markLine"]["data"]]
        for one in (narrow, wide)
    ]
    assert said == [["baseline 1.2", ""], ["baseline 1.2", "certified: 41.1 % better"]]


def test_pairs_of_a_certification_are_not_drawn_among_those_of_the_test() -> None:
    def pair(n: int, purpose: str) -> PairView:
        return PairView(pair=n, seed=n, candidate=1.0, reference=1.1, gain=0.1, purpose=purpose)

    told = [pair(1, "confirm"), pair(2, "confirm"), pair(1, "certify")]
    (first, tested), (second, certified) = compared(told, "loss")
    assert (tested, certified) == (told[:2], told[2:])
    assert "certification" not in first and "certification" in second


DIFF = """\
diff --git a/train.py b/train.py
index 1..2 100644
--- a/train.py
+++ b/train.py
@@ -1,3 +1,4 @@ class Model:
 def f(x):
-    return 1  # old
+    \"\"\"<b>two
+    lines</b>\"\"\"
     return x
diff --git a/<img src=x>.txt b/<img src=x>.txt
new file mode 100644
--- /dev/null
+++ b/<img src=x>.txt
@@ -0,0 +1 @@
+<script>
\\ No newline at end of file
"""


def test_a_diff_keeps_every_character_and_says_what_is_new() -> None:
    lines = [(line.kind, "".join(text for _, text in line.pieces)) for line in diff_lines(DIFF)]
    assert lines == [
        ("t", "train.py"),
        ("h", "@@ -1,3 +1,4 @@ class Model:"),
        ("", " def f(x):"),
        ("d", "-    return 1  # old"),
        ("a", '+    """<b>two'),
        ("a", '+    lines</b>"""'),
        ("", "     return x"),
        ("t", "<img src=x>.txt"),
        ("h", "new file mode 100644"),
        ("h", "@@ -0,0 +1 @@"),
        ("a", "+<script>"),
        ("h", "\\ No newline at end of file"),
    ]
    coloured = {piece for line in diff_lines(DIFF) for piece in line.pieces}
    assert {("k", "def"), ("f", "f"), ("c", "# old")} <= coloured


@pytest.mark.parametrize("diff", ["", "Binary files differ\n", "@@ -1 +1 @@\n-\n+", "\r\x1b[31m\u202e"])
def test_a_strange_diff_is_no_trouble(diff: str) -> None:
    for line in diff_lines(diff):
        assert "\x1b" not in "".join(text for _, text in line.pieces)


def node(number: int, parent: int | None, *, on_line: bool = True) -> Node:
    state = "kept" if on_line else "refuted"
    return Node(
        number=number, parent=parent, state=state, on_line=on_line, is_champion=False, label="", agent="",
        value=None, gain=None, certain=False, certified=False, judged_at=None, tries={}, best_miss=None,
    )  # fmt: skip


def test_the_rails_lead_each_champion_to_what_it_stands_on() -> None:
    nodes = (node(9, 4), node(7, 5, on_line=False), node(5, 4, on_line=False), node(4, 0), node(0, None))
    placed = rails(nodes)
    assert [one.lane for one in placed] == [0, 1, 1, 0, 0]
    assert [one.joins for one in placed] == [(), (), (1,), (0, 1), (0,)]
    assert [one.above for one in placed] == [(), (0,), (0,), (), ()]
    assert [one.goes_on for one in placed] == [True, True, True, True, False]


@pytest.mark.parametrize(
    "query",
    [
        Query(most=50),
        Query(most=500, first=1000, sort="gain", descending=False),
        Query(most=50, states=("kept", "refuted"), agent="llm:a&b", words="<b> 50 %", parent=0),
    ],
)
def test_an_address_says_which_rows(query: Query) -> None:
    assert read_query(QueryParams(address_of(query).partition("?")[2])) == query


def test_nonsense_in_an_address_is_passed_over() -> None:
    asked = "state=x&parent=-1&sort=__class__&page=0&rows=7&words=%00"
    assert read_query(QueryParams(asked)) == Query(most=50, words="\0")
    assert read_query(QueryParams("page=99999999999999&parent=9999999999999999")).parent is None


def test_a_record_is_called_whole_only_when_all_of_it_was_checked() -> None:
    chain = Chain(entries=7, head="a")
    assert standing(chain) == ("Not checked yet", "")
    assert standing(replace(chain, is_checking=True)) == ("Is being checked …", "")
    assert standing(replace(chain, problem="locked")) == ("Could not be checked", "is-failed")
    assert standing(replace(chain, whole_checked_at=1.0)) == ("Whole", "is-good")
