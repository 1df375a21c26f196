"""Owns the entry: which verbs there are, and the one place where an error becomes words and a code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from jumar import __version__
from jumar.cli import render
from jumar.cli.exits import Exit, exit_of
from jumar.cli.verb import write_paste
from jumar.errors import JumarError, Usage

# verb → (module it lives in, what it does). Modules are imported when their verb is used: that keeps
# `jumar --help` at 0.1 s, where importing everything takes a second.
VERBS = {
    "Begin": {
        "init": ("init", "Write a contract for the code in a folder, and measure it once."),
        "new": ("new", "Copy a target that ships with Jumar into a folder."),
        "demo": ("new", "Run a short real study of a target that ships with Jumar."),
        "doctor": ("doctor", "Say what this machine can do, and how to mend what it cannot."),
    },
    "Run": {
        "run": ("run", "Work on the study until a limit is reached; the same again goes on."),
        "join": ("join", "Stand by in a study that another host leads; lead it when that one is gone."),
        "certify": ("run", "Measure the champion against the baseline on fresh seeds and hidden data."),
    },
    "Look": {
        "status": ("readers", "Say how a study stands."),
        "log": ("readers", "List experiments with verdict and reason."),
        "show": ("readers", "Show one experiment: hypothesis, runs, verdict, evidence."),
        "diff": ("readers", "Show what an experiment changed."),
        "web": ("web", "Serve a study as live pages in a browser."),
        "lessons": ("learning", "Say what the study learned: predicted and measured, side by side."),
        "report": ("results", "Write the report and the chart."),
        "export": ("exporting", "Write the experiments for other programs: tables, trackers."),
        "import": ("importing", "Look at what another loop wrote: a results.tsv, a log.jsonl."),
        "replay": ("replay", "Judge the record anew, and show which verdicts change."),
        "backup": ("results", "Copy the record, also while a study runs."),
    },
    "Agents": {
        "brief": ("learning", "Print what an agent would be told now."),
        "tried": ("learning", "Say what was tried already, by words, names or a file."),
        "sweep": ("probes", "Run the champion with a knob at values across its range: the curve."),
        "profile": ("probes", "Show where the time of one run goes."),
        "retest": ("probes", "Try an experiment again on the champion of now."),
        "knobs": ("learning", "List the knobs that the tuner finds, and what turning them gave."),
    },
    "Research from outside": {
        "try": ("outside", "Hand out a work tree of the champion, to edit."),
        "measure": ("outside", "Have edits measured once, before they are proposed."),
        "propose": ("outside", "Hand in a proposal: a work tree, a patch, or files."),
        "wait": ("outside", "Wait for a verdict; the exit code tells it."),
        "note": ("outside", "Note something for whoever proposes next."),
        "mcp": ("serving", "Serve all this to an agent of another program."),
        "integrate": ("serving", "Teach Claude Code or Codex to do it."),
    },
    "Meet others": {
        "sync": ("sync", "Exchange experiments with other ledgers through a git remote."),
        "adopt": ("sync", "Have what another ledger claims run and judged here."),
    },
    "Steer": {
        "tell": ("control", "Tell the agents something."),
        "pause": ("control", "Start nothing new until `jumar resume`."),
        "resume": ("control", "Go on after `jumar pause`."),
        "notify": ("notify", "Tell you what a hook is told: desktop, webhook, mail."),
        "stop": ("control", "Finish what runs, and end; or end at once."),
        "approve": ("control", "Keep what waits for your approval."),
        "reject": ("control", "Do not keep it, and say why."),
    },
}
_WHERE = {name: module for verbs in VERBS.values() for name, (module, _) in verbs.items()}


class Verbs(click.Group):
    """The verbs, imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _WHERE:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command = getattr(import_module(f"jumar.cli.{_WHERE[cmd_name]}"), name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb. A reader that has seen enough is no error; Click would make it one."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            render.go_silent()
            return Exit.DONE

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _WHERE:
            near = get_close_matches(args[0], _WHERE, n=1)
            fix = f"did you mean `jumar {near[0]}`?" if near else f"the verbs are: {', '.join(_WHERE)}"
            raise Usage(f"there is no verb `{args[0]}`", fix=fix)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for group, verbs in VERBS.items():
            with formatter.section(group):
                formatter.write_dl([(name, meaning) for name, (_, meaning) in verbs.items()], col_max=10)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_paste(formatter, ("jumar demo tinylm", "jumar init && jumar run"))


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="jumar")
@click.pass_context
def jumar(ctx: click.Context) -> None:
    """Autoresearch that holds every gain.

    An agent edits your code, each edit is measured, what is really better is kept, and everything
    else is reverted, hundreds of times, while nobody watches.
    """
    if ctx.invoked_subcommand is None:
        render.raw(ctx.get_help())


def main(words: Sequence[str] | None = None) -> None:
    """Run one verb and leave with its code."""
    sys.exit(ending(words))


def ending(words: Sequence[str] | None = None) -> int:
    """Run one verb; its exit code. No error but a wrong installation leaves this as a traceback."""
    render.begin()
    try:
        result = jumar(args=words, prog_name="jumar", standalone_mode=False)
        code = result if isinstance(result, int) else Exit.DONE
        render.flush()
        return code
    except JumarError as error:
        _show_traceback()
        render.trouble(error.problem, error.fix)
        return exit_of(error)
    except click.ClickException as error:
        _show_traceback()
        render.trouble(error.format_message(), _usage_fix(error))
        return Exit.USAGE
    except (KeyboardInterrupt, click.Abort):
        render.trouble("interrupted; what was recorded stays recorded", "the same command goes on")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        render.go_silent()  # or Python would complain once more when it flushes
        return Exit.DONE
    except Exception as error:  # noqa: BLE001  (the outermost boundary)
        _show_traceback()
        return _unforeseen(error)


def _unforeseen(error: Exception) -> Exit:
    """Say what no code of ours expected: a place on disk that cannot be used, or a bug of ours."""
    if isinstance(error, OSError) and error.filename is not None:
        render.trouble(f"{error.filename}: {error.strerror}", _disk_fix(error))
        return Exit.ENVIRONMENT
    render.trouble(
        f"a mistake in Jumar itself: {type(error).__name__}: {error}",
        "JUMAR_TRACEBACK=1 in front of the command shows where; please report it",
    )
    return Exit.BUG


def _disk_fix(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space (`df -h`) and do the same again; what was recorded is kept"
    return "see that you may read and write there, and do the same again; what was recorded is kept"


def _show_traceback() -> None:
    if os.environ.get("JUMAR_TRACEBACK") == "1":
        traceback.print_exc()


def _usage_fix(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        return f"did you mean {' or '.join(error.possibilities)}?"
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"see {context.command_path if context else 'jumar'} --help"
