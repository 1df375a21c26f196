"""Kills the controller of real studies hundreds of times, and counts what was lost: nothing may be.

A kill is SIGKILL to a `jumar run`: at every named transition (before it, within its transaction, after
it), at system calls that change the disk, at random moments, with lock files lying about, with the
clock set back and forth, on a full disk, and with a run whose warden was killed before its controller.
After each one the record, the user's files and the processes are looked at; the study is taken up
again, killed again, and in the end left to finish. Then everything must be as if nothing had happened.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.common import Bar, arguments, report
from bench.torture import blows
from bench.torture.blows import Torn
from bench.torture.faults import BEFORE, Fault, every_fault
from bench.torture.soundness import Told, told_by
from bench.torture.story import ENVIRONMENT, LEDGER, Killed, Story, adopt_orphans
from bench.torture.target import KINDS, LONG, Kind

MOST_BLOWS = 12  # to one study, before it is left to finish
DISK = "24m"
TRANSITION = "transition"
WARDENS, LOCKED, FULL, WRONG_CLOCKS = 6, 20, 24, 20


class Rack:
    """Deals blows to studies and keeps the count."""

    def __init__(self, place: Path, seed: int) -> None:
        self.place, self.dice = place, random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.sound: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.wrong: list[dict[str, Any]] = []
        self.unreached: list[str] = []
        self.stories = self.sittings = self.refused = 0
        self.slowest_end_s = 0.0
        self._undisturbed = {kind: self._leave_alone(kind) for kind in KINDS if kind.exact}

    def torture(self, plan: list[Torn], kinds: tuple[Kind, ...], place: Path | None = None) -> None:
        """Deal every blow of the plan, to as many studies as it takes."""
        tried: Counter[str] = Counter()
        while plan:
            kind = kinds[self.stories % len(kinds)]
            left = self._tell(plan[:MOST_BLOWS], kind, place)
            plan = left + plan[MOST_BLOWS:]
            if not left:
                continue
            first = left[0]  # the study was over before it came to this one
            tried[first.name] += 1
            if first.sort != TRANSITION:
                plan.pop(0)
            elif tried[first.name] > len(kinds):
                self.unreached.append(plan.pop(0).name)

    def _tell(self, plan: list[Torn], kind: Kind, place: Path | None) -> list[Torn]:
        """One study: blow after blow, then the rest in peace. What it had no occasion for comes back."""
        self.stories += 1
        story = Story((place or self.place) / str(self.stories), kind, self.place / "said")
        dealt, wrong, left = [], list[str](), list(plan)
        while left and not wrong:
            torn, began = left[0], time.monotonic()
            ended = torn.blow(story)
            if ended.code == 0:
                break
            left.pop(0)
            wrong = self._look(story, torn, ended)
            if ended.killed:
                dealt.append(torn)
                self.kills[torn.sort] += 1
            self.seconds.append(time.monotonic() - began)
        if not wrong:
            ended = blows.at_moment(blows.PLENTY_S)(story)
            wrong = story.wrong_in_the_end(self._undisturbed.get(kind))
            if ended.code:
                wrong.append(f"the last sitting ended with code {ended.code}: {story.last_words()}")
        self.sittings += story.sittings
        self.slowest_end_s = max(self.slowest_end_s, story.slowest_end_s)
        if wrong:
            names = [torn.name for torn in dealt]
            self.wrong.append({"target": kind.name, "wrong": wrong, "after": names, "at": str(story.place)})
        else:
            self.sound.update(torn.sort for torn in dealt)
            subprocess.run(["rm", "-rf", str(story.place)], check=True)
        return left

    def _look(self, story: Story, torn: Torn, ended: Killed) -> list[str]:
        wrong = story.wrong_now()
        if not ended.killed:
            self.refused += 1
            if torn.sort != "full disk" or ended.code not in (ENVIRONMENT, LEDGER):
                wrong.append(f"{torn.name}: it ended with code {ended.code}: {story.last_words()}")
        return wrong

    def _leave_alone(self, kind: Kind) -> Told:
        story = Story(self.place / f"undisturbed-{kind.name}", kind, self.place / "said")
        ended = blows.at_moment(blows.PLENTY_S)(story)
        wrong = story.wrong_in_the_end(None)
        if ended.code or wrong:
            raise RuntimeError(f"the undisturbed study fails: {wrong} {story.last_words()}")
        return told_by(story.folder, kind)


def transitions(dice: random.Random) -> list[Torn]:
    """Every named one. Whatever a run leaves open is needed before its loss can be recorded."""
    plan = []
    faults = every_fault()
    dice.shuffle(faults)
    for fault in faults:
        if fault.what == "RunLost":
            first = Fault("submit a job", BEFORE)
            plan.append(Torn(TRANSITION, f"{first}, to be lost", blows.at_transition(first)))
        plan.append(Torn(TRANSITION, str(fault), blows.at_transition(fault)))
    return plan


def hazards(dice: random.Random) -> list[Torn]:
    """Locks and clocks."""
    plan = []
    for n in range(LOCKED):
        blow = blows.with_locks(blows.at_moment(dice.uniform(0.05, 0.8)), dice)
        plan.append(Torn("locks left behind", f"locks {n}", blow))
    for n in range(WRONG_CLOCKS):
        off_s = dice.choice((-10, -1, 1)) * dice.uniform(1, 1e6)
        blow = blows.at_moment(dice.uniform(0.05, 0.8), off_s=off_s)
        plan.append(Torn("wrong clock", f"a clock off by {off_s:.0f} s, {n}", blow))
    dice.shuffle(plan)
    return plan


def filler(dice: random.Random, kills: int) -> list[Torn]:
    """As many more as are wanted: a third at system calls where they can be counted, the others anywhen."""
    plan = []
    for n in range(kills):
        if n % 3 == 0 and blows.can_trace():
            nth = int(blows.MOST_CHANGES ** dice.uniform(0.3, 1.0))
            plan.append(Torn("system call", f"change {nth} of the disk, {n}", blows.at_system_call(nth)))
        else:
            after_s, fork = dice.uniform(0.0, 0.6), n % 3 == 1
            plan.append(Torn("moment", f"after {after_s:.3f} s, {n}", blows.at_moment(after_s, fork=fork)))
    return plan


def on_a_full_disk(dice: random.Random) -> list[Torn]:
    """From no room at all to room for a few runs; some are killed too."""
    plan = []
    for n in range(FULL):
        free = int(4096 * 2 ** dice.uniform(0, 9)) if n % 4 else 0
        blow = blows.with_full_disk(blows.at_moment(dice.uniform(0.3, 2.0)), free)
        plan.append(Torn("full disk", f"{free >> 10} KiB free, {n}", blow))
    return plan


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """A disk of a few megabytes; None where we may not make one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def measure(wanted: int, seed: int, place: Path) -> tuple[dict[str, Any], list[Bar]]:
    """Everything, and what came of it."""
    began = time.monotonic()
    adopt_orphans()
    rack = Rack(place, seed)
    dice = rack.dice
    rack.torture(transitions(dice), KINDS)
    rack.torture(hazards(dice), KINDS)
    rack.torture([Torn("warden first", f"warden {n}", blows.warden_first) for n in range(WARDENS)], (LONG,))
    with small_disk(place / "disk") as disk:
        if disk:
            rack.torture(on_a_full_disk(dice), KINDS, disk)
    while (missing := wanted - rack.kills.total()) > 0:
        rack.torture(filler(dice, missing), KINDS)
    minutes = (time.monotonic() - began) / 60
    figures = {
        "kills": {sort: {"dealt": n, "sound": rack.sound[sort]} for sort, n in rack.kills.items()},
        "studies": rack.stories,
        "sittings": rack.sittings,
        "refused for want of disk": rack.refused
        if disk
        else "not tried: it takes root to mount a small disk",
        "median seconds per kill": median(rack.seconds),
        "slowest end of a dead controller's processes, s": rack.slowest_end_s,
        "minutes": minutes,
        "CPU minutes, of all processes": sum(os.times()[:4]) / 60,
        "wrong": rack.wrong,
        "transitions that never came": rack.unreached,
    }
    bars = [
        Bar("kills", rack.kills.total(), wanted, at_least=True),
        Bar("kills after which nothing was lost", rack.sound.total(), rack.kills.total(), at_least=True),
        Bar("named transitions that never came", len(rack.unreached), 0),
        Bar("minutes", minutes, 15),
    ]
    return figures, bars


def main() -> int:
    """Torture, print, and hold the bars."""
    parser = arguments("torture", __doc__ or "")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jumar-torture-") as place:
        figures, bars = measure(options.kills, options.seed, Path(place))
        return report("torture", figures, bars, json=options.json, save=options.save)


if __name__ == "__main__":
    sys.exit(main())
