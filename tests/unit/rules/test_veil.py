from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from jumar.core.contract import Direction, MeasureTerms, Metric, Scores
from jumar.core.evidence import Noise
from jumar.core.experiment import ExperimentRecord
from jumar.core.outcome import MOST, Failed, Measured, Stopped, Why
from jumar.core.run import Purpose, Side
from jumar.core.verdict import Decision
from jumar.rules.veil import Veil
from jumar.testing.records import make_study

NOISE = Noise(run_sd=0.003, pair_sd=0.003, runs=4, relative=True)


def veil(scores: Scores = Scores.ROUNDED, noise: Noise = NOISE, level: float = 2.65) -> Veil:
    metric = Metric(name="val_bpb", direction=Direction.MINIMIZE)
    return Veil(MeasureTerms(metric=metric, scores=scores), noise, level)


RECORDS = make_study(60)[1]
KEPT = next(record for record in RECORDS[1:] if record.is_kept)
LOST = next(
    record
    for record in RECORDS
    if record.verdict and record.verdict.decision is Decision.DISCARDED and record.verdict.gain is not None
)


def said(record: ExperimentRecord) -> str:
    return msgspec.json.encode(record).decode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(2.5661, 2.565), (2.5639, 2.565), (0.25661, 0.2565), (25661.0, 25650.0), (-2.5661, -2.565), (0.0, 0.0)],
)
def test_a_score_is_shown_to_the_noise(value: float, shown: float) -> None:
    assert veil().value(value) == shown


@pytest.mark.parametrize("sd", [0.0011, 0.0019, 0.002, 0.0049, 0.005, 0.0099])
def test_the_step_is_never_above_the_noise_and_never_far_below(sd: float) -> None:
    absolute = veil(noise=Noise(run_sd=sd, pair_sd=sd, runs=4))
    steps = sorted({absolute.value(n / 100_000) for n in range(2_000)})
    step = steps[1] - steps[0]
    assert sd / 2.6 <= step <= sd * 1.001


def test_a_metric_without_noise_has_nothing_to_round_to() -> None:
    exact = veil(noise=Noise(run_sd=0.0, pair_sd=0.0, runs=4, deterministic=True))
    assert exact.value(2.566123456) == 2.566123456
    assert exact.record(LOST).verdict is not None
    assert exact.record(LOST).verdict.reason == LOST.verdict.reason  # type: ignore[union-attr]


def test_no_digit_of_a_score_is_left_anywhere_in_a_record() -> None:
    for record in (KEPT, LOST):
        exact = [str(run.outcome.value) for run in record.runs if isinstance(run.outcome, Measured)]
        assert record.verdict is not None
        reason = f"val_bpb {exact[0]} is {record.verdict.gain} better"
        shown = said(veil().record(replace(record, verdict=replace(record.verdict, reason=reason))))
        assert exact and not [digits for digits in (*exact, str(record.verdict.gain)) if digits in shown]
        assert exact[0] in said(veil(Scores.FULL).record(record))


def test_parts_of_the_score_are_rounded_and_what_we_meter_is_not() -> None:
    run = replace(KEPT.runs[0], outcome=Measured(value=2.5, others={"early_nats": 1.23456, "cpu_s": 20.1234}))
    (shown,) = veil().record(replace(KEPT, runs=(run,))).runs
    assert isinstance(shown.outcome, Measured)
    assert shown.outcome.others == {"early_nats": 1.234, "cpu_s": 20.1234}


def test_losses_of_single_items_are_never_shown_rounded() -> None:
    run = replace(KEPT.runs[0], outcome=Measured(value=2.5, items=(1.0, 2.0)))
    (shown,) = veil().record(replace(KEPT, runs=(run,))).runs
    assert isinstance(shown.outcome, Measured) and shown.outcome.items == ()


def test_the_interval_is_rounded_outwards() -> None:
    assert KEPT.verdict is not None and KEPT.verdict.interval is not None
    shown = veil().record(KEPT).verdict
    assert shown is not None and shown.interval is not None
    assert shown.interval[0] <= KEPT.verdict.interval[0] and shown.interval[1] >= KEPT.verdict.interval[1]


def test_what_certification_saw_is_never_shown() -> None:
    runs = tuple(replace(run, run=replace(run.run, purpose=Purpose.CERTIFY)) for run in KEPT.runs)
    for scores in Scores:
        shown = veil(scores).record(
            replace(KEPT, runs=(*KEPT.runs[:1], *runs), refuted="2.61 on the holdout")
        )
        assert len(shown.runs) == 1 and "2.61" not in said(shown)


