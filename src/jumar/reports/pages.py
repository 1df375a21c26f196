"""What pages show of a study, as values: the course, rows, one experiment, the tree, lessons, integrity.

All texts in here are data: candidates, agents and people wrote them. Whoever draws them shows them as text.
Gains are relative (0.05 is 5 % better) and uncertified, as the search saw them, unless a claim says more.
"""

from __future__ import annotations

import msgspec

from jumar.core.verdict import Claim
from jumar.reports.agents import AgentShare
from jumar.reports.summary import Level
from jumar.rules.lessons import Calibration, Learned

#: What an experiment is now. `refuted` was kept and taken back; `held` waits for a person's approval.
STATES = ("baseline", "kept", "refuted", "discarded", "failed", "invalid", "held", "open")


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a page, or a part of one, has nothing to show, and what mends it."""

    kind: str  #: the error's class, such as `LedgerNewer`
    problem: str
    fix: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment on a line. None is what it does not have."""

    number: int
    state: str  #: one of STATES
    certain: bool  #: a keep that is sure by itself
    value: float | None
    gain: float | None
    low: float | None  #: of the gain, 95 %
    high: float | None
    predicted: float | None
    hypothesis: str
    reason: str  #: the verdict's, or why a keep was taken back, or what is waited for
    code: str  #: of the breach
    agent: str
    parent: int | None  #: number of the experiment it started from; None for the baseline
    tries: int  #: experiments that started from it
    touched: str  #: names of what it changed, with a comma between
    runs: int
    cpu_s: float
    usd: float
    tokens: int
    proposed_at: float
    judged_at: float | None


#: What rows may be sorted by.
SORTS = (
    "number", "state", "value", "gain", "predicted", "hypothesis", "reason", "agent", "parent", "tries",
    "runs", "cpu_s", "usd", "tokens", "proposed_at", "judged_at",
)  # fmt: skip


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which experiments are wanted, in which order, and which page of them."""

    states: tuple[str, ...] = ()  #: any of these; none: all
    agent: str = ""
    words: str = ""  #: each in hypothesis, reason, code or a name that was touched; large and small alike
    parent: int | None = None
    sort: str = "number"  #: one of SORTS; what has none comes last
    descending: bool = True
    first: int = 0
    most: int = 100


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A page of experiments."""

    rows: tuple[Row, ...]
    found: int  #: that the query asks for
    total: int  #: that the study has


