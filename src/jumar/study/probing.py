"""Probes: runs beside the experiments that decide nothing, and what is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from statistics import fmean
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from jumar.core.contract import Scores
from jumar.core.desk import Tool
from jumar.core.event import Probed
from jumar.core.experiment import BASELINE
from jumar.core.probe import Measure, Probe, Profile, Sweep, Variant
from jumar.core.proposal import Change, Edit
from jumar.core.run import Purpose, Run
from jumar.errors import Breach, LedgerUnfit, Usage
from jumar.rules.drafts import edits_from
from jumar.rules.probes import Seen, Timed, measure_in_words, profile_in_words, sweep_in_words
from jumar.rules.seeds import seed_for
from jumar.study.admission import Admission
from jumar.study.brief import Briefing
from jumar.study.flight import PROFILES, Landed
from jumar.study.parts import Parts
from jumar.study.queue import Queue
from jumar.study.recorder import Recorder

# What an agent may spend on probes for one proposal, in runs of the usual length: as much as the
# experiment itself takes when it is kept.
MOST_RUNS = 8.0
SLOWER = 2.0  # a profiled run than a usual one
SIDES = 2.0  # of a measure: with the edits, and without
LEAST_SHARE = 1 / 8  # that a shortened run counts as: it starts up like any other


class Changed(msgspec.Struct, frozen=True, kw_only=True, tag="measure", forbid_unknown_fields=True):
    """A measure as a model asks for it: with the changes themselves."""

    changes: Annotated[
        tuple[Change, ...],
        Meta(min_length=1, description="made one after the other, on the files as shown"),
    ]


def _tool(kind: type[Sweep | Profile | Changed], about: str) -> Tool:
    ((shape,), parts) = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    schema = parts.pop(shape["$ref"].rpartition("/")[2])
    shown = {name: each for name, each in schema["properties"].items() if name != "type"}
    required = [name for name in schema["required"] if name != "type"]
    arguments = {"type": "object", "properties": shown, "required": required, "additionalProperties": False}
    if parts:
        arguments["$defs"] = parts
    return Tool(name=str(kind.__struct_config__.tag), about=about, arguments=arguments)


TOOLS = (
    _tool(
        Sweep,
        "Short runs of the champion with a knob, or a few one after the other, at values across their range: "
        f"the curve. Takes machine time; for one proposal, probes may take that of {MOST_RUNS:g} usual runs.",
    ),
    _tool(
        Profile,
        "Where the time of one run goes: start-up, imports, hot functions (cProfile). Counts as "
        f"{SLOWER:g} usual runs.",
    ),
    _tool(
        Changed,
        "One run of changes before you propose them, beside one of the same code without, both on one seed: "
        f"what they gain there, or what they die of. Decides nothing. Counts as {SIDES:g} usual runs.",
    ),
)


class Looking:
    """A probe under way. `told` has what came of it, once it has."""

    def __init__(self, probe: Probe, experiment: int, runs: Mapping[str, Variant | None], asked: int) -> None:
        self.probe, self.experiment, self.asked = probe, experiment, asked
        self.runs = runs  #: key → what was changed, if anything
        self.landed: dict[str, Landed] = {}
        self.told: Future[str] = Future()

    @property
    def is_over(self) -> bool:
        """Whether all of its runs have ended."""
        return len(self.landed) == len(self.runs)


class Probing:
    """Makes probes with what slots are free, records them, and tells what they showed.

    Their runs stand in the record as runs of the unchanged target with a purpose of their own; no
    judge, noise or optimiser looks at them. What was asked of the same code already is not run again.
    """

    def __init__(self, parts: Parts, recorder: Recorder, queue: Queue, briefing: Briefing) -> None:
        self._parts, self._recorder, self._queue, self._briefing = parts, recorder, queue, briefing
        self._admission = Admission(briefing, parts.contract, parts.protected)
        self._under_way: list[Looking] = []
        self._known: dict[tuple[Probe, str], Looking] = {}
        self._made: int | None = None
        self._overrun = 1.0  # how much longer shortened runs were seen to take than they were given

    def estimate(self, probe: Probe) -> float:
        """About how long its runs take, one after the other, in runs of the usual length.

        Not every target heeds its budget: after a sweep that took longer, others are thought to as well.
        """
        if isinstance(probe, Profile):
            return SLOWER
        if isinstance(probe, Measure):
            return SIDES
        return probe.most * min(1.0, max(probe.share, LEAST_SHARE) * self._overrun)

    def _learn(self, share: float, took: list[float]) -> None:
        """See by a sweep's runs whether the target heeds its budget."""
        runs = self._recorder.history.experiments[BASELINE].runs
        usual = [run.report.wall_s for run in runs if run.report and run.run.purpose is not Purpose.PROBE]
        if usual and fmean(usual) > 0:
            given = max(share, LEAST_SHARE)
            self._overrun = max(self._overrun, fmean(took) / fmean(usual) / given)

    def is_known(self, probe: Probe) -> bool:
        """Whether it was asked for already of the same code, in this sitting."""
        return (probe, self._commit(probe)) in self._known

    def read(self, tool: str, arguments: Mapping[str, Any], parent: str) -> Probe:
        """What an agent that was shown `parent` asks for. Raises Usage and msgspec.ValidationError."""
        if tool != Changed.__struct_config__.tag:
            probe: Probe = msgspec.convert({**arguments, "type": tool}, type=Probe, strict=False)
            return probe
        changes = msgspec.convert({**arguments, "type": tool}, Changed, strict=False).changes
        try:
            edits = edits_from(changes, self._briefing.editable_files(parent))
        except Breach as breach:
            raise Usage(breach.problem, fix=breach.fix) from breach
        return Measure(edits=self._parts.artefacts.put(msgspec.json.encode(edits)), parent=parent)

    def _commit(self, probe: Probe) -> str:
        if isinstance(probe, Measure):
            return probe.parent
        history = self._recorder.history
        number = probe.experiment if isinstance(probe, Profile) else None
        record = history.experiments.get(history.champion if number is None else number)
        return record.experiment.commit if record else ""

    def begin(self, probe: Probe, *, asked: int = 0) -> Looking:
        """Have its runs made. `asked` is the entry that asks for it, if one does. Raises Usage."""
        history = self._recorder.history
        if BASELINE not in history.experiments or BASELINE in history.open:
            raise Usage(
                "there is nothing to look at yet: the unchanged target has not been measured",
                fix="`jumar run` measures it first",
            )
        number = history.champion
        if isinstance(probe, Profile) and probe.experiment is not None:
            number = probe.experiment
        if number not in history.experiments:
            raise Usage(f"there is no experiment {number}", fix="see `jumar log` for what there is")
        commit = self._commit(probe)
        known = self._known.get((probe, commit))
        if known and not asked:
            return known
        try:
            looking = self._look(probe, number)
        except (ArithmeticError, LookupError, RecursionError, ValueError) as error:
            # Whoever asks chooses the values: no odd one may end a study.
            raise Usage(f"that cannot be looked at: {error!r:.200}", fix="ask for something else") from error
        looking.asked = asked
        self._known[(probe, commit)] = looking
        self._under_way.append(looking)
        return looking

    def _look(self, probe: Probe, number: int) -> Looking:
        match probe:
            case Sweep():
                return self._sweep(probe, number)
            case Profile():
                return self._profile(probe, number)
            case Measure():
                return self._measure(probe)

    def begin_asked(self, probe: Probe, asked: int, *, beyond: bool) -> None:
        """Have what entry `asked` asks for made, within what those may take who research from outside.

        They get as much for each experiment as an agent for each proposal, all of them together, unless
        a person lets them go `beyond`. Raises Usage.
        """
        under_way = [looking.probe for looking in self._under_way if looking.asked]
        taken = sum(map(self.estimate, (*self._recorder.history.looks, *under_way)))
        cost = self.estimate(probe)
        if taken + cost > MOST_RUNS and not beyond:
            left = max(0.0, MOST_RUNS - taken)
            raise Usage(
                f"that takes about {cost:.3g} usual runs, and of {MOST_RUNS:g} between two experiments "
                f"{left:.3g} are left",
                fix="ask for fewer runs, or shorter ones, or try something first; a person may say --beyond",
            )
        self.begin(probe, asked=asked)

    def take_in(self, landed: Landed) -> None:
        """A run of a probe has ended."""
        for looking in tuple(self._under_way):
            if landed.run.key in looking.runs:
                looking.landed[landed.run.key] = landed
                if looking.is_over:
                    self._under_way.remove(looking)
                    self._tell(looking)

    def repeat(self, lost: Run) -> None:
        """Have a run of a probe made again."""
        for looking in self._under_way:
            if lost.key in looking.runs:
                run = self._run(lost.commit, share=lost.share, profiled=lost.profiled)
                run = replace(run, seed=lost.seed)
                runs = {run.key if key == lost.key else key: made for key, made in looking.runs.items()}
                looking.runs = runs
                self._queue.push((run,))

    def refuse(self, asked: int, why: Usage) -> None:
        """Say why a probe that somebody asked for is not made."""
        self._recorder.note(Probed(asked=asked, trouble=why.problem, fix=why.fix))

    def end(self) -> None:
        """No run is made any more: what is under way comes to nothing."""
        for looking in self._under_way:
            why = Usage("the study came to rest before all runs were made", fix="ask again")
            if looking.asked:
                self.refuse(looking.asked, why)
            looking.told.set_exception(why)
        self._under_way.clear()

    def _sweep(self, sweep: Sweep, number: int) -> Looking:
        parts, experiment = self._parts, self._recorder.history.experiments[number].experiment
        self._refuse_veiled()
        files, command = self._briefing.editable_files(experiment.commit), parts.contract.run.command
        runs: dict[str, Variant | None] = {}
        first = self._run(experiment.commit, share=sweep.share)
        for variant in (None, *parts.variants(files, command, sweep.knobs, sweep.most - 1)):
            run = self._run(experiment.commit, share=sweep.share) if variant else first
            if variant:
                words = f"{variant.knob} at {variant.value}, for a sweep of {parts.name}\n"
                ref = f"refs/jumar/{parts.name}/probes/{run.key}"
                made = parts.workspace.commit(experiment.commit, variant.edits, message=words, ref=ref)
                run = replace(run, commit=made.sha, seed=first.seed)
            runs[run.key] = variant
            self._queue.push((run,))
        return Looking(sweep, number, runs, 0)

    def _measure(self, measure: Measure) -> Looking:
        parts, history = self._parts, self._recorder.history
        self._refuse_veiled()
        number = next(
            (one.number for one in history.records if one.experiment.commit == measure.parent), None
        )
        if number is None:
            raise Usage("those edits are made on no commit of this study", fix="make them on the champion")
        try:
            edits = msgspec.json.decode(parts.artefacts.get(measure.edits), type=tuple[Edit, ...])
            files = self._briefing.editable_files(measure.parent)
            if all(files.get(edit.path) == edit.content for edit in edits):
                raise Usage("no file was changed", fix="change an editable file")
            self._admission.check(edits, measure.parent, history, repeats=True)
        except Breach as breach:
            raise Usage(breach.problem, fix=breach.fix) from breach
        except (msgspec.DecodeError, LedgerUnfit) as error:
            raise Usage(f"the edits cannot be read: {error}", fix="ask again") from error
        own = self._run(measure.parent)
        run = self._run(measure.parent)
        words, ref = f"Measured once by {parts.name}\n", f"refs/jumar/{parts.name}/probes/{run.key}"
        made = parts.workspace.commit(measure.parent, edits, message=words, ref=ref)
        for each in (own, run := replace(run, commit=made.sha, seed=own.seed)):
            self._queue.push((each,))
        return Looking(measure, number, {own.key: None, run.key: None}, 0)

    def _refuse_veiled(self) -> None:
        if self._parts.contract.measure.scores is Scores.BIT:
            raise Usage(
                "this contract tells agents no scores, so none of looks either",
                fix="propose it: whether it is better is told",
            )

    def _profile(self, profile: Profile, number: int) -> Looking:
        run = self._run(self._recorder.history.experiments[number].experiment.commit, profiled=True)
        self._queue.push((run,))
        return Looking(profile, number, {run.key: None}, 0)

    def _run(self, commit: str, *, share: float = 1.0, profiled: bool = False) -> Run:
        if self._made is None:
            runs = self._recorder.history.experiments[BASELINE].runs
            self._made = sum(1 for record in runs if record.run.purpose is Purpose.PROBE)
        self._made += 1
        return Run(
            key=f"{BASELINE}-p{self._made}",
            experiment=BASELINE,
            commit=commit,
            seed=seed_for(self._parts.terms.secret, Purpose.PROBE, self._made),
            purpose=Purpose.PROBE,
            share=share,
            profiled=profiled,
        )

    def _tell(self, looking: Looking) -> None:
        if isinstance(looking.probe, Sweep) and looking.probe.share < 1:
            self._learn(looking.probe.share, [each.report.wall_s for each in looking.landed.values()])
        text = self._in_words(looking)
        answer = self._parts.artefacts.put(text.encode())
        keys = tuple(looking.runs)
        self._recorder.note(Probed(asked=looking.asked, probe=looking.probe, runs=keys, answer=answer))
        self._recorder.commit()
        looking.told.set_result(text)

    def _in_words(self, looking: Looking) -> str:
        if isinstance(looking.probe, Profile):
            (landed,) = looking.landed.values()
            told = _read(self._parts, landed)
            return profile_in_words(looking.experiment, landed.report.wall_s, landed.outcome, told)
        veil = self._briefing.veil(self._recorder.history)
        if isinstance(looking.probe, Measure):
            own, its = (looking.landed[key].outcome for key in looking.runs)
            return measure_in_words(looking.experiment, own, its, veil, self._parts.contract.measure.metric)
        seen = [Seen(variant, looking.landed[key].outcome) for key, variant in looking.runs.items()]
        return sweep_in_words(looking.probe, seen, looking.experiment, veil)


def _read(parts: Parts, landed: Landed) -> list[Timed]:
    """What the run's processes wrote down, where it can be read."""
    found = []
    for name, digest in landed.artefacts.items():
        if name.startswith(PROFILES):
            try:
                found.append(msgspec.json.decode(parts.artefacts.get(digest), type=Timed))
            except (msgspec.DecodeError, LedgerUnfit):
                continue
    return found
