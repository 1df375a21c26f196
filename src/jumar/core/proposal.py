"""What an agent hands over: a hypothesis, the effect it predicts, and the edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

REGULAR = 0o100644  #: git's mode of an ordinary file
TICKET = "ticket"  #: in the details of what was handed in from outside
PUZZLE = "question"  #: in the details: what the agent leaves open for whoever proposes next
ASKED = "asked"  #: in the details of a re-test that a person asked for: the entry that says so


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it shall be. Whatever an agent did to a tree can be said with these.

    `path` is relative to the target's folder, with `/`. `content` None removes the file.
    `mode` is git's: anything but REGULAR on a new file, or a change of it, is for scope to refuse.
    """

    path: str
    content: bytes | None
    mode: int = REGULAR


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a proposal cost to make."""

    usd: float = 0.0
    priced: bool = True  #: False: some of what it cost is not known, and not in `usd`
    tokens: int = 0
    tokens_out: int = 0  #: of these, written by a model
    seconds: float = 0.0  #: how long the agent took
    #: How long slots stood free only because it thought; a second in which half of them did is 0.5.
    waited_s: float = 0.0


MOST_PREDICTED = 1000.0  #: times as good as before: whoever expects more has not understood the question


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One idea. `details` is the agent's own JSON (the tuner's knobs, say), kept with the record.

    One that was handed in from outside has its ticket in there, under TICKET.
    """

    hypothesis: str
    edits: tuple[Edit, ...]
    agent: str
    predicted: float | None = None  #: relative gain the agent expects; 0.01 is 1 % better
    details: Mapping[str, Any] = {}
    cost: Cost = Cost()
    parent: str = ""  #: commit that the edits are made on, where that is not the brief's parent


class Replace(msgspec.Struct, frozen=True, kw_only=True, tag="replace", tag_field="kind"):
    """Put `by` in the place of `find`."""

    path: str
    find: Annotated[str, Meta(description="text as it stands in the file, exactly once, blanks included")]
    by: str


class Write(msgspec.Struct, frozen=True, kw_only=True, tag="write", tag_field="kind"):
    """Make `content` the whole of a file, be there one or not."""

    path: str
    content: str


class Remove(msgspec.Struct, frozen=True, kw_only=True, tag="remove", tag_field="kind"):
    """Take a file away."""

    path: str


Change = Replace | Write | Remove


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment taught, in one sentence."""

    experiment: int
    words: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal: one idea, the gain it should give, and the changes that try it."""

    hypothesis: Annotated[str, Meta(description="one sentence: what is changed, and why that should help")]
    changes: Annotated[
        tuple[Change, ...], Meta(description="made one after the other, on the files as shown")
    ]
    predicted: Annotated[float | None, Meta(description="relative gain expected: 0.01 is 1 % better")] = None
    lessons: Annotated[
        tuple[Lesson, ...], Meta(description="what experiments that were judged meanwhile taught you")
    ] = ()
    question: Annotated[
        str, Meta(description="mostly empty: a question worth an experiment that you leave to others")
    ] = ""
