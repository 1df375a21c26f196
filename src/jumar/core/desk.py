"""What an agent that thinks for long has before it: a text, questions it may ask, and what it paid for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from threading import Event
from typing import Any, Protocol

import msgspec

from jumar.core.proposal import Proposal


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One question that an archive answers, as models and faces are told of it."""

    name: str
    about: str
    arguments: Mapping[str, Any] = {}  #: JSON Schema of an object


class Archive(Protocol):
    """Looks things up in a study, and promises this.

    Nothing changes by asking. Every answer is text (Markdown) of at most ANSWER_BYTES, whatever lies
    behind it. Scores are as the contract lets agents see them. What a program or an agent wrote comes
    marked as data, without control characters. A question that makes no sense gets an answer that
    says so and how to ask; `ask` raises nothing for it.
    """

    @property
    def tools(self) -> tuple[Tool, ...]: ...

    def ask(self, tool: str, arguments: Mapping[str, Any]) -> str: ...


ANSWER_BYTES = 12_000  #: of one answer, some 3,500 tokens; what is left out is said


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one request to a model took."""

    model: str
    tokens_in: int = 0  #: read, those from a cache included
    tokens_cached: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    seconds: float = 0.0
    priced: bool = True  #: False: what it cost is not known, and `usd` is 0

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.tokens_in + self.tokens_out


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered to one request, in whatever form its agent can take up again.

    `request` is the agent's own identity of what was asked (a digest, say): it tells whether the
    reply still answers the question.
    """

    agent: str
    request: str
    content: bytes
    usage: Usage


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What tells one brief from another: after a crash an agent is asked the same again."""

    number: int  #: of the experiment that was to be proposed
    parent: str  #: commit that its edits apply to
    refusals: tuple[str, ...] = ()
    view: int | None = None  #: the near miss whose commit the parent is; None: it is a champion
    strand: int = 0  #: tells apart what one agent thinks about at the same time


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """What the limits leave to be spent; None where nothing limits it."""

    usd: float | None = None
    tokens: int | None = None


class CalledOff(Exception):
    """Nobody waits for this proposal any more. Desks raise it, and agents that hear of it may."""


class Desk(Archive, Protocol):
    """An archive, the brief as text, and a place for what was paid for. Of one proposal; promises this.

    `text` is the brief in Markdown, within the contract's `brief_tokens`, its refusals included.
    `keep` makes a reply durable before it returns, and its cost counts from then on: call it before
    a reply is used. `replies` are those that were kept since their agent's last experiment, oldest
    first: after a crash an agent finds there what it need not ask again.

    `called_off` is set when the study rests while an agent thinks: it gives up within a second or so,
    and whatever it started ends. From then on `ask` raises CalledOff; `keep` still keeps what was
    paid for while the study is there to write it down, and raises CalledOff afterwards. All of it may
    be used on any thread.

    `room` is what the limits leave this agent, after what was spent and what other requests under way
    have set aside. `set_aside` takes from it the most that a request may take, for as long as the
    request is under way; it waits for others whose requests alone are in the way, and raises NoRoom where
    less is left: then it must not be sent.
    """

    @property
    def text(self) -> str: ...

    @property
    def replies(self) -> tuple[Reply, ...]: ...

    @property
    def called_off(self) -> Event: ...

    def handed_in(self) -> Proposal | None:
        """The oldest proposal from outside that waits for its turn by now; its details name its ticket."""
        ...

    @property
    def room(self) -> Room: ...

    def set_aside(self, most: Usage) -> AbstractContextManager[None]: ...

    def keep(self, reply: Reply) -> None: ...

    def notice(self, words: str) -> None:
        """Tell the people whose study it is, at once and in the record, of what they may want to mend."""
        ...
