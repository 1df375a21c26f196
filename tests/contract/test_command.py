"""Programs as agents, from the brief to the proposal, with shell scripts in the place of programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jumar.agents.command import CAPS, Command
from jumar.agents.command_clients import BRIEF, Client, Heard, Template, Tokens
from jumar.agents.registry import anchored, make_agent
from jumar.core.agent import Brief
from jumar.core.desk import Reply
from jumar.core.proposal import Proposal
from jumar.errors import AgentFailed, Breach, Usage
from jumar.sandboxes.detect import choose
from jumar.study.places import Surroundings
from jumar.study.workbench import StudyBench
from jumar.testing.memory_desk import MemoryDesk
from jumar.testing.rehearsal import Rehearsal
from jumar.workspaces.git import open_workspace

FILES = {"train.py": "RATE = 3\n", "other.py": "x = 1\n"}
KEY = "planted-key-0123456789"
BETTER = "sed -i s/3/2/ train.py; echo 'hypothesis: a lower rate'; echo 'predicted: 2 %'"


class Priced(Template):
    """A program whose output says what it took."""

    def hear(self, said: bytes) -> Heard:
        return replace(super().hear(said), tokens=Tokens(100, 40, 10), usd=0.5)


class Lab:
    """Makes agents of scripts."""

    def __init__(self, target: Path, folder: Path) -> None:
        self.folder, self.program = folder, folder / "agent"
        workspace = open_workspace(target)
        around = Surroundings(env={"PATH": os.environ["PATH"]}, inputs={}, readable=(), masked=(), without=())
        self.bench = StudyBench(
            choose(None), lambda: workspace, around, target / ".jumar" / "scratch", "train.py".__eq__
        )
        commit = workspace.pin(["train.py"], include_dirty=False)
        files = {name: content.encode() for name, content in FILES.items()}
        self.brief: Brief = replace(Rehearsal(files).brief(), parent=commit)

    def agent(self, script: str, *, kind: Callable[[str], Client] = Template, **more: Any) -> Command:
        self.program.write_text("#!/bin/sh\n" + dedent(script))
        self.program.chmod(0o755)
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "OPENAI_API_KEY": KEY}
        return Command(kind(f"{self.program} {{brief}}"), self.bench, environ, **{"waits_s": (), **more})

    def proposal(self, script: str, desk: MemoryDesk | None = None, **more: Any) -> Proposal:
        return self.agent(script, **more).research(self.brief, desk or MemoryDesk())


@pytest.fixture
def lab(repository: Callable[[Mapping[str, str]], Path], tmp_path: Path) -> Iterator[Lab]:
    folder = tmp_path / "home"
    folder.mkdir()
    yield Lab(repository(FILES), folder)


def test_an_edit_and_last_words_become_a_proposal(lab: Lab) -> None:
    proposal = lab.proposal(BETTER)
    assert proposal.hypothesis == "a lower rate" and proposal.predicted == pytest.approx(0.02)
    assert [(edit.path, edit.content) for edit in proposal.edits] == [("train.py", b"RATE = 2\n")]
    assert proposal.agent == "command:agent"


def test_the_brief_is_a_file_and_the_record_answers(lab: Lab) -> None:
    desk = MemoryDesk()
    lab.proposal(f"""[ "$1" = {BRIEF} ] && cat "$1"; sh .jumar/ask.sh knobs '{{"a": 1}}'; {BETTER}""", desk)
    transcript = msgspec.json.decode(desk.kept[0].content)["transcript"]
    said = msgspec.convert(transcript, bytes, strict=False).decode()
    assert "THE BRIEF" in said and "knobs: ['a']" in said


def test_what_was_paid_for_is_kept_before_it_is_used_and_used_again(lab: Lab) -> None:
    class Dies(MemoryDesk):
        def keep(self, reply: Reply) -> None:
            super().keep(reply)
            raise KeyboardInterrupt

    dying = Dies()
    with pytest.raises(KeyboardInterrupt):
        lab.proposal(BETTER, dying, kind=Priced)
    (reply,) = dying.kept
    assert (reply.usage.tokens_in, reply.usage.tokens_cached, reply.usage.usd) == (100, 40, 0.5)
    desk = MemoryDesk(reply)
    proposal = lab.agent("exit 1").research(lab.brief, desk)  # a fresh one, which is not called
    assert proposal.hypothesis == "a lower rate" and desk.kept == []


def test_whoever_was_refused_is_asked_anew(lab: Lab) -> None:
    first, second = MemoryDesk(), MemoryDesk()
    lab.proposal(BETTER, first)
    agent = lab.agent("sed -i s/3/1/ train.py")
    proposal = agent.research(replace(lab.brief, refusals=("no",)), MemoryDesk(*first.kept))
    assert proposal.edits[0].content == b"RATE = 1\n"
    assert agent.research(lab.brief, MemoryDesk(*first.kept, *second.kept)).edits[0].content == b"RATE = 2\n"


def test_one_that_changes_nothing_is_told_so(lab: Lab) -> None:
    with pytest.raises(Breach, match="I would rather talk") as refused:
        lab.proposal("echo I would rather talk.")
    assert refused.value.code == "unreadable"


def test_a_key_in_a_proposal_is_refused_and_recorded_nowhere(lab: Lab) -> None:
    desk = MemoryDesk()
    with pytest.raises(Breach) as refused:
        lab.proposal("""echo "K = '$OPENAI_API_KEY'" | tee -a train.py""", desk)
    assert refused.value.code == "secret"
    assert KEY.encode() not in desk.kept[0].content and KEY not in str(refused.value)
    assert KEY not in str(msgspec.json.decode(desk.kept[0].content, type=dict[str, Any]))


def test_a_key_that_is_printed_is_blacked_out(lab: Lab) -> None:
    desk = MemoryDesk()
    script = 'sed -i s/3/2/ train.py; echo "hypothesis: I know $OPENAI_API_KEY"'
    assert lab.proposal(script, desk).hypothesis == "I know [secret]"


@pytest.mark.parametrize(
    ("script", "problem", "passing"),
    [
        ("echo 'Not logged in'; exit 1", "Not logged in", False),
        ("echo boom >&2; exit 3", "exit code 3: boom", True),
        ("exit 3", "it said nothing", True),
        ("kill -9 $$", "signalled", True),
        ("yes | head -c 30000", "over output", True),
    ],
)
def test_a_program_that_fails_is_told_in_its_own_words(
    lab: Lab, script: str, problem: str, passing: bool
) -> None:
    desk = MemoryDesk()
    with pytest.raises(AgentFailed, match=problem) as failed:
        lab.proposal(script, desk, caps=replace(CAPS, output_bytes=20_000))
    assert failed.value.passing is passing
    assert len(desk.kept) == 1  # what it said is there to be looked at, and is not used


def test_one_that_hangs_is_ended_at_its_own_limit(lab: Lab) -> None:
    with pytest.raises(AgentFailed, match="timed out after 1 s") as failed:
        lab.proposal("sleep 977", caps=replace(CAPS, wall_s=1.0))
    assert failed.value.passing


def test_a_busy_provider_is_waited_for(lab: Lab) -> None:
    desk = MemoryDesk()
    with pytest.raises(AgentFailed, match="429"):
        lab.proposal("echo 429 Too Many Requests; exit 1", desk, waits_s=(0.01, 0.01))
    assert len(desk.kept) == 3


def test_five_megabytes_of_words_are_one_sentence(lab: Lab) -> None:
    proposal = lab.proposal("sed -i s/3/2/ train.py; yes word | head -c 5000000; echo")
    assert len(proposal.hypothesis) <= 600


def test_a_missing_program_is_said_when_the_agent_is_made() -> None:
    with pytest.raises(AgentFailed, match="no program 'claude'") as failed:
        make_agent("claude-code", environ={"PATH": "/nonexistent"})
    assert "npm install" in failed.value.fix
    with pytest.raises(AgentFailed, match="no program 'nothing-like-it'"):
        make_agent("command:nothing-like-it {brief}")


def test_agents_that_are_programs_are_called_by_one_name() -> None:
    assert make_agent("command:sh {brief}").name == "command:sh"
    assert anchored("command:./tool {brief} -x") == f"command:{Path.cwd()}/tool {{brief}} -x"
    assert anchored("command:tool {brief}") == "command:tool {brief}"
    with pytest.raises(Usage, match="where its brief goes"):
        make_agent("command:sh")
