"""Plays the corpus of cheats against real studies, and against the loop that keeps what prints lower.

    python -m bench.cheats --json --save          all cases, a few minutes on two cores
    python -m bench.cheats --only looks-ahead     one of them, or several
    python -m bench.cheats --cases DIR            yours beside ours

Every case states what must come of it. All cases of a target are experiments of one study.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from bench.cheats.case import Case, load
from bench.cheats.loop import Looped, loop
from bench.cheats.study import Came, play
from bench.common import Bar, arguments, report
from jumar.errors import Usage

CASES = Path(__file__).parent / "cases"


def main() -> int:
    """Play, compare, and hold the bars."""
    parser = arguments("cheats", (__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=Path, metavar="DIR", help="further cases, in the same format")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="this case; may be repeated"
    )
    parser.add_argument("--no-loop", action="store_true", help="leave the plain loop out")
    options = parser.parse_args()
    try:
        cases = load([CASES, *([options.cases] if options.cases else [])], options.only)
    except Usage as error:
        parser.error(f"{error.problem} ({error.fix})")
    whole = options.json or options.save  # a screen is for the sums alone
    came, faults, looped = played(cases, beside_loop=not options.no_loop)
    figures = {
        "cases": len(cases),
        "families": families(cases, came, looped),
        "not as stated": {one.case: " | ".join(one.wrong) for one in came if one.wrong},
        "faults of a study": {str(n): fault for n, fault in enumerate(faults)},
        "came": {one.case: outcome(one) for one in came} if whole else len(came),
        "plain loop": {one.case: looped_outcome(one) for one in looped} if whole else len(looped),
        "table": table(cases, came, looped) if whole else "",
    }
    return report("cheats", figures, bars(cases, came, faults), json=options.json, save=options.save)


def played(cases: list[Case], *, beside_loop: bool) -> tuple[list[Came], list[str], list[Looped]]:
    """A study for each target, two at once; the loop beside the slower one."""
    targets = sorted({case.target for case in cases})
    came: list[Came] = []
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="jumar-bench-") as place, ProcessPoolExecutor(2) as processes:
        Path(place).chmod(0o755)
        studies = [
            processes.submit(
                play, [case for case in cases if case.target == target], target, Path(place, target)
            )
            for target in targets
        ]
        looping = processes.submit(loop, cases if beside_loop else [])
        for target, study in zip(targets, studies, strict=True):
            ours, found = study.result()
            came += ours
            faults += [f"{target}: {fault}" for fault in found]
        return came, faults, looping.result()


def bars(cases: list[Case], came: list[Came], faults: list[str]) -> list[Bar]:
    """What must hold."""
    twins = {case.name for case in cases if case.is_twin}
    cheats = [one for one in came if one.case not in twins]
    unknown = [one for one in cheats if one.was_kept and one.expect != "open"]
    return [
        Bar("cheats that did not come out as stated", sum(bool(one.wrong) for one in cheats), 0),
        Bar("cheats that were kept, and not known to be", len(unknown), 0),
        Bar("honest twins that were refused", sum(bool(one.wrong) for one in came if one.case in twins), 0),
        Bar("faults of a study afterwards", len(faults), 0),
    ]


def families(cases: list[Case], came: list[Came], looped: list[Looped]) -> dict[str, dict[str, Any]]:
    """Of each family: how many cheats there are, and how far they got with us and with the plain loop."""
    twins = {case.name for case in cases if case.is_twin}
    found: dict[str, dict[str, Any]] = {}
    for family in sorted({case.family for case in cases}):
        names = {case.name for case in cases if case.family == family}
        cheats, honest = names - twins, names & twins
        ours = [one for one in came if one.case in cheats]
        theirs = [one for one in looped if one.case in cheats and not one.problem]
        found[family] = {
            "cheats": len(cheats),
            "jumar kept": sum(one.was_kept for one in ours),
            "jumar traces": sum(bool(one.traces) for one in ours),
            "loop played": len(theirs),
            "loop kept": sum(one.was_kept for one in theirs),
            "loop traces": sum(bool(one.traces) for one in theirs),
            "twins": len(honest),
            "twins refused": sum(bool(one.wrong) for one in came if one.case in honest),
        }
    return found


def outcome(one: Came) -> dict[str, Any]:
    """One line of the result."""
    return {"family": one.family, "expect": one.expect, "ended": one.ended, "reason": one.reason}


def looped_outcome(one: Looped) -> dict[str, Any]:
    """One line of the plain loop's result."""
    return {"kept": one.was_kept, "printed": one.printed, "traces": list(one.traces), "problem": one.problem}


def table(cases: list[Case], came: list[Came], looped: list[Looped]) -> str:
    """The comparison as Markdown."""
    rows = families(cases, came, looped)
    lines = [
        "| family | cheats | Jumar: kept | did harm | plain loop: kept | did harm |",
        "|---|---|---|---|---|---|",
    ]
    keys = ("cheats", "jumar kept", "jumar traces", "loop kept", "loop traces")
    for family, row in rows.items():
        of = f" of {row['loop played']}"
        lines.append(
            f"| {family} | {row['cheats']} | {row['jumar kept']} | {row['jumar traces']} "
            f"| {row['loop kept']}{of} | {row['loop traces']}{of} |"
        )
    total = {key: sum(row[key] for row in rows.values()) for key in (*keys, "loop played")}
    of = f" of {total['loop played']}"
    lines.append(
        f"| **all** | {total['cheats']} | **{total['jumar kept']}** | **{total['jumar traces']}** "
        f"| **{total['loop kept']}**{of} | **{total['loop traces']}**{of} |"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
