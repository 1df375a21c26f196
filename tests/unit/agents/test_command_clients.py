"""How programs are called, and what their output means; the outputs were copied from real ones."""

from __future__ import annotations

import json

import pytest

from jumar.agents.command_clients import BRIEF, Claude, Codex, Heard, Template, Tokens, failure
from jumar.errors import NoRoom, Usage


def lines(*events: object) -> bytes:
    return b"Reading additional input from stdin...\n" + b"".join(
        json.dumps(event).encode() + b"\n" for event in events
    )


def test_claude_is_told_what_it_may_cost() -> None:
    assert "--max-budget-usd" not in Claude("claude", "").command("do")
    *_, name, most = Claude("claude", "").command("do", most_usd=1.256)
    assert (name, most) == ("--max-budget-usd", "1.26")
    said = lines(
        {"type": "result", "subtype": "error_max_budget_usd", "is_error": True, "total_cost_usd": 0.09}
    )
    client = Claude("claude", "")
    heard = client.hear(said)
    assert heard.usd == 0.09 and isinstance(failure(client, heard), NoRoom)


def test_claude_tells_its_words_its_tokens_and_its_cost() -> None:
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 100}
    heard = Claude("claude", "").hear(
        lines(
            {"type": "system", "subtype": "init"},
            {"type": "assistant", "message": {"id": "a", "usage": {"input_tokens": 9}}},
            {
                "type": "result",
                "is_error": False,
                "result": "hypothesis: x",
                "total_cost_usd": 0.07,
                "usage": {**usage, "output_tokens": 7},
            },
        )
    )
    assert heard == Heard(words="hypothesis: x", tokens=Tokens(115, 100, 7), usd=0.07)


def test_what_claude_had_spent_before_it_was_ended_counts() -> None:
    message = {"id": "a", "usage": {"input_tokens": 9, "output_tokens": 1}}
    heard = Claude("claude", "").hear(
        lines(
            {"type": "assistant", "message": message},
            {"type": "assistant", "message": message},  # one message comes once for each of its parts
            {"type": "assistant", "message": {"id": "b", "usage": {"input_tokens": 20, "output_tokens": 2}}},
        )
    )
    assert heard.tokens == Tokens(29, 0, 3)


def test_codex_tells_its_last_words_and_its_tokens() -> None:
    heard = Codex("codex", "").hear(
        lines(
            {"type": "item.completed", "item": {"type": "agent_message", "text": "looking"}},
            {"type": "item.completed", "item": {"type": "agent_message", "text": "hypothesis: x"}},
            {
                "type": "turn.completed",
                "usage": {"input_tokens": 20, "cached_input_tokens": 8, "output_tokens": 5},
            },
        )
    )
    assert heard == Heard(words="hypothesis: x", tokens=Tokens(20, 8, 5))


@pytest.mark.parametrize("said", [b"", b"{", b"[1]\n", b'{"type": "result", "usage": [], "result": null}'])
def test_output_of_another_form_means_nothing(said: bytes) -> None:
    for client in (Claude("claude", ""), Codex("codex", "")):
        assert client.hear(said) == Heard()


@pytest.mark.parametrize(
    ("said", "fix", "passing"),
    [
        ("Not logged in · Please run /login", "ANTHROPIC_API_KEY", False),
        ("Failed to authenticate. API Error: 401 no good", "ANTHROPIC_API_KEY", False),
        ("There's an issue with the selected model (x). It may not exist", "--agent claude:MODEL", False),
        ("API Error: 529 overloaded. See 127.0.0.1:40401", "start again", True),
        ("exceeded retry limit, last status: 429 Too Many Requests", "start again", True),
    ],
)
def test_troubles_that_pass_are_told_from_those_that_a_person_must_mend(
    said: str, fix: str, passing: bool
) -> None:
    failed = failure(Claude("claude:x", "x"), Heard(trouble=said))
    assert said in failed.problem and fix in failed.fix and failed.passing is passing


def test_the_model_goes_where_each_program_wants_it() -> None:
    claude, codex = Claude("claude:opus", "opus").command("do"), Codex("codex:gpt-5", "gpt-5").command("do")
    assert claude[claude.index("--model") + 1] == "opus" and claude[claude.index("-p") + 1] == "do"
    assert codex[codex.index("-m") + 1] == "gpt-5" and codex[-1] == "do"
    assert "--model" not in Claude("claude", "").command("do") and "-m" not in Codex("codex", "").command(
        "do"
    )


def test_a_prompt_too_long_for_an_argument_is_left_to_the_file() -> None:
    command = Codex("codex", "").command("x" * 200_000)
    assert len(command[-1]) < 200 and BRIEF in command[-1]


def test_a_template_is_split_as_a_shell_would_and_filled_in() -> None:
    client = Template("aider --yes --message-file {brief} 'a b'")
    assert client.command("do it") == ("aider", "--yes", "--message-file", BRIEF, "a b")
    assert Template("gemini -p {prompt}").command("do it") == ("gemini", "-p", "do it")
    assert client.hear(b"  done\n").words == "done"


@pytest.mark.parametrize("template", ["", "aider", "'aider {brief}"])
def test_a_template_that_cannot_work_is_refused(template: str) -> None:
    with pytest.raises(Usage):
        Template(template)
