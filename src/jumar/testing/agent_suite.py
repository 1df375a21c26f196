"""The exam of every agent. Subclass it, supply the fixture, and pytest holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import pytest

from jumar.core.agent import Agent
from jumar.core.outcome import Failed, Measured, Outcome, Stopped, Why
from jumar.core.proposal import Cost, Proposal
from jumar.errors import Breach
from jumar.rules.duplicates import fingerprint, parses
from jumar.rules.scope import check_scope
from jumar.testing.rehearsal import EDITABLE, Rehearsal, tree_of

SOURCE = b'''"""A small program to be improved."""

LR = 1e-3  # 1e-5 .. 1e-1 log
WIDTH = 128
DECAY: float = 0.01
ACTIVATION = "gelu"  # one of: gelu, relu, silu


def train(steps: int = 100, *, warmup: float = 0.0) -> float:
    return LR * WIDTH * steps + warmup
'''

# What may come of an experiment; an agent has to live with all of it.
FATES: tuple[Outcome | None, ...] = (
    Measured(value=2.1),
    Failed(why=Why.OUT_OF_MEMORY, detail="killed"),
    Stopped(progress=0.4, detail="hopeless"),
    None,  # still open
    Measured(value=1.9),
    Failed(why=Why.NOT_FINITE, detail="nan"),
)


class AgentSuite:
    """Supply `makes`, which gives a fresh agent each time; `files` is what it is to improve."""

    @pytest.fixture
    def files(self) -> Mapping[str, bytes]:
        return {"train.py": SOURCE}

    @pytest.fixture
    def study(self, files: Mapping[str, bytes]) -> Rehearsal:
        return Rehearsal(files)

    def test_it_has_a_name(self, makes: Callable[[], Agent]) -> None:
        assert makes().name

    def test_the_same_brief_gives_the_same_proposal(
        self, makes: Callable[[], Agent], study: Rehearsal
    ) -> None:
        agent, brief = makes(), study.brief(chance=7)
        assert _said(agent.propose(brief)) == _said(agent.propose(brief))

    def test_it_proposes_something(self, makes: Callable[[], Agent], study: Rehearsal) -> None:
        proposal = makes().propose(study.brief())
        assert proposal is not None and proposal.hypothesis.strip()

    def test_its_edits_are_in_scope_and_parse(self, makes: Callable[[], Agent], study: Rehearsal) -> None:
        for proposal in _lived_through(makes(), study, turns=8):
            check_scope(proposal.edits, tree_of(study.files[study.champion]), EDITABLE, ())
            assert not any(parses(edit.path, edit.content) for edit in proposal.edits if edit.content)

    def test_what_it_proposes_can_be_recorded(self, makes: Callable[[], Agent], study: Rehearsal) -> None:
        proposal = makes().propose(study.brief())
        assert proposal is not None
        assert msgspec.json.decode(msgspec.json.encode(proposal), type=Proposal) == proposal

    def test_it_signs_with_its_own_name(self, makes: Callable[[], Agent], study: Rehearsal) -> None:
        agent = makes()
        proposal = agent.propose(study.brief())
        assert proposal is not None and proposal.agent == agent.name

    def test_it_never_repeats_what_was_tried(self, makes: Callable[[], Agent], study: Rehearsal) -> None:
        agent = makes()
        if agent.repeats:
            pytest.skip("this agent says that it repeats")
        _lived_through(agent, study, turns=24)
        codes = [fingerprint(files) for files in study.files.values()]
        assert len(codes) == len(set(codes)) > 24

    def test_a_fresh_agent_goes_on_where_another_stopped(
        self, makes: Callable[[], Agent], study: Rehearsal
    ) -> None:
        old = makes()
        for turn in range(12):
            _lived_through(old, study, turns=1, first=turn)
            brief = study.brief(chance=1000 + turn)
            assert _said(makes().propose(brief)) == _said(old.propose(brief))

    def test_one_agent_can_serve_two_studies(self, makes: Callable[[], Agent], study: Rehearsal) -> None:
        agent, other = makes(), Rehearsal({"train.py": SOURCE + b"\nEXTRA = 4.0\n"}, name="other")
        _lived_through(agent, study, turns=6)
        assert _said(agent.propose(other.brief())) == _said(makes().propose(other.brief()))


def _lived_through(agent: Agent, study: Rehearsal, *, turns: int, first: int = 0) -> list[Proposal]:
    """Let the agent propose, with every fate in turn; every fifth experiment is kept."""
    proposals = []
    for turn in range(first, first + turns):
        try:
            proposal = agent.propose(study.brief(chance=turn))
        except Breach as breach:
            study.refuse(agent.name, breach.problem)
            continue
        if proposal is None:
            break
        proposals.append(proposal)
        study.enter(proposal)
        fate = FATES[turn % len(FATES)]
        if fate is not None:
            is_kept = isinstance(fate, Measured) and fate.value < 2
            study.finish(fate, pairs=((1.9, 2.0),) if is_kept else (), keep=is_kept)
    return proposals


def _said(proposal: Proposal | None) -> object:
    """What must be the same for the same brief: everything but how long it took."""
    return msgspec.structs.replace(proposal, cost=Cost()) if proposal else None
