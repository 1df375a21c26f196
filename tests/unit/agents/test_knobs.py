"""Finding knobs, and turning them without touching any other byte."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jumar.agents.knobs import find_knobs, knobs_of, splice
from jumar.agents.literals import Value, is_same
from jumar.agents.ranges import Kind, Scale
from jumar.errors import Usage


def names(source: str) -> list[str]:
    return [knob.name.removeprefix("t.py:") for knob in find_knobs("t.py", source.encode())]


def test_constants_defaults_and_fields_are_knobs() -> None:
    source = """
LR = 3e-4
DECAY: float = 0.1
USE_BIAS = True
OFFSET = -2.5
BATCH = 2**19
ROWS = 1 << 10
ACT = "gelu"  # one of: gelu, relu

@dataclass
class Config(Base):
    width: int = 64

class Plain:
    depth = 3

    def scale(self, by=2.0): ...

async def train(steps, warmup=0.1, *, clip: float = 1.0):
    def inner(k=4): ...
"""
    constants = ["LR", "DECAY", "USE_BIAS", "OFFSET", "BATCH", "ROWS", "ACT"]
    fields = ["Config.width", "Plain.depth"]
    defaults = ["Plain.scale.by", "train.warmup", "train.clip", "train.inner.k"]
    assert names(source) == constants + fields + defaults


@pytest.mark.parametrize(
    "source",
    [
        "SEED = 1",
        "__version__ = 2",
        "HTTP_PORT = 8080",
        "def f(random_state=3, seed=4, axis=-1, dim=1): ...",
        "CONTEXT = 128  # fixed: what the scorer asks for",
        "X = 128  # Not a knob",
        "if __name__ == '__main__':\n    LR = 0.1",
        "def f():\n    lr = 0.1",
        "class Colour(Enum):\n    RED = 1",
        "MASK = 0xff",
        "NAME = 'gelu'",
        "N = 0",
        "N = -1",
        "A = B = 2",
        "A, B = 1, 2",
        "LR = 0.1\nLR = 0.2",
        "LR = 0.1\nLR, x = read()",
        "LR = float('0.1')",
        "BETAS = (0.9, 0.99)",
        "X = 1e999",
        "X = " + "9" * 400,
        "X = 3j",
        "def f(x=None): ...",
        "LR = ",
        chr(0),
        "(" * 300,
    ],
)
def test_what_is_no_amount_is_no_knob(source: str) -> None:
    assert names(source) == []


def test_what_a_program_takes_on_its_command_line_is_a_knob() -> None:
    source = """
import argparse, click

@click.command()
@click.option("--width", "-w", default=64, type=int)
@click.option("--bias/--no-bias", default=True)
@click.option("--act", type=click.Choice(["gelu", "relu"]), default="gelu")
def train(width, bias, act, depth: int = typer.Option(3)): ...

@dataclass
class Config:
    heads: int = field(default=4)
    rate: float = Field(0.25, gt=0)
    names: list = field(default_factory=list)

