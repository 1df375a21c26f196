"""Owns the table of the contract's keys: parsing, defaults, errors and the reference are drawn from it."""

from __future__ import annotations

from typing import Any, NamedTuple

from jumar.rules import contract_kinds as kinds
from jumar.rules.contract_kinds import Kind

REQUIRED = object()  #: the default of a key that has to be given


class Key(NamedTuple):
    """One key: where it stands, what it takes, and what it does.

    `default` is written as a TOML document would say it, and is read like one; None means that
    without the key there is nothing of the kind. `unless` says in words what holds without it.
    """

    group: str
    name: str
    kind: Kind
    meaning: str
    default: Any = None
    unless: str = ""


GROUPS = {
    "target": "what is to be improved, and what may change in it",
    "run": "how one run is started and what it may use",
    "measure": "the metric, who computes it, and what must hold beside it",
    "limits": "when a study stops (without a key there is no such limit), what it leaves to a person, and "
    "how much its agents are told",
    "agents": "who proposes in a new study that is started without `--agent`",
    "hybrid": "how several agents work together on one study",
    "scales": "the ladder, smallest first: each scale is a table of keys of `[run]` that it changes",
}

KEYS = (
    Key("target", "name", kinds.TEXT_NAME, "The study's branch and reports carry this name.", REQUIRED),
    Key("target", "editable", kinds.GLOBS, "What agents may change; whatever else a proposal touches makes "
        "it invalid.", REQUIRED),
    Key("target", "program", kinds.PATH, "Your instructions to the agents.", "program.md"),
    Key("run", "command", kinds.COMMAND, "Starts one run, in the target's folder, with JUMAR_SEED, "
        "JUMAR_BUDGET_S (or JUMAR_BUDGET_STEPS), JUMAR_SCALE and JUMAR_OUT, a folder for what it leaves "
        "behind.", REQUIRED),
    Key("run", "budget", kinds.BUDGET, "What one run may spend on the work itself.", REQUIRED),
    Key("run", "clock", kinds.CLOCK, "What the budget counts: CPU seconds of the whole process tree, or "
        "seconds that pass (the choice for GPUs), both metered from outside; or steps, which the target "
        "counts itself.", "cpu"),
    Key("run", "timeout", kinds.DURATION, "After so long the whole process tree is killed.",
        unless="three times the budget and a minute; required when the clock counts steps"),
    Key("run", "memory", kinds.SIZE, "Most memory of the whole process tree.", "4GiB"),
    Key("run", "disk", kinds.SIZE, "Most that a run may leave in JUMAR_OUT.", "1GiB"),
    Key("run", "output", kinds.SIZE, "Most that a run may print.", "16MiB"),
    Key("run", "processes", kinds.PROCESSES, "Most processes and threads at once.", 256),
    Key("run", "network", kinds.FLAG, "Whether a run may use the network.", False),
    Key("run", "env", kinds.ENV, "Of the environment, a run sees these names and nothing else.", []),
    Key("run", "inputs", kinds.INPUTS, "Read-only files and folders that a run sees beside its tree: what "
        "git does not have, such as data.", []),
    Key("measure", "metric", kinds.METRIC, "The number that a study improves.", REQUIRED),
    Key("measure", "direction", kinds.DIRECTION, "Which way of the metric is better.", "minimize"),
    Key("measure", "bound", kinds.NUMBER, "No value can be better than this. One that is, is run again and "
        "scored strictly; where it stays, it is void."),
    Key("measure", "score", kinds.COMMAND, "The trusted scorer: taken from the pinned contract and run after "
        "the run, in a sandbox of its own. JUMAR_STRICT=1 asks it to look harder at what is hard to believe; "
        "the number stays what it is.",
        unless="the metric is read from a line `name: value` of the run's output, and is self-reported"),
    Key("measure", "serve", kinds.COMMAND, "Answers the scorer's questions with the candidate's code, in "
        "processes of its own. No budget covers these; without a guard on `serve_cpu_s`, their CPU seconds "
        "in all, there is one of 1.5 times the baseline's and half a second.",
        unless="the scorer sees only what the run left behind"),
    Key("measure", "servers", kinds.SERVERS, "How many processes of `serve` the scorer is given.", 2),
    Key("measure", "hidden", kinds.HIDDEN, "Seen by the scorer alone.", []),
    Key("measure", "guards", kinds.GUARDS, "Other measurements and the bounds that a kept change respects.",
        {}),
    Key("measure", "checks", kinds.COMMANDS, "Commands that must succeed before a change is kept.", []),
    Key("measure", "baseline", kinds.RUNS, "Runs of the unchanged target that give the noise.", 4),
    Key("measure", "confirmations", kinds.PAIRS, "At most so many pairs of runs before a change is kept or "
        "dropped.", 8),
    Key("measure", "false_keeps", kinds.SHARE, "The share of keeps that may be false, in expectation: "
        "the evidence that a keep needs follows from it.", 0.1),
    Key("measure", "simpler", kinds.FLAG, "Whether an edit of Python files that leaves less code is kept at "
        "an equal score.", True),
    Key("measure", "scores", kinds.SCORES, "What agents are shown of scores: all digits; rounded to the "
        "noise between runs; or whether a change was kept, and the champion's value, rounded.", "rounded"),
    Key("limits", "experiments", kinds.COUNT, "Stop after so many experiments."),
    Key("limits", "hours", kinds.POSITIVE, "Stop after so many hours of work."),
    Key("limits", "usd", kinds.MONEY, "Stop before agents cost more than so many US dollars."),
    Key("limits", "tokens", kinds.COUNT, "Stop before agents read and write more than so many tokens."),
    Key("limits", "agents", kinds.AGENT_LIMITS, "What single agents may spend, by name; one that has spent "
        "it is not asked any more.", {}),
    Key("limits", "plateau", kinds.COUNT, "Stop after so many experiments without a keep."),
    Key("limits", "target", kinds.NUMBER, "Stop when the champion's value reaches this."),
    Key("limits", "approve", kinds.FLAG, "Whether each keep waits until a person says `jumar approve` or "
        "`jumar reject`. Meanwhile the study goes on from the champion that it has.", False),
    Key("limits", "ahead", kinds.IN_HAND, "Most proposals that models and coding agents have in hand for "
        "each worker, made while experiments run; 0: they are asked when a worker is free.", 4),
    Key("limits", "brief_tokens", kinds.TOKENS, "Most tokens of what an agent is told for one proposal, "
        "however long the study is.", 24_000),
    Key("hybrid", "polish", kinds.TRIALS, "Trials of the tuner on top of a code change that came within "
        "noise of the champion, before it is given up. Each is an experiment like any other.",
        unless="4 where the tuner is one of several agents, else 0"),
    Key("hybrid", "nearby", kinds.SHARE, "Share of the proposals of models and coding agents that start from "
        "a change that came near the champion, instead of from the champion.", unless="none do"),
    Key("hybrid", "bandit", kinds.FLAG, "Whether shares move towards agents whose kept changes gain most for "
        "the machine time and thinking they take.", False),
)  # fmt: skip


def keys_of(group: str) -> dict[str, Key]:
    """The keys of a group by name; a scale takes those of `[run]`."""
    group = "run" if group == "scales" else group
    return {key.name: key for key in KEYS if key.group == group}
