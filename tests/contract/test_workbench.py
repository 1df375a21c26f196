"""The workbench of coding agents over each sandbox that works here, with small shell scripts as agents."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from jumar.core.job import Caps, Ending
from jumar.core.sandbox import Sandbox
from jumar.core.workbench import Done, Errand
from jumar.core.workspace import LINK
from jumar.sandboxes.detect import choose, detect
from jumar.study.counter import MOST_QUESTION_BYTES
from jumar.study.places import Surroundings
from jumar.study.workbench import StudyBench
from jumar.workspaces.git import GitWorkspace, open_workspace

FILES = {"work.py": "RATE = 3\n", "lib/other.py": "x = 1\n", "hidden/answers": "42\n", "old.py": "y = 2\n"}
CAPS = Caps(wall_s=60, memory_bytes=1 << 30)


@pytest.fixture(params=[found.name for found in detect() if found.usable])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return choose(request.param)


class Clerk:
    """Answers each question with itself, and remembers."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.renewals: dict[str, bytes] = {}

    def look(self) -> None:
        """It may always go on."""

    def answer(self, question: bytes) -> bytes:
        self.asked.append(question)
        return b"you asked: " + question

    def renewed(self, name: str, content: bytes) -> None:
        self.renewals[name] = content


class Bench:
    """Runs a script at a workbench over a small repository."""

    def __init__(self, workspace: GitWorkspace, bench: StudyBench, folder: Path) -> None:
        self.workspace, self.bench, self.folder = workspace, bench, folder
        self.commit = workspace.pin(["work.py"], include_dirty=False)
        self.clerk = Clerk()

    def run(self, script: str, *, caps: Caps = CAPS, settings: Mapping[str, bytes] | None = None) -> Done:
        program = self.folder / "agent"
        program.write_text("#!/bin/sh\n" + dedent(script))
        program.chmod(0o755)
        errand = Errand(
            command=(str(program),),
            commit=self.commit,
            caps=caps,
            env={"MODEL_KEY": "k"},
            settings=settings or {},
            papers={"brief.md": b"do it"},
        )
        return self.bench.run(errand, self.clerk)


@pytest.fixture
def bench(
    sandbox: Sandbox, repository: Callable[[Mapping[str, str]], Path], tmp_path: Path
) -> Iterator[Bench]:
    folder = repository(FILES)
    scratch = folder / ".jumar" / "scratch"
    around = Surroundings(
        env={"PATH": os.environ["PATH"], "OF_RUNS": "x"},
        inputs={},
        readable=(),
        masked=(folder / ".jumar",),
        without=("hidden",),
    )
    workspace = open_workspace(folder)
    may_change = {"work.py", "old.py", "lib/made.py"}.__contains__
    yield Bench(workspace, StudyBench(sandbox, lambda: workspace, around, scratch, may_change), tmp_path)
    assert list(scratch.iterdir()) == []


def test_what_it_changes_is_told_and_nothing_else(bench: Bench) -> None:
    done = bench.run("""
        sed -i s/3/2/ work.py; rm old.py; echo 'z = 3' >lib/made.py
        echo left >.cache; mkdir -p __pycache__; echo left >__pycache__/a.pyc; echo noted >.jumar/note
        echo finished
    """)
    assert done.report.succeeded and done.said == b"finished\n"
    assert {edit.path: edit.content for edit in done.edits} == {
        "work.py": b"RATE = 2\n",
        "old.py": None,
        "lib/made.py": b"z = 3\n",
    }


def test_what_it_may_not_change_is_told_too_so_that_it_is_refused(bench: Bench) -> None:
    done = bench.run("rm -f lib/other.py; echo 'x = 9' >lib/other.py; echo new >elsewhere.py")
    assert {edit.path for edit in done.edits} == {"lib/other.py", "elsewhere.py"}


