from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from jumar.core.contract import Direction
from jumar.core.outcome import Measured
from jumar.core.run import Purpose
from jumar.core.verdict import OVERTAKEN, Decision, Verdict
from jumar.reports.summary import Summary, summarise
from jumar.reports.values import Values
from jumar.testing.records import Shape, make_study

STUDY, RECORDS, CONTRACT = make_study(200, seed=1)
SUMMARY = summarise(STUDY, RECORDS, CONTRACT)


def test_a_summary_survives_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(SUMMARY), type=Summary) == SUMMARY


def test_a_summary_counts_what_the_records_say() -> None:
    kept = [record for record in RECORDS[1:] if record.is_kept]
    assert SUMMARY.experiments == 200
    assert SUMMARY.decisions["kept"] == len(kept) == len(SUMMARY.keeps)
    assert sum(SUMMARY.decisions.values()) == 200
    assert SUMMARY.effort.runs == sum(len(record.runs) for record in RECORDS)
    assert sum(group.count for group in SUMMARY.failures) == (
        SUMMARY.decisions["failed"] + SUMMARY.decisions["invalid"]
    )


def test_the_champion_is_worth_its_fresh_runs_and_not_the_screen_that_won() -> None:
    champion = next(record for record in RECORDS if record.number == STUDY.champion)
    screen = next(run for run in champion.runs if run.run.purpose is Purpose.SCREEN)
    lucky = replace(screen, outcome=Measured(value=0.001))
    doctored = replace(champion, runs=(lucky, *champion.runs[1:]))
    records = [doctored if record is champion else record for record in RECORDS]
    assert Values(records).of(doctored) == Values(RECORDS).of(champion) == SUMMARY.champion.value


def test_a_champion_measured_again_beside_later_candidates_is_worth_all_of_it() -> None:
    kept = [record for record in RECORDS[1:] if record.is_kept]
    first, second = kept[0], kept[1]
    assert second.experiment.parent == first.experiment.commit
    own = sum(run.run.commit == first.experiment.commit for run in first.runs)
    assert len(Values(RECORDS).measured(first)) > own - 1  # without the screen, with later references


def test_runs_on_the_holdout_are_never_mixed_with_the_search() -> None:
    baseline = RECORDS[0]
    run = baseline.runs[0]
    certifying = replace(run, run=replace(run.run, purpose=Purpose.CERTIFY), outcome=Measured(value=99.0))
    records = [replace(baseline, runs=(*baseline.runs, certifying)), *RECORDS[1:]]
    assert Values(records).of(records[0]) == Values(RECORDS).of(baseline)


@pytest.mark.parametrize("decision", [Decision.FAILED, Decision.INVALID])
def test_what_failed_has_no_value_even_where_one_run_of_it_gave_a_number(decision: Decision) -> None:
    measured = next(record for record in RECORDS[1:] if Values(RECORDS).of(record) is not None)
    failed = replace(measured, verdict=Verdict(decision=decision, reason="crashed in a later run"))
    assert Values([failed]).of(failed) is None


def test_keeps_are_ranked_by_how_sure_they_are() -> None:
    sureties = [keep.surety for keep in SUMMARY.keeps]
    assert all(surety is not None for surety in sureties)
    assert sureties == sorted(sureties, key=lambda surety: -(surety or 0))


def test_a_certified_claim_about_the_champion_is_the_sentence() -> None:
    assert SUMMARY.claim_is_current
    assert "certified on the holdout" in SUMMARY.sentence
    assert "uncertified" not in SUMMARY.sentence


def test_a_claim_about_an_earlier_champion_does_not_speak_of_todays() -> None:
    other = next(record for record in RECORDS[1:] if record.is_kept and record.number != STUDY.champion)
    moved = replace(STUDY, champion=other.number, champion_commit=other.experiment.commit)
    summary = summarise(moved, RECORDS, CONTRACT)
    assert not summary.claim_is_current
    assert f"as of experiment {STUDY.champion}; now " in summary.sentence
    assert summary.sentence.endswith("uncertified")


def test_without_a_claim_the_gain_is_called_uncertified() -> None:
    assert summarise(replace(STUDY, claim=None), RECORDS, CONTRACT).sentence.endswith("better, uncertified")


def test_a_study_that_kept_nothing_claims_nothing() -> None:
    summary = summarise(*make_study(30, keeps=0))
    assert summary.sentence == "no better: no change was kept"
    assert summary.keeps == ()


