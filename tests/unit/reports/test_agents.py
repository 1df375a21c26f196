"""What each agent of a study brought home, and what it took."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.experiment import ExperimentRecord
from jumar.core.outcome import Measured
from jumar.core.proposal import Cost, Edit, Proposal
from jumar.core.verdict import Claim
from jumar.reports.agents import AgentShare, agent_rows, agent_shares
from jumar.reports.values import Values
from jumar.testing.rehearsal import Rehearsal

SOURCE = b"LR = 0.1\n\n\ndef step(x):\n    return x * LR\n"


def idea(agent: str, content: bytes, **details: object) -> Proposal:
    edits = (Edit(path="train.py", content=content),)
    return Proposal(hypothesis="?", edits=edits, agent=agent, details=details)


def paid(record: ExperimentRecord, usd: float) -> ExperimentRecord:
    cost = Cost(usd=usd, tokens=1200, tokens_out=200, seconds=30.0)
    return replace(record, experiment=replace(record.experiment, cost=cost))


@pytest.fixture
def study() -> Rehearsal:
    """The tuner keeps 10 %; a model's change misses and is kept, 20 % better, once it is polished."""
    study = Rehearsal({"train.py": SOURCE})
    study.enter(idea("tuner", SOURCE.replace(b"0.1", b"0.2")))
    study.finish(Measured(value=1.8), pairs=((1.8, 2.0),), keep=True)
    better = SOURCE.replace(b"x * LR", b"x * x * LR")
    study.enter(idea("llm", better))
    study.history[-1] = paid(study.history[-1], 1.0)
    study.finish(Measured(value=1.81))
    study.enter(idea("tuner", better.replace(b"0.1", b"0.3"), polishes=2))
    study.finish(Measured(value=1.44), pairs=((1.44, 1.8),), keep=True)
    study.enter(idea("llm", better.replace(b"x * x", b"x * x * x")))
    study.history[-1] = paid(study.history[-1], 2.0)
    study.finish(Measured(value=3.0))
    return study


def shares(study: Rehearsal, claim: Claim | None = None) -> dict[str, AgentShare]:
    found = agent_shares(study.history, Values(study.history), study.contract.measure.metric, claim)
    return {share.agent: share for share in found}


def certified(study: Rehearsal, relative: float = 0.28) -> Claim:
    return Claim(
        experiment=3,
        baseline=study.history[0].experiment.commit,
        champion=study.champion,
        baseline_value=2.0,
        champion_value=1.44,
        relative=relative,
        relative_interval=(0.24, 0.32),
        pairs=4,
        certified=True,
        reason="",
    )


def test_a_polished_change_is_its_authors_keep(study: Rehearsal) -> None:
    told = shares(study)
    assert (told["llm"].proposals, told["llm"].kept, told["llm"].keep_rate) == (2, 1, 0.5)
    assert (told["tuner"].proposals, told["tuner"].polishing, told["tuner"].kept) == (1, 1, 1)
    assert told["tuner"].gain == pytest.approx(0.1)
    assert told["llm"].gain == pytest.approx(0.18), "of the baseline: 0.2 of what it was built on"


def test_money_and_tokens_are_the_agents_that_spent_them(study: Rehearsal) -> None:
    told = shares(study)
    assert (told["llm"].usd, told["llm"].tokens, told["llm"].tokens_out) == (3.0, 2400, 400)
    assert told["llm"].usd_per_keep == pytest.approx(3.0)
    assert told["tuner"].usd_per_keep is None


def test_a_cost_that_is_not_known_is_no_bargain(study: Rehearsal) -> None:
    record = study.history[-1].experiment
    unpriced = replace(record, cost=replace(record.cost, usd=0.0, priced=False))
    study.history[-1] = replace(study.history[-1], experiment=unpriced)
    told = shares(study)["llm"]
    assert (told.usd, told.priced, told.usd_per_keep) == (1.0, False, None)
    heads, rows = agent_rows([told])
    assert rows[0][heads.index("cost")] == "$1.00 and an unknown part"


def test_what_was_certified_is_divided_among_the_keeps_that_led_there(study: Rehearsal) -> None:
    assert shares(study)["llm"].certified is None
    told = shares(study, certified(study))
    assert told["llm"].certified == pytest.approx(0.18)
    assert told["tuner"].certified == pytest.approx(0.1)
    assert told["llm"].usd_per_percent == pytest.approx(3 / 18)
    undecided = replace(certified(study), certified=False)
    assert shares(study, undecided)["llm"].certified is None


def test_a_keep_that_was_taken_back_is_no_gain(study: Rehearsal) -> None:
    study.history[3] = replace(study.history[3], refuted="no gain")
    assert shares(study)["llm"].gain == 0.0


def test_a_table_has_no_column_without_anything_in_it(study: Rehearsal) -> None:
    heads, rows = agent_rows(tuple(shares(study).values()))
    assert "certified" not in heads
    assert heads[:3] == ["agent", "proposals", "kept"]
    told = {
        head: cell for head, cell in zip(heads, next(row for row in rows if row[0] == "llm"), strict=True)
    }
    assert told["kept"] == "1 (50%)"
    assert told["tokens in / out"] == "2,000 / 400"
    assert told["a keep"] == "$3.00"
    assert next(row for row in rows if row[0] == "tuner")[1] == "1 + 1 polishing"


def test_what_the_machine_waited_is_a_share_of_the_time_it_was_worked_on(study: Rehearsal) -> None:
    record = study.history[2]
    waited = replace(record.experiment, cost=replace(record.experiment.cost, waited_s=9.0))
    study.history[2] = replace(record, experiment=waited)
    metric = study.contract.measure.metric
    told = agent_shares(study.history, Values(study.history), metric, None, active_s=90.0)
    assert {share.agent: share.waited_share for share in told} == {"tuner": 0.0, "llm": pytest.approx(0.1)}