class Dot(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment that has a value, on the chart of the course.

    `low` and `high` are on the metric's axis, None without an interval; `label` is empty where it has none.
    """

    number: int
    value: float
    state: str
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    certain: bool = False
    label: str = ""


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A claim on the chart: where its relative gain puts the champion on the search's own axis."""

    experiment: int
    level: float
    low: float
    high: float
    certified: bool
    refuted: bool
    at: float
    words: str


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of the contract, and how far the study has come towards it."""

    name: str  #: experiments, hours, usd, tokens, plateau, target
    spent: float | None
    limit: float


class InFlight(msgspec.Struct, frozen=True, kw_only=True):
    """A run under way. `curve` is of (share of the budget, loss); empty where nothing is known of it."""

    key: str
    experiment: int
    hypothesis: str
    purpose: str
    side: str
    seed: int
    started_at: float
    progress: float | None = None  #: by its own curve, else by the usual time; None where nobody can tell
    scoring: bool = False
    curve: tuple[tuple[float, float], ...] = ()


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Something that has its turn later.

    `kind`: run (an experiment that waits for a slot), approval (for a person), outside (handed in,
    no experiment yet), retest, thinking (an agent works on it).
    """

    kind: str
    name: str  #: the experiment's number, the ticket, or who thinks
    words: str
    since: float = 0.0


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs were under way, in steps of `width_s` from `first_at` on."""

    first_at: float
    width_s: float
    runs: tuple[float, ...]  #: mean number of runs in each step
    workers: int | None  #: slots as of the latest sitting; None in older records


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, in words."""

    seq: int
    at: float
    words: str
    experiment: int | None = None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A study at a glance, with the points of its chart."""

    study: str
    target: str
    scale: str
    metric: str
    direction: str  #: minimize or maximize
    self_reported: bool
    condition: str  #: running, paused, resting, finished
    doing: str  #: the same with who runs it, or why it rests
    is_running: bool  #: a live process has it
    last_seq: int
    started_at: float
    last_at: float
    active_s: float
    sentence: str  #: the best that may be claimed, in words
    keeps_in_words: str
    baseline: Level
    champion: Level
    gain: float | None
    claim: Claim | None
    claim_is_current: bool
    gap_in_words: str
    experiments: int  #: proposals, the baseline not counted
    counts: dict[str, int]  #: by state, the baseline left out
    steps: tuple[Dot, ...]  #: the champions, the baseline first: the stairs
    dots: tuple[Dot, ...]  #: all others that are drawn, by number
    left_out: int  #: others with a value that are not drawn
    without_value: tuple[int, ...]  #: numbers of the latest that gave no number
    bands: tuple[Band, ...]  #: claims, oldest first
    bounds: tuple[Bound, ...]
    time_left_s: float | None
    usd: float
    priced: bool
    tokens: int
    agents: tuple[AgentShare, ...]
    running: tuple[InFlight, ...]
    queued: int | None  #: runs that wait for a slot; None where only the record is known
    waiting: tuple[Waiting, ...]
    busy: Busy
    latest: tuple[Said, ...]  #: newest first
    contract_note: str  #: what to know of a jumar.toml that is not the one the study is pinned to


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run of an experiment. `words` says what came of it."""

    key: str
    purpose: str
    side: str
    seed: int
    pair: int
    is_own: bool  #: of the experiment's own commit
    state: str  #: measured, failed, stopped, lost, running
    value: float | None
    words: str
    others: dict[str, float]
    started_at: float
    wall_s: float | None
    cpu_s: float | None
    peak_memory_bytes: int | None
    under: str  #: machine and number of workers, where known
    has_log: bool
    has_curve: bool


class CurveView(msgspec.Struct, frozen=True, kw_only=True):
    """A learning curve: (share of the budget, loss)."""

    key: str
    experiment: int
    side: str
    purpose: str
    seed: int
    is_own: bool
    points: tuple[tuple[float, float], ...]


class PairView(msgspec.Struct, frozen=True, kw_only=True):
    """Candidate and reference on the same seed. The gain is in the metric's unit, positive is better."""

    pair: int
    seed: int
    candidate: float | None
    reference: float | None
    gain: float | None
    log_evidence: float | None = None
    purpose: str = "confirm"


class LogView(msgspec.Struct, frozen=True, kw_only=True):
    """What a run printed, or the end of it."""

    key: str
    text: str
    size: int  #: bytes of the whole
    is_whole: bool
    is_live: bool = False


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that an agent had from its model, or the account of its program, as text."""

    agent: str
    model: str
    at: float
    text: str
    size: int
    is_whole: bool
    tokens_in: int
    tokens_out: int
    usd: float
    priced: bool
    seconds: float
    trouble: Trouble | None = None


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one experiment. What cannot be had any more says why in its `…_trouble`."""

    row: Row
    commit: str
    parent_commit: str
    metric: str
    direction: str
    predicted_words: str  #: predicted beside measured, in a sentence; empty where nothing was predicted
    lesson: str
    lesson_by_agent: bool
    details: tuple[tuple[str, str], ...]  #: what the agent said beside: knobs that it turned, and so on
    seconds: float  #: that the agent thought
    parent: Row | None
    lineage: tuple[Row, ...]  #: from the experiment itself to the baseline
    children: tuple[Row, ...]  #: the newest that started from it
    runs: tuple[RunView, ...]
    runs_left_out: int
    curves: tuple[CurveView, ...]
    pairs: tuple[PairView, ...]
    evidence: tuple[tuple[str, str], ...]
    claim_words: str  #: what a certification found of it
    diff: str
    diff_left_out: int  #: bytes
    diff_trouble: Trouble | None
    log: LogView | None
    log_trouble: Trouble | None
    turns: int  #: answers that its agent had for it; `Board.transcript` reads them
    before: int | None  #: the neighbours by number
    after: int | None


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A champion in the tree of lineages, with what was tried on it."""

    number: int
    parent: int | None
    state: str  #: baseline, kept, refuted
    on_line: bool  #: today's champion stands on it
    is_champion: bool
    label: str
    agent: str
    value: float | None
    gain: float | None
    certain: bool
    certified: bool  #: a claim about it was certified
    judged_at: float | None
    tries: dict[str, int]  #: state → how many experiments that started from it ended so
    best_miss: int | None  #: of those that were not kept, the one that looked best


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """All champions there ever were, oldest first; each one's parent comes before it."""

    nodes: tuple[Node, ...]
    champion: int
    left_out: int  #: the oldest ones that led nowhere, where there are very many


class Lessons(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what experiments taught, newest first, and how good predictions were."""

    lessons: tuple[Learned, ...]
    total: int
    predictions: tuple[Calibration, ...]
    notes: tuple[str, ...]  #: of researchers outside, newest first
    questions: tuple[str, ...]  #: that are open


class BreachGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Proposals that were refused for the same reason."""

    code: str
    count: int
    latest: tuple[int, ...]
    words: str  #: the latest one's own


class PromiseView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a sandbox can keep."""

    name: str
    words: str
    kept: bool
    waived: bool  #: needed, and done without because the user accepted that


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the record's chain. Links are followed as entries come; the whole on demand."""

    entries: int  #: whose links were followed since this process began, all studies together
    head: str  #: newest digest that was reached
    broken_at: int | None = None
    problem: str = ""  #: of the chain; where it is not known to be broken, why it could not be checked
    whole_checked_at: float | None = None  #: when the last check of everything ended
    whole_entries: int = 0  #: of `entries`, those that were followed before that check began
    whole_took_s: float | None = None
    is_checking: bool = False


class Integrity(msgspec.Struct, frozen=True, kw_only=True):
    """Why the numbers can be believed."""

    chain: Chain
    breaches: tuple[BreachGroup, ...]
    refused: int
    sandbox: str
    promises: tuple[PromiseView, ...]
    self_reported: bool
    scored_by: str
    hidden: bool  #: data that no run can read
    machine: tuple[tuple[str, str], ...]
    jumar: str  #: version that started the study
    claims: tuple[str, ...]  #: every certification in words, newest first
    refuted: tuple[Row, ...]
