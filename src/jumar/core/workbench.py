"""Where the programs of coding agents run: a tree to edit, a home, the network, and nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from jumar.core.job import Caps, ExitReport
from jumar.core.proposal import Edit

PAPERS = ".jumar"  #: folder of a work tree with what the program was given to read


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a program."""

    command: tuple[str, ...]
    commit: str  #: the target's tree as of this is what it finds and edits
    caps: Caps  #: what its tree takes on the disk to begin with comes on top
    env: Mapping[str, str] = {}  #: all that its environment has beside what every sandbox gives
    settings: Mapping[str, bytes] = {}  #: files below its home
    papers: Mapping[str, bytes] = {}  #: files below PAPERS in its tree


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an errand."""

    report: ExitReport
    said: bytes  #: standard output and error
    edits: tuple[Edit, ...]  #: everything that it changed, within what agents may change or not


class Attendant(Protocol):
    """Sees to a program while it runs. What it is told, the program wrote: none of it may be believed."""

    def look(self) -> None:
        """Called a few times a second; raises when the program shall end."""
        ...

    def answer(self, question: bytes) -> bytes:
        """The answer to a question asked with `sh .jumar/ask.sh WORDS`; the words come line by line."""
        ...

    def renewed(self, name: str, content: bytes) -> None:
        """A file of its settings is different now."""
        ...


class Workbench(Protocol):
    """Runs a program on a throw-away copy of the target's tree, and promises this.

    The copy has no hidden data, no history, and nothing of other runs. The program has the network,
    a home of its own that holds `settings` and nothing else, and no environment of ours. It ends, with
    everything that it started, when it is past a cap, when the attendant raises, and with this
    process.
    """

    def run(self, errand: Errand, attendant: Attendant) -> Done:
        """Run it to its end. Raises SandboxUnavailable when it could not be confined."""
        ...
