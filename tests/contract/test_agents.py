"""Every agent that ships sits the same exam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.agents.nop import Nop
from jumar.agents.ranges import Kind, Range, Scale
from jumar.agents.replay import Replay
from jumar.agents.tuner import Sampler, Tuner
from jumar.core.agent import Agent
from jumar.core.proposal import Edit
from jumar.errors import Breach, Usage
from jumar.testing.agent_suite import SOURCE, AgentSuite
from jumar.testing.agents import ScriptedAgent
from jumar.testing.rehearsal import Rehearsal

LR_UP = b"""\
Subject: [PATCH 1/2] Raise LR,
 since the loss falls slowly
---
diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -1,5 +1,5 @@
 \"\"\"A small program to be improved.\"\"\"
\x20
-LR = 1e-3  # 1e-5 .. 1e-1 log
+LR = 3e-3  # 1e-5 .. 1e-1 log
 WIDTH = 128
 DECAY: float = 0.01
"""
NEW_FILE = b"""\
Split the model off
diff --git a/model.py b/model.py
new file mode 100755
--- /dev/null
+++ b/model.py
@@ -0,0 +1 @@
+DEPTH = 2
"""
REMOVAL = b"""\
diff --git a/old.py b/old.py
deleted file mode 100644
--- a/old.py
+++ /dev/null
@@ -1 +0,0 @@
-x = 1
"""


class TestTuner(AgentSuite):
    @pytest.fixture
    def makes(self) -> Callable[[], Agent]:
        return Tuner


class TestTunerAtRandom(AgentSuite):
    @pytest.fixture
    def makes(self) -> Callable[[], Agent]:
        return lambda: Tuner(sampler=Sampler.RANDOM)


class TestTunerWithASpace(AgentSuite):
    @pytest.fixture
    def makes(self) -> Callable[[], Agent]:
        lr = Range(kind=Kind.FLOAT, low=1e-4, high=1e-2, scale=Scale.LOG)
        return lambda: Tuner(sampler=Sampler.TPE, space={"train.py:LR": lr})


class TestTunerOnSeveralFiles(AgentSuite):
    @pytest.fixture
    def makes(self) -> Callable[[], Agent]:
        return Tuner

    @pytest.fixture
    def files(self) -> Mapping[str, bytes]:
        return {"train.py": SOURCE, "model.py": b"DEPTH = 2\nLR = 0.1\n", "notes.txt": b"LR = 1\n"}


class TestNop(AgentSuite):
    @pytest.fixture
    def makes(self) -> Callable[[], Agent]:
        return Nop


class TestScripted(AgentSuite):
    @pytest.fixture
    def makes(self) -> Callable[[], Agent]:
        ideas = [Edit(path="train.py", content=SOURCE + b"# %d\n" % n) for n in range(9)]
        return lambda: ScriptedAgent(*ideas)


class TestReplay(AgentSuite):
    @pytest.fixture
    def makes(self, tmp_path: Path) -> Callable[[], Agent]:
        (tmp_path / "01-lr.patch").write_bytes(LR_UP)
        (tmp_path / "02-lr-again.patch").write_bytes(LR_UP)
        (tmp_path / "03-whole").mkdir()
        (tmp_path / "03-whole" / "train.py").write_bytes(SOURCE + b"DEPTH = 3\n")
        return lambda: Replay(tmp_path)


def test_replay_takes_patches_and_folders_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.diff").write_bytes(LR_UP)
    (tmp_path / "a wider net" / "lib").mkdir(parents=True)
    (tmp_path / "a wider net" / "train.py").write_bytes(SOURCE)
    (tmp_path / "a wider net" / "lib" / "net.py").write_bytes(b"WIDTH = 256\n")
    study = Rehearsal({"train.py": SOURCE})
    whole = Replay(tmp_path).propose(study.brief())
    assert whole is not None and whole.hypothesis == "a wider net"
    assert whole.edits == (Edit(path="lib/net.py", content=b"WIDTH = 256\n"),)
    study.enter(whole)
    study.enter(replace(whole, details={**whole.details, "retest_of": 1}))
    patched = Replay(tmp_path).propose(study.brief())
    assert patched is not None and patched.hypothesis == "Raise LR, since the loss falls slowly"
    assert patched.edits == (Edit(path="train.py", content=SOURCE.replace(b"LR = 1e-3", b"LR = 3e-3")),)
    study.enter(patched)
    assert Replay(tmp_path).propose(study.brief()) is None


def test_replay_says_what_does_not_apply_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "1.patch").write_bytes(LR_UP.replace(b"WIDTH = 128", b"WIDTH = 64"))
    (tmp_path / "2.patch").write_bytes(LR_UP)
    agent, study = Replay(tmp_path), Rehearsal({"train.py": SOURCE})
    with pytest.raises(Breach, match=r"1\.patch does not apply: .*train\.py:1") as caught:
        agent.propose(study.brief())
    assert caught.value.code == "does-not-apply"
    study.refuse(agent.name, caught.value.problem)
    assert agent.propose(study.brief()) is not None


def test_replay_tells_new_files_modes_and_removals(tmp_path: Path) -> None:
    (tmp_path / "1.patch").write_bytes(NEW_FILE)
    (tmp_path / "2.patch").write_bytes(REMOVAL)
    study = Rehearsal({"train.py": SOURCE, "old.py": b"x = 1\n"})
    made = Replay(tmp_path).propose(study.brief())
    assert made is not None
    assert made.edits == (Edit(path="model.py", content=b"DEPTH = 2\n", mode=0o100755),)
    study.enter(made)
    gone = Replay(tmp_path).propose(study.brief())
    assert gone is not None and gone.edits == (Edit(path="old.py", content=None),)


@pytest.mark.parametrize("path", ["score.py/escaped.txt", "../../escaped.py", "/tmp/escaped.py"])
def test_replay_refuses_what_lies_elsewhere(tmp_path: Path, path: str) -> None:
    (tmp_path / "1.patch").write_bytes(NEW_FILE.replace(b"model.py", path.encode()))
    with pytest.raises(Breach, match="escaped"):
        Replay(tmp_path).propose(Rehearsal({"train.py": SOURCE}).brief())
    assert not list(tmp_path.parent.rglob("escaped*"))


def test_replay_keeps_bytes_that_git_would_mend(tmp_path: Path) -> None:
    source = b"X = 1\r\nY = 2  \r\n"
    (tmp_path / "1.patch").write_bytes(
        b"--- a/t.py\n+++ b/t.py\n@@ -1,2 +1,2 @@\n-X = 1\r\n+X = 3\r\n Y = 2  \r\n"
    )
    made = Replay(tmp_path).propose(Rehearsal({"t.py": source}).brief())
    assert made is not None and made.edits[0].content == b"X = 3\r\nY = 2  \r\n"


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_replay_refuses_a_folder_without_patches(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Usage, match="patch"):
        Replay(tmp_path / name)
