"""The loop: propose, run, judge, record, keep or revert, until there is a reason to rest."""

from __future__ import annotations

import msgspec

from jumar.core.agent import NOTHING_LEFT
from jumar.core.event import AT_ONCE, Asked, Certified, Rested, RunEnded, RunLost, RunStarted, Wish
from jumar.core.experiment import BASELINE
from jumar.core.machine import machine_in_words
from jumar.core.probe import Probe, in_a_word
from jumar.core.run import Purpose, Run
from jumar.core.verdict import Claim
from jumar.errors import JumarError, LedgerUnfit, Usage
from jumar.rules.certify import Look, certify
from jumar.rules.evidence import certifying_pairs, noise_of, standing
from jumar.rules.history import History
from jumar.rules.plan import certifying_runs, fatal_failure
from jumar.rules.refuted import last_certified, may_lose, refutations
from jumar.study.asking import Asking
from jumar.study.brief import Briefing
from jumar.study.deciding import Deciding
from jumar.study.flight import Flights, Landed
from jumar.study.idling import Idling
from jumar.study.parts import Parts
from jumar.study.probing import Probing
from jumar.study.proposing import Proposer
from jumar.study.queue import Queue
from jumar.study.rebasing import Rebasing
from jumar.study.recorder import Recorder
from jumar.study.resume import lose_open_runs, take_up
from jumar.study.sitting import Rest, Sitting
from jumar.study.supply import Supply
from jumar.study.watching import Watch

WAIT_S = 0.25  # how long a wish or an interrupt may go unheard while runs are under way
IDLE_S = 0.5  # between two looks at the ledger while the study is paused


