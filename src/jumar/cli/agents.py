"""Owns what the agents of a study look like on a terminal: a row each."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from jumar.reports.agents import AgentShare, agent_rows
from jumar.rules.plain import short

MOST_NAME = 40


def agents_table(shares: Sequence[AgentShare]) -> Table | None:
    """What each agent proposed, what came of it and what it took; None where there is nothing to compare.

    One agent that costs nothing and keeps no slot waiting is told well enough by what is said of the study.
    """
    if len(shares) < 2 and not any(share.usd or share.tokens or share.waited_s >= 1 for share in shares):
        return None
    heads, rows = agent_rows(shares)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    for head in heads:
        table.add_column(Text(head), justify="left" if head == heads[0] else "right")
    for name, *cells in rows:
        table.add_row(Text(short(name, MOST_NAME)), *map(Text, cells))
    return table
