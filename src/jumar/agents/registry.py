"""Makes an agent from what the user typed, such as `tuner`, `replay:FOLDER` or `claude-code:MODEL`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from jumar.core.agent import AnyAgent
from jumar.core.workbench import Workbench
from jumar.errors import AgentFailed, Usage

GROUP = "jumar.agents"  #: entry points of other packages: a callable that takes the text after `:`


def make_agent(
    spec: str, bench: Workbench | None = None, environ: Mapping[str, str] = os.environ
) -> AnyAgent:
    """The agent that `NAME` or `NAME:DETAIL` asks for.

    `bench` is where agents that are programs run, with what they may know of `environ`; without one
    they can be made and not asked.

    Raises Usage for a name that nothing here or installed answers to, and for a detail that the
    agent cannot take; AgentFailed where its program is missing. A name of ours cannot be taken over
    by an installed package.
    """
    name, _, detail = spec.partition(":")
    if name in _OURS:
        return _OURS[name](detail)
    if name in _PROVIDERS:
        return _model(name, detail, environ)
    if name in _PROGRAMS:
        return _program(name, detail, bench, environ)
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name in installed:
        return _installed(installed[name], detail)
    names = sorted({*_OURS, *_PROVIDERS, *_PROGRAMS, *installed})
    near = get_close_matches(name, names, n=1)
    fix = f"did you mean {near[0]}?" if near else f"choose one of: {', '.join(names)}"
    raise Usage(f"there is no agent {name!r}", fix=fix)


def anchored(spec: str) -> str:
    """The same agent from whatever folder the study is taken up: paths made absolute."""
    name, _, detail = spec.partition(":")
    if name == "replay" and detail:
        return f"{name}:{Path(detail).resolve()}"
    program, blank, rest = detail.partition(" ")
    if name == "command" and "/" in program:
        return f"{name}:{Path(program).expanduser().resolve()}{blank}{rest}"
    return spec


def leads_anywhere(spec: str) -> bool:
    """Whether the words themselves say which program is started, or which server is given a key."""
    name, _, detail = spec.partition(":")
    if name in _PROVIDERS:
        return "@" in detail
    return name == "command" or name not in (*_OURS, *_PROGRAMS)


def _program(name: str, detail: str, bench: Workbench | None, environ: Mapping[str, str]) -> AnyAgent:
    from jumar.agents.command import Command
    from jumar.agents.command_clients import Claude, Client, Codex, Template

    called = f"{_PROGRAMS[name]}:{detail}" if detail else _PROGRAMS[name]
    clients: dict[str, Callable[[], Client]] = {
        "claude-code": lambda: Claude(called, detail),
        "codex": lambda: Codex(called, detail),
        "command": lambda: Template(detail),
    }
    client = clients[_PROGRAMS[name]]()
    if not shutil.which(client.program, path=environ.get("PATH")):
        raise AgentFailed(f"{client.name}: there is no program {client.program!r}", fix=client.install)
    return Command(client, bench, environ)


def _model(name: str, detail: str, environ: Mapping[str, str]) -> AnyAgent:
    from jumar.agents.llm_models import service_of

    service = service_of(name, detail, environ)
    service.key(environ)  # said at once, though the packages may take seconds to load
    try:
        from jumar.agents.llm import Llm
    except ImportError as error:
        raise AgentFailed(
            f"{service.name}: models need packages that are not installed ({error.name})",
            fix='pip install "jumar[llm]"',
        ) from error
    return Llm(service, environ)


def _installed(point: EntryPoint, detail: str) -> AnyAgent:
    try:
        factory: Callable[[str], AnyAgent] = point.load()
    except ImportError as error:
        raise Usage(
            f"the agent {point.name!r} of {point.value} cannot be loaded: {error}",
            fix="mend or reinstall the package it comes from",
        ) from error
    return factory(detail)


def _tuner(detail: str) -> AnyAgent:
    # Each agent is imported when it is asked for: optuna alone takes longer than all of the CLI.
    from jumar.agents.tuner import Sampler, Tuner

    try:
        return Tuner(sampler=Sampler(detail or "tpe"))
    except ValueError:
        names = ", ".join(f"tuner:{sampler.value}" for sampler in Sampler)
        raise Usage(f"the tuner has no sampler {detail!r}", fix=f"choose one of: {names}") from None


def _nop(detail: str) -> AnyAgent:
    from jumar.agents.nop import Nop

    if detail:
        raise Usage(f"the agent nop takes nothing after its name, not {detail!r}", fix="say just: nop")
    return Nop()


def _replay(detail: str) -> AnyAgent:
    from jumar.agents.replay import Replay

    if not detail:
        raise Usage("replay needs a folder of patches", fix="say replay:FOLDER")
    return Replay(Path(detail))


def _external(detail: str) -> AnyAgent:
    from jumar.agents.external import External

    return External(detail)


# Name → the one it goes by in records.
_PROGRAMS = {"claude-code": "claude-code", "claude": "claude-code", "codex": "codex", "command": "command"}
_PROVIDERS = ("anthropic", "openai", "google", "ollama")
_OURS: dict[str, Callable[[str], AnyAgent]] = {
    "tuner": _tuner,
    "nop": _nop,
    "replay": _replay,
    "external": _external,
}
