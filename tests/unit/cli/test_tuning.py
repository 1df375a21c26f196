from __future__ import annotations

from jumar.cli.tuning import knobs_in_words


def test_the_first_knobs_are_named_and_the_rest_counted() -> None:
    names = [f"a.py:K{n}" for n in range(13)] + ["b.py:--lr"]
    words = knobs_in_words(names, ("*.py",))
    assert words.startswith("14 knobs for the tuner in a.py, b.py: K0, K1, ")
    assert words.endswith("K11 and 2 more")
    assert knobs_in_words(names[:1], ()) == "1 knob for the tuner in a.py: K0"


def test_without_a_knob_it_is_said_what_would_be_one() -> None:
    assert knobs_in_words((), ("src/*.py",)).startswith("no knobs found in src/*.py: the tuner turns ")
