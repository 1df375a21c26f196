"""What people say to a study from elsewhere, over real git: the last word on a keep, and an end at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.cli.main import ending
from jumar.core.agent import Brief
from jumar.core.event import AT_ONCE, Entry, Event, Held, Judged, Noticed, RunStarted, Wish
from jumar.core.proposal import Edit, Proposal
from jumar.core.verdict import OVERTAKEN, Decision
from jumar.home import Home, Options
from jumar.study.loop import Loop
from jumar.study.tick import Tick
from jumar.testing.repository import Repository
from jumar.testing.tiny import contract

WORK = "A = 3.0\n" + "#\n" * 8 + 'B = 3.0\n\nprint(f"loss: {A + B:.6f}")\n'
TERMS = contract(experiments=40, limits="approve = true")


class Script:
    """Turns A, B or both of the champion's file, in order."""

    name, repeats = "script", False

    def __init__(self, *turns: tuple[str, str]) -> None:
        self._turns = list(turns)
        self.briefs: list[Brief] = []

    def propose(self, brief: Brief) -> Proposal | None:
        self.briefs.append(brief)
        if not self._turns:
            return None
        name, value = self._turns.pop(0)
        lines = brief.files["work.py"].decode().splitlines(keepends=True)
        content = "".join(f"{name} = {value}\n" if line.startswith(f"{name} =") else line for line in lines)
        edits = (Edit(path="work.py", content=content.encode()),)
        return Proposal(hypothesis=f"{name} {value}", edits=edits, agent="script")


