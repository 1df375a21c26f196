import re

import click
import pytest
from click.testing import CliRunner

from jumar.cli.main import VERBS, jumar
from jumar.cli.verb import Verb

NAMES = [name for verbs in VERBS.values() for name in verbs]
READERS = ["status", "log", "show", "diff", "report", "export", "doctor"]


def command(name: str) -> click.Command:
    found = jumar.get_command(click.Context(jumar), name)
    assert found is not None
    return found


def help_of(*words: str) -> str:
    result = CliRunner().invoke(jumar, [*words, "--help"], prog_name="jumar")
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_verb_ends_with_two_lines_to_paste(name: str) -> None:
    *_, heading, first, second = help_of(name).rstrip("\n").split("\n")
    assert heading == "Try:"
    assert first.startswith(f"  jumar {name}")
    assert second.startswith(f"  jumar {name}")


def test_the_help_of_the_whole_ends_with_two_lines_to_paste_and_lists_every_verb() -> None:
    text = help_of()
    assert text.endswith("Try:\n  jumar demo tinylm\n  jumar init && jumar run\n")
    assert all(re.search(rf"^  {name} ", text, re.MULTILINE) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_lines_to_paste_are_calls_that_the_verb_takes(name: str) -> None:
    verb = command(name)
    assert isinstance(verb, Verb)
    for line in verb.paste:
        for call in re.findall(r"jumar (\w+)([^|>&]*)", line):
            words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', call[1])]
            pasted = command(call[0])
            context = click.Context(pasted, ignore_unknown_options=False)
            parser = pasted.make_parser(context)
            _, rest, _ = parser.parse_args(words)
            assert not rest


@pytest.mark.parametrize("name", NAMES)
def test_every_option_says_what_it_is_for(name: str) -> None:
    options = [each for each in command(name).params if isinstance(each, click.Option)]
    assert all(option.help for option in options)


@pytest.mark.parametrize("name", READERS)
def test_every_verb_that_reads_speaks_json(name: str) -> None:
    assert any("--json" in option.opts for option in command(name).params)
