"""Owns what stands in fences on the pages: each block, what is said of it, and how its commands are run.

A comment before a block says what cannot be seen from its kind:

    <!-- not run: why -->       commands that need more than a test has; they are parsed all the same
    <!-- shown: whence -->      text that is no output of a command on its page
    <!-- same as: FILE -->      a file of the repository, or lines of one
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

SHELL = ("sh", "bash", "console")
_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<said>[^\n]*?) -->\n)?^(?P<in> *)```(?P<kind>\w*)\n(?P<text>.*?)^(?P=in)```$",
    re.MULTILINE | re.DOTALL,
)
_PROMPT = "$ "
_MARK = "@@"
ALIKE = 0.75  # of two lines of output whose numbers are masked


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. `said` is the comment before it."""

    page: str
    line: int
    kind: str
    text: str
    said: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def says(self, word: str) -> str:
        """What the comment says after `word:`; nothing where it says something else."""
        before, _, after = self.said.partition(": ")
        return after if before == word else ""

    @property
    def commands(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What is typed, and what the page shows of its output."""
        if self.kind != "console":
            return ((self.text, ()),) if self.kind in (*SHELL, "python") else ()
        typed: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith(_PROMPT):
                typed.append((line.removeprefix(_PROMPT), []))
            else:
                typed[-1][1].append(line)
        return tuple((command, tuple(shown)) for command, shown in typed)


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """Every fenced block of a page."""
    for found in _BLOCK.finditer(text):
        inner = re.sub(rf"^{found['in']}", "", found["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start("kind")) + 1
        yield Block(page, line, found["kind"], inner, found["said"] or "")


def script_of(blocks: Iterable[Block]) -> str:
    """One program for the shell that types what the blocks say, marking where the output of each begins."""
    lines = ["exec 2>&1", "set -e", f"trap '[ $? = 0 ] || printf \"\\n{_MARK}failed\\n\"' EXIT"]
    for number, block in enumerate(blocks):
        for place, (command, _) in enumerate(block.commands):
            mark = f"{_MARK}{number}.{place}"
            typed = f"python - <<'END'\n{command}END" if block.kind == "python" else command.rstrip("\n")
            lines.append(f"printf '\\n{mark}\\n'\n{typed}")
    return "\n".join([*lines, "wait", ""])


def outputs_of(said: str) -> dict[str, list[str]]:
    """What each command of such a program said: `block.place` → lines."""
    pieces = re.split(rf"^{_MARK}(\d+\.\d+)\n", said, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], (piece.splitlines() for piece in pieces[2::2]), strict=True))


def is_among(shown: str, lines: Iterable[str]) -> bool:
    """Whether a line that a page shows is one of the output's, but for numbers and what `…` leaves out."""
    cut = shown.rstrip().endswith("…")
    mask = _masked(shown.rstrip().removesuffix("…"))
    masks = [_masked(line) for line in lines]
    if cut and any(one.startswith(mask) for one in masks):
        return True
    return any(
        SequenceMatcher(None, mask, one[: len(mask)] if cut else one, autojunk=False).ratio() >= ALIKE
        for one in masks
    )


def _masked(line: str) -> str:
    line = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +", "", line)
    line = re.sub(r"\([^()]*\)", "", line)
    line = re.sub(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?", "0", line)
    return " ".join(line.split())


def calls_of(block: Block) -> Iterator[list[str]]:
    """The words of each call of `jumar` in a block of commands."""
    for command, _ in block.commands if block.kind in SHELL else ():
        for line in command.replace("\\\n", " ").splitlines():
            yield from calls_in(line)


def calls_in(line: str) -> Iterator[list[str]]:
    """The words of each call of `jumar` on a line of the shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;>")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # a quotation that goes on over the line's end
        return
    call: list[str] | None = None
    for word in [*words, ";"]:
        if call is not None and word[0] in "|&;>":
            yield call[:-1] if word[0] == ">" and call[-1] in ("1", "2") else call
            call = None
        elif call is not None:
            call.append(word)
        elif word == "jumar":
            call = []