@pytest.fixture
def target(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    return repository({"work.py": WORK, "jumar.toml": TERMS})


def ignore(_: Entry | Tick) -> None:
    """See nothing."""


def sit(
    folder: Path,
    agent: Script,
    observe: Callable[[Entry | Tick], None] = ignore,
    *,
    terms: str = TERMS,
    experiments: int | None = None,
) -> Study:
    home = Home(folder=folder, study="tiny")
    with assembled(home, terms, Options(workers=1), observe) as parts:
        Loop(replace(parts, agent=agent)).run(experiments=experiments)
    return open_study(folder)


def state(study: Study) -> dict[int, str]:
    """Each experiment's decision; `held` for what waits."""
    return {
        one.number: "held" if one.held else one.verdict.decision.value if one.verdict else "open"
        for one in study.experiments()[1:]
    }


def events(study: Study) -> list[Event]:
    return [entry.event for entry in study.entries()]


def branch(study: Study) -> str:
    return Repository(study.folder).git("rev-parse", "jumar/tiny").strip()


def test_keeps_wait_and_the_study_goes_on_from_the_champion_it_has(
    target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = sit(target, Script(("A", "1.0"), ("A", "9.0"), ("B", "2.0")))
    record = study.record()
    assert record is not None
    assert state(study) == {1: "held", 2: "discarded", 3: "held"}
    assert (record.champion, branch(study)) == (0, record.terms.base)
    assert {one.experiment.parent for one in study.experiments()} == {record.terms.base}
    assert "wait for approval  #1, #3" in _said(target, capsys, "status")
    assert "waits for `jumar approve 3`: loss 5" in _said(target, capsys, "log")
    assert "(better; a person has to approve it yet)" in _said(target, capsys, "brief")
    assert "experiment 2 waits for no approval: discarded" in _said(target, capsys, "approve", "2", code=2)
    assert "name one that waits: #1, #3" in _said(target, capsys, "reject", "0", code=2)

    # One is approved: the other is tried again on it, and waits again.
    assert "becomes the champion when `jumar run` goes on" in _said(target, capsys, "approve", "1")
    study = sit(target, Script())
    record = study.record()
    assert record is not None
    assert state(study) == {1: "kept", 2: "discarded", 3: "discarded", 4: "held"}
    assert (record.champion, branch(study)) == (1, record.champion_commit)
    one, three = study.experiment(1).verdict, study.experiment(3).verdict
    assert one and one.reason.endswith("; approved")
    assert three and three.reason.startswith(OVERTAKEN)
    assert "experiment 1 was kept while this one waited for approval" in three.reason
    assert "waits for no approval: discarded: overtaken" in _said(target, capsys, "approve", "3", code=2)

    # One is rejected: that is a verdict, and agents are told why.
    _said(target, capsys, "reject", "4", "B", "is ours")
    agent = Script(("A", "0.5"))
    study = sit(target, agent)
    four = study.experiment(4).verdict
    assert state(study) == {1: "kept", 2: "discarded", 3: "discarded", 4: "discarded", 5: "held"}
    assert four and (four.reason, four.gain) == ("rejected by a person: B is ours", None)
    assert agent.briefs[0].messages == ("experiment 4 was better, and I reject it: B is ours",)
    assert "a person did not want it" in _said(target, capsys, "lessons")

    # Where approvals are not wanted any more, what waits is kept.
    study = sit(target, Script(), terms=contract(experiments=40))
    assert state(study)[5] == "kept"


def _said(folder: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert ending([*words, "-C", str(folder)]) == code
    out = capsys.readouterr()
    return out.out + out.err


def test_an_approval_while_the_study_runs_moves_the_champion_at_once(target: Path) -> None:
    study = open_study(target)

    def observe(event: Entry | Tick) -> None:
        if isinstance(event, Entry) and isinstance(event.event, Held) and event.event.experiment == 1:
            study.ask(Wish.APPROVE, "1 fine")
            study.ask(Wish.APPROVE, "77")

    agent = Script(("A", "1.0"), *(("B", f"{4 + n}") for n in range(8)))
    sit(target, agent, observe)
    assert state(study)[1] == "kept"
    assert agent.briefs[-1].parent == study.experiment(1).experiment.commit
    assert sum(isinstance(event, Judged) and event.experiment == 1 for event in events(study)) == 1
    noticed = [event.words for event in events(study) if isinstance(event, Noticed)]
    assert "experiment 77 waits for no approval any more: `jumar show` tells why" in noticed


class Crash(BaseException):
    """The process ends here."""


def crash_after(left: int, held: Callable[[int], None]) -> Callable[[Entry | Tick], None]:
    """Die when so many entries were written; `held` is called for each that waits."""

    def observe(event: Entry | Tick) -> None:
        nonlocal left
        left -= isinstance(event, Entry)
        if isinstance(event, Entry) and isinstance(event.event, Held):
            held(event.event.experiment)
        if left < 0:
            raise Crash

    return observe


def test_what_waits_and_what_was_said_of_it_survive_a_crash_at_any_entry(target: Path) -> None:
    study, sittings = open_study(target), 0

    def rule(number: int) -> None:
        study.ask(Wish.REJECT if number % 2 else Wish.APPROVE, f"{number} so be it")

    turns = [("A", "1.0"), ("A", "2.0"), ("A", "0.5"), ("A", "0.2")]
    for entries in cycle((3, 5, 8)):
        assert (sittings := sittings + 1) < 40, "it never comes to its end"
        made = len(study.experiments()[1:])
        try:
            sit(target, Script(*turns[made:]), crash_after(entries, rule))
            break
        except Crash:
            continue
    assert sittings > 4
    while held := [number for number, what in state(study).items() if what == "held"]:
        rule(held[0])  # it was held in the very commit that the crash cut short
        sit(target, Script())
    verdicts = [event for event in events(study) if isinstance(event, Judged)]
    assert len(verdicts) == len({event.experiment for event in verdicts})
    kept = [one for one in study.experiments()[1:] if one.verdict and one.is_kept]
    assert all(one.number % 2 == 0 for one in kept)
    assert all(one.verdict and one.verdict.reason.endswith("; approved: so be it") for one in kept)
    record = study.record()
    assert record is not None and record.champion and branch(study) == record.champion_commit


def test_a_study_that_is_to_stop_now_ends_its_runs_and_goes_on_later(target: Path) -> None:
    slow = WORK + "import time; time.sleep(60 if A < 2 else 0)\n"
    (target / "work.py").write_text(slow)
    Repository(target).commit("A slow one")
    study, began = open_study(target), []

    def observe(event: Entry | Tick) -> None:
        if isinstance(event, Entry) and isinstance(event.event, RunStarted) and event.event.run.experiment:
            began.append(time.monotonic())
            study.ask(Wish.STOP, AT_ONCE)

    sit(target, Script(("A", "1.0")), observe)
    assert time.monotonic() - began[0] < 20
    record = study.record()
    assert record is not None and record.reason == "stopped by request"
    assert [run.lost for run in study.experiment(1).runs] == ["stopped by the user"]
    sit(target, Script(), observe)
    assert [run.lost for run in study.experiment(1).runs] == ["stopped by the user"] * 2


def test_a_limit_counts_what_waits(target: Path) -> None:
    study = sit(target, Script(("A", "1.0"), ("B", "2.0"), ("A", "0.5")), experiments=2)
    assert state(study) == {1: "held", 2: "held"}
    assert (held := study.experiment(1).held) and held.decision is Decision.KEPT
