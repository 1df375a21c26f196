"""What a coding agent is told in words, and what its last words mean."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping

import msgspec

from jumar.core.desk import Tool

MOST_WORDS = 600  #: characters of a hypothesis or a lesson
_MOST_LESSONS = 10
_MARK = r"^[\s>*_#`-]*{}[\s*_`]*:[\s*_`]*(.*?)[\s*_`]*$"
_HYPOTHESIS = re.compile(_MARK.format("hypothesis"), re.IGNORECASE | re.MULTILINE)
_PREDICTED = re.compile(_MARK.format(r"predicted[\w ]*"), re.IGNORECASE | re.MULTILINE)
_LESSON = re.compile(_MARK.format(r"lesson[\s#]*(\d+)"), re.IGNORECASE | re.MULTILINE)
_QUESTION = re.compile(_MARK.format("question"), re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(%?)", re.IGNORECASE)
_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)", re.DOTALL)
_MOST_READ = 200_000  # characters; whoever says more has not kept to what was agreed


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent said of its idea."""

    hypothesis: str
    predicted: float | None = None
    lessons: Mapping[str, str] = {}
    question: str = ""


def prompt(text: str, editable: Iterable[str], tools: Iterable[Tool]) -> str:
    """The whole of what a program is asked: the brief, and how to hand in."""
    asking = "\n".join(_offered(tool) for tool in tools)
    record = f"\n\nThe study's record answers questions, in this folder:\n{asking}" if asking else ""
    return f"""{text.rstrip()}

# What to do now

You are in a copy of the target's folder. Think of one idea, and edit the files here so that they try it.
Only these may be changed, added or removed: {", ".join(editable)}. A change of anything else is refused.
Do not measure it yourself: the data are not here, and the experiment is run when you are done.{record}

Nobody can answer you. When the edit is made, end with a last message of these lines and nothing else:

hypothesis: one sentence: what was changed, and why that should help
predicted: the relative gain you expect, such as 1.5 %
lesson 12: what experiment 12 taught you (only of experiments judged since; may be left out)
question: one worth an experiment that you leave to others (may be left out)
"""


def _offered(tool: Tool) -> str:
    names = tool.arguments.get("properties", {}) if isinstance(tool.arguments, Mapping) else {}
    example = json.dumps(dict.fromkeys(names, "…"), ensure_ascii=False) if names else ""
    return f"- `sh .jumar/ask.sh {tool.name}{f' {example!r}' if example else ''}`: {tool.about}"


def read_words(said: str, otherwise: str) -> Words:
    """What the last message of an agent means; its first sentence where it kept to no form.

    `otherwise` is the hypothesis of one that said nothing.
    """
    said = said[-_MOST_READ:]
    if (found := _from_json(said)) is not None:
        return found
    hypotheses = [each for each in _HYPOTHESIS.findall(said) if each.strip()]
    first = _SENTENCE.match(said.strip())
    fallback = first[1] if first else said.strip().partition("\n")[0]
    predicted = _PREDICTED.findall(said)
    questions = [each for each in _QUESTION.findall(said) if each.strip()]
    lessons = {number: _sentence(words) for number, words in _LESSON.findall(said) if words.strip()}
    return Words(
        hypothesis=_sentence(hypotheses[-1] if hypotheses else fallback) or otherwise,
        predicted=_gain(predicted[-1]) if predicted else None,
        lessons=dict(list(lessons.items())[:_MOST_LESSONS]),
        question=_sentence(questions[-1]) if questions else "",
    )


def _from_json(said: str) -> Words | None:
    """Of the last JSON object on a line of its own that has a hypothesis."""
    for line in reversed(said.splitlines()):
        if not line.strip().startswith("{"):
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        hypothesis = value.get("hypothesis") if isinstance(value, dict) else None
        if isinstance(hypothesis, str) and hypothesis.strip():
            predicted = value.get("predicted")
            return Words(
                hypothesis=_sentence(hypothesis),
                predicted=_gain(str(predicted)) if predicted is not None else None,
            )
    return None


def _gain(text: str) -> float | None:
    """A relative gain: `1.5 %`, `0.015`; a bare number above 1 is taken for percent, too."""
    if not (found := _NUMBER.search(text)):
        return None
    value = float(found[1])
    value = value / 100 if found[2] or abs(value) > 1 else value
    return value if math.isfinite(value) else None


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= MOST_WORDS else words[: MOST_WORDS - 1].rstrip() + "…"
