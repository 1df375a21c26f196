"""Several agents with shares, from the contract to the figures of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from jumar.app import open_study
from jumar.cli.exits import Exit
from jumar.testing.tiny import NOISY, Cli, contract

AGENTS = '\n[agents]\ntuner = 0.6\n"command:PROGRAM" = 0.4\n'
# A researcher that says nothing and changes one line.
PROGRAM = """\
#!/bin/sh
sed -i "s/abs(width - 16)/abs(width - 16) * 1.$(date +%N)/" work.py
"""


def test_agents_of_the_contract_share_a_study_and_are_told_apart(
    tiny: Callable[..., Path], jumar: Cli, tmp_path: Path
) -> None:
    program = tmp_path / "researcher"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    folder = tiny(
        contract=contract(experiments=5) + AGENTS.replace("PROGRAM", f"{program} {{brief}}"), work=NOISY
    )
    jumar(folder, "run", "--workers", "1")
    study = open_study(folder)
    record = study.record()
    assert record is not None
    assert list(record.terms.shares.values()) == [0.6, 0.4]
    assert record.terms.agent.startswith("tuner=0.6, command:")
    proposers = [each.experiment.agent for each in study.experiments()[1:]]
    assert sum(name == "tuner" for name in proposers) in (3, 4)  # a program that thinks holds nobody up

    shares = json.loads(jumar(folder, "status", "--json").stdout)["summary"]["agents"]
    assert {share["agent"] for share in shares} == set(proposers)
    assert sum(share["proposals"] + share["polishing"] for share in shares) == 5
    table = jumar(folder, "status").stdout
    assert "proposals" in table
    assert "command:" in table

    said = jumar(folder, "run", "--agent", "tuner", expect=Exit.USAGE).stderr
    assert "goes on with its agent `tuner=0.6, command:" in said
    assert "--new --agent tuner" in said
