from pathlib import Path

import pytest

from jumar.cli.guesses import direction_of, folder_name, in_short
from jumar.cli.sources import constant, home_paths, imports, printed_names
from jumar.core.contract import Direction

TRAIN = """
import torch, os
from kernels import get_kernel
TIME_BUDGET = 300  # seconds
print(f"Model compiled in {3}: fast")
print("done")
print("---")
print(f"val_bpb:          {0.5:.6f}")
print(f"training_seconds: {1:.1f}")
CACHE = os.path.join(os.path.expanduser("~"), ".cache", "autoresearch")
DATA = os.path.join(CACHE, "data")
"""


def test_the_names_after_a_line_are_found_in_order() -> None:
    assert list(printed_names(TRAIN, after="---")) == ["val_bpb", "training_seconds"]
    assert list(printed_names('print("a: 1")\nprint(x)\nprint("METRIC b=2")')) == ["a", "b"]


def test_a_constant_is_found_where_it_is_a_number_above_zero() -> None:
    assert constant(TRAIN, "TIME_BUDGET") == 300.0
    assert constant("TIME_BUDGET = int(x)", "TIME_BUDGET") is None
    assert constant("TIME_BUDGET = True", "TIME_BUDGET") is None
    assert constant("TIME_BUDGET = -1", "TIME_BUDGET") is None


def test_imports_and_folders_of_the_home_are_found() -> None:
    assert imports(TRAIN) == {"torch", "os", "kernels"}
    assert home_paths(TRAIN) == ["~/.cache/autoresearch"]


def test_what_does_not_parse_says_nothing() -> None:
    assert constant("TIME_BUDGET = 3 +", "TIME_BUDGET") is None
    assert list(printed_names("print('a: 1'")) == []


def test_the_direction_is_what_program_md_says_first_and_else_what_the_name_says() -> None:
    assert direction_of("score", "get the lowest score. Higher is better elsewhere") is Direction.MINIMIZE
    assert direction_of("val_bpb", "Higher is better") is Direction.MAXIMIZE
    assert direction_of("accuracy", "") is Direction.MAXIMIZE
    assert direction_of("val_loss", "") is Direction.MINIMIZE


def test_a_time_is_written_as_short_as_it_can_be() -> None:
    assert (in_short(300), in_short(90), in_short(2.5)) == ("5m", "90s", "2.5s")


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Sortier Übung", "Sortier-Ubung"), ("Sortier U\u0308bung", "Sortier-Ubung"), ("日本", "target")],
)
def test_a_target_is_named_after_its_folder_in_plain_letters(folder: str, name: str) -> None:
    assert folder_name(Path("/nowhere") / folder) == name
