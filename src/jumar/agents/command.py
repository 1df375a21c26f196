"""An agent that is a program: Claude Code, Codex, or any other that edits a folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec

from jumar.agents.command_account import Account
from jumar.agents.command_clients import Client, Heard, ProviderFailed, failure
from jumar.agents.command_words import prompt, read_words
from jumar.agents.llm_prices import price_of
from jumar.core.agent import Brief
from jumar.core.desk import CalledOff, Desk, Reply, Usage
from jumar.core.job import Caps, Ending, ExitReport
from jumar.core.proposal import PUZZLE, Edit, Proposal
from jumar.core.workbench import Done, Errand, Workbench
from jumar.errors import AgentFailed, Breach

#: Of one proposal. A program that is down to its last retries is no use to a study that waits.
CAPS = Caps(
    wall_s=1800.0,
    memory_bytes=8 << 30,
    processes=1024,
    output_bytes=64 << 20,
    disk_bytes=2 << 30,
)
_MOST_TRANSCRIPT_BYTES = 8 << 20
#: Before a program is called again whose provider was overloaded or out of reach: it has tried itself.
WAITS_S = (5.0, 30.0, 120.0)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one call, secrets blacked out."""

    words: str  #: its last message
    edits: tuple[Edit, ...]
    transcript: bytes  #: all that it said; of a long one the end
    trouble: str = ""  #: why it came to nothing
    told_secret: bool = False


MOST_STRANDS = 4


class Command:
    """Has a program edit a throw-away copy of the target; what is different afterwards is the proposal."""

    repeats = False

    def __init__(
        self,
        client: Client,
        bench: Workbench | None,
        environ: Mapping[str, str],
        *,
        caps: Caps = CAPS,
        waits_s: tuple[float, ...] = WAITS_S,
    ) -> None:
        self.name = client.name
        self._client, self._bench, self._environ = client, bench, environ
        self._caps, self._waits_s = caps, waits_s
        # Each is a program of its own, beside the runs. Two that share a log-in would renew it against
        # each other.
        shared = any(setting.source.exists() for setting in client.settings(environ))
        self.strands = 1 if shared else MOST_STRANDS

    def research(self, brief: Brief, desk: Desk) -> Proposal:
        """One idea. A call that was paid for before a crash is not made again."""
        asked = _identity(brief)
        kept = self._found(desk.replies, asked) or self._call_patiently(brief, desk, asked)
        if kept.told_secret:
            raise Breach(
                "the proposal has a key of yours in it",
                fix="leave keys and log-ins alone; no experiment needs one",
                code="secret",
            )
        if not kept.edits:
            last = read_words(kept.words, "nothing").hypothesis
            raise Breach(
                f"no file was changed; the last words were: {last}",
                fix="edit the files in the working folder, then end",
                code="unreadable",
            )
        words = read_words(kept.words, f"Changes {', '.join(edit.path for edit in kept.edits[:3])}")
        said = {"lessons": words.lessons, PUZZLE: words.question}
        return Proposal(
            hypothesis=words.hypothesis,
            edits=kept.edits,
            agent=self.name,
            predicted=words.predicted,
            details={name: what for name, what in said.items() if what},
        )

    def _found(self, replies: Iterable[Reply], asked: str) -> Kept | None:
        """What the same call came to before, if it came to something."""
        for reply in replies:
            if (reply.agent, reply.request) == (self.name, asked):
                kept = msgspec.json.decode(reply.content, type=Kept)
                if not kept.trouble:
                    return kept
        return None

    def _call_patiently(self, brief: Brief, desk: Desk, asked: str) -> Kept:
        """Call again where the provider is what failed, and that may pass."""
        for wait_s in self._waits_s:
            try:
                return self._call(brief, desk, asked)
            except ProviderFailed:
                if desk.called_off.wait(wait_s):
                    raise CalledOff from None
        return self._call(brief, desk, asked)

    def _call(self, brief: Brief, desk: Desk, asked: str) -> Kept:
        client = self._client
        assert self._bench is not None, "made to be looked at, not to work"
        account = Account(self._environ, client.variables, client.settings(self._environ))
        text = prompt(desk.text, brief.contract.target.editable, desk.tools)
        errand = Errand(
            command=client.command(text, most_usd=desk.room.usd),
            commit=brief.parent,
            caps=self._caps,
            env={**account.env, **client.env},
            settings=account.settings,
            papers={"brief.md": text.encode()},
        )
        begun = time.monotonic()
        done = self._bench.run(errand, _Attendant(desk, account))
        if done.report.ending is Ending.NOT_STARTED:
            raise AgentFailed(f"{client.name}: {done.report.detail}", fix=client.install)
        heard = client.hear(done.said)
        kept = _kept(done, heard, account)
        usage = _usage(client, heard, time.monotonic() - begun)
        desk.keep(Reply(agent=self.name, request=asked, content=msgspec.json.encode(kept), usage=usage))
        if kept.trouble:
            raise self._failed(done.report, msgspec.structs.replace(heard, trouble=kept.trouble))
        return kept

    def _failed(self, report: ExitReport, heard: Heard) -> AgentFailed:
        if report.ending is Ending.EXITED:
            return failure(self._client, heard)
        return AgentFailed(
            f"{self.name}: {heard.trouble}",
            fix="see why, and start again",
            passing=True,
        )


