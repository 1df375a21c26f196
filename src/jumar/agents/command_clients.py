"""The programs that can be agents: how each is called, what it may know of its user, what it says."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from jumar.agents.command_account import Setting, settings_named
from jumar.core.workbench import PAPERS
from jumar.errors import AgentFailed, NoRoom, Usage

BRIEF = f"{PAPERS}/brief.md"
# The longest argument that Linux takes is 128 KiB.
_MOST_PROMPT_BYTES = 120_000
_PLEASE_READ = f"Read all of {BRIEF}, and do what it says."


class Tokens(NamedTuple):
    """What requests took: read, of those from a cache, and written."""

    read: int = 0
    cached: int = 0
    written: int = 0

    def plus(self, other: Tokens) -> Tokens:
        """Both together."""
        return Tokens(*(ours + theirs for ours, theirs in zip(self, other, strict=True)))


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a program's output means."""

    words: str = ""  #: its last message
    tokens: Tokens = Tokens()
    usd: float | None = None  #: None where it does not say
    trouble: str = ""  #: why it could not go on, in its own words


class Client(Protocol):
    """One kind of program."""

    name: str  #: of the agent
    program: str
    install: str  #: what to do when it is missing
    provider: str  #: in the table of prices; empty where nobody knows whom it asks
    model: str  #: empty where it chooses itself
    login: str  #: what to do when its provider does not know the user
    variables: tuple[str, ...]  #: globs of what it may see of the environment
    env: Mapping[str, str]  #: what it gets besides

    def command(self, prompt: str, *, most_usd: float | None = None) -> tuple[str, ...]:
        """What to call; it stops by itself when it has cost `most_usd`, if it can."""
        ...

    def settings(self, environ: Mapping[str, str]) -> tuple[Setting, ...]: ...
    def hear(self, said: bytes) -> Heard: ...