def test_a_link_is_told_as_one_so_that_it_is_refused_by_name(bench: Bench) -> None:
    done = bench.run("ln -sf /etc/hostname work.py; ln -s old.py lib/made.py; ln -s work.py latest")
    assert [(edit.path, edit.content, edit.mode) for edit in done.edits] == [
        ("work.py", b"/etc/hostname", LINK),
        ("lib/made.py", b"old.py", LINK),
    ]


def test_it_sees_its_tree_and_its_home_and_nothing_of_ours(bench: Bench, sandbox: Sandbox) -> None:
    (bench.folder / "target" / ".jumar").mkdir(exist_ok=True)
    (bench.folder / "target" / ".jumar" / "ledger.db").write_text("seeds to come")
    done = bench.run(
        f"""
        ls -A . hidden .git lib 2>&1; cat .jumar/brief.md ~/.tool/login; echo; env
        {"" if sandbox.name == "process" else f"cat {bench.folder}/target/.jumar/ledger.db 2>&1"}
        """,
        settings={".tool/login": b"token"},
    )
    said = done.said.decode()
    assert "do ittoken" in said and "MODEL_KEY=k" in said and "work.py" in said
    assert "OF_RUNS" not in said and "answers" not in said and "seeds" not in said
    assert done.edits == ()


def test_its_questions_are_answered_while_it_works(bench: Bench) -> None:
    done = bench.run("""sh .jumar/ask.sh show '{"number": 3}' && sh .jumar/ask.sh knobs""")
    assert done.report.succeeded, done.said
    assert bench.clerk.asked == [b'show\n{"number": 3}\n', b"knobs\n"]
    assert done.said == b'you asked: show\n{"number": 3}\nyou asked: knobs\n'


def test_a_log_in_that_it_renews_is_told_at_once(bench: Bench) -> None:
    script = "echo two >~/.tool/login; ln -sf /etc/passwd ~/.other; sh .jumar/ask.sh x; sleep 1"
    bench.run(script, settings={".tool/login": b"one", ".other": b"one"})
    assert bench.clerk.renewals == {".tool/login": b"two\n"}


def test_what_it_does_to_its_papers_hurts_nobody(bench: Bench) -> None:
    (bench.folder / "mine").mkdir()
    (bench.folder / "mine").chmod(0o777)
    done = bench.run(f"""
        cd .jumar; mv answers elsewhere; ln -s {bench.folder}/mine answers
        mkfifo questions/pipe; ln -s /etc/passwd questions/link; mkdir questions/folder
        head -c {MOST_QUESTION_BYTES + 1} /dev/zero >questions/draft.2; mv questions/draft.2 questions/long
        echo ok >questions/draft.1; mv questions/draft.1 questions/plain; sleep 1; ls elsewhere
    """)
    assert bench.clerk.asked == [b"ok\n"]
    assert done.said == b"plain\n" and list((bench.folder / "mine").iterdir()) == []


def test_one_that_hangs_is_ended_with_all_that_it_started(bench: Bench) -> None:
    begun = time.monotonic()
    done = bench.run("sleep 977 & sleep 977", caps=Caps(wall_s=0.5, memory_bytes=1 << 30))
    assert done.report.ending is Ending.TIMED_OUT and time.monotonic() - begun < 30
    alive = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert b"sleep\x00977\x00" not in alive


def test_an_error_of_whoever_answers_ends_it(bench: Bench) -> None:
    def fail(question: bytes) -> bytes:
        raise KeyError(question)

    bench.clerk.answer = fail  # type: ignore[method-assign]
    with pytest.raises(KeyError):
        bench.run("sh .jumar/ask.sh x; sleep 60")


def test_a_program_that_is_not_there_is_told(bench: Bench) -> None:
    errand = Errand(command=("no-such-agent",), commit=bench.commit, caps=CAPS)
    report = bench.bench.run(errand, bench.clerk).report
    assert report.ending is Ending.NOT_STARTED and "no-such-agent" in report.detail
