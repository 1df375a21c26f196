"""Models as agents of whole studies, over both wire formats, with a scripted provider on loopback."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from jumar.app import open_study
from jumar.cli.exits import Exit
from jumar.core.event import Answered
from jumar.core.verdict import Decision
from jumar.testing.model_server import Fault, Garble, Hang, ModelServer, Reply, Request, Reset, Say, Use
from jumar.testing.tiny import CONTRACT, EXACT, Cli, left_behind

KEY = "sk-planted-0123456789abcdef"
#: It shows what it can see of the environment, so that a key that reached it would be in its log.
TELLTALE = EXACT + "print(sorted(os.environ.items()))\n"
EXPERIMENTS = 12
Plan = Callable[[Request], Reply]


def propose(*changes: Mapping[str, str]) -> Use:
    return Use("propose", {"hypothesis": "try this", "predicted": 0.02, "changes": list(changes)})


def set_(name: str, value: object) -> Plan:
    """Set a knob, whatever it stands at in the brief."""

    def reply(request: Request) -> Use:
        found = re.search(rf"^{name} = \S+", request.messages[0].text, re.MULTILINE)
        assert found, "the source is not in the brief"
        by = f"{name} = {value}"
        return propose({"kind": "replace", "path": "work.py", "find": found[0], "by": by})

    return reply


def broken(request: Request) -> Say:
    whole = set_("RATE", 0.8)(request)
    assert isinstance(whole, Use)
    return Say(json.dumps(dict(whole.input))[:-7])


#: What the model answers, request by request.
PLAN: tuple[Reply | Plan, ...] = (
    set_("RATE", 2.0),
    Use("experiments", {"last": 3}),
    set_("RATE", 1.5),
    set_("RATE", 3.0),  # as it was in the beginning: a duplicate, so it is asked again
    set_("RATE", 1.0),
    propose({"kind": "write", "path": "notes.py", "content": "x = 2\n"}),  # out of scope
    set_("WIDTH", 8),
    set_("WIDTH", "((8"),  # does not parse
    set_("WIDTH", 16),
    Fault(429, "slow down", retry_after_s=1),
    set_("RATE", 0.5),
    Reset(),
    set_("RATE", 0.7),
    Garble(),
    set_("RATE", 0.9),
    broken,
    set_("RATE", 1.1),
    Say("I would rather talk about it."),
    set_("RATE", 1.2),
    set_("RATE", 4.0),
    set_("RATE", 5.0),
)


class Model:
    """Goes through the plan."""

    def __init__(self, plan: tuple[Reply | Plan, ...] = PLAN) -> None:
        self._left = list(plan)

    def __call__(self, request: Request) -> Reply:
        following = self._left.pop(0)
        return following(request) if callable(following) else following


@pytest.fixture
def target(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    contract = CONTRACT.replace("experiments = 8", f"experiments = {EXPERIMENTS}\nahead = 0")
    return repository({"work.py": TELLTALE, "jumar.toml": contract, "notes.py": "x = 1\n"})


def messages(url: str) -> tuple[str, dict[str, str]]:
    return "anthropic:claude-sonnet-5", {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY}


def chat(url: str) -> tuple[str, dict[str, str]]:
    return f"openai:qwen3@{url}/v1", {"JUMAR_API_KEY": KEY, "OPENAI_API_KEY": "sk-of-somebody-else"}


@pytest.mark.parametrize("wire", [messages, chat])
def test_a_model_does_a_whole_study(
    target: Path, jumar: Cli, wire: Callable[[str], tuple[str, dict[str, str]]]
) -> None:
    with ModelServer(Model(), cached=100) as server:
        agent, extra = wire(server.url)
        jumar(target, "run", "--agent", agent, "--workers", "1", extra=extra)
        requests = server.requests
    study = open_study(target)
    experiments = study.experiments()[1:]
    assert [one.experiment.agent for one in experiments] == [agent] * EXPERIMENTS
    assert all(one.verdict and one.verdict.decision is not Decision.INVALID for one in experiments)
    diffs = [study.diff(one.number) for one in experiments]
    assert "+RATE = 2.0" in diffs[0] and "+WIDTH = 16" in diffs[4] and "+RATE = 5.0" in diffs[11]
    assert {1, 2, 3, 4, 5} <= {one.number for one in experiments if one.is_kept}  # each was a gain

    assert len(requests) == len(PLAN)
    assert "try this" in requests[2].results[-1]  # what the record answered
    told = " ".join(message.text for request in requests for message in request.messages).lower()
    for reason in ("the same as in experiment 0", "is not editable", "does not parse", "it is not json"):
        assert reason in told, reason
    keys = {request.headers.get("x-api-key") or request.headers.get("authorization") for request in requests}
    assert keys <= {KEY, f"Bearer {KEY}"}

    answers = [entry.event for entry in study.entries() if isinstance(entry.event, Answered)]
    assert len(answers) == len(PLAN) - 3  # a fault, a reset and a garbled reply say nothing
    assert all(one.usage.tokens_in and one.usage.tokens_cached and one.usage.tokens_out for one in answers)
    assert sum(one.experiment.cost.tokens for one in experiments) == sum(one.usage.tokens for one in answers)
    record = study.record()
    assert record is not None and (record.cost_usd > 0) is (wire is messages)
    left = left_behind(target)
    assert b"JUMAR_SEED" in left and KEY.encode() not in left and b"somebody-else" not in left


def test_what_was_paid_for_outlives_a_kill(
    target: Path,
    jumar: Cli,
    started: Callable[..., subprocess.Popen[str]],
    assert_sound: Callable[[Path], None],
) -> None:
    model = Model((Use("knobs", {}), Hang(), set_("RATE", 2.0)))
    with ModelServer(model) as server:
        agent, extra = messages(server.url)
        process = started(target, "run", "--agent", agent, "--experiments", "1", extra=extra)
        deadline = time.monotonic() + 60
        while len(server.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.wait()
        jumar(target, "run", "--experiments", "1", extra=extra)
        assert [len(request.results) for request in server.requests] == [0, 1, 1]
    study = open_study(target)
    assert "+RATE = 2.0" in study.diff(1)
    answers = [entry.event.usage for entry in study.entries() if isinstance(entry.event, Answered)]
    assert len(answers) == 2 and study.experiment(1).experiment.cost.tokens == sum(
        one.tokens for one in answers
    )
    assert_sound(target)


LIMITS = """\
[limits]
tokens = 40_000
agents = { "anthropic:claude-sonnet" = { usd = 5 } }
"""


def test_a_limit_ends_the_study_before_a_request_that_could_pass_it(target: Path, jumar: Cli) -> None:
    contract = target / "jumar.toml"
    contract.write_text(contract.read_text().replace("[limits]", LIMITS))
    subprocess.run(["git", "commit", "-qam", "limit"], cwd=target, check=True)
    with ModelServer(Model((set_("RATE", 2.0), *PLAN))) as server:
        agent, extra = messages(server.url)
        done = jumar(target, "run", "--agent", agent, "--workers", "1", extra=extra)
    record = open_study(target).record()
    assert record is not None
    assert re.search(
        r"[\d,]+ tokens were read and written, and the next request to .* \(limit 40,000\)", record.reason
    )
    assert "certified" in done.stdout
    assert (
        "names anthropic:claude-sonnet, which is no agent of this study (anthropic:claude-sonnet-5)"
        in " ".join(done.stdout.split())
    )


def test_who_cannot_be_asked_ends_the_study_with_what_to_do(target: Path, jumar: Cli) -> None:
    with ModelServer(lambda _: Fault(401, "no such key")) as server:
        agent, extra = messages(server.url)
        done = jumar(target, "run", "--agent", agent, extra=extra, expect=Exit.AGENT)
        assert len(server.requests) <= 2  # one for each worker, and none again
    assert "set ANTHROPIC_API_KEY" in done.stdout + done.stderr
    assert len(open_study(target).experiments()) == 1  # the baseline alone
