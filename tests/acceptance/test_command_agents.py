"""The real Claude Code and Codex as agents of whole studies, with a scripted provider on loopback.

They come from npm: `make test` installs them once, below .venv. Where they are missing, these tests skip.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from jumar.app import open_study
from jumar.cli.exits import Exit
from jumar.core.event import Answered
from jumar.core.verdict import Decision
from jumar.testing.model_server import Fault, ModelServer, Reply, Request, Reset, Say, Shell
from jumar.testing.tiny import CONTRACT, EXACT, Cli, left_behind

NPM = Path(__file__).parents[2] / ".venv" / "npm" / "node_modules" / ".bin"
PATH = f"{NPM}{os.pathsep}{os.environ['PATH']}"
KEY = "sk-planted-0123456789abcdef"
#: It shows what it can see of the environment, so that a key that reached it would be in its log.
TELLTALE = EXACT + "print(sorted(os.environ.items()))\n"
OTHERS = {"notes.py": "x = 1\n"}


def set_(name: str, value: object) -> Shell:
    return Shell(f"sed -i 's/^{name} = [^ ]*/{name} = {value}/' work.py && cat work.py")


#: What the model does, one entry for each time that it is asked for something new.
PLAN: tuple[Reply, ...] = (
    set_("RATE", 2.0),
    set_("RATE", 1.5),
    set_("RATE", 3.0),  # as it was in the beginning: a duplicate, so it is asked again
    set_("RATE", 1.0),
    Shell("echo 'x = 2' >notes.new && mv -f notes.new notes.py; echo 1 >jumar.toml"),  # out of scope
    set_("WIDTH", 8),
    Shell("echo 'def broken(:' >>work.py"),  # does not parse
    set_("WIDTH", 16),
    Fault(429, "slow down", retry_after_s=1),
    set_("RATE", 0.5),
    Reset(),
    set_("RATE", 0.7),
    Say("I would rather talk about it."),  # changes nothing
    Shell(f"echo \"KEY = '{KEY}'\" >>work.py"),  # would give the key away
    Shell("sh .jumar/ask.sh experiments; echo; sed -i 's/^RATE = [^ ]*/RATE = 0.9/' work.py"),
    set_("RATE", 1.1),
    set_("RATE", 1.2),
    set_("RATE", 4.0),
    set_("RATE", 5.0),
)
EXPERIMENTS = 12


class Model:
    """Goes through the plan, and says what it did at the end of each turn."""

    def __init__(self) -> None:
        self.asked: list[str] = []  #: all that was sent when something new was asked for
        self._left = list(PLAN)

    def __call__(self, request: Request) -> Reply:
        if not request.tools:
            return Say("nothing")
        if request.results:
            done = request.results[-1]
            return Say(f"hypothesis: try this; it printed {len(done)} characters\npredicted: 2 %")
        self.asked.append(json.dumps(request.body))
        return self._left.pop(0)


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who has nothing but what a test gives."""
    for name in os.environ:
        if re.match("ANTHROPIC|CLAUDE|OPENAI|CODEX|AWS|.*_API_KEY|.*PROXY", name, re.IGNORECASE):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", PATH)
    return home


def needs(program: str) -> None:
    if not shutil.which(program, path=PATH):
        pytest.skip(f"{program} is not installed: `make .venv/npm.stamp` does it, where there is npm")


def check(folder: Path, model: Model, agent: str) -> None:
    """What has to come of the plan, whichever program worked on it."""
    study = open_study(folder)
    experiments = study.experiments()[1:]
    assert [one.experiment.agent for one in experiments] == [agent] * EXPERIMENTS
    assert all(one.verdict and one.verdict.decision is not Decision.INVALID for one in experiments)
    rates = [study.diff(one.number) for one in experiments]
    assert "+RATE = 2.0" in rates[0] and "+WIDTH = 16" in rates[4] and "+RATE = 5.0" in rates[11]
    kept = [one.number for one in experiments if one.is_kept]
    assert {1, 2, 3, 4, 5} <= set(kept)  # each was a gain
    assert all(one.experiment.hypothesis.startswith("try this; it printed") for one in experiments)
    assert all(one.experiment.predicted == pytest.approx(0.02) for one in experiments)
    answers = [entry.event for entry in study.entries() if isinstance(entry.event, Answered)]
    assert all(answer.usage.tokens_out > 0 for answer in answers if answer.usage.tokens_in)
    assert sum(one.experiment.cost.tokens for one in experiments) == sum(
        answer.usage.tokens for answer in answers
    )
    refusals = " ".join(model.asked)
    for reason in ("the same as in experiment 0", "is not editable", "does not parse: ", "a key of"):
        assert reason.lower() in refusals.lower(), reason
    assert KEY not in refusals
    left = left_behind(folder)
    assert b"JUMAR_SEED" in left  # so the environment of runs is in it
    assert KEY.encode() not in left