def _usage(client: Client, heard: Heard, seconds: float) -> Usage:
    read, cached, written = heard.tokens
    usd = heard.usd
    if usd is None and read and client.model:
        usd = price_of(client.provider, client.model, read=read, cached=cached, written=written)
    return Usage(
        model=client.name,
        tokens_in=read,
        tokens_cached=cached,
        tokens_out=written,
        usd=usd or 0.0,
        seconds=seconds,
        priced=usd is not None,
    )


class _Attendant:
    """Answers from the record, gives renewed log-ins back, and ends a call that nobody waits for."""

    def __init__(self, desk: Desk, account: Account) -> None:
        self._desk, self.renewed = desk, account.renewed

    def look(self) -> None:
        if self._desk.called_off.is_set():
            raise CalledOff

    def answer(self, question: bytes) -> bytes:
        name, _, rest = question.decode("utf-8", "replace").partition("\n")
        try:
            arguments = msgspec.json.decode(rest.strip() or "{}", type=dict[str, object])
        except (msgspec.DecodeError, RecursionError):
            return b"what comes after the name has to be one JSON object, in single quotes\n"
        return (self._desk.ask(name.strip(), arguments).rstrip() + "\n").encode()


def _kept(done: Done, heard: Heard, account: Account) -> Kept:
    """What may be recorded of a call."""
    told = any(
        account.is_told(edit.content or b"") or account.is_told(edit.path.encode("utf-8", "replace"))
        for edit in done.edits
    )
    return Kept(
        words=_censored(heard.words, account),
        edits=() if told else done.edits,
        transcript=account.censored(done.said)[-_MOST_TRANSCRIPT_BYTES:],
        trouble=_censored(_trouble(done, heard), account),
        told_secret=told,
    )


def _trouble(done: Done, heard: Heard) -> str:
    """Why a call came to nothing, in a sentence; empty when it went well."""
    report = done.report
    if report.ending is not Ending.EXITED:
        limit = f" after {report.wall_s:.0f} s" if report.ending is Ending.TIMED_OUT else ""
        return f"it was ended: {report.ending.value}{limit} {report.detail}".rstrip()
    if heard.trouble or report.exit_code == 0:
        return heard.trouble
    last = done.said.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
    return f"exit code {report.exit_code}: {last or 'it said nothing'}"


def _censored(text: str, account: Account) -> str:
    return account.censored(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def _identity(brief: Brief) -> str:
    """What tells one question from another: whoever was refused is asked something else."""
    asked = (brief.study, brief.number, brief.parent, brief.refusals)
    return sha256(msgspec.json.encode(asked)).hexdigest()