def test_a_study_without_a_measured_baseline_has_no_gain() -> None:
    study, records, contract = make_study(0)
    bare = replace(records[0], runs=(), verdict=None)
    summary = summarise(study, [bare], contract)
    assert summary.gain is None
    assert summary.sentence == "nothing measured yet"


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("keeps", [0, 5])
def test_a_self_reported_study_says_so_in_its_sentence(certified: bool, keeps: int) -> None:
    shape = Shape(self_reported=True, certified=certified)
    assert "self-reported" in summarise(*make_study(30, keeps=keeps, shape=shape)).sentence


def test_a_maximised_metric_gains_by_rising() -> None:
    summary = summarise(
        *make_study(60, shape=Shape(direction=Direction.MAXIMIZE, metric="accuracy", start=0.5))
    )
    assert summary.gain is not None and summary.gain > 0
    assert summary.baseline.value is not None and summary.champion.value is not None
    assert summary.champion.value > summary.baseline.value


def test_a_metric_without_noise_ranks_by_gain_and_needs_no_interval() -> None:
    summary = summarise(*make_study(60, shape=Shape(noise=0.0)))
    gains = [keep.gain or 0 for keep in summary.keeps]
    assert gains == sorted(gains, reverse=True)
    assert all(keep.interval is None and keep.surety is None for keep in summary.keeps)


def test_near_misses_got_as_far_as_being_confirmed() -> None:
    study, records, contract = make_study(400, seed=5)
    misses = summarise(study, records, contract).near_misses
    assert misses
    by_number = {record.number: record for record in records}
    for miss in misses:
        record = by_number[miss.experiment]
        assert record.verdict is not None and record.verdict.decision is Decision.DISCARDED
        assert any(run.run.purpose is Purpose.CONFIRM for run in record.runs)
        assert miss.gain > 0


def test_a_change_that_was_tried_again_on_a_new_champion_is_no_near_miss() -> None:
    study, records, contract = make_study(400, seed=5)
    before = summarise(study, records, contract).near_misses
    best = before[0].experiment
    last = records[-1]
    again = replace(last, experiment=replace(last.experiment, details={"retest_of": best}))
    after = summarise(study, (*records[:-1], again), contract).near_misses
    assert [miss.experiment for miss in after] == [miss.experiment for miss in before[1:]]


def test_what_was_overtaken_is_no_near_miss_though_nobody_tried_it_again() -> None:
    study, records, contract = make_study(400, seed=5)
    before = summarise(study, records, contract).near_misses
    best = records[before[0].experiment]
    assert best.verdict is not None
    verdict = replace(best.verdict, reason=f"{OVERTAKEN}: both change the same places")
    changed = [replace(best, verdict=verdict) if record is best else record for record in records]
    after = summarise(study, changed, contract).near_misses
    assert best.number not in {miss.experiment for miss in after}


def test_keeps_that_were_refuted_are_told_by_what_refuted_them_and_are_not_counted_as_kept() -> None:
    first, second, third, *_ = [record.number for record in RECORDS[1:] if record.is_kept]
    reasons = {
        first: f"kept below experiment {second}, of which certification said: refuted, so it is",
        second: "refuted, so it is",
        third: "refuted, as something else is",
    }
    records = [replace(record, refuted=reasons.get(record.number, "")) for record in RECORDS]
    summary = summarise(STUDY, records, CONTRACT)
    assert summary.refuted_in_words() == (
        f"#{first}, #{second}: refuted, so it is; #{third}: refuted, as something else is"
    )
    kept = SUMMARY.decisions["kept"]
    assert summary.counts_in_words().startswith(f"{kept - 3} kept, ")
    assert "3 refuted" in summary.counts_in_words()
    assert "refuted" not in SUMMARY.counts_in_words()


def test_hours_are_those_that_a_controller_had_the_study() -> None:
    effort = summarise(replace(STUDY, active_s=7200.0), RECORDS, CONTRACT).effort
    assert (effort.hours, effort.experiments_per_hour) == (2.0, 100.0)
    assert summarise(replace(STUDY, active_s=0.0), RECORDS, CONTRACT).effort.experiments_per_hour is None


def test_agents_share_out_all_proposals_and_keeps() -> None:
    assert sum(share.proposals for share in SUMMARY.agents) == 200
    assert sum(share.kept for share in SUMMARY.agents) == SUMMARY.decisions["kept"]
    assert sum(share.usd for share in SUMMARY.agents) == pytest.approx(STUDY.cost_usd)


def test_predictions_are_compared_where_both_sides_exist() -> None:
    measured = SUMMARY.decisions["kept"] + SUMMARY.decisions["discarded"]
    assert sum(each.compared for each in SUMMARY.predictions) == measured
    silent = [replace(r, experiment=replace(r.experiment, predicted=None)) for r in RECORDS]
    assert summarise(STUDY, silent, CONTRACT).predictions == ()
