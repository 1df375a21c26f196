import re
from pathlib import Path

import pytest

from jumar.core.contract import AgentLimits, Budget, Clock, Direction, Guard
from jumar.errors import ContractInvalid
from jumar.rules.contract_file import read_contract
from jumar.rules.contract_keys import KEYS, REQUIRED, Key
from jumar.rules.contract_reference import as_toml, contract_reference
from jumar.rules.guards import SERVING

LEAST = """\
[target]
name = "sorter"
editable = ["src/*.py"]

[run]
command = ["python", "bench.py"]
budget = "20s"

[measure]
metric = "seconds"
"""

FULL = """\
[target]
name     = "tinylm"
editable = ["train.py"]             # globs
program  = "ideas.md"

[run]
command  = ["python", "train.py"]
budget   = "20s"
clock    = "cpu"
timeout  = "90s"
memory   = "512MiB"
disk     = "2GB"
output   = "1MiB"
processes = 12
network  = true
env      = ["HOME", "DEPTH=2"]
inputs   = ["data/train.bin", "~/.cache/things/"]

[measure]
metric    = "val_bpb"
direction = "maximize"
score     = ["python", "score.py"]
serve     = ["python", "serve.py"]
servers   = 3
hidden    = ["data/holdout", "@data/hidden.txt"]
guards    = { peak_memory_mb = "<= 1.5x", parameters = ">= 20e6" }
checks    = [["pytest", "-q"], ["mypy", "train.py"]]
baseline  = 5
confirmations = 7

[limits]
experiments = 100
hours = 8
usd = 20.0
tokens = 2_000_000
agents = { codex = { usd = 5 }, "openai:gpt-5" = { usd = 2.5, tokens = 10_000 } }
plateau = 40
target = -1.5

[scales]
small = { budget = "10s" }
large = { budget = "1h30m", timeout = "3h", env = ["DEPTH=6"] }
"""


def refusal(text: str) -> ContractInvalid:
    with pytest.raises(ContractInvalid) as caught:
        read_contract(text)
    return caught.value


def test_the_least_contract_gets_the_defaults_of_the_table() -> None:
    contract = read_contract(LEAST)
    assert contract.target.program == "program.md"
    assert contract.run.budget == Budget(amount=20.0, clock=Clock.CPU)
    assert contract.run.timeout_s == 120.0
    assert (contract.run.memory_bytes, contract.run.disk_bytes) == (4 << 30, 1 << 30)
    assert (contract.run.output_bytes, contract.run.processes) == (16 << 20, 256)
    assert not contract.run.network
    assert contract.measure.metric.direction is Direction.MINIMIZE
    assert (contract.measure.baseline, contract.measure.confirmations) == (4, 8)
    assert contract.self_reported
    assert contract.scale == "default"
    assert contract.scales == {"default": contract.run}
    assert contract.limits.experiments is None


def test_every_key_arrives_where_it_is_read() -> None:
    contract = read_contract(FULL)
    run, measure, limits = contract.run, contract.measure, contract.limits
    assert contract.target.program == "ideas.md"
    assert (run.memory_bytes, run.disk_bytes, run.output_bytes) == (512 << 20, 2 * 10**9, 1 << 20)
    assert (run.processes, run.network) == (12, True)
    assert run.env == ("HOME", "DEPTH=2")
    assert run.inputs == ("data/train.bin", "~/.cache/things")
    assert measure.metric.name == "val_bpb"
    assert measure.metric.direction is Direction.MAXIMIZE
    assert (measure.score, measure.serve, measure.servers) == (
        ("python", "score.py"),
        ("python", "serve.py"),
        3,
    )
    assert measure.hidden == ("data/holdout", "@data/hidden.txt")
    assert measure.guards == (
        Guard(name="peak_memory_mb", at_most=True, bound=1.5, relative=True),
        Guard(name="parameters", at_most=False, bound=20e6, relative=False),
        SERVING,  # nothing was said of it
    )
    assert measure.checks == (("pytest", "-q"), ("mypy", "train.py"))
    assert (measure.baseline, measure.confirmations) == (5, 7)
    assert (limits.experiments, limits.hours, limits.usd, limits.plateau) == (100, 8.0, 20.0, 40)
    assert limits.target == -1.5
    assert limits.tokens == 2_000_000
    assert limits.agents == {"codex": AgentLimits(usd=5), "openai:gpt-5": AgentLimits(usd=2.5, tokens=10_000)}


