"""Owns the way from the text of `jumar.toml` to a Contract, and every complaint on that way."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from jumar.core.contract import (
    Budget,
    Clock,
    Contract,
    HybridTerms,
    LimitTerms,
    MeasureTerms,
    Metric,
    RunTerms,
    TargetTerms,
)
from jumar.errors import ContractInvalid
from jumar.rules.contract_checks import FILE, complaint
from jumar.rules.contract_keys import GROUPS, REQUIRED, Key, keys_of
from jumar.rules.contract_kinds import PART, Steps, Unfit, found
from jumar.rules.contract_lines import line_of
from jumar.rules.guards import with_implied
from jumar.rules.shares import disagreement

_SCALE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_AT_LINE = re.compile(r" ?\(at line (\d+), column \d+\)| ?\(at end of document\)")

Table = Mapping[str, Any]


def read_contract(text: str, *, where: str = FILE) -> Contract:
    """The contract that a text says, at its first scale.

    Raises ContractInvalid, whose problem begins with `where`, the line and the key, and whose fix
    says what is allowed there.
    """
    page = _Page(text, where)
    document = page.document()
    page.refuse_unknown((), document, GROUPS)
    target, run, measure, limits = (
        page.group(name, document) for name in ("target", "run", "measure", "limits")
    )
    scales = {
        name: page.run_terms(("scales", name), run, changes)
        for name, changes in page.scales(document.get("scales", {})).items()
    } or {"default": page.run_terms(("run",), run, {})}
    first = next(iter(scales))
    measure["guards"] = with_implied(measure["guards"], serves="serve" in measure)
    metric = Metric(name=measure.pop("metric"), direction=measure.pop("direction"))
    contract = Contract(
        target=TargetTerms(**target),
        run=scales[first],
        measure=MeasureTerms(metric=metric, **measure),
        limits=LimitTerms(**limits),
        agents=page.shares(document.get("agents", {})),
        hybrid=HybridTerms(**page.group("hybrid", document)),
        scale=first,
        scales=scales,
    )
    if trouble := complaint(contract):
        page.refuse(trouble.path, trouble.problem, trouble.fix)
    return contract


class _Page:
    """The text with its name: reads groups, and complains with file, line and key."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where

    def document(self) -> dict[str, Any]:
        """The TOML document."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            match = _AT_LINE.search(str(error))
            last = max(1, len(self.text.splitlines()))
            line = match[1] if match and match[1] else last
            said = _AT_LINE.sub("", str(error)).replace("\n", "\\n")
            raise ContractInvalid(
                f"{self.where}:{line}: this is not TOML: {said}",
                fix="texts stand in quotes, lists in [ ], and each key on a line of its own",
            ) from None

    def refuse(self, path: tuple[str, ...], problem: str, fix: str) -> NoReturn:
        """Complain about what stands at `path`."""
        line = line_of(self.text, path)
        place = f"{self.where}:{line}" if line else self.where
        raise ContractInvalid(f"{place}: {problem}", fix=fix)

    def refuse_unknown(self, path: tuple[str, ...], table: Table, known: Iterable[str]) -> None:
        """Complain about the first key of `table` that is not `known`."""
        known = list(known)
        for name in table:
            if name in known:
                continue
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`? " if near else ""
            what = f"{_place(path)} has no key `{name}`" if path else f"there is no group `{name}`"
            self.refuse((*path, name), what, f"{hint}allowed: {', '.join(known)}")

    def table(self, path: tuple[str, ...], value: object) -> Table:
        """A table with none but the keys of its group."""
        if not isinstance(value, dict):
            self.refuse(path, f"{_place(path)} is {found(value)}", "write it as a table of keys")
        self.refuse_unknown(path, value, keys_of(path[0]))
        return value

    def group(self, name: str, document: Table) -> dict[str, Any]:
        """The values of one group, with the defaults of what is not said."""
        given = self.table((name,), document.get(name, {}))
        return {key.name: self.value((name,), key, given) for key in keys_of(name).values()
                if key.name in given or key.default is not None}  # fmt: skip

    def value(self, path: tuple[str, ...], key: Key, given: Table) -> Any:
        """One key's value as read."""
        said = given.get(key.name, key.default)
        if said is REQUIRED:
            self.refuse(path, f"{_place(path)} lacks `{key.name}`", f"`{key.name}` takes {key.kind.takes}")
        try:
            return key.kind.read(said)
        except Unfit as unfit:
            hint = f"; write {unfit.hint}" if unfit.hint else ""
            self.refuse((*path, key.name), f"{_place((*path, key.name))} is {unfit}",
                        f"`{key.name}` takes {key.kind.takes}{hint}")  # fmt: skip

    def scales(self, value: object) -> dict[str, dict[str, Any]]:
        """What each scale changes, as read."""
        if not isinstance(value, dict):
            self.refuse(("scales",), f"[scales] is {found(value)}", 'write: small = { budget = "20s" }')
        changes: dict[str, dict[str, Any]] = {}
        for name, table in value.items():
            path = ("scales", name)
            if not _SCALE.fullmatch(name):
                self.refuse(
                    path, f'"{name}" cannot be the name of a scale', "use letters, digits, `_` and `-`"
                )
            given = self.table(path, table)
            keys = keys_of("scales")
            changes[name] = {each: self.value(path, keys[each], given) for each in given}
        return changes

    def shares(self, value: object) -> dict[str, float]:
        """The agents with their shares."""
        if not isinstance(value, dict):
            self.refuse(("agents",), f"[agents] is {found(value)}", "write: tuner = 0.7")
        shares: dict[str, float] = {}
        for name, share in value.items():
            try:
                shares[name] = PART.read(share)
            except Unfit as unfit:
                self.refuse(("agents", name), f"[agents] {name} is {unfit}", f"a share is {PART.takes}")
        if shares and (trouble := disagreement(shares)):
            problem, example = trouble
            fix = ", ".join(f'"{name}" = {share:g}' for name, share in example.items())
            self.refuse(("agents",), problem, f"in the same proportions: {fix}" if fix else "make them sum")
        return shares

    def run_terms(self, path: tuple[str, ...], run: Table, changes: Table) -> RunTerms:
        """The terms of one scale: those of `[run]`, changed."""
        said = {**run, **changes}
        clock, amount = said["clock"], said["budget"]
        if isinstance(amount, Steps) != (clock is Clock.STEPS):
            counts = f"{amount} steps" if isinstance(amount, Steps) else f"{amount:g} seconds"
            wanted = '"5m" or the like, or clock = "steps"' if isinstance(amount, Steps) else '"300 steps"'
            spot = (*path, "budget")
            problem = f'{_place(spot)} is {counts}, but the clock is "{clock.value}"'
            self.refuse(spot, problem, f"write budget = {wanted}")
        timeout_s = self._timeout_s(path, run, changes)
        if clock is Clock.WALL and timeout_s < amount:
            spot = (*path, "timeout")
            problem = f"{_place(spot)} is shorter than the budget of {amount:g} s"
            self.refuse(spot, problem, "give the run time to start and to end: twice the budget is usual")
        return RunTerms(
            command=said["command"],
            budget=Budget(amount=float(amount), clock=clock),
            timeout_s=timeout_s,
            memory_bytes=said["memory"],
            disk_bytes=said["disk"],
            output_bytes=said["output"],
            processes=said["processes"],
            network=said["network"],
            env=said["env"],
            inputs=said["inputs"],
        )

    def _timeout_s(self, path: tuple[str, ...], run: Table, changes: Table) -> float:
        """As said; a scale that changes the budget alone gets `[run]`'s timeout in proportion."""
        amount = {**run, **changes}["budget"]
        if "timeout" in changes:
            return float(changes["timeout"])
        if "timeout" in run:
            alike = isinstance(amount, Steps) == isinstance(run["budget"], Steps)
            return float(run["timeout"] * (max(1.0, amount / run["budget"]) if alike else 1.0))
        if isinstance(amount, Steps):
            self.refuse(path, f"{_place(path)} lacks `timeout`, and the clock counts steps",
                        'say after how long a run is to be killed, such as timeout = "5m"')  # fmt: skip
        return 3.0 * float(amount) + 60.0


def _place(path: tuple[str, ...]) -> str:
    """`[run]`, `[run] budget` or `[scales] large.budget`."""
    return " ".join((f"[{path[0]}]", *filter(None, (".".join(path[1:]),))))
