"""An agent thinks on a thread of its own."""

from __future__ import annotations

import pytest

from jumar.core.agent import Brief
from jumar.core.desk import Desk, Question
from jumar.core.proposal import Proposal
from jumar.errors import AgentFailed
from jumar.study.thinking import Thinking
from jumar.testing.memory_desk import MemoryDesk
from jumar.testing.rehearsal import Rehearsal


class Mistaken:
    """An agent of another package, with a mistake in it."""

    name, repeats = "mistaken", False

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        raise ValueError("no such\x1b[2J thing")


def test_an_agent_that_dies_of_a_mistake_of_its_own_has_failed_and_is_no_mistake_of_the_study() -> None:
    thinking = Thinking(Mistaken(), Question(number=1, parent="abc"))
    thinking.begin(Rehearsal({"work.py": b""}).brief(), MemoryDesk(), lambda: None)
    assert thinking.wait(10)
    with pytest.raises(AgentFailed, match="mistaken died of ValueError: no such thing") as failed:
        thinking.came()
    assert not failed.value.passing and isinstance(failed.value.__cause__, ValueError)