class Loop:
    """One sitting of a study: from taking it up to the reason it rests."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._recorder = Recorder(parts)
        self._flights = Flights(parts)
        self._queue = Queue()
        briefing = Briefing(parts.name, parts.contract, parts.workspace, parts.protected, now=parts.now)
        proposer = Proposer(parts, self._recorder, briefing)
        self._probing = Probing(parts, self._recorder, self._queue, briefing)
        self._asking = Asking(parts, self._recorder, proposer, briefing, self._probing)
        self._deciding = Deciding(parts, self._recorder, self._queue, proposer)
        rebasing = Rebasing(self._recorder, self._queue, proposer)
        self._supply = Supply(
            self._recorder, self._flights, self._queue, self._asking, self._deciding, rebasing
        )
        self._watch = Watch(parts, self._recorder, self._flights, self._queue)
        self._sitting = Sitting(parts, self._recorder.history)
        self._idling = Idling(self._recorder)
        self._interrupts = 0
        self._wishes: set[Wish] = set()
        self._doing = "starting"

    def interrupt(self) -> None:
        """Ask once to finish what runs; twice to stop now. Safe in a signal handler."""
        self._interrupts += 1

    def run(self, *, experiments: int | None = None, hours: float | None = None) -> str:
        """Search until there is a reason to rest, certify what was kept, and return the reason.

        `experiments` and `hours` bound this sitting, beside the limits of the contract.
        """
        self._sitting = Sitting(self._parts, self._recorder.history, experiments=experiments, hours=hours)
        try:
            take_up(self._parts, self._recorder)
            self._deciding.bring_branch_up()
            while True:
                rest = self._search()
                if rest.certify:
                    self._certify(again=Wish.CERTIFY in self._wishes)
                    rest = self._cut_short() or rest
                if rest.rests and (self._cut_short() or not self._recorder.history.ruled):
                    break
                self._wishes.discard(Wish.CERTIFY)
            return self._rest(rest)
        except JumarError as error:
            self._rest_on(error)
            raise
        finally:
            self._end()

    def certify(self) -> Claim | None:
        """Only certify the champion, once more, on fresh seeds; None with nothing kept, or when stopped."""
        finished = self._recorder.history.finished
        try:
            take_up(self._parts, self._recorder)
            self._deciding.bring_branch_up()
            claim = self._certify(again=True)
            reason = _outcome_in_words(claim)
            self._rest(self._cut_short() or Rest(reason=reason, finished=finished))
        except JumarError as error:
            self._rest_on(error)
            raise
        else:
            return claim
        finally:
            self._end()

    def look(self, probe: Probe) -> str | None:
        """Only make a probe, and return what it showed; None when stopped. Raises Usage."""
        finished = self._recorder.history.finished
        try:
            take_up(self._parts, self._recorder)
            self._refuse_beyond_limits()
            told = self._probing.begin(probe).told
            while not told.done() and not self._cut_short():
                self._start(propose=False)
                self._turn()
            if not told.done():
                self._flights.abandon()
                lose_open_runs(self._recorder, "stopped by the user")
            self._rest(self._cut_short() or Rest(reason=f"a {in_a_word(probe)} was made", finished=finished))
            return None if told.exception() else told.result()
        except JumarError as error:
            self._rest_on(error)
            raise
        finally:
            self._end()

    def _search(self) -> Rest:
        self._doing = "searching"
        if BASELINE not in self._recorder.history.experiments:
            self._deciding.enter_baseline()
        self._supply.take_up()
        while True:
            self._asking.hear()
            self._deciding.rule()  # here alone: the champion does not move while it is certified
            self._supply.bring_up()
            rest = self._reason()
            if rest:
                self._let_go(rest)
            if rest and rest.at_once:
                self._queue.drop()
            thinks = rest is not None and rest.rests and self._asking.thinking
            if rest and not self._flights and not self._queue and not thinks:
                return rest
            self._start(propose=rest is None)
            self._turn()

    def _let_go(self, rest: Rest) -> None:
        """Call off who thinks, where nothing could come of it any more.

        Like a run, a thought is finished after one interrupt; and whoever thinks while the champion is
        certified is heard after that.
        """
        if self._interrupts == 1:
            self._asking.finish()
        elif rest.rests:
            self._asking.call_off()

    def _cut_short(self) -> Rest | None:
        """Why what waits should not even be started, if somebody wants that."""
        if Wish.STOP in self._wishes:
            return Rest(reason="stopped by request", at_once=True)
        if self._interrupts:
            return Rest(reason="interrupted", at_once=True)
        return None

    def _reason(self) -> Rest | None:
        """Why nothing new should be started, if there is a reason."""
        if rest := self._cut_short():
            return rest
        if BASELINE in self._recorder.history.open:
            return None
        if Wish.CERTIFY in self._wishes:
            return Rest(reason="certifying by request", certify=True, rests=False)
        bought = bool(self._recorder.history.waiting)
        if (rest := self._sitting.reached(bought=bought)) or bought:
            return rest
        if spent := self._asking.spent:
            return Rest(reason=spent, finished=True, certify=True)
        return Rest(reason=NOTHING_LEFT, certify=True) if self._asking.exhausted else None

    def _start(self, *, propose: bool) -> None:
        """Fill the free slots: with runs that wait first, then with experiments. Have agents think ahead."""
        self._asking.idle(0.0)
        while self._flights.free > 0 and Wish.PAUSE not in self._wishes:
            runs = self._queue.take(self._flights.free)
            if runs:
                self._launch(runs)
            elif self._queue or not propose or not self._supply.begin(self._sitting):
                break
        if propose and Wish.PAUSE not in self._wishes:
            self._supply.think_ahead(self._sitting)
        self._recorder.commit()

    def _launch(self, runs: tuple[Run, ...]) -> None:
        self._recorder.note(*(RunStarted(run=run) for run in runs))
        self._recorder.commit()
        for run in runs:
            self._flights.start(run)

    def _turn(self) -> None:
        """Wait for something to happen, and take it in."""
        if Wish.PAUSE not in self._wishes:
            busy = self._flights or self._queue or self._recorder.history.waiting
            self._idling.look(idle=self._asking.only_waits and not busy)
        # With nothing under way and no pause, a proposal was refused and the next one can be asked for.
        idle_s = IDLE_S if Wish.PAUSE in self._wishes else 0.0
        wait_s = WAIT_S if self._flights or self._asking.thinking else idle_s
        for landed in self._flights.wait(wait_s, lambda: self._asking.is_due):
            self._take_in(landed)
        for strayed in self._flights.strayed():
            self._recorder.note(RunLost(key=strayed.run.key, reason=strayed.reason))
            self._follow(strayed.run)
        if self._interrupts > 1:
            self._flights.abandon()
            lose_open_runs(self._recorder, "stopped by the user")
        self._recorder.commit()  # before anybody sleeps: a finished run is never lost
        self._asking.serve()
        doing = ", ".join(filter(None, (self._doing, self._asking.in_words(idle=not self._flights))))
        self._watch.look(doing, self._sitting.time_left_s())
        self._heed()  # at every turn: short runs start many a second, and a pause is meant now

    def _take_in(self, landed: Landed) -> None:
        self._recorder.note(
            RunEnded(
                key=landed.run.key,
                outcome=landed.outcome,
                report=landed.report,
                artefacts=landed.artefacts,
            )
        )
        if landed.run.purpose is Purpose.PROBE:
            self._probing.take_in(landed)
        else:
            self._follow(landed.run)

    def _follow(self, run: Run) -> None:
        """Go on with an experiment after a run of it, or with a probe whose run was lost."""
        number = run.experiment
        if run.purpose is Purpose.PROBE:
            self._probing.repeat(run)
            return
        busy = self._queue.holds(number) or any(aloft.run.experiment == number for aloft in self._flights)
        hopeless = number == BASELINE and fatal_failure(self._recorder.history.experiments[number])
        if number in self._recorder.history.open and (hopeless or not busy):
            self._deciding.decide(number)

    def _heed(self) -> None:
        """Hear what people asked for through other processes."""
        for entry, asked in self._recorder.asked().items():
            if asked.wish is Wish.RESUME:
                self._wishes.discard(Wish.PAUSE)
                self._idling.forget()
            elif asked.wish in (Wish.PROBE, Wish.PROBE_BEYOND):
                self._probe(asked, entry)
            elif asked.wish is Wish.STOP and asked.words == AT_ONCE:
                self._wishes.add(Wish.STOP)
                self._interrupts = max(self._interrupts, 2)
            elif asked.wish in (Wish.APPROVE, Wish.REJECT):
                self._deciding.hear(asked)
            elif asked.wish in (Wish.PAUSE, Wish.STOP, Wish.CERTIFY):
                self._wishes.add(asked.wish)

    def _probe(self, asked: Asked, entry: int) -> None:
        """Begin a probe that another process asked for."""
        try:
            self._refuse_beyond_limits()
            probe = msgspec.json.decode(asked.words, type=Probe)
            self._probing.begin_asked(probe, entry, beyond=asked.wish is Wish.PROBE_BEYOND)
        except msgspec.DecodeError as error:
            self._probing.refuse(entry, Usage(f"that is no probe: {error}", fix="`jumar sweep` asks for one"))
        except Usage as why:
            self._probing.refuse(entry, why)

    def _refuse_beyond_limits(self) -> None:
        rest = self._sitting.reached()
        if rest:
            raise Usage(f"no run is made any more: {rest.reason}", fix="raise the limit in jumar.toml")

    def _certify(self, *, again: bool = False) -> Claim | None:
        """Baseline and champion meet on fresh seeds on the holdout; the outcome is a claim.

        One that refutes the champion takes back what was kept since the last that was certified.
        """
        history = self._recorder.history
        champion = history.champion
        claimed = any(claim.experiment == champion for claim in history.claims)
        if champion == BASELINE or (claimed and not again):
            return None
        self._doing = "certifying"
        while runs := certifying_runs(history.experiments[champion], history, self._parts.contract):
            self._queue.push(runs)
            while self._queue or self._flights:
                if self._cut_short():
                    self._queue.drop()
                    if not self._flights:
                        return None
                self._start(propose=False)
                self._turn()
        metric = self._parts.contract.measure.metric
        pairs = certifying_pairs(history, champion)
        claim = certify(pairs, metric, noise_of(history), self._look(champion, history))
        self._recorder.note(Certified(claim=claim), *refutations(history, claim))
        self._recorder.commit()
        if claim.refuted:
            self._deciding.bring_branch_up()
        return claim

    def _look(self, champion: int, history: History) -> Look:
        parts, commit = self._parts, history.experiments[champion].experiment.commit
        old, new = standing(history, parts.terms.base).value, standing(history, commit).value
        return Look(
            experiment=champion,
            baseline=parts.terms.base,
            champion=commit,
            number=len(history.claims) + 1,
            self_reported=not parts.evaluator.trusted,
            before=last_certified(history, champion)[1],
            may_lose=may_lose(history, champion),
            working=parts.contract.measure.metric.relative_gain(old, new),
            at=parts.now(),
            machine=machine_in_words(parts.machine()),
        )

    def _rest(self, rest: Rest) -> str:
        self._asking.close()
        self._probing.end()
        self._deciding.bring_branch_up()
        self._recorder.note(Rested(reason=rest.reason, finished=rest.finished))
        self._recorder.commit()
        return rest.reason

    def _end(self) -> None:
        """Nothing that this sitting started goes on."""
        try:
            self._asking.close()
        finally:
            self._flights.abandon()
            self._watch.close()

    def _rest_on(self, error: JumarError) -> None:
        """Say in the record what ended this sitting, unless the record itself did."""
        if isinstance(error, LedgerUnfit):
            return
        self._flights.abandon()
        lose_open_runs(self._recorder, "the sitting ended before it did")
        reason = error.problem.partition("\n")[0]
        self._rest(Rest(reason=reason, finished=self._recorder.history.baseline_failed))


def _outcome_in_words(claim: Claim | None) -> str:
    """Why a sitting that only certifies rests."""
    if claim is None:
        return "nothing to certify: no change was kept"
    if claim.refuted:
        return f"certification refuted experiment {claim.experiment}: its keeps are taken back"
    return "certified" if claim.certified else "certification left the champion undecided"
