"""Whether edits may become an experiment: scope, syntax, growth, and code that was not tried before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jumar.core.contract import Contract
from jumar.core.experiment import BASELINE
from jumar.core.proposal import Edit
from jumar.errors import Breach
from jumar.rules.duplicates import fingerprint, parses
from jumar.rules.growth import check_growth
from jumar.rules.history import History
from jumar.rules.scope import check_scope
from jumar.study.brief import Briefing


class Admitted(NamedTuple):
    """What edits come to."""

    before: Mapping[str, bytes]  #: the parent's editable files
    after: Mapping[str, bytes]
    tree: str  #: identity of the editable files after the edits


class Admission:
    """The same for every agent, whether it is asked by the loop or hands its proposals in from outside."""

    def __init__(self, briefing: Briefing, contract: Contract, protected: tuple[str, ...]) -> None:
        self._briefing, self._contract, self._protected = briefing, contract, protected
        self._first_files: dict[str, bytes] | None = None

    def check(
        self,
        edits: Sequence[Edit],
        parent: str,
        history: History,
        *,
        repeats: bool = False,
        number: int | None = None,
    ) -> Admitted:
        """What `edits` on top of `parent` come to. Raises Breach for what may not become an experiment.

        `repeats` allows code that was run before. Experiment `number` is no duplicate of itself.
        """
        editable = self._contract.target.editable
        check_scope(edits, self._briefing.tree(parent), editable, self._protected)
        before = self._briefing.editable_files(parent)
        files = dict(before)
        for edit in edits:
            if edit.content is not None and (wrong := parses(edit.path, edit.content)):
                raise Breach(wrong, fix="mend the syntax", code="does-not-parse")
            files.pop(edit.path, None)
            if edit.content is not None:
                files[edit.path] = edit.content
        check_growth(files, self._first(history))
        tree = fingerprint(files)
        if not repeats and history.trees.get(tree, number) != number:
            self._check_unknown(tree, history)
        return Admitted(before, files, tree)

    def _first(self, history: History) -> dict[str, bytes]:
        """The editable files of the unchanged target."""
        if self._first_files is None:
            commit = history.experiments[BASELINE].experiment.commit
            self._first_files = dict(self._briefing.editable_files(commit))
        return self._first_files

    def _check_unknown(self, tree: str, history: History) -> None:
        if (earlier := history.trees.get(tree)) is None:
            return
        record = self._briefing.veil(history).record(history.experiments[earlier])
        if earlier == history.champion:
            came = "the champion: nothing was changed"
        elif record.verdict:
            came = f"which was {record.verdict.decision.value}: {record.verdict.reason}"
        else:
            came = (
                "which is being run" if history.experiments[earlier].runs else "which waits for its first run"
            )
        raise Breach(
            f"the code is the same as in experiment {earlier}, {came}",
            fix="propose something that was not tried",
            code="duplicate",
        )
