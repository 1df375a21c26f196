"""A study at a glance: the points of its chart, what runs, what waits, how far its limits are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from jumar.core.contract import Contract, Direction
from jumar.core.event import Event, Held, Judged, Proposed, Refuted
from jumar.core.experiment import BASELINE
from jumar.core.ledger import StudyRecord
from jumar.core.run import RunRecord
from jumar.core.verdict import Claim, Decision
from jumar.reports.agents import Merit, moved, shares_of
from jumar.reports.columns import NOBODY, STATE
from jumar.reports.course import Course
from jumar.reports.happenings import entry_words
from jumar.reports.pages import STATES, Band, Bound, Dot, InFlight, Overview, Said, Waiting
from jumar.reports.rows import gain_of, parent_value, state_of
from jumar.reports.summary import Level, gain_in_words
from jumar.reports.words import claim_in_words, gap_in_words, keeps_in_words
from jumar.rules.limits import Progress, time_left_s
from jumar.rules.plain import plain, short

MOST_OTHERS = 3_000  # dots of what was not kept, beside the latest
LATEST_DOTS = 300
MOST_STEPS = 1_500
MOST_WITHOUT = 500  # numbers of those without a value
MOST_WAITING = 50  # of a kind
MOST_FLYING = 256
LABEL = 80
_STEPS = (STATE["baseline"], STATE["kept"])


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What only this moment tells: who runs the study, and what they say of runs under way, by key."""

    at: float
    doing: str
    is_running: bool
    running: Mapping[str, InFlight] | None = None  #: None where nobody on this machine tells
    queued: int | None = None
    contract_note: str = ""


def overview(course: Course, record: StudyRecord, contract: Contract, now: Now) -> Overview:
    """Everything that the first page shows."""
    baseline, champion = _level(course, BASELINE, record.terms.base), _champion(course, record)
    gain = None
    if baseline.value is not None and champion.value is not None:
        gain = course.metric.relative_gain(baseline.value, champion.value)
    current = record.claim is not None and record.claim.champion == record.champion_commit
    until = now.at if now.is_running else record.last_at
    flying = sorted(course.flying.values(), key=lambda run: run.started_at) if now.is_running else []
    others, left_out = _others(course)
    progress = _progress(course, champion.value, until if now.is_running else None)
    return Overview(
        study=record.name,
        target=contract.target.name,
        scale=record.terms.scale,
        metric=course.metric.name,
        direction=course.metric.direction.value,
        self_reported=contract.self_reported or bool(record.claim and record.claim.self_reported),
        condition=record.condition.value,
        doing=now.doing,
        is_running=now.is_running,
        last_seq=course.last_seq,
        started_at=record.started_at,
        last_at=record.last_at,
        active_s=3600 * progress.hours,
        sentence=_sentence(record, gain, contract),
        keeps_in_words=_keeps_in_words(course, contract),
        baseline=baseline,
        champion=champion,
        gain=gain,
        claim=record.claim,
        claim_is_current=current,
        gap_in_words=gap_in_words(record.claim, current=current),
        experiments=max(0, len(course.columns) - 1),
        counts=_counts(course),
        steps=tuple(_steps(course)),
        dots=tuple(dot_of(course, number) for number in others),
        left_out=left_out,
        without_value=_without_value(course),
        bands=tuple(_bands(course, contract, baseline.value)),
        bounds=tuple(_bounds(contract, progress)),
        time_left_s=time_left_s(contract.limits, progress) if now.is_running else None,
        usd=record.cost_usd,
        priced=all(account.priced for account in course.accounts.values()),
        tokens=progress.tokens,
        agents=shares_of(course.accounts, merits(course), record.claim, 3600 * progress.hours),
        running=tuple(_in_flight(course, run, now.running or {}) for run in flying[:MOST_FLYING]),
        queued=now.queued,
        waiting=tuple(_waiting(course, until)),
        busy=course.busy.told((run.started_at for run in flying), until),
        latest=tuple(_latest(course, contract)),
        contract_note=now.contract_note,
    )


