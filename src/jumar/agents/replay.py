"""Proposes what lies in a folder, in the order of the names: patches, and folders of whole files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from jumar.agents.patches import patched, read_files
from jumar.core.agent import Brief
from jumar.core.proposal import REGULAR, Edit, Proposal
from jumar.errors import Usage

PATCHES = (".patch", ".diff")
MOST_WORDS = 60  # of a patch's leading text, taken as its hypothesis


class Replay:
    """Each `*.patch` and `*.diff` is a proposal, and so is each folder of files as they shall be.

    Patches are unified diffs relative to the target's folder, applied to the champion as it then
    stands. A patch that does not apply raises Breach, and the next one has its turn. How far it has
    come is read from the history. Raises Usage for a folder that is not there or holds nothing.
    """

    name = "replay"
    repeats = True

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise Usage(f"{folder} is no folder", fix="name a folder of *.patch files")
        self._ideas = sorted(
            path
            for path in folder.iterdir()
            if path.suffix in PATCHES or (path.is_dir() and path.name[0] != ".")
        )
        if not self._ideas:
            raise Usage(f"{folder} holds no patch", fix="put *.patch or *.diff files there")

    def propose(self, brief: Brief) -> Proposal | None:
        """The next of the folder on top of the champion, or None after the last."""
        made = (record.experiment for record in brief.history if record.number > 0)
        # A re-test is made for it, and takes none of its patches.
        done = sum(one.agent == self.name and "retest_of" not in one.details for one in made)
        if done >= len(self._ideas):
            return None
        idea = self._ideas[done]
        if idea.is_dir():
            hypothesis, edits = idea.name, _whole_files(idea, brief.files)
        else:
            patch = idea.read_bytes()
            hypothesis = _leading_words(patch) or idea.stem
            edits = patched(idea.name, patch, brief.files, brief.contract.target.editable)
        return Proposal(hypothesis=hypothesis, edits=edits, agent=self.name, details={"replayed": idea.name})


def _leading_words(patch: bytes) -> str:
    """What stands before the diff; of a mail as git makes them, its subject."""
    head = re.split(r"(?m)^(?:diff |--- |Index: |---$)", patch.decode(errors="replace"), maxsplit=1)[0]
    if subject := re.search(r"(?m)^Subject: (?:\[[^\]]*\] )?(.+(?:\n .+)*)", head):
        head = subject[1]
    words = [word.lstrip("#") for word in head.split()]
    return " ".join(word for word in words[:MOST_WORDS] if word)


def _whole_files(folder: Path, files: Mapping[str, bytes]) -> tuple[Edit, ...]:
    found = read_files(folder, files)
    return tuple(edit for edit in found if files.get(edit.path) != edit.content or edit.mode != REGULAR)
