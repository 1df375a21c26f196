"""Why a study's numbers can be believed: what was refused, what the sandbox keeps, what was certified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jumar.core.contract import Contract
from jumar.core.event import StudyStarted
from jumar.core.sandbox import Promise
from jumar.reports.course import Course
from jumar.reports.glance import claim_words
from jumar.reports.pages import BreachGroup, Chain, Integrity, PromiseView
from jumar.reports.rows import row_of
from jumar.reports.words import size
from jumar.rules.plain import plain
from jumar.rules.preflight import IN_WORDS

MOST_REFUTED = 200


def integrity(course: Course, terms: StudyStarted, contract: Contract, chain: Chain) -> Integrity:
    """Everything that the page on integrity shows."""
    breaches = sorted(_breaches(course), key=lambda group: (-group.count, group.code))
    measure = contract.measure
    return Integrity(
        chain=chain,
        breaches=tuple(breaches),
        refused=sum(group.count for group in breaches),
        sandbox=terms.sandbox,
        promises=tuple(
            PromiseView(
                name=promise.value,
                words=IN_WORDS[promise],
                kept=promise.value in terms.promises,
                waived=promise.value in terms.waived,
            )
            for promise in Promise
        ),
        self_reported=contract.self_reported,
        scored_by=" ".join(measure.score),
        hidden=bool(measure.hidden),
        machine=tuple(_facts(terms.machine)),
        jumar=terms.jumar,
        claims=tuple(claim_words(claim, contract) for claim in reversed(course.claims)),
        refuted=tuple(
            row_of(course, number) for number in sorted(course.refuted, reverse=True)[:MOST_REFUTED]
        ),
    )


def _breaches(course: Course) -> Iterator[BreachGroup]:
    for code, (count, *latest) in course.breaches.items():
        newest = tuple(reversed(latest))
        words = plain(course.columns.reason[newest[0]]) if newest else ""
        yield BreachGroup(code=plain(code), count=count, latest=newest, words=words)


def _facts(machine: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in machine.items():
        if name.endswith("_bytes") and isinstance(value, int):
            yield name.removesuffix("_bytes").replace("_", " "), size(value)
            continue
        said = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        if said:
            yield name.replace("_", " "), said
