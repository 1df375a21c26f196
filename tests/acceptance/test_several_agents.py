"""Several agents with shares, from the contract to the figures of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from jumar.app import open_study
from jumar.cli.exits import Exit
from jumar.core.event import Entry, Judged, Wish
from jumar.home import Options
from jumar.study.tick import Tick
from jumar.testing.model_server import ModelServer, Use
from jumar.testing.tiny import EXACT, NOISY, Cli, contract

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


# What a person tells becomes its hypothesis, word for word.
LISTENER = """\
#!/bin/sh
sed -i "s/^RATE = 3.0/RATE = 2.5/" work.py
echo "hypothesis: $(grep -o 'leave the width alone' "$1")"
"""


def test_words_of_a_person_reach_the_next_brief_of_every_kind_of_agent(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    program = tmp_path / "listener"
    program.write_text(LISTENER)
    program.chmod(0o755)
    folder = tiny(contract=contract(experiments=2), work=EXACT)
    study = open_study(folder)
    change = {"kind": "replace", "path": "work.py", "find": "RATE = 3.0", "by": "RATE = 2.0"}
    propose = Use("propose", {"hypothesis": "a lower rate", "changes": [change]})

    def observe(event: Entry | Tick) -> None:
        if isinstance(event, Entry) and isinstance(event.event, Judged) and event.event.experiment == 0:
            study.ask(Wish.TELL, "leave the width alone")

    with ModelServer(lambda _: propose) as server:
        agents = {f"command:{program} {{brief}}": 0.4, f"openai:m@{server.url}/v1": 0.4, "external": 0.2}
        open_study(folder, options=Options(agent=agents, workers=1)).run(observe=observe)
    assert "leave the width alone" in {each.experiment.hypothesis for each in study.experiments()}
    assert "leave the width alone" in server.requests[0].messages[0].text
    assert "leave the width alone" in study.reading().text  # what `jumar brief` tells whoever is outside
