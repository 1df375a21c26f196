from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.core.contract import Budget, Clock, Contract, MeasureTerms, Metric
from jumar.core.evaluator import MOST_SCORE_BYTES, FinishedRun
from jumar.core.job import Ending, ExitReport
from jumar.core.outcome import Failed, Measured, Why
from jumar.core.run import Purpose, Run
from jumar.evaluators.ending import failure, last_lines
from jumar.evaluators.scorer import Scorer, ScoringPlace
from jumar.evaluators.stdout import StdoutEvaluator
from jumar.testing.records import make_study

TRUSTED = make_study(0)[2]
REPORTED = replace(TRUSTED, measure=MeasureTerms(metric=Metric(name="loss")))


def report(ending: Ending = Ending.EXITED, code: int | None = 0, **more: object) -> ExitReport:
    spent = {"wall_s": 1.0, "cpu_s": 1.0, "peak_memory_bytes": 1, "output_bytes": 1, **more}
    return ExitReport(ending=ending, exit_code=code if ending is Ending.EXITED else None, **spent)  # type: ignore[arg-type]


Finish = Callable[..., FinishedRun]


@pytest.fixture
def finish(tmp_path: Path) -> Finish:
    """A run that ended, as its sandbox would leave it."""

    def finished(
        said: bytes = b"", ended: ExitReport | None = None, purpose: Purpose = Purpose.SCREEN
    ) -> FinishedRun:
        for name in ("tree", "out", "work"):
            (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / "log").write_bytes(said)
        return FinishedRun(
            run=Run(key="1-1", experiment=1, commit="c" * 40, seed=7, purpose=purpose),
            report=ended or report(),
            tree=tmp_path / "tree",
            out=tmp_path / "out",
            log=tmp_path / "log",
            work=tmp_path / "work",
        )

    return finished


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        (Ending.SIGNALLED, Why.CRASHED),
        (Ending.NOT_STARTED, Why.CRASHED),
        (Ending.TIMED_OUT, Why.TIMED_OUT),
        (Ending.OVER_CPU, Why.OVER_BUDGET),
        (Ending.OUT_OF_MEMORY, Why.OUT_OF_MEMORY),
        (Ending.OVER_DISK, Why.OVER_DISK),
        (Ending.OVER_OUTPUT, Why.OVER_OUTPUT),
    ],
)
def test_every_bad_end_has_its_reason_and_its_last_words(finish: Finish, ending: Ending, why: Why) -> None:
    found = failure(finish(b"loss: 1\nthe last word\n", report(ending, detail="so it was")), TRUSTED.run)
    assert found is not None
    assert found.why is why
    assert "so it was" in found.detail
    assert "the last word" in found.detail


def test_an_exit_code_other_than_0_is_a_crash_whatever_was_printed(finish: Finish) -> None:
    outcome = StdoutEvaluator(REPORTED).measure(finish(b"loss: 1\n", report(code=3)), None)
    assert isinstance(outcome, Failed)
    assert (outcome.why, "exit code 3" in outcome.detail) == (Why.CRASHED, True)


def test_more_cpu_than_the_budget_is_no_measurement(finish: Finish) -> None:
    outcome = StdoutEvaluator(REPORTED).measure(finish(b"loss: 1\n", report(cpu_s=25.0)), None)
    assert isinstance(outcome, Failed)
    assert outcome.why is Why.OVER_BUDGET


def test_a_self_reported_run_on_a_wall_clock_keeps_its_own_time(finish: Finish) -> None:
    wall = replace(REPORTED, run=replace(REPORTED.run, budget=Budget(amount=5.0, clock=Clock.WALL)))
    late = finish(b"loss: 1\n", report(wall_s=30.0))
    assert isinstance(StdoutEvaluator(wall).measure(late, None), Measured)
    assert failure(late, wall.run, trusted=True) is not None


def test_the_metric_and_the_other_numbers_come_from_the_output(finish: Finish) -> None:
    outcome = StdoutEvaluator(REPORTED).measure(finish(b"params: 10\nloss: 2\nbad: nan\n"), None)
    assert outcome == Measured(value=2.0, others={"params": 10.0})


def test_an_output_without_the_metric_says_which_line_is_missing(finish: Finish) -> None:
    outcome = StdoutEvaluator(REPORTED).measure(finish(b"done in 3 s\n"), None)
    assert isinstance(outcome, Failed)
    assert outcome.why is Why.NO_METRIC
    assert "`loss: <number>`" in outcome.detail
    assert "done in 3 s" in outcome.detail


@pytest.mark.parametrize("said", [b"loss: nan\n", b"loss: inf\n", b"loss: 1e999\n"])
def test_a_number_that_is_not_finite_is_never_measured(finish: Finish, said: bytes) -> None:
    outcome = StdoutEvaluator(REPORTED).measure(finish(said), None)
    assert isinstance(outcome, Failed)
    assert outcome.why is Why.NOT_FINITE


def test_last_words_carry_no_control_characters_to_the_terminal(finish: Finish) -> None:
    assert last_lines(finish(b"\x1b]0;title\x07\x1b[31mevil\x1b[0m end\x1b[2J\n").log) == "evil end"


def test_last_words_are_few_and_short(finish: Finish) -> None:
    said = last_lines(finish(b"".join(b"%d " % n + b"x" * 5000 + b"\n" for n in range(100))).log)
    assert len(said) < 2000


