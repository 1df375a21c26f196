"""From what a model wrote down to a proposal: its changes as edits, or a refusal that says what to mend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, assert_never

import msgspec

from jumar.core.proposal import PUZZLE, Change, Cost, Draft, Edit, Proposal, Remove, Replace, Write
from jumar.errors import Breach
from jumar.rules.scope import MOST_BYTES

MOST_CHANGES = 200
MOST_WORDS = 600  #: characters of a hypothesis or a lesson
MOST_LESSONS = 10
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL)


def read_draft(answer: str | bytes) -> Draft:
    """The draft that an answer holds: JSON, alone or in a fenced block with words around it.

    Raises Breach when there is none.
    """
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    if len(text) > 2 * MOST_BYTES:
        raise _unreadable(f"the answer has {len(text):,} characters")
    if not text.strip():
        raise _unreadable("the answer is empty")
    fenced = _FENCED.findall(text)
    opening = text.find("{")
    candidates = [text, *reversed(fenced), *([text[opening : text.rfind("}") + 1]] if opening >= 0 else [])]
    problem = "the answer holds no JSON object"
    for candidate in candidates:
        try:
            return msgspec.json.decode(candidate, type=Draft)
        except msgspec.ValidationError as error:
            problem = str(error)
        except (msgspec.DecodeError, RecursionError) as error:
            problem = f"it is not JSON: {error}" if opening >= 0 else problem
    raise _unreadable(problem)


def proposal_from(
    draft: Draft, files: Mapping[str, bytes], agent: str, *, cost: Cost | None = None
) -> Proposal:
    """The proposal that a draft makes on top of `files`. Raises Breach where a change cannot be made."""
    lessons = {
        str(lesson.experiment): _sentence(lesson.words)
        for lesson in draft.lessons[:MOST_LESSONS]
        if lesson.words.strip()
    }
    if not draft.hypothesis.strip():
        raise _unreadable("the hypothesis is empty")
    details: dict[str, Any] = {"lessons": lessons} if lessons else {}
    if draft.question.strip():
        details[PUZZLE] = _sentence(draft.question)
    return Proposal(
        hypothesis=_sentence(draft.hypothesis),
        edits=edits_from(draft.changes, files),
        agent=agent,
        predicted=draft.predicted,
        details=details,
        cost=cost or Cost(),
    )


def edits_from(changes: tuple[Change, ...], files: Mapping[str, bytes]) -> tuple[Edit, ...]:
    """The edits that changes add up to, made one after the other. Raises Breach.

    A replacement of text that is not there, or there twice, is refused: guessing where it belongs
    would test something that nobody proposed. Files that come out as they were are left out.
    """
    if len(changes) > MOST_CHANGES:
        raise Breach(
            f"the proposal has {len(changes)} changes",
            fix=f"stay within {MOST_CHANGES}, or write whole files",
            code="too-large",
        )
    made: dict[str, bytes | None] = {}
    for change in changes:
        before = made.get(change.path, files.get(change.path))
        match change:
            case Replace():
                made[change.path] = _replaced(change, before, files)
            case Write(content=content):
                made[change.path] = _encoded(change.path, content)
            case Remove():
                made[change.path] = None
            case _:
                assert_never(change)
    return tuple(
        Edit(path=path, content=content)
        for path, content in made.items()
        if content is None or files.get(path) != content
    )


def _replaced(change: Replace, before: bytes | None, files: Mapping[str, bytes]) -> bytes:
    path, find, by = change.path, _encoded(change.path, change.find), _encoded(change.path, change.by)
    if before is None:
        near = get_close_matches(path, files, n=1)
        fix = f"did you mean {near[0]}?" if near else "write the whole file, if it shall be there"
        raise _unfit(f"{path} cannot be changed: there is no such file among the editable ones", fix)
    if not find:
        raise _unfit(f"{path}: the text to find is empty", "name text that is there, or write the whole file")
    if find not in before and b"\r\n" in before and b"\r\n" not in find:
        # Models answer with plain line ends, whatever the file has.
        find, by = find.replace(b"\n", b"\r\n"), by.replace(b"\n", b"\r\n")
    count = before.count(find)
    if count == 1:
        return before.replace(find, by)
    first = _shown(change.find)
    if count > 1:
        lines = _lines_of(find, before)
        raise _unfit(
            f"{path}: the text to find, which begins {first}, stands there {count} times (lines {lines})",
            "take in more lines around it, until it stands there once",
        )
    near_line = _nearest(change.find, before)
    raise _unfit(
        f"{path}: the text to find, which begins {first}, does not stand there{near_line}",
        "copy it from the file as the brief shows it, blanks included",
    )


def _lines_of(find: bytes, before: bytes) -> str:
    lines: list[str] = []
    start = before.find(find)
    while start >= 0 and len(lines) < 5:
        lines.append(str(before.count(b"\n", 0, start) + 1))
        start = before.find(find, start + 1)
    return ", ".join(lines)


def _nearest(find: str, before: bytes) -> str:
    """Where the first line that says anything may have been meant to stand."""
    wanted = next((line.strip() for line in find.splitlines() if line.strip()), "")
    lines = before.decode("utf-8", "replace").splitlines()[:20_000]
    exact = [number for number, line in enumerate(lines, 1) if line.strip() == wanted]
    if wanted and exact:
        return f"; its first line is line {exact[0]}, and what follows differs"
    near = get_close_matches(wanted, {line.strip() for line in lines[:2_000] if line.strip()}, n=1)
    return f"; the nearest line there is {_shown(near[0])}" if near else ""


def _encoded(path: str, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise _unfit(f"{path}: the text has half a character in it", "write valid Unicode") from None


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= MOST_WORDS else words[: MOST_WORDS - 1].rstrip() + "…"


def _shown(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), text[:20])
    return ascii(first[:79] + "…") if len(first) > 80 else repr(first)


def _unfit(problem: str, fix: str) -> Breach:
    return Breach(problem, fix=fix, code="does-not-apply")


def _unreadable(problem: str) -> Breach:
    return Breach(
        f"the answer is no proposal: {problem}",
        fix='answer with one JSON object: {"hypothesis": "…", "predicted": 0.01, "changes": [{"kind": '
        '"replace", "path": "…", "find": "…", "by": "…"}]}',
        code="unreadable",
    )