def dot_of(course: Course, number: int, label: str = "") -> Dot:
    """An experiment on the chart. Its interval is the gain's, laid around its value."""
    columns, value = course.columns, course.value(number)
    assert value is not None
    gain, low, high = (columns.get(name, number) for name in ("gain", "low", "high"))
    ends: tuple[float | None, float | None] = (None, None)
    if gain is not None and low is not None and high is not None and high > low:
        towards = -1 if course.metric.direction is Direction.MINIMIZE else 1
        one, other = sorted((value + towards * (low - gain), value + towards * (high - gain)))
        ends = (one, other)
    return Dot(
        number=number,
        value=value,
        state=state_of(course, number),
        gain=gain_of(course, number),
        low=ends[0],
        high=ends[1],
        certain=number in course.certain,
        label=label,
    )


def merits(course: Course) -> dict[int, Merit]:
    """Whose the keeps are, what they were built on, and what each gained."""
    found: dict[int, Merit] = {}
    base = course.value(BASELINE) if BASELINE in course.levels else None
    for number in sorted(course.levels):
        if number != BASELINE:
            parent, gain = course.columns.parent[number], None
            if number not in course.refuted:
                gain = moved(course.metric, base, parent_value(course, number), course.value(number))
            found[number] = Merit(course.columns.author[number], None if parent == NOBODY else parent, gain)
    return found


def _level(course: Course, number: int, commit: str) -> Level:
    level = course.levels.get(number)
    value, runs = level.value(course.under) if level and course.value(number) is not None else (None, 0)
    return Level(experiment=number, commit=commit, value=value, runs=runs)


def _champion(course: Course, record: StudyRecord) -> Level:
    return _level(course, course.champion, record.champion_commit)


def _sentence(record: StudyRecord, gain: float | None, contract: Contract) -> str:
    said = gain_in_words(record.champion, record.claim, gain, contract)
    if record.champion == BASELINE and record.decisions.get(Decision.KEPT):
        return said.replace("no change was kept", "what was kept was refuted on fresh runs")
    return said


def _keeps_in_words(course: Course, contract: Contract) -> str:
    standing = [number for number in course.levels if number != BASELINE and number not in course.refuted]
    sure = sum(number in course.certain for number in standing)
    simpler = sum(not course.levels[number].is_gain and number not in course.certain for number in standing)
    return keeps_in_words(len(standing), sure, simpler, len(course.refuted), contract.measure.false_keeps)


def _counts(course: Course) -> dict[str, int]:
    states = bytes(course.columns.state)
    return {state: states.count(code) for code, state in enumerate(STATES) if state != "baseline"}