@pytest.fixture
def target(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    contract = CONTRACT.replace("experiments = 8", f"experiments = {EXPERIMENTS}\nahead = 0")
    return repository({"work.py": TELLTALE, "jumar.toml": contract, **OTHERS})


def test_claude_code_does_a_whole_study(user: Path, target: Path, jumar: Cli) -> None:
    needs("claude")
    model = Model()
    with ModelServer(model) as server:
        extra = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY}
        jumar(target, "run", "--agent", "claude:claude-sonnet-4-5", "--workers", "1", extra=extra)
        keys = {request.headers.get("x-api-key") for request in server.requests}
    assert keys == {KEY}
    check(target, model, "claude-code:claude-sonnet-4-5")
    record = open_study(target).record()
    assert record is not None and record.cost_usd > 0


def test_codex_does_a_whole_study(user: Path, target: Path, jumar: Cli) -> None:
    needs("codex")
    model = Model()
    with ModelServer(model) as server:
        (user / ".codex").mkdir()
        (user / ".codex" / "config.toml").write_text(
            f'model_provider = "local"\n[model_providers.local]\nname = "local"\n'
            f'base_url = "{server.url}/v1"\nwire_api = "responses"\nenv_key = "LOCAL_API_KEY"\n'
        )
        jumar(target, "run", "--agent", "codex:gpt-5", "--workers", "1", extra={"LOCAL_API_KEY": KEY})
        keys = {request.headers.get("authorization") for request in server.requests}
    assert keys == {f"Bearer {KEY}"}
    check(target, model, "codex:gpt-5")


LOGIN = {
    "claudeAiOauth": {
        "accessToken": "sk-ant-oat01-planted-0123456789",
        "refreshToken": "sk-ant-ort01-planted-0123456789",
        "expiresAt": 4102444800000,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
    }
}


def test_claude_code_uses_the_log_in_of_a_subscription(user: Path, target: Path, jumar: Cli) -> None:
    needs("claude")
    (user / ".claude").mkdir()
    path = user / ".claude" / ".credentials.json"
    path.write_text(json.dumps(LOGIN))
    path.chmod(0o600)
    model = Model()
    with ModelServer(model) as server:
        extra = {"ANTHROPIC_BASE_URL": server.url}
        jumar(target, "run", "--agent", "claude-code", "--experiments", "1", extra=extra)
        sent = {request.headers.get("authorization") for request in server.requests}
    assert sent == {"Bearer sk-ant-oat01-planted-0123456789"}
    assert json.loads(path.read_text()) == LOGIN
    assert b"planted-0123456789" not in left_behind(target)


@pytest.mark.parametrize(("agent", "fix"), [("claude-code", "/login"), ("codex:gpt-5", "codex login")])
def test_who_is_not_logged_in_is_told_how_to(
    user: Path, target: Path, jumar: Cli, agent: str, fix: str
) -> None:
    needs(agent.partition("-")[0].partition(":")[0])
    with ModelServer(lambda _: Fault(401, "no such key")) as server:
        if agent.startswith("codex"):
            (user / ".codex").mkdir()
            (user / ".codex" / "config.toml").write_text(
                f'model_provider = "local"\n[model_providers.local]\nname = "local"\n'
                f'base_url = "{server.url}/v1"\nwire_api = "responses"\nrequest_max_retries = 0\n'
                f"stream_max_retries = 0\n"
            )
        done = jumar(
            target, "run", "--agent", agent, expect=Exit.AGENT, extra={"ANTHROPIC_BASE_URL": server.url}
        )
    assert fix in done.stdout + done.stderr
    assert len(open_study(target).experiments()) == 1  # the baseline alone


SLOW = """#!/bin/sh
[ -e "$1" ] && sleep 1977
"""
QUICK = """#!/bin/sh
sed -i 's/^RATE = [^ ]*/RATE = 2.0/' work.py
echo 'hypothesis: a lower rate'
"""


def sleeping() -> bool:
    """Whether the program above is under way."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if place.read_bytes() == b"sleep\0001977\0":
                return True
    return False


def test_jumar_killed_or_stopped_while_a_program_thinks_takes_it_along_and_goes_on(
    target: Path,
    tmp_path: Path,
    jumar: Cli,
    started: Callable[..., subprocess.Popen[str]],
    assert_sound: Callable[[Path], None],
) -> None:
    program = tmp_path / "agent.sh"
    program.write_text(SLOW)
    program.chmod(0o755)
    process = started(target, "run", "--agent", f"command:{program} {{brief}}", "--experiments", "1")
    deadline = time.monotonic() + 60
    while not sleeping() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sleeping()
    process.kill()
    process.wait()
    while sleeping() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not sleeping()
    process = started(target, "run", "--experiments", "1")
    while not sleeping() and time.monotonic() < deadline:
        time.sleep(0.05)
    begun = time.monotonic()
    jumar(target, "stop")
    assert process.wait(20) == 0 and time.monotonic() - begun < 5 and not sleeping()
    program.write_text(QUICK)
    jumar(target, "run", "--experiments", "1")
    assert open_study(target).experiment(1).experiment.hypothesis == "a lower rate"
    assert_sound(target)