@pytest.fixture
def scorer(tmp_path: Path) -> Callable[..., Scorer]:
    def make(contract: Contract = TRUSTED) -> Scorer:
        place = ScoringPlace(
            pinned=tmp_path / "pinned",
            inputs={"data": tmp_path / "data"},
            hidden={"data/holdout": tmp_path / "holdout"},
            readable=(),
            masked=(tmp_path / "holdout",),
            env={"PATH": "/bin"},
        )
        return Scorer(contract, place)

    return make


def test_the_scorer_sees_the_hidden_data_and_its_servers_do_not(
    finish: Finish, scorer: Callable[..., Scorer], tmp_path: Path
) -> None:
    contract = replace(TRUSTED, measure=replace(TRUSTED.measure, serve=("python", "serve.py"), servers=2))
    finished = finish()
    job = scorer(contract).scoring(finished)
    assert job is not None
    assert (job.tree, job.inputs["data/holdout"]) == (tmp_path / "pinned", tmp_path / "holdout")
    assert len(job.servers) == 2
    for server in job.servers:
        assert server.tree == finished.tree
        assert "data/holdout" not in server.inputs
        assert tmp_path / "holdout" in server.masked
    assert len({job.out, finished.out, *(server.out for server in job.servers)}) == 4
    assert len({job.key, *(server.key for server in job.servers)}) == 3


@pytest.mark.parametrize(("purpose", "split"), [(Purpose.CERTIFY, "holdout"), (Purpose.CONFIRM, "search")])
def test_only_a_certification_is_scored_on_the_holdout(
    finish: Finish, scorer: Callable[..., Scorer], purpose: Purpose, split: str
) -> None:
    job = scorer().scoring(finish(purpose=purpose))
    assert job is not None
    assert job.env["JUMAR_SPLIT"] == split
    assert "JUMAR_SPLIT" not in {name for server in job.servers for name in server.env}


@pytest.mark.parametrize("strict", [False, True])
def test_the_scorer_alone_is_told_to_be_strict(
    finish: Finish, scorer: Callable[..., Scorer], strict: bool
) -> None:
    contract = replace(TRUSTED, measure=replace(TRUSTED.measure, serve=("python", "serve.py"), servers=2))
    finished = finish()
    job = scorer(contract).scoring(replace(finished, run=replace(finished.run, strict=strict)))
    assert job is not None
    assert job.env.get("JUMAR_STRICT") == ("1" if strict else None)
    assert not any("JUMAR_STRICT" in server.env for server in job.servers)


def test_a_run_that_ended_badly_is_not_scored(finish: Finish, scorer: Callable[..., Scorer]) -> None:
    finished = finish(ended=report(code=1))
    assert scorer().scoring(finished) is None
    assert isinstance(scorer().measure(finished, None), Failed)


def scored(finished: FinishedRun, text: bytes) -> FinishedRun:
    (finished.work / "score").mkdir()
    (finished.work / "score" / "score.json").write_bytes(text)
    return finished


def test_a_score_is_taken_as_the_scorer_wrote_it(finish: Finish, scorer: Callable[..., Scorer]) -> None:
    text = b'{"metric": 2.5, "measurements": {"params": 10}, "items": [2.0, 3.0]}'
    outcome = scorer().measure(scored(finish(b"val_bpb: 0.001\n"), text), report())
    assert outcome == Measured(value=2.5, others={"params": 10.0}, items=(2.0, 3.0))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"refused": "not causal"}', Why.REFUSED),
        (b'{"metric": 1.0, "refused": "not causal"}', Why.REFUSED),
        (b"{}", Why.SCORER_FAILED),
        (b'{"metric": "1.0"}', Why.SCORER_FAILED),
        (b'{"metric": 1.0, "note": "hello"}', Why.SCORER_FAILED),
        (b'{"metric": NaN}', Why.SCORER_FAILED),
        (b'{"metric": 1e999}', Why.SCORER_FAILED),
        (b'{"metric": null}', Why.SCORER_FAILED),
        (b"", Why.SCORER_FAILED),
        (b"\xff\xfe", Why.SCORER_FAILED),
    ],
)
def test_what_is_not_exactly_a_score_is_never_a_number(
    finish: Finish, scorer: Callable[..., Scorer], text: bytes, why: Why
) -> None:
    outcome = scorer().measure(scored(finish(), text), report())
    assert isinstance(outcome, Failed)
    assert outcome.why is why


def test_a_scorer_that_wrote_nothing_crashed_or_hung_is_said_so(
    finish: Finish, scorer: Callable[..., Scorer]
) -> None:
    finished = finish()
    (finished.work / "score.log").write_text("KeyError: 'x'\n")
    for ended, words in (
        (report(code=1), "KeyError"),
        (report(Ending.TIMED_OUT), "timed out"),
        (report(), "none"),
    ):
        outcome = scorer().measure(finished, ended)
        assert isinstance(outcome, Failed)
        assert outcome.why is Why.SCORER_FAILED
        assert words in outcome.detail


def test_a_score_that_is_a_link_or_too_large_is_not_read(
    finish: Finish, scorer: Callable[..., Scorer], tmp_path: Path
) -> None:
    finished = finish()
    (finished.work / "score").mkdir()
    (tmp_path / "mine.json").write_bytes(b'{"metric": 0.0}')
    place = finished.work / "score" / "score.json"
    place.symlink_to(tmp_path / "mine.json")
    assert isinstance(scorer().measure(finished, report()), Failed)
    place.unlink()
    with place.open("wb") as file:
        file.truncate(MOST_SCORE_BYTES + 1)
    assert isinstance(scorer().measure(finished, report()), Failed)