def _steps(course: Course) -> Iterator[Dot]:
    """The champions. Of very many, some: the stairs look the same."""
    standing = [number for number in sorted(course.levels) if number not in course.refuted]
    drawn = [number for number in standing if course.value(number) is not None]
    every = -(-len(drawn) // MOST_STEPS)
    for place, number in enumerate(drawn):
        if place % every == 0 or number == course.champion:
            yield dot_of(course, number, _label(course, number))


def _label(course: Course, number: int) -> str:
    return "the unchanged target" if number == BASELINE else short(course.columns.hypothesis[number], LABEL)


def _others(course: Course) -> tuple[list[int], int]:
    """What is drawn beside the champions, and how many are not.

    Refuted keeps, what is held or open, and the latest are all drawn; of the others those whose number is
    divisible by a power of two, so that which ones these are seldom changes as the study goes on.
    """
    columns, always = course.columns, {*course.refuted, *course.unsettled}
    found = [
        number
        for number, (state, value) in enumerate(zip(columns.state, columns.value, strict=True))
        if value == value and state not in _STEPS and number not in always  # noqa: PLR0124 - not a NaN
    ]
    every = 1
    while len(found) > every * MOST_OTHERS:
        every *= 2
    latest = len(columns) - LATEST_DOTS
    drawn = [number for number in found if number % every == 0 or number >= latest]
    more = [number for number in always if course.value(number) is not None and number not in course.levels]
    more += [number for number in course.refuted if course.value(number) is not None]
    return sorted({*drawn, *more}), len(found) - len(drawn)


def _without_value(course: Course) -> tuple[int, ...]:
    columns, found = course.columns, list[int]()
    for number in range(len(columns) - 1, 0, -1):
        if columns.state[number] not in (STATE["open"], STATE["held"]) and course.value(number) is None:
            found.append(number)
            if len(found) == MOST_WITHOUT:
                break
    return tuple(reversed(found))


def _bands(course: Course, contract: Contract, base: float | None) -> Iterator[Band]:
    if base is None:
        return
    towards = abs(base) * (-1 if course.metric.direction is Direction.MINIMIZE else 1)
    for claim in course.claims:
        low, high = sorted(base + towards * end for end in claim.relative_interval)
        yield Band(
            experiment=claim.experiment,
            level=base + towards * claim.relative,
            low=low,
            high=high,
            certified=claim.certified,
            refuted=claim.refuted,
            at=claim.at,
            words=claim_words(claim, contract),
        )


def claim_words(claim: Claim, contract: Contract) -> str:
    """What a certification found, in words."""
    said = plain(claim_in_words(claim, holdout=bool(contract.measure.hidden)))
    return f"{said}; {gap}" if (gap := gap_in_words(claim)) else said


def _progress(course: Course, value: float | None, now: float | None) -> Progress:
    held = sum(1 for waiting in course.unsettled.values() if waiting.held)
    seconds = course.worked.seconds if now is None else course.worked.until(now)
    return Progress(
        experiments=course.judged + held,
        since_keep=course.since_keep,
        hours=seconds / 3600,
        usd=course.cost_usd,
        tokens=sum(spent.tokens for spent in course.spent.values()),
        value=value,
    )


def _bounds(contract: Contract, progress: Progress) -> Iterator[Bound]:
    limits = contract.limits
    for name, limit, spent in (
        ("experiments", limits.experiments, progress.experiments),
        ("hours", limits.hours, progress.hours),
        ("usd", limits.usd, progress.usd),
        ("tokens", limits.tokens, progress.tokens),
        ("plateau", limits.plateau, progress.since_keep),
        ("target", limits.target, progress.value),
    ):
        if limit is not None:
            yield Bound(name=name, spent=spent, limit=limit)


def _in_flight(course: Course, run: RunRecord, told: Mapping[str, InFlight]) -> InFlight:
    number = run.run.experiment
    known = told.get(run.run.key)
    return InFlight(
        key=run.run.key,
        experiment=number,
        hypothesis=_label(course, number),
        purpose=run.run.purpose.value,
        side=run.run.side.value,
        seed=run.run.seed,
        started_at=run.started_at,
        progress=known.progress if known else None,
        scoring=known.scoring if known else False,
        curve=known.curve if known else (),
    )


def _waiting(course: Course, now: float) -> Iterator[Waiting]:
    columns, waits = course.columns, course.unsettled
    held = [number for number, one in waits.items() if one.held]
    bare = [number for number, one in waits.items() if not one.runs and not one.held and number]
    yield from (
        _waits("approval", f"#{n}", columns.hypothesis[n], columns.proposed_at[n]) for n in _some(held)
    )
    yield from (_waits("run", f"#{n}", columns.hypothesis[n], columns.proposed_at[n]) for n in _some(bare))
    yield from (
        _waits("outside", f"t{ticket}", course.handed[ticket][0].hypothesis, course.handed[ticket][1])
        for ticket in _some(course.handed)
    )
    again = {number: None for number in course.retests.values() if 0 <= number < len(columns)}
    yield from (_waits("retest", f"#{n}", columns.hypothesis[n], 0.0) for n in _some(again))
    yield from (
        _waits("thinking", one.who, one.words, one.since) for one in course.community.held(now)[:MOST_WAITING]
    )


def _some(numbers: Iterable[int]) -> list[int]:
    return [*numbers][:MOST_WAITING]


def _waits(kind: str, name: str, words: str, since: float) -> Waiting:
    return Waiting(kind=kind, name=plain(name), words=short(words, 200), since=since)


def _latest(course: Course, contract: Contract) -> Iterator[Said]:
    for entry in reversed(course.latest):
        if words := entry_words(entry, contract):
            yield Said(seq=entry.seq, at=entry.at, words=words, experiment=_about(entry.event))


def _about(event: Event) -> int | None:
    match event:
        case Proposed(experiment=experiment):
            return experiment.number
        case Judged(experiment=number) | Held(experiment=number) | Refuted(experiment=number):
            return number
    return None