class Claude:
    """Claude Code, headless."""

    program, provider = "claude", "anthropic"
    install = "npm install -g @anthropic-ai/claude-code"
    login = "run `claude` and log in with /login, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN"
    # Not all of CLAUDE_*: within a session of its own it sets variables that would bind a new one to it.
    variables: tuple[str, ...] = (
        *("ANTHROPIC_*", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_*", "CLAUDE_CODE_SKIP_*_AUTH"),
        *("CLAUDE_CODE_MAX_*", "API_TIMEOUT_MS", "MAX_THINKING_TOKENS", "AWS_*", "CLOUD_ML_REGION"),
    )
    env: Mapping[str, str] = {
        "IS_SANDBOX": "1",  # as root it refuses to go without asking anywhere else
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }

    def __init__(self, name: str, model: str) -> None:
        self.name, self.model = name, model

    def command(self, prompt: str, *, most_usd: float | None = None) -> tuple[str, ...]:
        return (
            *(self.program, "-p", _argument(prompt), "--output-format", "stream-json", "--verbose"),
            # A third of its own prompt describes tools that are of no use here.
            *("--tools", "Bash,Edit,Read,Write,Glob,Grep", "--dangerously-skip-permissions"),
            *("--strict-mcp-config", "--no-session-persistence"),
            *(("--model", self.model) if self.model else ()),
            *(() if most_usd is None else ("--max-budget-usd", f"{max(0.01, most_usd):.2f}")),
        )

    def settings(self, environ: Mapping[str, str]) -> tuple[Setting, ...]:
        home = Path(environ.get("HOME", "/"))
        own = Path(environ.get("CLAUDE_CONFIG_DIR") or home / ".claude")
        state = own if "CLAUDE_CONFIG_DIR" in environ else home
        kept = ("oauthAccount", "primaryApiKey", "customApiKeyResponses", "hasCompletedOnboarding")
        return (
            Setting(source=own / ".credentials.json", name=".claude/.credentials.json"),
            # Hooks, plug-ins and permissions stay behind.
            Setting(source=own / "settings.json", name=".claude/settings.json", keys=("env", "model")),
            Setting(source=state / ".claude.json", name=".claude.json", keys=kept),
        )

    def hear(self, said: bytes) -> Heard:
        result: Mapping[str, Any] = {}
        spent: dict[str, Mapping[str, Any]] = {}
        for event in _events(said):
            if event.get("type") == "result":
                result = event
            elif event.get("type") == "assistant" and isinstance(message := event.get("message"), dict):
                spent[str(message.get("id"))] = message.get("usage") or {}
        words = str(result.get("result") or "")
        # Killed, it tells no sum; then what each of its messages took is all there is.
        sums = [result["usage"]] if isinstance(result.get("usage"), dict) else spent.values()
        tokens = functools.reduce(Tokens.plus, map(_of_claude, sums), Tokens())
        return Heard(
            words=words,
            tokens=tokens,
            usd=_number(result.get("total_cost_usd")) if "total_cost_usd" in result else None,
            trouble=(words or str(result.get("subtype"))) if result.get("is_error") else "",
        )


class Codex:
    """Codex, headless."""

    program, provider = "codex", "openai"
    install = "npm install -g @openai/codex"
    login = "run `codex login`, or set the key that its provider wants (OPENAI_API_KEY or CODEX_API_KEY)"
    env: Mapping[str, str] = {}

    def __init__(self, name: str, model: str) -> None:
        self.name, self.model = name, model
        self.variables: tuple[str, ...] = ("OPENAI_*", "CODEX_API_KEY", "*_API_KEY")

    def command(self, prompt: str, *, most_usd: float | None = None) -> tuple[str, ...]:
        return (
            *(self.program, "exec", "--json", "--skip-git-repo-check", "--ephemeral"),
            "--dangerously-bypass-approvals-and-sandbox",  # it is in ours, which it could not see
            *("-c", "mcp_servers={}", "-c", "notify=[]"),
            *(("-m", self.model) if self.model else ()),
            _argument(prompt),
        )

    def settings(self, environ: Mapping[str, str]) -> tuple[Setting, ...]:
        own = Path(environ.get("CODEX_HOME") or Path(environ.get("HOME", "/"), ".codex"))
        return tuple(
            Setting(source=own / name, name=f".codex/{name}") for name in ("auth.json", "config.toml")
        )

    def hear(self, said: bytes) -> Heard:
        words, trouble = "", ""
        tokens = Tokens()
        for event in _events(said):
            match event:
                case {"type": "item.completed", "item": {"type": "agent_message", "text": str(text)}}:
                    words = text
                case {"type": "turn.completed", "usage": dict(usage)}:
                    read, cached = _count(usage, "input_tokens"), _count(usage, "cached_input_tokens")
                    tokens = tokens.plus(Tokens(read, cached, _count(usage, "output_tokens")))
                case {"type": "turn.failed", "error": {"message": str(message)}}:
                    trouble = message
        return Heard(words=words, tokens=tokens, trouble=trouble)


class Template:
    """Any program: its words as the user gave them, `{brief}` and `{prompt}` filled in."""

    provider = model = ""
    login = "see to its log-in or key as its documentation says"
    env: Mapping[str, str] = {}

    def __init__(self, template: str) -> None:
        try:
            self._words = tuple(shlex.split(template))
        except ValueError as error:
            raise Usage(f"the command of an agent cannot be read: {error}", fix="close its quotes") from None
        if not self._words or not any(mark in template for mark in ("{brief}", "{prompt}")):
            raise Usage(
                "the command of an agent has to say where its brief goes",
                fix="write {brief} for the path of a file, or {prompt} for the text: "
                "command:PROGRAM --file {brief}",
            )
        self.program = self._words[0]
        self.name = f"command:{os.path.basename(self.program)}"
        self.install = f"install {os.path.basename(self.program)}, or correct the command"
        self.variables: tuple[str, ...] = ("*_API_KEY", "*_API_BASE", "*_BASE_URL", "OLLAMA_*")

    def command(self, prompt: str, *, most_usd: float | None = None) -> tuple[str, ...]:
        filled = (word.replace("{brief}", BRIEF) for word in self._words)
        return tuple(word.replace("{prompt}", _argument(prompt)) for word in filled)

    def settings(self, environ: Mapping[str, str]) -> tuple[Setting, ...]:
        return settings_named(os.path.basename(self.program), Path(environ.get("HOME", "/")))

    def hear(self, said: bytes) -> Heard:
        return Heard(words=said.decode("utf-8", "replace").strip()[-20_000:])


# What providers and programs say where asking again cannot help.
_UNKNOWN = re.compile(
    r"\b(401|403)\b|log(ged)? ?in|unauthori[sz]ed|authenticat|api key|forbidden|credit balance"
    r"|missing environment variable",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(r"\b404\b|not_found|(does|may) not exist|unknown model", re.IGNORECASE)


_BUSY = re.compile(
    r"\b(408|409|429|5\d\d)\b|overloaded|rate.?limit|your limit|usage limit|timed? ?out"
    r"|connect|stream|network|unavailable",
    re.IGNORECASE,
)


_NO_BUDGET = "error_max_budget_usd"  # Claude Code's word


class ProviderFailed(AgentFailed):
    """The provider did not answer, or not now: a trouble that a little patience may end."""


def failure(client: Client, heard: Heard) -> AgentFailed:
    """The error for a program that says that it could not go on."""
    said = " ".join(heard.trouble.split())[:300]
    if said == _NO_BUDGET:
        return NoRoom(
            f"{client.name} stopped in the middle, as it has cost all that the limits left it",
            fix="raise usd in [limits] of jumar.toml",
        )
    if _NO_MODEL.search(said):
        fix = f"name a model that your provider has: --agent {client.name.partition(':')[0]}:MODEL"
        return AgentFailed(f"{client.name}: {said}", fix=fix)
    if _UNKNOWN.search(said):
        return AgentFailed(f"{client.name}: {said}", fix=client.login)
    if _BUSY.search(said):
        return ProviderFailed(f"{client.name}: {said}", fix="wait, and start again", passing=True)
    return AgentFailed(f"{client.name}: {said}", fix="see why, and start again", passing=True)


def _of_claude(usage: Mapping[str, Any]) -> Tokens:
    cached = _count(usage, "cache_read_input_tokens")
    read = _count(usage, "input_tokens") + _count(usage, "cache_creation_input_tokens") + cached
    return Tokens(read, cached, _count(usage, "output_tokens"))


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else 0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e9 else 0.0


def _events(said: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects among the lines of an output; the rest is for people."""
    for line in said.splitlines():
        if line.startswith(b"{"):
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(event, dict):
                yield event


def _argument(prompt: str) -> str:
    # Where the brief is too long for an argument, the file has it.
    return prompt if len(prompt.encode()) <= _MOST_PROMPT_BYTES else _PLEASE_READ
