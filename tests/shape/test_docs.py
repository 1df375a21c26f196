"""The pages keep their promises: links lead somewhere, blocks are what they look like, menus lack nothing."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from docs.site import __main__ as site
from docs.site.__main__ import NotBuilt, lost_pictures, menu
from docs.site.blocks import SHELL, Block, blocks_of, calls_in, calls_of
from docs.site.pages import ROOT, anchors_of, links_of, place_of, prose_of, shown
from docs.site.reference import pages as drawn

from jumar.cli.main import jumar
from jumar.hooks.settings import read_hooks
from jumar.rules.contract_file import read_contract

PAGES = sorted({*shown(), "README.md", "bench/cheats/README.md", "examples/README.md"})
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
BLOCKS = [block for page in PAGES for block in blocks_of(page, TEXTS[page])]
# Compared as a whole with what the code says, or part of a program of others.
NOT_RUN_HERE = {*drawn(), "src/jumar/integrations/skill/SKILL.md"}
MOST_NOT_RUN = 36  #: commands that need an account, a cluster, a server or minutes; each says which

CONTRACT: dict[str, dict[str, Any]] = {
    "target": {"name": "t", "editable": ["*.py"]},
    "run": {"command": ["python", "x.py"], "budget": "20s"},
    "measure": {"metric": "loss"},
}


def test_every_page_is_in_the_menu_once() -> None:
    listed = list(leaves(menu()))
    assert [page for page, times in Counter(listed).items() if times > 1] == []
    assert set(listed) == set(shown().values()), "docs/site/zensical.toml has the menu"


def test_a_picture_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(lost_pictures(shown())) == []
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "here.png").touch()
    (tmp_path / "docs" / "page.md").write_text("![is](here.png) ![was](gone.png) ![far](https://h/x.png)\n")
    monkeypatch.setattr(site, "ROOT", tmp_path)
    assert list(lost_pictures(["docs/page.md"])) == ["gone.png on docs/page.md"]
    monkeypatch.setattr(site, "shown", lambda: {"docs/page.md": "page.md"})
    with pytest.raises(NotBuilt, match=r"no such picture: gone\.png on docs/page\.md"):
        site.build(tmp_path / "site")


def leaves(items: Any) -> Iterator[str]:
    for item in items:
        if isinstance(item, str):
            yield item
        else:
            for below in item.values():
                yield from [below] if isinstance(below, str) else leaves(below)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    wrong = []
    for link in links_of(TEXTS[page]):
        if link.is_external:
            if not re.fullmatch(r"(https?://[\w.-]+\.[a-z]+(:\d+)?(/\S*)?|mailto:\S+@\S+)", link.target):
                wrong.append(link.target)
            continue
        place, anchor = place_of(link.target, page), link.target.partition("#")[2]
        if not (ROOT / place).exists() or place.startswith(".."):
            wrong.append(link.target)
        elif anchor and anchor not in anchors_of((ROOT / place).read_text(encoding="utf-8")):
            wrong.append(link.target)
    assert wrong == []


@pytest.mark.parametrize("page", sorted(drawn()))
def test_a_page_that_is_drawn_from_the_code_is_up_to_date(page: str) -> None:
    assert drawn()[page] == TEXTS[page], "make fix draws it anew (python -m docs.site.reference)"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_what_it_looks_like(block: Block, tmp_path: Path) -> None:
    if block.says("shown"):
        return
    if path := block.says("same as"):
        assert block.text.strip() in (ROOT / path).read_text(encoding="utf-8")
        return
    match block.kind:
        case "sh" | "bash" | "console":
            typed = "\n".join(command for command, _ in block.commands)
            assert subprocess.run(["bash", "-n"], input=typed, text=True, check=False).returncode == 0
        case "toml":
            read_as_settings(block.text, tmp_path)
        case "json":
            json.loads(block.text)
        case "python":
            compile(block.text, str(block), "exec")
        case _:
            pytest.fail(f"{block}: say in a comment before it what it is: <!-- shown: … -->")


def read_as_settings(text: str, folder: Path) -> None:
    """A contract, parts of one, or hooks."""
    found = tomllib.loads(text)
    if any(name.startswith("on_") for name in found):
        (folder / "hooks.toml").write_text(text, encoding="utf-8")
        assert read_hooks(folder / "hooks.toml")
        return
    for name, terms in CONTRACT.items():
        assert set(terms) <= set(found.get(name, terms)), f"[{name}] lacks one of its required keys"
    lacks = {name: terms for name, terms in CONTRACT.items() if name not in found}
    more = "".join(
        f"\n[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in terms.items())
        for name, terms in lacks.items()
    )
    read_contract(f"{text}\n{more}")


def test_few_commands_are_not_run_and_each_says_why() -> None:
    commands = [block for block in BLOCKS if block.kind in SHELL and block.page not in NOT_RUN_HERE]
    idle = [block for block in commands if block.said.startswith("not run")]
    assert [str(block) for block in idle if len(block.says("not run")) < 10] == []
    assert len(idle) <= MOST_NOT_RUN


def test_every_call_of_jumar_is_one_that_it_takes() -> None:
    calls = [(str(block), call) for block in BLOCKS for call in calls_of(block)]
    assert len(calls) > 100
    assert [trouble for at, call in calls if (trouble := refused(at, call))] == []


def refused(at: str, call: list[str]) -> str:
    """Why the command line would refuse these words; nothing where it takes them."""
    context = click.Context(jumar, info_name="jumar")
    if not call or call[0].startswith("-"):
        return ""
    command = jumar.get_command(context, call[0])
    if command is None:
        return f"{at}: there is no verb {call[0]}"
    try:
        below = click.Context(command, info_name=call[0], parent=context)
        command.make_parser(below).parse_args(call[1:])
    except click.UsageError as error:
        return f"{at}: jumar {' '.join(call)}: {error.format_message()}"
    return ""


def test_prose_names_verbs_and_options_that_there_are() -> None:
    wrong = []
    for page in PAGES:
        prose = prose_of(TEXTS[page])
        for found in re.finditer(r"`jumar ([^`\n]+)`", TEXTS[page]):
            if prose[found.start()] == " " and TEXTS[page][found.start() - 1] != "`":
                wrong += [
                    trouble for call in calls_in(f"jumar {found[1]}") if (trouble := unknown(page, call))
                ]
    assert wrong == []


def unknown(page: str, call: list[str]) -> str:
    """A verb or an option that does not exist."""
    context = click.Context(jumar, info_name="jumar")
    if not call or not call[0][0].isalpha() or "/" in call[0]:
        return ""
    command = jumar.get_command(context, call[0])
    if command is None:
        return f"{page}: there is no verb {call[0]}"
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    named = [word.partition("=")[0] for word in call[1:] if re.match(r"--[a-z]", word)]
    strange = [name for name in named if name not in options | {"--help"}]
    return f"{page}: jumar {call[0]} has no {', '.join(strange)}" if strange else ""