def test_scales_change_run_and_the_first_is_where_studies_start() -> None:
    contract = read_contract(FULL)
    assert list(contract.scales) == ["small", "large"]
    assert contract.scale == "small"
    assert contract.run.budget.amount == 10.0
    large = contract.at("large").run
    assert (large.budget.amount, large.timeout_s, large.env) == (5400.0, 10800.0, ("DEPTH=6",))
    assert large.command == contract.run.command


def test_a_scale_with_a_larger_budget_gets_the_timeout_in_proportion() -> None:
    contract = read_contract(FULL.replace(', timeout = "3h"', ""))
    assert contract.at("large").run.timeout_s == 90.0 * 270
    assert contract.run.timeout_s == 90.0  # never less than what [run] allows


def test_what_is_taken_out_of_a_glob_may_judge() -> None:
    text = FULL.replace('["train.py"]  ', '["*.py", "!score.py", "!serve.py"]  ')
    assert read_contract(text).target.editable == ("*.py", "!score.py", "!serve.py")


def test_a_budget_may_count_steps_when_the_clock_does() -> None:
    steps = 'budget = 300\nclock = "steps"\ntimeout = "5m"'
    assert read_contract(LEAST.replace('budget = "20s"', steps)).run.budget == Budget(
        amount=300.0, clock=Clock.STEPS
    )
    in_words = steps.replace("300", '"300 steps"')
    assert read_contract(LEAST.replace('budget = "20s"', in_words)).run.budget.amount == 300.0


@pytest.mark.parametrize(
    ("said", "seconds"), [("20s", 20), ("0.5s", 0.5), ("5m", 300), ("1h30m", 5400), ("2 h 3 min 4 s", 7384)]
)
def test_a_length_of_time_is_read(said: str, seconds: float) -> None:
    assert read_contract(LEAST.replace('"20s"', f'"{said}"')).run.budget.amount == seconds


