"""Makes the agents of a study from what the user named: one, or several with their shares."""

from __future__ import annotations

import os
from collections.abc import Mapping

from jumar.agents.registry import make_agent
from jumar.core.agent import Agent, AnyAgent, Researcher, Team
from jumar.core.contract import HybridTerms
from jumar.core.workbench import Workbench
from jumar.errors import Usage

TUNER = "tuner"
# Measured by bench/agents.py.
USUAL_POLISH = 4


def make_team(
    shares: Mapping[str, float],
    terms: HybridTerms | None = None,
    bench: Workbench | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Team:
    """The agents that `shares` names, as `make_agent` takes them.

    Raises Usage and AgentFailed as `make_agent` does, and Usage for two agents that sign alike: nothing
    could tell what either of them has proposed.
    """
    terms = terms or HybridTerms()
    members: dict[str, AnyAgent] = {}
    specs: dict[str, str] = {}
    for spec in shares:
        agent = make_agent(spec, bench, environ)
        if agent.name in members:
            raise Usage(
                f"the agents {specs[agent.name]} and {spec} both go by the name {agent.name}",
                fix="leave one of them out",
            )
        members[agent.name], specs[agent.name] = agent, spec
    tuner = members.get(TUNER)
    usual = USUAL_POLISH if tuner and len(members) > 1 else 0
    polish = usual if terms.polish is None else terms.polish
    return Team(
        members=members,
        shares={name: shares[specs[name]] for name in members},
        polisher=_polisher(tuner) if polish else None,
        polish=polish,
        bandit=terms.bandit and len(members) > 1,
    )


def _polisher(tuner: AnyAgent | None) -> Agent:
    if tuner is None or isinstance(tuner, Researcher):
        made = make_agent(TUNER)
        assert not isinstance(made, Researcher), "the tuner answers at once"
        return made
    return tuner
