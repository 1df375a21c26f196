"""Owns the verbs that meet other ledgers: sync, adopt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from jumar.app import Study
from jumar.cli import render
from jumar.cli.readers import opened
from jumar.cli.verb import Whole, json_option, of_a_study, verb
from jumar.core.experiment import ExperimentRecord
from jumar.core.hearsay import Hearsay
from jumar.errors import Usage
from jumar.home import find_home
from jumar.rules.hearsay import claimed, terms_digest
from jumar.rules.plain import plain, short

if TYPE_CHECKING:
    from jumar.exchange import Exchange, Refused

MOST_LISTED = 40
Tried = Mapping[str, ExperimentRecord | None]


@verb("jumar sync origin", "jumar sync --list")
@click.argument("remote", required=False)
@of_a_study
@click.option("--list", "only_list", is_flag=True, help="List what was fetched before; ask nobody.")
@click.option("--adopt", type=Whole(1), metavar="N", help="Have the largest new claims tried, until N wait.")
@click.option("--as", "meeting", metavar="NAME", help="What the study is called there (default: its name).")
@click.option("--no-push", is_flag=True, help="Fetch only; tell nothing of this study.")
@json_option
def sync(
    remote: str | None, folder: Path, study: str | None, only_list: bool, as_json: bool, **options: object
) -> None:
    """Exchange experiments with other ledgers through a git remote: a name, a folder or an address.

    Pushes what this study judged, as commits with a record each, under refs/jumar/NAME/by/; fetches what
    others told there. What they tell is a claim: it is listed, and counts only once it was run and kept
    here (`jumar adopt`). Told are hypothesis, verdict and effect; no scores, seeds, logs or holdout.
    """
    if bool(remote) == only_list:
        raise Usage(
            "nothing says whom to meet" if not remote else "--list asks nobody, and a remote is named",
            fix="name a remote: jumar sync origin; or list what was fetched: jumar sync --list",
        )
    live, _ = opened(folder, study)
    exchange = _exchange(live)
    most, told = options["adopt"], {}
    refused: tuple[Refused, ...] = ()
    if remote:
        meeting, push = str(options["meeting"] or ""), not options["no_push"]
        synced = exchange.sync(remote, start=Path.cwd(), meeting=meeting, push=push)
        told, refused = (
            {"ledger": synced.ledger, "sent": synced.sent, "fetched": synced.fetched},
            synced.refused,
        )
    adopted: tuple[Hearsay, ...] = ()
    if isinstance(most, int):
        adopted, not_adopted = exchange.adopt_best(most)
        refused += not_adopted
    heard, tried = exchange.heard(), exchange.tried()
    if as_json:
        listed = [_row(each, tried, live) for each in heard]
        names = [each.name for each in adopted]
        return render.data({**told, "adopted": names, "refused": refused, "heard": listed})
    if told:
        render.say(
            f"{told['sent']} told, {told['fetched']} heard of; others know this record as {told['ledger']}"
        )
    for each in refused:
        render.note(f"refused: {plain(each.name)}: {plain(each.why)}")
    for one in adopted:
        render.say(_adopted(live, one))
    _say_heard(live, exchange, (heard, tried))


@verb("jumar adopt 3fa9c1/12", "jumar adopt 3fa9c1/12 && jumar run")
@click.argument("names", nargs=-1, required=True, metavar="LEDGER/NUMBER...")
@of_a_study
def adopt(names: tuple[str, ...], folder: Path, study: str | None) -> None:
    """Have what another ledger claims run and judged here, next in turn: `jumar sync --list` names it.

    Its change is merged into the champion, and checked, run and judged as every proposal is. The record
    says where it came from.
    """
    live, _ = opened(folder, study)
    exchange = _exchange(live)
    for name in names:
        render.say(_adopted(live, exchange.adopt(name)))


def _exchange(live: Study) -> Exchange:
    from jumar.exchange import Exchange

    record = live.record()
    assert record is not None, "it was opened"
    return Exchange(find_home(live.folder, live.name), record, live.contract)


def _adopted(live: Study, one: Hearsay) -> str:
    now = "next" if live.holder() else "when `jumar run` goes on"
    return f"{_name(one)} is tried here {now}: {short(one.hypothesis, 100)}"


def _say_heard(live: Study, exchange: Exchange, found: tuple[Sequence[Hearsay], Tried]) -> None:
    heard, tried = found
    if not heard:
        return render.say("nothing was heard of others yet")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    for heading in ("whose", "claims", "here", "hypothesis"):
        table.add_column(heading, no_wrap=heading == "whose", overflow="fold")
    for each in heard[:MOST_LISTED]:
        here = f"ours, #{each.of.partition('/')[2]}" if exchange.is_ours(each) else _here(each, tried)
        cells = (_name(each), _claimed(each, live), here, short(each.hypothesis, 120))
        table.add_row(*(Text(cell) for cell in cells))
    render.say("", table)
    if len(heard) > MOST_LISTED:
        render.say(f"and {len(heard) - MOST_LISTED} more (--json has all)")
    render.say("", "These are claims of others; `jumar adopt LEDGER/NUMBER` has one run and judged here.")


def _claimed(each: Hearsay, live: Study) -> str:
    contract, said = live.contract, claimed(each)
    metric = contract.measure.metric
    if (each.metric, each.direction) != (metric.name, metric.direction):
        said += f", of {each.metric}"
    elif each.terms != terms_digest(contract):
        said += ", measured otherwise"
    return said + (", self-reported" if each.self_reported else "")


def _here(each: Hearsay, tried: Tried) -> str:
    if each.name not in tried:
        return "not tried"
    record = tried[each.name]
    if record is None:
        return "waits"
    return f"#{record.number} {record.verdict.decision.value if record.verdict else 'open'}"


def _row(each: Hearsay, tried: Tried, live: Study) -> dict[str, object]:
    record = tried.get(each.name)
    return {
        "name": each.name,
        "claim": each,
        "same_terms": each.terms == terms_digest(live.contract),
        "adopted": each.name in tried,
        "experiment": record.number if record else None,
        "decision": record.verdict.decision if record and record.verdict else None,
    }


def _name(each: Hearsay) -> str:
    return f"{each.ledger[:6]}/{each.number}"
