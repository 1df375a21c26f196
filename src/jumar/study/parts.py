"""What a study works with: the contract and one implementation of each protocol, handed in by app."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jumar.core.agent import AnyAgent, Brief, KnobNow, Team
from jumar.core.contract import Contract
from jumar.core.evaluator import Evaluator
from jumar.core.event import Entry, StudyStarted
from jumar.core.executor import Executor
from jumar.core.ledger import Artefacts, Ledger
from jumar.core.machine import Machine
from jumar.core.probe import Variants, no_variants
from jumar.core.workspace import Workspace
from jumar.study.places import Surroundings
from jumar.study.tick import Tick

Observer = Callable[[Entry | Tick], None]
Details = Mapping[str, Any]
WithKnobs = Callable[[Details, Mapping[str, bytes], Mapping[str, bytes], Sequence[str]], Details]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a study needs of the house. Nothing in `study/` picks an implementation."""

    name: str
    terms: StudyStarted
    contract: Contract
    program: str  #: text of program.md as pinned
    roles: Mapping[str, str] = {}  #: name of an agent → words for it alone, as pinned
    protected: tuple[str, ...]  #: paths no proposal may touch whatever `editable` says
    agent: AnyAgent
    team: Team | None = None  #: where several agents propose, or one and a polisher
    workspace: Workspace
    executor: Executor
    evaluator: Evaluator
    ledger: Ledger
    artefacts: Artefacts
    around: Surroundings
    scratch: Path
    observe: Observer
    knobs: Callable[[Brief], tuple[KnobNow, ...]] = lambda _: ()  #: of the champion, for agents to be told
    with_knobs: WithKnobs = lambda details, *_: details  #: what an edit is to the tuner, for the record
    variants: Variants = no_variants  #: of knobs, for sweeps
    notices: tuple[str, ...] = ()  #: what the record should say of this sitting before it begins
    now: Callable[[], float] = time.time
    jumped: Callable[[], bool] = lambda: False  #: whether that clock did, since this was asked last
    machine: Callable[[], Machine]  #: asked at every claim: a study may have moved

    @property
    def branch(self) -> str:
        """The ref that always points at the champion."""
        return f"refs/heads/jumar/{self.name}"