BAD = {
    "an unknown key": (
        LEAST.replace("budget =", "budgett ="),
        "jumar.toml:7: [run] has no key `budgett`",
        "did you mean `budget`?",
    ),
    "an unknown key of a scale": (
        FULL.replace('large = { budget = "1h30m"', 'large = { bugdet = "1h30m"'),
        "jumar.toml:42: [scales] large has no key `bugdet`",
        "did you mean `budget`?",
    ),
    "an unknown group": (
        LEAST.replace("[measure]", "[mesure]"),
        "jumar.toml:9: there is no group `mesure`",
        "did you mean `measure`?",
    ),
    "a missing key": (
        LEAST.replace('budget = "20s"\n', ""),
        "jumar.toml:5: [run] lacks `budget`",
        '`budget` takes a length of time such as "20s"',
    ),
    "a missing group": ("", "jumar.toml: [target] lacks `name`", "`name` takes a name"),
    "a number for a time": (
        LEAST.replace('"20s"', "20.0"),
        "jumar.toml:7: [run] budget is the number 20.0",
        'write "20s"',
    ),
    "a time without a unit": (
        LEAST + '[limits]\nhours = "8h"\n',
        'jumar.toml:12: [limits] hours is the text "8h"',
        "a number above 0",
    ),
    "a nonsensical time": (
        LEAST.replace('"20s"', '"1.2.3s"'),
        'jumar.toml:7: [run] budget is the text "1.2.3s"',
        "a length of time",
    ),
    "no time at all": (
        LEAST.replace('"20s"', '"0s"'),
        'jumar.toml:7: [run] budget is the text "0s"',
        "length",
    ),
    "a command in one text": (
        LEAST.replace('["python", "bench.py"]', '"python bench.py"'),
        'jumar.toml:6: [run] command is the text "python bench.py"',
        'write ["python", "bench.py"]',
    ),
    "a glob in one text": (
        LEAST.replace('["src/*.py"]', '"src/*.py"'),
        'jumar.toml:3: [target] editable is the text "src/*.py"',
        'write ["src/*.py"]',
    ),
    "nothing editable": (
        LEAST.replace('["src/*.py"]', "[]"),
        "jumar.toml:3: [target] editable is an empty list",
        "globs",
    ),
    "a glob that leaves the folder": (
        LEAST.replace("src/*.py", "../*.py"),
        'jumar.toml:3: [target] editable is the text "../*.py"',
        "globs below",
    ),
    "a size without a unit": (
        LEAST.replace("budget =", 'memory = "4"\nbudget ='),
        'jumar.toml:7: [run] memory is the text "4"',
        '"4GiB"',
    ),
    "a truth for a number": (
        LEAST + "[limits]\nplateau = true\n",
        "jumar.toml:12: [limits] plateau is true",
        "a whole number, 1 or more",
    ),
    "a limit of nothing known": (
        LEAST + '[limits]\nagents = { codex = { hours = 2 } }\n',
        "jumar.toml:12: [limits] agents is a table in which codex is a table of hours",
        "a table of agents, such as",
    ),
    "a limit of an agent without a name for it": (
        LEAST + "[limits]\nagents = { codex = 5 }\n",
        "jumar.toml:12: [limits] agents is a table in which codex is the number 5",
        "usd = 5",
    ),
    "a limit below nothing": (
        LEAST + "[limits]\nagents = { codex = { usd = -1 } }\n",
        "jumar.toml:12: [limits] agents is a table in which the usd of codex is the number -1",
        "a usd that is a number, 0 or more",
    ),
    "too few runs for a noise": (
        LEAST + "baseline = 2\n",
        "jumar.toml:11: [measure] baseline is the number 2",
        "a whole number, 3 to 1000",
    ),
    "an infinite number": (
        LEAST + "[limits]\ntarget = inf\n",
        "jumar.toml:12: [limits] target is the number inf",
        "a number",
    ),
    "a guard that says nothing": (
        LEAST + 'guards = { memory = "1.5x" }\n',
        'jumar.toml:11: [measure] guards is a table in which memory is the text "1.5x"',
        '"<= 1.5x"',
    ),
    "a choice that is none": (
        LEAST + 'direction = "down"\n',
        'jumar.toml:11: [measure] direction is the text "down"',
        'one of "minimize", "maximize"',
    ),
    "an unusable env entry": (
        LEAST.replace("budget =", 'env = ["JUMAR_SEED"]\nbudget ='),
        'jumar.toml:7: [run] env is a list with the text "JUMAR_SEED" in it',
        "names",
    ),
    "steps on a clock of seconds": (
        LEAST.replace('"20s"', '"300 steps"'),
        'jumar.toml:7: [run] budget is 300 steps, but the clock is "cpu"',
        'clock = "steps"',
    ),
    "seconds on a clock of steps": (
        LEAST + '[scales]\nsmall = { clock = "steps", timeout = "1m" }\n',
        'jumar.toml:12: [scales] small.budget is 20 seconds, but the clock is "steps"',
        '"300 steps"',
    ),
    "steps without a timeout": (
        LEAST.replace('"20s"', '300\nclock = "steps"'),
        "jumar.toml:5: [run] lacks `timeout`, and the clock counts steps",
        'timeout = "5m"',
    ),
    "a timeout before the budget": (
        LEAST.replace('"20s"', '"20s"\nclock = "wall"\ntimeout = "10s"'),
        "jumar.toml:9: [run] timeout is shorter than the budget of 20 s",
        "twice the budget",
    ),
    "an editable contract": (
        LEAST.replace("src/*.py", "*.toml"),
        'jumar.toml:3: [target] editable has "*.toml", which matches jumar.toml (the contract)',
        "more narrowly",
    ),
    "an editable scorer": (
        FULL.replace('["train.py"]  ', '["*.py"]  '),
        'jumar.toml:3: [target] editable has "*.py", which matches score.py (the scorer)',
        "more narrowly",
    ),
    "an editable scorer that is a module": (
        FULL.replace('["train.py"]  ', '["tools/**"]  ').replace('"score.py"', '"-m", "tools.score"'),
        'jumar.toml:3: [target] editable has "tools/**", which matches tools/score.py (the scorer)',
        "more narrowly",
    ),
    "an editable check": (
        LEAST.replace("src/*.py", "*.py") + 'checks = [["python", "check.py"]]\n',
        'jumar.toml:3: [target] editable has "*.py", which matches check.py (a check)',
        "more narrowly",
    ),
    "an editable program": (
        LEAST.replace("src/*.py", "**"),
        'jumar.toml:3: [target] editable has "**", which matches jumar.toml (the contract)',
        "more narrowly",
    ),
    "an editable part of what is hidden": (
        FULL.replace('["train.py"]  ', '["data/holdout/a.bin"]  '),
        'jumar.toml:3: [target] editable has "data/holdout/a.bin", '
        "which matches data/holdout (hidden from runs)",
        "more narrowly",
    ),
    "hidden without a scorer": (
        LEAST + 'hidden = ["data"]\n',
        "jumar.toml:11: [measure] hidden is given, but there is no `score` that it is for",
        "take `hidden` out",
    ),
    "an input that is hidden": (
        FULL.replace('"data/train.bin"', '"data/holdout/x"'),
        'jumar.toml:17: [run] inputs shows "data/holdout/x" to runs, '
        'and [measure] hidden hides "data/holdout"',
        "one of the two",
    ),
    "a group that is no table": (
        'limits = 3\n' + LEAST,
        "jumar.toml:1: [limits] is the number 3",
        "table",
    ),
    "a scale with a bad name": (
        LEAST + '[scales]\n"../up" = { budget = "1s" }\n',
        'jumar.toml:12: "../up" cannot be the name of a scale',
        "letters",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "problem", "fix"), BAD.values(), ids=BAD)