def parse():
    p = argparse.ArgumentParser()
    p.add_argument("-l", "--lr", type=float, default=0.1)  # 1e-4 .. 1 log
    p.add_argument("--opt", choices=["sgd", "adam"], default="sgd", help="which")
    p.add_argument("--dropout", type=float, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--out", default="out")
    p.add_argument("--layers", type=int)
    p.add_argument("steps", default=3)

if __name__ == "__main__":
    parser.add_argument(
        "--batch",
        type=int,
        default=32,
        choices=(16, 32, 64),
    )
    parser.add_argument("--size", choices=SIZES, default=3)
"""
    found = {knob.name.removeprefix("t.py:"): knob for knob in find_knobs("t.py", source.encode())}
    options = {"--width", "--bias", "--act", "--lr", "--opt", "--dropout", "--batch"}
    assert set(found) == {*options, "train.depth", "Config.heads", "Config.rate"}
    assert found["--act"].range.choices == ("gelu", "relu")
    assert found["--opt"].range.choices == ("sgd", "adam")
    assert (found["--batch"].range.choices, found["--batch"].range.scale) == ((16, 32, 64), Scale.STEPS)
    assert (found["--lr"].range.low, found["--lr"].range.scale) == (1e-4, Scale.LOG)
    assert (found["--dropout"].range.kind, found["--dropout"].range.high) == (Kind.FLOAT, 0.5)


def test_an_option_that_the_command_sets_is_no_knob() -> None:
    source = b"p.add_argument('--lr', default=0.1)\np.add_argument('--wd', default=0.1)\nLR = 2.0"
    left = knobs_of({"t.py": source}, ("python", "t.py", "--lr=0.3", "--wd", "0.2"))
    assert [knob.name for knob in left] == ["t.py:LR"]


def test_a_file_that_is_not_python_has_no_knobs() -> None:
    assert find_knobs("t.toml", b"LR = 1") == ()
    assert find_knobs("t.py", b"# -*- coding: latin-1 -*-\nX = '\xe9'; Y = 3") == ()
    assert find_knobs("t.py", b"X = '\xff'; Y = 3") == ()


def test_a_comment_gives_range_or_choices() -> None:
    source = b"""
LR = 1e-3  # 1e-4 .. 1e-1 log
COOLDOWN = 0.0  # 0..1 of the budget
DEPTH = 2  # 1 .. 4
WIDTH = 48  # one of: 32, 64 heads apart
ACT = "relu"  # one of: gelu, "silu"
BETA = 0.99  # 0.9 .. 0.999
"""
    lr, cooldown, depth, width, act, beta = (knob.range for knob in find_knobs("t.py", source))
    assert (lr.low, lr.high, lr.scale, lr.said) == (1e-4, 0.1, Scale.LOG, True)
    assert (cooldown.low, cooldown.high, cooldown.scale) == (0, 1, Scale.LINEAR)
    assert (depth.low, depth.high, depth.kind) == (1, 4, Kind.INT)
    assert (width.choices, width.scale) == ((32, 48, 64), Scale.STEPS)
    assert (act.choices, act.scale) == (("relu", "gelu", "silu"), Scale.NAMES)
    assert (beta.low, beta.high, beta.scale) == (0.9, 0.999, Scale.COMPLEMENT)


def test_a_range_beside_two_literals_is_taken_for_neither() -> None:
    assert not any(knob.range.said for knob in find_knobs("t.py", b"def f(a=1, b=2.0): ...  # 1 .. 8"))


@pytest.mark.parametrize(
    ("source", "low", "high", "scale"),
    [
        ("LR = 1e-3", 1.25e-4, 8e-3, Scale.LOG),
        ("EMBEDDING_LR = 0.6", 0.075, 4.8, Scale.LOG),
        ("MOMENTUM = 0.9", 0.2, 0.9875, Scale.COMPLEMENT),
        ("DROPOUT = 0.25", 0.03125, 0.95, Scale.LOG),
        ("DROPOUT = 0.0", 0.0, 0.5, Scale.LINEAR),
        ("DECAY = 0.0", 0.0, 0.1, Scale.LINEAR),
        ("WIDTH = 128", 16, 1024, Scale.POWER),
        ("N = 12", 1, 96, Scale.LOG),
        ("DEPTH = 4", 1, 32, Scale.LOG),
        ("BIAS = -2.0", -4.0, 0.0, Scale.LINEAR),
    ],
)
def test_without_a_comment_the_range_comes_from_value_and_name(
    source: str, low: float, high: float, scale: Scale
) -> None:
    (knob,) = find_knobs("t.py", source.encode())
    assert (knob.range.low, knob.range.high) == pytest.approx((low, high))
    assert knob.range.scale is scale


SOURCE = (
    codecs.BOM_UTF8
    + (
        "# é — a comment\n"
        'LR = 1e-3 ; É = "é"; WIDTH=128 # wide\n'
        "VOLUME = 10_000\n"
        "BATCH = 2**19\r\n"
        "ROWS = 1<<10\n"
        "ACT = 'gelu'  # one of: gelu, relu\n"
        "FLAG = True\n"
        "DEPTH = (2)\n"
        'def train(é="é", rate: float = .5, *, neg=-1.5): return "LR = 1e-3"\n'
        "p.add_argument('--drop', type=float, default=0)\n"
        "p.add_argument('--act', default='gelu', choices=['relu', 'gelu'])\n"
    ).encode()
)


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("LR", 3.2e-3, b"LR = 1e-3 ;", b"LR = 3.2e-3 ;"),
        ("WIDTH", 96, b"WIDTH=128 #", b"WIDTH=96 #"),
        ("VOLUME", 12_500, b"10_000", b"12_500"),
        ("BATCH", 2**17, b"2**19", b"2**17"),
        ("BATCH", 300, b"2**19", b"300"),
        ("ROWS", 2048, b"1<<10", b"1<<11"),
        ("ACT", "relu", b"'gelu' ", b"'relu' "),
        ("FLAG", False, b"FLAG = True", b"FLAG = False"),
        ("DEPTH", 3, b"(2)", b"(3)"),
        ("train.rate", 0.25, b"= .5", b"= 0.25"),
        ("train.rate", 2.0, b"= .5", b"= 2.0"),
        ("train.neg", 0.00001, b"-1.5", b"0.00001"),
        ("--drop", 0.05, b"default=0)", b"default=0.05)"),
        ("--act", "relu", b"default='gelu'", b"default='relu'"),
    ],
)
def test_only_the_literal_changes(name: str, value: Value, old: bytes, new: bytes) -> None:
    assert SOURCE.count(old) == 1
    assert splice("t.py", SOURCE, {f"t.py:{name}": value}) == SOURCE.replace(old, new)


def test_a_name_that_is_no_knob_is_refused_with_the_nearest() -> None:
    with pytest.raises(Usage, match=r"did you mean t\.py:LR"):
        splice("t.py", b"LR = 0.1", {"t.py:LRR": 0.2})


def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(Usage, match="does not fit"):
        splice("t.py", b"LR = 0.1", {"t.py:LR": "high"})


numbers = st.one_of(st.floats(1e-300, 1e300), st.integers(1, 10**14))
# Of letters that spell no word which makes a constant no knob, such as PORT.
words = st.text("BFGHJKQVXZ", min_size=4, max_size=9).map("Q_{}".format)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(words, numbers, st.text("é#'\" \\", max_size=5)), unique_by=lambda item: item[0]))
def test_what_is_written_is_what_is_found_again(items: list[tuple[str, float, str]]) -> None:
    source = "".join(f"{name} = {value!r}  # {said}\n" for name, value, said in items).encode()
    values = {f"t.py:{name}": value for name, value, _ in items}
    assert {knob.name: knob.value for knob in find_knobs("t.py", source)} == values
    assert splice("t.py", source, values) == source
    turned = {name: value * 3 for name, value in values.items()}
    found = {knob.name: knob.value for knob in find_knobs("t.py", splice("t.py", source, turned))}
    assert found.keys() == turned.keys()
    assert all(is_same(found[name], value) for name, value in turned.items())
