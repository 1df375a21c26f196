"""Owns how programs and diffs are shown: lines of coloured pieces, drawn as they come into view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nicegui import ui
from pygments.lexer import Lexer
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType
from pygments.util import ClassNotFound

from jumar.rules.plain import plain

Piece = tuple[str, str]  #: kind, text
_KINDS: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"),
    (String, "s"),
    (Number, "m"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "f"),
    (Name.Builtin, "f"),
)
_MOST_COLUMNS = 2000
_MOST_COLOURED = 200_000  # characters; beyond, a diff is shown in one colour
#: The only template: pieces are put in as text.
_LINE = (
    '<div :class="\'l \' + props.item.c"><span v-for="piece in props.item.t" :class="piece[0]">'
    "{{ piece[1] }}</span></div>"
)


class CodeLine(NamedTuple):
    """A line, and what kind it is: added, deleted, heading, hunk, or neither."""

    kind: str
    pieces: Sequence[Piece]


def show_lines(lines: Sequence[CodeLine]) -> None:
    """Show lines that scroll; of very many only those in view are in the page."""
    made = ui.element("q-virtual-scroll").classes("code")
    made.props["items"] = [{"c": line.kind, "t": [list(piece) for piece in line.pieces]} for line in lines]
    made.props["virtual-scroll-slice-size"] = min(len(lines), 400)
    made.props["virtual-scroll-item-size"] = 20
    made.props["tabindex"] = "0"
    made.add_slot("default", _LINE)


def diff_lines(diff: str) -> list[CodeLine]:
    """A unified diff with what is added and deleted marked, in the colours of its language."""
    lines: list[CodeLine] = []
    coloured = len(diff) <= _MOST_COLOURED
    for name, body in _files(plain(diff, lines=True)):
        if name:
            lines.append(CodeLine("t", [("", name)]))
        lexer = _lexer(name) if coloured else TextLexer()
        for heading, hunk in _hunks(body):
            lines.append(CodeLine("h", [("", heading)]))
            lines += _hunk(hunk, lexer)
    return lines


def _files(diff: str) -> Iterator[tuple[str, list[str]]]:
    name, body = "", list[str]()
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            if body:
                yield name, body
            name, body = line.rpartition(" b/")[2], []
        elif line.startswith("+++ b/"):
            name = line[6:]
        body.append(line)
    if body:
        yield name, body


def _hunks(body: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    heading, hunk = "", list[str]()
    for line in body:
        if line.startswith("@@"):
            if heading:
                yield heading, hunk
            heading, hunk = line, []
        elif heading:
            hunk.append(line)
        elif line.startswith(("new file", "deleted file", "rename ", "Binary", "old mode", "new mode")):
            yield line, []
    if heading:
        yield heading, hunk


def _hunk(hunk: Sequence[str], lexer: Lexer) -> list[CodeLine]:
    """The lines of a hunk. Both sides are read by themselves: together they are no program."""
    while hunk and not hunk[-1]:
        hunk = hunk[:-1]
    sides = {
        side: iter(_coloured([line[1:] for line in hunk if line[:1] in (side, " ", "")], lexer))
        for side in "-+"
    }
    made = []
    for line in hunk:
        mark = line[:1] or " "
        if mark == "\\":
            made.append(CodeLine("h", [("", line)]))
            continue
        old = next(sides["-"]) if mark in "- " else None
        new = next(sides["+"]) if mark in "+ " else None
        made.append(CodeLine({"+": "a", "-": "d"}.get(mark, ""), [("", mark), *(new or old or ())]))
    return made


def _coloured(lines: Sequence[str], lexer: Lexer) -> list[list[Piece]]:
    made: list[list[Piece]] = [[]]
    for token, text in lexer.get_tokens("\n".join(line[:_MOST_COLUMNS] for line in lines)):
        kind = next((kind for known, kind in _KINDS if token in known), "")
        for place, part in enumerate(text.split("\n")):
            if place:
                made.append([])
            if part:
                made[-1].append((kind, part))
    made += [[] for _ in range(len(lines) - len(made))]
    return made


def _lexer(name: str) -> Lexer:
    try:
        return get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)