def test_a_complaint_names_file_line_key_and_what_is_allowed(text: str, problem: str, fix: str) -> None:
    error = refusal(text)
    assert error.problem == problem
    assert fix in error.fix


@pytest.mark.parametrize(
    ("text", "line"),
    [("[target]\nname = \n", 2), ('[target]\nname = "x', 2), ("a = 1\na = 2\n", 2), ("= 3", 1)],
)
def test_a_syntax_error_has_its_line(text: str, line: int) -> None:
    assert refusal(text).problem.startswith(f"jumar.toml:{line}: this is not TOML: ")


def test_the_name_of_the_file_is_the_one_given() -> None:
    with pytest.raises(ContractInvalid) as caught:
        read_contract(LEAST.replace("name", "nam"), where="sub/jumar.toml")
    assert caught.value.problem == "sub/jumar.toml:2: [target] has no key `nam`"


WITH_DEFAULT = [key for key in KEYS if key.default is not None and key.default is not REQUIRED]


@pytest.mark.parametrize("key", WITH_DEFAULT, ids=lambda key: f"{key.group}.{key.name}")
def test_a_default_means_what_the_file_would_say(key: Key) -> None:
    line = f"{key.name} = {as_toml(key.default)}\n"
    text = f"{LEAST}[limits]\n[hybrid]\n".replace(f"[{key.group}]\n", f"[{key.group}]\n{line}")
    assert line in text
    assert read_contract(text) == read_contract(LEAST)


def test_the_reference_in_the_docs_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs" / "contract.md"
    assert page.read_text(encoding="utf-8") == contract_reference(), (
        "write jumar.rules.contract_reference.contract_reference() to docs/contract.md"
    )


def test_the_reference_has_every_key_and_an_example_that_is_read() -> None:
    reference = contract_reference()
    assert all(f"| `{key.name}` |" in reference for key in KEYS)
    example = re.findall(r"```toml\n(.*?)```", reference, re.DOTALL)
    assert read_contract("".join(example)).scale == "small"


def test_agents_have_shares_that_sum() -> None:
    contract = read_contract(
        LEAST + '[agents]\ntuner = 0.7\n"claude-code:opus" = 0.3\n[hybrid]\npolish = 6\n'
    )
    assert contract.agents == {"tuner": 0.7, "claude-code:opus": 0.3}
    assert (contract.hybrid.polish, contract.hybrid.bandit) == (6, False)
    assert read_contract("agents = { tuner = 1.0 }\n" + LEAST).agents == {"tuner": 1.0}


@pytest.mark.parametrize(
    ("agents", "says", "fix"),
    [
        ("tuner = 0.7\ncodex = 0.2", "[agents] the shares", '"tuner" = 0.78, "codex" = 0.22'),
        ("tuner = 0", "[agents] tuner is the number 0", "above 0"),
        ('tuner = "most"', '[agents] tuner is the text "most"', "a number above 0"),
        ("tuner = { share = 1 }", "[agents] tuner is a table", "a number above 0"),
    ],
)
def test_shares_that_do_not_sum_are_refused_where_they_stand(agents: str, says: str, fix: str) -> None:
    with pytest.raises(ContractInvalid) as refused:
        read_contract(f"{LEAST}[agents]\n{agents}\n")
    assert says.removeprefix("[agents] ") in refused.value.problem
    assert fix in refused.value.fix
