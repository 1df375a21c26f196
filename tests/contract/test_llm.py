"""Models as agents, from the brief to the proposal, with a scripted provider on loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from jumar.agents.llm import PROPOSE, Llm
from jumar.agents.llm_models import service_of
from jumar.agents.registry import make_agent
from jumar.core.contract import AgentLimits, LimitTerms
from jumar.core.desk import CalledOff
from jumar.core.proposal import Proposal
from jumar.errors import AgentFailed, Breach, NoRoom, Usage
from jumar.rules.scope import MOST_BYTES
from jumar.testing.memory_desk import AGENT, MemoryDesk
from jumar.testing.model_server import Fault, Garble, Hang, ModelServer, Raw, Reply, Request, Reset, Say, Use
from jumar.testing.rehearsal import Rehearsal

KEY = "sk-planted-0123456789abcdef"
BRIEF = Rehearsal({"train.py": b"RATE = 3\n"}).brief()


def draft(find: str = "RATE = 3", by: str = "RATE = 2", path: str = "train.py") -> dict[str, Any]:
    change = {"kind": "replace", "path": path, "find": find, "by": by}
    return {"hypothesis": "a lower rate overshoots less", "predicted": 0.02, "changes": [change]}


GOOD = Use(PROPOSE, draft())
ASKS = Use("knobs", {"a": 1})
#: What no client of its own provider expects, and gateways send now and then.
NOBODY_CHOSE = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
#: How a user names the scripted provider → the environment that leads there, and the agent's name.
WIRES: Mapping[str, Callable[[str], tuple[dict[str, str], str]]] = {
    "messages": lambda url: (
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url},
        "anthropic:claude-sonnet-5",
    ),
    "chat": lambda url: ({"JUMAR_API_KEY": KEY}, f"openai:qwen3@{url}/v1"),
}
every_wire = pytest.mark.parametrize("wire", WIRES)


class Provider:
    """Answers with these replies, the last one again and again, and makes agents that ask it."""

    def __init__(self, *replies: Reply, wire: str = "messages") -> None:
        self.replies, self._wire = list(replies), wire
        self.server = ModelServer(self._script, cached=10)

    def _script(self, _: Request) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def agent(self, **more: Any) -> Llm:
        environ, name = WIRES[self._wire](self.server.url)
        kind, _, detail = name.partition(":")
        return Llm(service_of(kind, detail, environ), environ, **{"waits_s": (0.01, 0.01), **more})

    def proposal(self, desk: MemoryDesk | None = None, **more: Any) -> Proposal:
        with self.server:
            return self.agent(**more).research(BRIEF, desk or MemoryDesk())

    @property
    def requests(self) -> list[Request]:
        return self.server.requests


@every_wire
def test_a_model_asks_the_record_and_its_draft_becomes_a_proposal(wire: str) -> None:
    provider, desk = Provider(ASKS, GOOD, wire=wire), MemoryDesk()
    proposal = provider.proposal(desk)
    assert proposal.hypothesis == "a lower rate overshoots less" and proposal.predicted == 0.02
    assert [(edit.path, edit.content) for edit in proposal.edits] == [("train.py", b"RATE = 2\n")]
    first, second = provider.requests
    assert first.messages[0].text == "THE BRIEF" and set(first.tools) == {"knobs", PROPOSE}
    assert second.results == ("knobs: ['a']",)
    one, two = (reply.usage for reply in desk.kept)
    assert one.tokens_in > 100 and one.tokens_cached == 10 and one.tokens_out > 0 and one.seconds > 0
    assert all(most.tokens >= took.tokens for most, took in zip(desk.most, (one, two), strict=True))
    if wire == "messages":
        assert one.priced and all(
            0 < took.usd < most.usd for most, took in zip(desk.most, (one, two), strict=True)
        )
    else:
        assert one.priced and one.usd == 0  # one's own server sends no bill


def test_an_answer_in_text_is_taken_for_a_draft_as_well() -> None:
    told = f"I thought so:\n```json\n{json.dumps(draft())}\n```\n"
    assert Provider(Say(told), wire="chat").proposal().edits[0].content == b"RATE = 2\n"


@pytest.mark.parametrize(
    "trouble",
    [
        *(Fault(500), Fault(529, "overloaded"), Fault(429), Reset(), Garble(), Hang()),
        *(Raw("null"), Raw('{"error": {"message": "overloaded"}}'), Raw(json.dumps(NOBODY_CHOSE))),
    ],
)
@every_wire
def test_a_trouble_that_passes_is_waited_for(wire: str, trouble: Reply) -> None:
    provider = Provider(trouble, GOOD, wire=wire)
    assert provider.proposal(request_s=1.0).edits
    assert len(provider.requests) == 2


def nobody(
    kind: str, detail: str, environ: dict[str, str], **more: Any
) -> tuple[AgentFailed, MemoryDesk, float]:
    desk, begun = MemoryDesk(), time.monotonic()
    with pytest.raises(AgentFailed) as failed:
        Llm(service_of(kind, detail, environ), environ, **more).research(BRIEF, desk)
    return failed.value, desk, time.monotonic() - begun


def test_a_server_that_is_not_there_is_told_of_at_once_and_by_its_address() -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{place.getsockname()[1]}"
        waits = {"waits_s": (0.01, 0.01, 60.0)}  # of those a third is none where nothing listens
        failed, desk, took = nobody("ollama", "qwen3", {"OLLAMA_HOST": url}, **waits)
        assert failed.problem == f"ollama:qwen3: nothing answers at {url}/v1 (connection refused)"
        assert "ollama serve" in failed.fix and failed.passing and took < 30
        assert len(desk.noticed) == 1 and f"{failed.problem}; it is tried again" in desk.noticed[0]
        for kind, environ in (
            ("anthropic", {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url}),
            ("google", {"GOOGLE_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url}),
        ):
            failed, desk, took = nobody(kind, "m", environ, **waits)
            assert f"nothing answers at {url} (connection refused)" in failed.problem and took < 30
    failed, desk, _ = nobody("openai", "m@http://no-such-host.invalid/v1", {}, waits_s=(0.01,))
    assert failed.problem.endswith(
        "nothing answers at http://no-such-host.invalid/v1 (its name is not known)"
    )
    assert "network, proxy, spelling" in failed.fix and len(desk.noticed) == 1


def test_a_proxy_that_is_not_there_is_not_taken_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{place.getsockname()[1]}"
        for name in ("no_proxy", "NO_PROXY", "http_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", f"http://ann:secret@{dead}")
        failed, _, _ = nobody("openai", "m@http://127.0.0.1:1/v1", {}, waits_s=(0.01,))
        assert failed.problem.endswith(
            f"the proxy http://{dead} (HTTP_PROXY) on the way to http://127.0.0.1:1/v1 does not answer "
            "(connection refused)"
        )
        assert failed.fix == "mend the proxy or its setting, or go around it: NO_PROXY=127.0.0.1"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        failed, _, _ = nobody("openai", "m@http://127.0.0.1:1/v1", {}, waits_s=(0.01,))
        assert "nothing answers at http://127.0.0.1:1/v1 (" in failed.problem


@every_wire
def test_half_a_character_is_no_reason_to_lose_a_reply(wire: str) -> None:
    desk = MemoryDesk()
    said = Say(json.dumps(draft()).replace("overshoots", "\ud83d overshoots"))
    assert Provider(said, wire=wire).proposal(desk).hypothesis == "a lower rate ? overshoots less"
    assert len(desk.kept) == 1


def test_tokens_that_a_server_does_not_count_are_estimated() -> None:
    silent = {**NOBODY_CHOSE, "choices": [{"index": 0, "finish_reason": "stop"}]}
    silent["choices"][0]["message"] = {"role": "assistant", "content": json.dumps(draft())}  # type: ignore[index]
    desk = MemoryDesk()
    assert Provider(Raw(json.dumps(silent)), wire="chat").proposal(desk).edits
    (reply,) = desk.kept
    assert reply.usage.tokens_in == desk.most[0].tokens_in and reply.usage.tokens_out > 50


def test_nobody_asks_again_sooner_than_the_provider_allows() -> None:
    begun = time.monotonic()
    assert Provider(Fault(429, "slow down", retry_after_s=1), GOOD).proposal().edits
    assert time.monotonic() - begun >= 1.0


def test_a_wait_that_is_too_long_is_left_to_the_user() -> None:
    with pytest.raises(AgentFailed) as failed:
        Provider(Fault(429, "come back tomorrow", retry_after_s=7200)).proposal()
    assert failed.value.fix == "start again in 120 minutes" and not failed.value.passing


@pytest.mark.parametrize(
    ("replies", "problem", "fix", "passing", "requests"),
    [
        (
            (Fault(401, f"no such key: {KEY}"),),
            "401: no such key: [secret]",
            "set ANTHROPIC_API_KEY",
            False,
            1,
        ),
        ((Fault(404, "model: claude-sonnet-5"),), "404: model: claude", "name a model that", False, 1),
        ((Fault(402, "empty"),), "402: empty", "add credit", False, 1),
        ((Fault(400, "no"),), "400: no", "see what the provider says", False, 1),
        ((Fault(503, "down"),), "503: down", "wait, and start again", True, 3),
    ],
)
def test_a_trouble_that_lasts_says_what_to_do(
    replies: tuple[Reply, ...], problem: str, fix: str, passing: bool, requests: int
) -> None:
    provider = Provider(*replies)
    with pytest.raises(AgentFailed) as failed:
        provider.proposal()
    assert problem in failed.value.problem and failed.value.fix.startswith(fix)
    assert failed.value.passing is passing and KEY not in str(failed.value)
    assert len(provider.requests) == requests


def test_a_provider_that_hangs_is_given_up() -> None:
    begun = time.monotonic()
    with pytest.raises(AgentFailed, match=r"no proposal after 0\.5 s") as failed:
        Provider(Hang()).proposal(proposal_s=0.5)
    assert failed.value.passing and time.monotonic() - begun < 5


def test_a_thought_that_is_called_off_ends_at_once() -> None:
    desk = MemoryDesk()
    threading.Timer(0.2, desk.called_off.set).start()
    begun = time.monotonic()
    with pytest.raises(CalledOff):
        Provider(Hang()).proposal(desk)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("reply", "code", "problem"),
    [
        (Say("I would rather talk about it."), "unreadable", "the answer holds no JSON object"),
        (Say(""), "unreadable", "the answer is empty"),
        (Say(json.dumps(draft())[:-9]), "unreadable", "it is not JSON"),
        (Use(PROPOSE, {"changes": []}), "unreadable", "missing required field `hypothesis`"),
        (Use(PROPOSE, draft(by="x" * (2 * MOST_BYTES + 1))), "unreadable", "characters"),
        (Use(PROPOSE, draft(path="model.py")), "does-not-apply", "there is no such file"),
        (ASKS, "unreadable", "no proposal among them"),
    ],
)
def test_what_is_no_proposal_is_refused_with_the_reason(reply: Reply, code: str, problem: str) -> None:
    desk = MemoryDesk()
    with pytest.raises(Breach) as refused:
        Provider(reply, wire="chat").proposal(desk)
    assert refused.value.code == code and problem in refused.value.problem
    assert desk.kept  # it was paid for all the same


@every_wire
def test_whoever_is_refused_goes_on_with_the_talk(wire: str) -> None:
    provider, desk = Provider(ASKS, Use(PROPOSE, draft("RATE = 4")), GOOD, wire=wire), MemoryDesk()
    with provider.server:
        agent = provider.agent()
        with pytest.raises(Breach) as refused:
            agent.research(BRIEF, desk)
        again = replace(BRIEF, refusals=(str(refused.value),))
        assert agent.research(again, desk).edits
    told = provider.requests[2].results[-1]
    assert told.startswith("Refused: train.py: the text to find") and "Mend that" in told
    assert len(provider.requests[2].messages) > len(provider.requests[1].messages)


@every_wire
def test_what_was_paid_for_before_a_crash_is_not_asked_again(wire: str) -> None:
    class Crash(Exception):
        pass

    class Dies(MemoryDesk):
        def keep(self, reply: Any) -> None:
            super().keep(reply)
            if len(self.kept) == 2:
                raise Crash

    provider, dying = Provider(ASKS, ASKS, GOOD, wire=wire), Dies()
    with provider.server:
        with pytest.raises(Crash):
            provider.agent().research(BRIEF, dying)
        desk = MemoryDesk(*dying.kept)
        assert provider.agent().research(BRIEF, desk).edits  # a fresh one
    assert len(provider.requests) == 3 and len(desk.kept) == 1
    assert provider.requests[2].results == ("knobs: ['a']",) * 2


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (LimitTerms(usd=0.05), "0.00 USD were spent, and the next request"),
        (LimitTerms(tokens=20_000), "0 tokens were read and written, and the next request"),
        (LimitTerms(agents={AGENT: AgentLimits(usd=0.05)}), "may cost 0.32 (limit 0.05)"),
    ],
)
def test_what_could_pass_a_limit_is_not_sent(limits: LimitTerms, problem: str) -> None:
    provider = Provider(GOOD)
    with pytest.raises(NoRoom) as full:
        provider.proposal(MemoryDesk(limits=limits))
    assert problem in full.value.problem and not full.value.passing and provider.requests == []
    assert "jumar.toml" in full.value.fix


def test_money_cannot_bound_what_has_no_price() -> None:
    environ = {"ANTHROPIC_API_KEY": KEY}
    agent = Llm(service_of("anthropic", "claude-of-tomorrow", environ), environ)
    with pytest.raises(NoRoom, match="nobody knows what anthropic:claude-of-tomorrow costs"):
        agent.research(BRIEF, MemoryDesk(limits=LimitTerms(usd=20)))


@pytest.mark.parametrize(
    ("name", "error", "problem", "fix"),
    [
        (
            "anthropic:claude-sonnet-5",
            AgentFailed,
            "ANTHROPIC_API_KEY is not set",
            "export ANTHROPIC_API_KEY=",
        ),
        ("google:gemini-2.5-pro", AgentFailed, "GOOGLE_API_KEY is not set", "export GOOGLE_API_KEY="),
        ("openai:", Usage, "openai needs the name of a model", "say --agent openai:gpt-5"),
        (
            "google:gemini@http://localhost:1",
            Usage,
            "cannot be asked of",
            "say openai:gemini@http://localhost:1",
        ),
        ("anthropics:claude", Usage, "there is no agent 'anthropics'", "did you mean anthropic?"),
        ("openai:qwen3@http://[::1", Usage, "no address of a server", "such as http://localhost:8000/v1"),
        ("openai:qwen3@https://host:99999/v1", Usage, "no address of a server", "such as http://localhost"),
        (
            "openai:qwen3@localhost:8000/v1",
            Usage,
            "begins with neither",
            "say --agent openai:qwen3@http://localhost:8000/v1",
        ),
        ("openai:qwen3@httpfoo", Usage, "no address of a server", "such as http://localhost"),
        (f"openai:qwen3@http://me:{KEY}@host/v1", Usage, "would be recorded", "export JUMAR_API_KEY="),
        (f"openai:qwen3@http://host/v1?key={KEY}", Usage, "would be recorded", "export JUMAR_API_KEY="),
    ],
)
def test_a_call_that_cannot_work_says_what_to_do(
    name: str, error: type[Usage | AgentFailed], problem: str, fix: str
) -> None:
    with pytest.raises(error) as failed:
        make_agent(name, environ={})
    assert problem in failed.value.problem and failed.value.fix.startswith(fix)
    assert KEY not in str(failed.value)


@pytest.mark.parametrize("key", ["“sk-copied-from-a-letter”", "sk-two\nlines-of-it"])
def test_what_cannot_be_a_key_is_not_sent(key: str) -> None:
    with pytest.raises(AgentFailed, match="which no key holds") as failed:
        make_agent("anthropic:claude-sonnet-5", environ={"ANTHROPIC_API_KEY": key})
    assert failed.value.fix.startswith("export ANTHROPIC_API_KEY=") and "sk-" not in str(failed.value)


@pytest.mark.parametrize(
    ("name", "environ", "url"),
    [
        ("ollama:qwen3", {}, "http://localhost:11434/v1"),
        ("ollama:qwen3", {"OLLAMA_HOST": "10.0.0.5:11434"}, "http://10.0.0.5:11434/v1"),
        ("openai:qwen3@http://localhost:8000/v1/", {}, "http://localhost:8000/v1"),
    ],
)
def test_servers_of_ones_own_need_no_key_and_get_none_of_openai(
    name: str, environ: dict[str, str], url: str
) -> None:
    kind, _, detail = name.partition(":")
    service = service_of(kind, detail, environ)
    assert (service.name, service.model, service.url) == (name, "qwen3", url) and service.is_free
    assert service.key({"OPENAI_API_KEY": KEY}) == ""


def test_whoever_asks_no_model_loads_none_of_it() -> None:
    program = (
        "import sys; from jumar.agents.registry import make_agent; from jumar.cli.main import main\n"
        "make_agent('nop')\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'pydantic', 'pydantic_ai', 'openai', 'anthropic', 'genai_prices'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)


def test_without_the_packages_one_is_told_how_to_get_them() -> None:
    program = (
        "import sys; sys.modules['pydantic_ai'] = None; sys.modules['pydantic'] = None\n"
        "from jumar.agents.registry import make_agent\n"
        "make_agent('anthropic:claude-sonnet-5', environ={'ANTHROPIC_API_KEY': 'x'})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "AgentFailed: anthropic:claude-sonnet-5: models need packages" in done.stderr
    assert 'pip install "jumar[llm]"' in done.stderr
