"""What a program may know of its user, taken from real files, and what goes back to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jumar.agents.command_account import Account, Setting, settings_named
from jumar.agents.command_clients import Claude, Codex

TOKEN = "sk-ant-oat01-abcdefghijklmnop"
LOGIN = {"claudeAiOauth": {"accessToken": TOKEN, "refreshToken": TOKEN + "r", "expiresAt": 1}}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    claude, codex = tmp_path / ".claude", tmp_path / ".codex"
    claude.mkdir()
    codex.mkdir()
    (claude / ".credentials.json").write_text(json.dumps(LOGIN))
    (claude / ".credentials.json").chmod(0o600)
    (claude / "settings.json").write_text('{"model": "opus", "hooks": {"Stop": []}}')
    (claude / "history.jsonl").write_text("private")
    (tmp_path / ".claude.json").write_text('{"oauthAccount": {"a": 1}, "projects": {"/secret/place": {}}}')
    (codex / "auth.json").write_text('{"OPENAI_API_KEY": "sk-proj-0123456789abcdef"}')
    (codex / "config.toml").write_text('env_key = "SOME_LONG_VARIABLE_NAME"\n')
    return tmp_path


def claude(home: Path, **environ: str) -> Account:
    environ = {"HOME": str(home), **environ}
    client = Claude("claude", "")
    return Account(environ, client.variables, client.settings(environ))


def test_the_log_in_comes_along_and_private_things_stay(home: Path) -> None:
    settings = claude(home).settings
    assert json.loads(settings[".claude/.credentials.json"]) == LOGIN
    assert json.loads(settings[".claude/settings.json"]) == {"model": "opus"}
    assert json.loads(settings[".claude.json"]) == {"oauthAccount": {"a": 1}}
    assert len(settings) == 3


def test_only_the_variables_of_the_program_come_along(home: Path) -> None:
    account = claude(
        home,
        ANTHROPIC_API_KEY="sk-ant-0123456789",
        CLAUDE_CODE_SESSION_ID="1",
        OPENAI_API_KEY="x" * 20,
        GITHUB_TOKEN="x" * 20,
        HTTPS_PROXY="http://proxy",
    )
    assert account.env == {"ANTHROPIC_API_KEY": "sk-ant-0123456789", "HTTPS_PROXY": "http://proxy"}


def test_secrets_are_known_and_blacked_out(home: Path) -> None:
    account = claude(home, ANTHROPIC_API_KEY="sk-ant-0123456789", ANTHROPIC_MODEL="a-model-name")
    text = f"key sk-ant-0123456789, token {TOKEN}r and {TOKEN}, model a-model-name".encode()
    assert account.is_told(text)
    assert account.censored(text) == b"key [secret], token [secret] and [secret], model a-model-name"


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("HTTPS_PROXY", "http://me:hunter2-hunter2@proxy:3128", "hunter2-hunter2"),
        ("ANTHROPIC_BASE_URL", "https://me:a-long-password@gateway", "a-long-password"),
        ("ANTHROPIC_CUSTOM_HEADERS", "X-Team: seven\nAuthorization: Bearer gw-0123456789", "gw-0123456789"),
        ("ANTHROPIC_CUSTOM_HEADERS", "x-api-key: gw-0123456789abcdef", "gw-0123456789abcdef"),
    ],
)
def test_a_key_inside_another_value_is_a_secret_too(home: Path, name: str, value: str, secret: str) -> None:
    account = claude(home, **{name: value})
    assert account.env[name] == value and secret in account.secrets
    assert "seven" not in account.secrets


def test_names_of_variables_are_no_secrets(home: Path) -> None:
    client, environ = Codex("codex", ""), {"HOME": str(home)}
    account = Account(environ, client.variables, client.settings(environ))
    assert account.secrets == ("sk-proj-0123456789abcdef",)


def test_a_renewed_log_in_goes_back_with_its_mode(home: Path) -> None:
    account = claude(home)
    renewed = json.dumps(LOGIN).replace(TOKEN, "sk-ant-oat01-renewed-renewed").encode()
    account.renewed(".claude/.credentials.json", renewed)
    path = home / ".claude" / ".credentials.json"
    assert path.read_bytes() == renewed
    assert path.stat().st_mode & 0o777 == 0o600
    assert account.is_told(b"sk-ant-oat01-renewed-renewed")
    assert [each.name for each in path.parent.glob(".*")] == [".credentials.json"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".claude/.credentials.json", b"not json"),
        (".claude/.credentials.json", b'{"claudeAiOauth": {"accessToken": "x"}, "hooks": {}}'),
        (".claude/settings.json", b'{"model": "other"}'),
        (".claude.json", b'{"oauthAccount": {"a": 2}}'),
    ],
)
def test_nothing_but_a_log_in_of_the_same_shape_goes_back(home: Path, name: str, content: bytes) -> None:
    before = (home / name).read_bytes()
    claude(home).renewed(name, content)
    assert (home / name).read_bytes() == before


def test_a_log_in_that_somebody_renewed_meanwhile_is_left_alone(home: Path) -> None:
    account, path = claude(home), home / ".claude" / ".credentials.json"
    path.write_text("{}")
    account.renewed(".claude/.credentials.json", json.dumps(LOGIN).replace("1", "2").encode())
    assert path.read_text() == "{}"


def test_other_programs_bring_the_files_that_bear_their_name(tmp_path: Path) -> None:
    for name in (".aider.conf.yml", ".config/opencode/opencode.json", ".local/share/opencode/auth.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".ssh").mkdir()
    names = [setting.name for setting in settings_named("opencode", tmp_path)]
    assert names == [".config/opencode/opencode.json", ".local/share/opencode/auth.json"]
    assert settings_named("aider", tmp_path) == (
        Setting(source=tmp_path / ".aider.conf.yml", name=".aider.conf.yml"),
    )