def test_in_one_bit_there_is_nothing_but_whether_it_was_kept() -> None:
    shown = veil(Scores.BIT).record(LOST)
    assert shown.verdict is not None
    assert (shown.verdict.gain, shown.verdict.interval) == (None, None)
    assert shown.verdict.decision is Decision.DISCARDED
    assert shown.runs and all(isinstance(run.outcome, Stopped) for run in shown.runs)
    kept = veil(Scores.BIT).record(KEPT)
    assert kept.verdict is not None and kept.verdict.decision is Decision.KEPT
    assert (kept.verdict.gain, kept.verdict.interval, kept.verdict.evidence) == (None, None, {})
    assert kept.verdict.reason == "better than the champion"
    assert kept.runs and all(run.run.side is Side.CANDIDATE for run in kept.runs)


def test_in_one_bit_a_log_has_no_line_with_the_score_even_where_there_is_no_noise() -> None:
    exact = veil(Scores.BIT, Noise(run_sd=0.0, pair_sd=0.0, runs=4, deterministic=True))
    shown = exact.log('step 1\nval_bpb: 2.5995 (best 2.5991)\n{"val_bpb": 2.5995}\ndone\n')
    assert "2.59" not in shown and "step 1\n" in shown and "done\n" in shown
    assert exact.log("no line `val_bpb: <number>` in the output") == (
        "no line `val_bpb: <number>` in the output"
    )


@pytest.mark.parametrize(
    ("decision", "reason", "code"),
    [
        (Decision.DISCARDED, "val_bpb is 2.5995 on one seed and 2.5991 on another: too little to tell", ""),
        (Decision.DISCARDED, "guard m: 3 is not at most 2; quarantined, as val_bpb 2.5995 jumps", ""),
        (Decision.INVALID, "val_bpb is 2.5995 on a fresh seed too, scored strictly", "beyond-bound"),
        (Decision.FAILED, "crash: it ended\nval_bpb: 2.5995", ""),
    ],
)
def test_in_one_bit_no_reason_tells_a_score(decision: Decision, reason: str, code: str) -> None:
    assert LOST.verdict is not None
    verdict = replace(LOST.verdict, decision=decision, reason=reason, code=code, gain=None, interval=None)
    run = replace(LOST.runs[0], outcome=Failed(why=Why.CRASHED, detail="val_bpb=2.5995"))
    shown = veil(Scores.BIT).record(replace(LOST, verdict=verdict, runs=(run,)))
    assert shown.verdict and shown.verdict.reason and "2.59" not in said(shown)


def test_less_code_is_not_told_as_a_gain() -> None:
    assert KEPT.verdict is not None
    verdict = replace(KEPT.verdict, reason="simpler: 7 fewer", gain=-0.01, evidence={"simpler": {"nodes": 7}})
    for scores in (Scores.ROUNDED, Scores.BIT):
        shown = veil(scores).record(replace(KEPT, verdict=verdict)).verdict
        assert shown is not None and shown.reason.startswith("simpler") and "better" not in shown.reason


def test_an_open_experiment_shows_no_score_in_one_bit() -> None:
    assert veil(Scores.BIT).record(replace(LOST, verdict=None)).runs == ()


def test_a_guard_keeps_its_own_numbers() -> None:
    assert LOST.verdict is not None
    reason = "guard peak_memory_mb: 812.345 is not at most 700"
    shown = veil().record(replace(LOST, verdict=replace(LOST.verdict, reason=reason))).verdict
    assert shown is not None and shown.reason == reason


@pytest.mark.parametrize(
    "line",
    [
        "val_bpb: 2.566123",
        "final val_bpb = 2.566123 done",
        "val_bpb:2.566123e0",
        '"val_bpb": 2.5_66123,',
        "val_bpb: 2.566123.",
    ],
)
def test_a_log_that_prints_the_score_prints_it_rounded(line: str) -> None:
    shown = veil().log(f"step 1 loss 2.566123\n{line}\n")
    assert "loss 2.566123" in shown and "2.565" in shown and shown.count("66123") == 1


@settings(deadline=None)
@given(some.floats(-MOST, MOST), some.floats(-MOST, MOST), some.floats(1e-12, 1e-2), some.booleans())
def test_whatever_a_run_gave_it_can_be_shown(level: float, value: float, sd: float, relative: bool) -> None:
    noise = Noise(run_sd=sd, pair_sd=sd, runs=4, relative=relative)
    shown = veil(noise=noise, level=level)
    assert abs(shown.value(value)) <= MOST
    assert KEPT.verdict is not None
    verdict = replace(KEPT.verdict, gain=value, interval=(-abs(value), abs(value)))
    run = replace(KEPT.runs[0], outcome=Measured(value=level, others={"a": value}))
    assert shown.record(replace(KEPT, runs=(run,), verdict=verdict)).verdict is not None
