from msgspec.structs import replace

from jumar.cli.drafts import Draft, contract_text, program_text
from jumar.core.contract import Clock, Direction
from jumar.rules.contract_file import read_contract

LEAST = Draft(
    name="sorter",
    editable=("src/*.py", "!src/api.py"),
    command=("python", "bench.py", 'a "quoted" \\ word'),
    metric="seconds",
    direction=Direction.MINIMIZE,
)


def test_what_a_draft_says_is_what_the_contract_reads() -> None:
    contract = read_contract(contract_text(LEAST))
    assert contract.target.name == LEAST.name
    assert contract.target.editable == LEAST.editable
    assert contract.run.command == LEAST.command
    assert contract.run.timeout_s == 120.0
    assert contract.measure.metric.name == "seconds"
    assert contract.measure.checks == ()


def test_every_further_key_of_a_draft_arrives() -> None:
    full = replace(
        LEAST,
        budget="5m",
        clock=Clock.WALL,
        timeout="10m",
        memory="16GiB",
        processes=4096,
        inputs=("~/.cache/autoresearch",),
        env=("HF_HUB_OFFLINE=1",),
        checks=(("pytest", "-q"),),
    )
    contract = read_contract(contract_text(full))
    run = contract.run
    assert (run.budget.amount, run.budget.clock, run.timeout_s) == (300.0, Clock.WALL, 600.0)
    assert (run.memory_bytes, run.processes) == (16 << 30, 4096)
    assert (run.inputs, run.env) == (full.inputs, full.env)
    assert contract.measure.checks == full.checks


def test_what_is_only_likely_stands_in_a_comment() -> None:
    text = contract_text(replace(LEAST, likely_checks=(("pytest",),), likely_inputs=("~/data",)))
    assert '# checks = [["pytest"]]' in text
    assert '# inputs = ["~/data"]' in text
    assert read_contract(text) == read_contract(contract_text(LEAST))


def test_a_program_names_the_goal_and_what_may_change() -> None:
    text = program_text(replace(LEAST, metric="accuracy", direction=Direction.MAXIMIZE))
    assert "Raise `accuracy`" in text
    assert "`src/*.py`" in text
    assert "$" not in text
