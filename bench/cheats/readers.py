"""Reads a study with every verb that looks, and says where a candidate's words do more than be read."""

from __future__ import annotations

import subprocess
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser

from jumar.app import Study
from jumar.cli.views import diff_text
from jumar.reports.tsv import results_tsv
from jumar.testing.tiny import Cli, environment

SHAPELESS = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
HARMLESS = frozenset("\n\t\u200d")
COLUMNS = 5
FORMULA = ("=", "+", "-", "@")


class Page(HTMLParser):
    """Finds a mark where a page would act on it: in scripts, and in tags that it made or got into."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._mark, self._inside = f"mark-{token}", ""
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag may carry a candidate's words in a title, and nowhere else."""
        self._inside = tag if tag in ("script", "style") else ""
        risky = [
            name
            for name, value in attrs
            if name not in ("title", "aria-label") and self._mark in (value or "")
        ]
        self.found += [f"<{tag} {name}>" for name in risky]

    def handle_data(self, data: str) -> None:
        """Text is only read, but for that of scripts."""
        if self._inside and self._mark in data:
            self.found.append(f"inside <{self._inside}>")

    def handle_endtag(self, tag: str) -> None:
        """Whatever ends, what follows is text."""
        self._inside = ""


def read_everything(study: Study, token: str) -> list[str]:
    """What is wrong with what people are shown."""
    found = [f"{where} prints {shapeless(text)}" for where, text in _said(study) if shapeless(text)]
    page = Page(token)
    page.feed(study.report()["report"].read_text(encoding="utf-8"))
    found += [f"the report has a candidate's words {where}" for where in page.found]
    lines = results_tsv(study.experiments(), study.contract).splitlines()
    judged = [one for one in study.experiments() if one.verdict]
    if len(lines) != 1 + len(judged) or any(line.count("\t") != COLUMNS - 1 for line in lines):
        found.append("the table has lines or columns that nobody measured")
    if any(line.split("\t")[-1].startswith(FORMULA) for line in lines):
        found.append("the table has a formula")
    return found


def shapeless(text: str) -> str:
    """The first character that a terminal would obey, or nobody would see, by its name."""
    for character in text:
        if character not in HARMLESS and unicodedata.category(character) in SHAPELESS:
            return f"U+{ord(character):04X}"
    return ""


def _said(study: Study) -> Iterator[tuple[str, str]]:
    folder, jumar = study.folder, Cli()
    verbs = [["log", "--all"], ["status"], ["log", "--json"], ["export", "--tsv"]]
    for one in study.experiments():
        logs = [study.artefact(run.artefacts["log"]) for run in one.runs if "log" in run.artefacts]
        if shapeless(one.experiment.hypothesis) or any(b"\x1b" in log for log in logs):
            verbs += [["show", str(one.number)], *([["show", str(one.number), "--log"]] if logs else [])]
    for words in verbs:
        done = jumar(folder, *words, expect=None)
        yield f"jumar {' '.join(words)}", done.stdout + done.stderr
    # To a terminal; into a pipe a diff goes byte for byte.
    for one in study.experiments():
        yield f"jumar diff {one.number}", diff_text(study.diff(one.number)).plain
    for words in (["log", "--all", "--format=%B"], ["for-each-ref"]):
        said = subprocess.run(["git", *words], cwd=folder, env=environment(), capture_output=True, check=True)
        yield f"git {' '.join(words)}", said.stdout.decode(errors="surrogateescape")
