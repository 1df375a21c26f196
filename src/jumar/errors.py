"""Every error that Jumar raises on purpose, drawn as a tree; each says what to do next.

JumarError
├── Usage                  the call itself is wrong                         → exit 2
│   ├── ContractInvalid    jumar.toml says something we cannot accept       → exit 2
│   └── NeverRun           there is no such study yet                       → exit 2
├── EnvironmentUnfit       this machine or checkout cannot run a study      → exit 3
│   ├── TargetUnfit        no repository, nothing editable, dirty files …   → exit 3
│   │   └── CommitLost     the repository lacks what the record names       → exit 3
│   ├── TooLarge           another repository sends more than we take       → exit 3
│   ├── SandboxUnavailable we could not confine a run; blames no candidate  → exit 3
│   └── StudyHeld          another process is running this study            → exit 3
├── NotMeasurable          the unchanged target gives no usable number      → exit 4
├── LedgerUnfit            locked, corrupt, read-only, another version      → exit 5
│   ├── LedgerEmpty        made, but nothing was ever written              → exit 5
│   ├── LedgerNewer        written by a newer Jumar than this one          → exit 5
│   ├── LedgerConflict     a transition was already made by someone else    → exit 5
│   └── LeaseLost          another controller has taken the study up        → exit 5
├── AgentFailed            an agent cannot go on: a bad key, no such model → exit 6
│   └── NoRoom             a limit leaves less than its next request may take
└── Breach                 a proposal touched what the contract protects    → verdict invalid
"""

from __future__ import annotations

from functools import partial


class JumarError(Exception):
    """Base of every error we raise on purpose: a problem and its cure."""

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(f"{problem} (fix: {fix})")
        self.problem, self.fix = problem, fix

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return partial(type(self), self.problem, fix=self.fix), ()


class Usage(JumarError):
    """The call is wrong: an unknown name, a value out of range."""


class ContractInvalid(Usage):
    """The contract says something we cannot accept; `problem` names file, line and key."""


class NeverRun(Usage):
    """The study that was asked about does not exist yet: it was never run."""


class EnvironmentUnfit(JumarError):
    """This machine or checkout cannot run the study as asked."""


class TargetUnfit(EnvironmentUnfit):
    """The target is not in a repository, has nothing editable, or has uncommitted changes."""


class CommitLost(TargetUnfit):
    """The repository does not have a commit that the record names: a branch or its objects are gone."""


class TooLarge(EnvironmentUnfit):
    """What another repository sends takes more memory or disk than it may."""


class SandboxUnavailable(EnvironmentUnfit):
    """A run could not be confined. This is never the candidate's fault."""


class StudyHeld(EnvironmentUnfit):
    """Another process runs this study; `problem` says which and since when."""


class NotMeasurable(JumarError):
    """The unchanged target gives no number that a judge could use."""


class LedgerUnfit(JumarError):
    """The ledger cannot be used: locked, corrupt, read-only or from another version."""


class LedgerEmpty(LedgerUnfit):
    """The ledger was made this very moment, or its maker died over it: there is nothing to read."""


class LedgerNewer(LedgerUnfit):
    """A newer Jumar wrote the ledger, in a form that this one does not know."""


class LedgerConflict(LedgerUnfit):
    """A transition was refused because the ledger is no longer in the state it starts from."""


class LeaseLost(LedgerUnfit):
    """Another controller has taken the study up; this one, thought dead, writes nothing more."""


class AgentFailed(JumarError):
    """An agent could not be asked or could not answer.

    `passing` troubles (the provider is down, a limit of its rate) may be over later; the others
    (a bad key, no such model, a missing program) stay until a person mends them.
    """

    def __init__(self, problem: str, *, fix: str, passing: bool = False) -> None:
        super().__init__(problem, fix=fix)
        self.passing = passing

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return partial(type(self), self.problem, fix=self.fix, passing=self.passing), ()


class NoRoom(AgentFailed):
    """A limit on what agents may spend leaves less than the next request may take."""


class Breach(JumarError):
    """A proposal touched what the contract protects. `code` is stable and has a page in the docs."""

    def __init__(self, problem: str, *, fix: str, code: str) -> None:
        super().__init__(problem, fix=fix)
        self.code = code

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return partial(type(self), self.problem, fix=self.fix, code=self.code), ()
