"""Makes the agents of a study from what the user named: one, or several with their shares."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from jumar.agents.registry import make_agent
from jumar.core.agent import Agent, AnyAgent, Researcher, Team, Waiter
from jumar.core.contract import HybridTerms
from jumar.core.workbench import Workbench
from jumar.errors import Usage

TUNER = "tuner"
# Measured by bench/agents.py.
USUAL_POLISH = 4
ROLES = "roles"  #: folder of the target with the words of each role, as Markdown
_ROLE = re.compile(r"#([a-z0-9][a-z0-9-]*)$")


def make_team(
    shares: Mapping[str, float],
    terms: HybridTerms | None = None,
    bench: Workbench | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Team:
    """The agents that `shares` names, as `make_agent` takes them.

    One that is named `SPEC#ROLE` signs so, and is told the words of that role beside everybody's. Raises
    Usage and AgentFailed as `make_agent` does, and Usage for two agents that sign alike: nothing could tell
    what either of them has proposed.
    """
    terms = terms or HybridTerms()
    members: dict[str, AnyAgent] = {}
    specs: dict[str, str] = {}
    roles: dict[str, str] = {}
    for spec in shares:
        agent = make_agent(_ROLE.sub("", spec), bench, environ)
        if role := role_of(spec):
            _refuse_deaf(agent, spec)
            agent.name = f"{agent.name}#{role}"
            roles[agent.name] = role
        if agent.name in members:
            roles_too = f", or give one a role: {spec}#bold, of {words_of('bold')}"
            raise Usage(
                f"the agents {specs[agent.name]} and {spec} both go by the name {agent.name}",
                fix=f"leave one of them out{roles_too if _reads(agent) else ''}",
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
        roles=roles,
        nearby=terms.nearby,
        explorers=frozenset(name for name, agent in members.items() if _reads(agent)),
    )


def role_of(spec: str) -> str:
    """The role in which an agent takes part; empty where it has none."""
    found = _ROLE.search(spec)
    return found[1] if found else ""


def words_of(role: str) -> str:
    """The file of the target that says what a role is."""
    return f"{ROLES}/{role}.md"


def _reads(agent: AnyAgent) -> bool:
    return isinstance(agent, Researcher) and not isinstance(agent, Waiter)


def _refuse_deaf(agent: AnyAgent, spec: str) -> None:
    if not _reads(agent):
        raise Usage(
            f"the agent {spec} reads no words, and can have no role",
            fix=f"name it without: {_ROLE.sub('', spec)}",
        )


def _polisher(tuner: AnyAgent | None) -> Agent:
    if tuner is None or isinstance(tuner, Researcher):
        made = make_agent(TUNER)
        assert not isinstance(made, Researcher), "the tuner answers at once"
        return made
    return tuner
