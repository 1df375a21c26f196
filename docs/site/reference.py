"""Owns the pages that are drawn from the code: the contract, the command line, the Python interface.

python -m docs.site.reference     writes them into docs/
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
from docs.site.pages import ROOT

from jumar.cli.exits import Exit
from jumar.cli.main import VERBS, jumar
from jumar.cli.verb import Verb
from jumar.rules.contract_reference import contract_reference

PYTHON_PAGE = """\
# From Python

Drawn from the source by `python -m docs.site.reference`.

```python
import jumar

study = jumar.open_study(".")  # the folder of jumar.toml
study.run(experiments=3)  # works; returns at a limit, and the same call goes on
for one in study.experiments():
    print(one.number, one.verdict.decision.value, one.verdict.reason)
```

`pip install "jumar[frames]"` gives `study.frame()`, a pandas frame with a row for each experiment. Everything
that comes back is a frozen value; nothing of it changes when the study goes on. What can go wrong is a
[`JumarError`](#errors), and says what to do.
"""
#: The names that are for users, by section, with their modules.
SHOWN = {
    "Opening and running": [("app.py", "open_study"), ("app.py", "Study"), ("home.py", "Options")],
    "What a study holds": [
        ("core/ledger.py", "StudyRecord"),
        ("core/experiment.py", "ExperimentRecord"),
        ("core/experiment.py", "Experiment"),
        ("core/run.py", "RunRecord"),
        ("core/run.py", "Run"),
        ("core/outcome.py", "Measured"),
        ("core/outcome.py", "Failed"),
        ("core/outcome.py", "Stopped"),
        ("core/verdict.py", "Verdict"),
        ("core/verdict.py", "Claim"),
    ],
}
ALSO = {"Study": ("view.py", "StudyView")}


def pages() -> dict[str, str]:
    """What each page must say: its path in the repository → its text."""
    return {
        "docs/contract.md": contract_reference(),
        "docs/cli.md": "\n".join(_command_line()),
        "docs/python.md": "\n".join(_python()),
    }


def _command_line() -> Iterator[str]:
    yield "# The command line\n"
    yield "Drawn from `--help` by `python -m docs.site.reference`. Every reading verb has `--json`;"
    yield "`-C FOLDER` names another target, `--study NAME` another study of it.\n"
    for group, verbs in VERBS.items():
        links = " · ".join(f"[`{name}`](#jumar-{name})" for name in verbs)
        yield f"- **{group}**: {links}"
    yield ""
    context = click.Context(jumar, info_name="jumar", max_content_width=100)
    for verbs in VERBS.values():
        for name in verbs:
            command = jumar.get_command(context, name)
            assert isinstance(command, Verb)
            yield from _verb(name, command, click.Context(command, info_name=name, parent=context))
    yield "## Exit codes\n"
    yield "| code | name | when |\n|---|---|---|"
    meanings = _field_comments(ROOT / "src/jumar/cli/exits.py", "Exit")
    yield from (f"| {code.value} | `{code.name}` | {meanings.get(code.name, '')} |" for code in Exit)
    yield ""


def _verb(name: str, command: Verb, context: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## `jumar {name}`\n"
    yield f"`jumar {name} {usage}`\n"
    yield from (_prose(paragraph) + "\n" for paragraph in (command.help or "").split("\n\n"))
    rows = [param.get_help_record(context) for param in command.params]
    told = [(option, help_) for option, help_ in filter(None, rows) if help_]
    if told:
        yield "| option | |\n|---|---|"
        yield from (f"| `{_cell(option)}` | {_cell(_prose(help_))} |" for option, help_ in told)
    yield "\n```sh\n" + "\n".join(command.paste) + "\n```\n"


def _prose(text: str) -> str:
    """A help text as Markdown: one line, no accidental markup."""
    words = " ".join(text.replace("\b", "").split())
    pieces = re.split(r"(`[^`]*`)", words)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"([<>*_\[\]])", r"\\\1", piece) for piece in pieces
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _python() -> Iterator[str]:
    yield PYTHON_PAGE
    for title, names in SHOWN.items():
        yield f"## {title}\n"
        for path, name in names:
            node = _named(ROOT / "src/jumar" / path, name)
            yield from _function(node, name) if isinstance(node, ast.FunctionDef) else _class(node, path)
    yield "## Errors\n"
    tree = ast.get_docstring(ast.parse((ROOT / "src/jumar/errors.py").read_text(encoding="utf-8"))) or ""
    intro, _, drawn = tree.partition("\n\n")
    yield f"{intro}\n\n<!-- shown: drawn from errors.py -->\n```text\n{drawn}\n```\n"
    yield "Each has `problem` and `fix`, as the command line prints them. All are in `jumar.errors`."
    yield ""


def _class(node: ast.ClassDef, path: str) -> Iterator[str]:
    yield f"### `{node.name}`\n"
    yield f"`jumar.{path.removesuffix('.py').replace('/', '.')}.{node.name}`. {_words(node)}\n"
    comments = _field_comments(ROOT / "src/jumar" / path, node.name)
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
    if fields and node.name != "Study":
        yield "| field | type | |\n|---|---|---|"
        for field in fields:
            assert isinstance(field.target, ast.Name)
            said = _cell(_prose(comments.get(field.target.id, "")))
            yield f"| `{field.target.id}` | `{_cell(ast.unparse(field.annotation))}` | {said} |"
        yield ""
    bodies = [node.body]
    if node.name in ALSO:
        file, name = ALSO[node.name]
        other = _named(ROOT / "src/jumar" / file, name)
        assert isinstance(other, ast.ClassDef)
        bodies.append(other.body)
    for method in (one for body in bodies for one in body if isinstance(one, ast.FunctionDef)):
        if not method.name.startswith("_"):
            yield from _function(method, method.name, "####" if node.name == "Study" else "")


def _function(node: ast.FunctionDef, name: str, level: str = "###") -> Iterator[str]:
    is_property = any(isinstance(one, ast.Name) and one.id == "property" for one in node.decorator_list)
    if is_property or not level:
        if is_property:
            yield f"- `{name}`: {_words(node)}\n"
        return
    arguments = re.sub(r"^self(, )?", "", ast.unparse(node.args))
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    yield f"{level} `{name}`\n"
    yield f"`{name}({arguments}){returned}`\n"
    yield f"{_words(node)}\n"


def _words(node: ast.ClassDef | ast.FunctionDef) -> str:
    return "\n\n".join(_prose(paragraph) for paragraph in (ast.get_docstring(node) or "").split("\n\n"))


def _named(path: Path, name: str) -> ast.ClassDef | ast.FunctionDef:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = (one for one in tree.body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == name)
    return next(found)


def _field_comments(path: Path, name: str) -> dict[str, str]:
    """What stands behind `#:` on each line of a class."""
    node, lines = _named(path, name), path.read_text(encoding="utf-8").splitlines()
    body = lines[node.lineno : node.end_lineno]
    found = (re.match(r" +(\w+)\b[^#]*#: (.*)", line) for line in body)
    return {one[1]: one[2] for one in found if one}


if __name__ == "__main__":
    for page, text in pages().items():
        (ROOT / page).write_text(text, encoding="utf-8")
