"""Owns the page of the lineage: every champion there was, what it stands on, what was tried there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nicegui import ui
from nicegui.page_arguments import PageArguments

from jumar.board import Board
from jumar.reports.pages import Node, Query, Tree
from jumar.reports.words import percent, plural
from jumar.rules.plain import short
from jumar.web.buttons import ask
from jumar.web.desk import Desk
from jumar.web.experiments_page import address_of
from jumar.web.parts import Part, Words, box, button, chip, empty, experiment_link, link, value_of

_LANE_PX, _MOST_LANES, _STEP = 18, 12, 60


class Rails(NamedTuple):
    """The lines of one row of the tree: lane numbers, from left to right."""

    lane: int  #: of the node itself
    above: tuple[int, ...]  #: lanes that come in from the row above and go on to the row below
    joins: tuple[int, ...]  #: lanes from above that end in the node: children of it
    goes_on: bool  #: whether the node's own lane leads to a parent below


def rails(nodes: Sequence[Node]) -> list[Rails]:
    """Where each node of a tree stands, and the lines beside it; the newest first, as `nodes` are."""
    waited: dict[int, int] = {}  # lane → number of the node that it leads to
    made = []
    for node in nodes:
        joins = sorted(lane for lane, number in waited.items() if number == node.number)
        lane = 0 if node.on_line else joins[0] if joins else _free(waited)
        for one in joins:
            del waited[one]
        made.append(Rails(lane, tuple(sorted(waited)), tuple(joins), node.parent is not None))
        if node.parent is not None:
            waited[lane] = node.parent
    return made


def _free(taken: dict[int, int]) -> int:
    return next(lane for lane in range(1, len(taken) + 2) if lane not in taken)


class LineagePage:
    """The tree of champions."""

    title = "Lineage"

    def __init__(self, desk: Desk, _: PageArguments) -> None:
        self._desk, self._most = desk, _STEP

    async def open(self) -> None:
        """Draw the page."""
        Words("Lineage", "h1")
        Words(
            "Every champion that there was, the newest first, each above the one that it was built on.",
            "p",
            "lead",
        )
        self._tree: Part[tuple[Tree, int]] = Part(self._draw, "section")
        await self.renew()

    async def renew(self) -> None:
        """Draw anew what has changed."""
        self._tree.show((await self._desk.ask(Board.tree), self._most))

    async def _more(self) -> None:
        self._most += _STEP
        if (tree := await ask(self._desk, Board.tree)) is not None:
            self._tree.show((tree, self._most))

    def _draw(self, content: tuple[Tree, int]) -> None:
        tree, most = content
        if len(tree.nodes) < 2:
            empty("Nothing was kept yet.", "Each keep becomes a branch here, with what was tried on it.")
        nodes = tree.nodes[::-1][:most]
        placed = rails(nodes)
        lanes = min(_MOST_LANES, 1 + max((max((*one.above, one.lane)) for one in placed), default=0))
        with box("tree", "ol"):
            for node, where in zip(nodes, placed, strict=True):
                _draw_node(node, where, lanes)
        if (older := len(tree.nodes) - len(nodes)) > 0:
            button(f"Show more of {older:,} older ones", self._more, "quiet spaced")
        elif tree.left_out:
            Words(f"{plural(tree.left_out, 'older one')} that led nowhere left out.", "p", "note")


def _draw_node(node: Node, where: Rails, lanes: int) -> None:
    with box("node", "li"):
        _draw_rails(node, where, lanes)
        with box("words"):
            with box("actions"):
                experiment_link(node.number, f"#{node.number}", "strong")
                chip(node.state, certain=node.certain)
                if node.is_champion:
                    Words("champion", classes="chip is-good")
                if node.certified:
                    Words("certified", classes="chip is-good")
            what = "the unchanged target" if node.number == 0 else short(node.label, 160)
            experiment_link(node.number, what, "what")
            if node.tries:
                link(_tries(node), address_of(Query(parent=node.number)), "soft small")
        with box("side"):
            Words(value_of(node.value), "div", "strong")
            Words("" if node.gain is None else percent(node.gain, signed=True), "div", "soft small")


def _tries(node: Node) -> str:
    ends = ", ".join(f"{count:,} {state}" for state, count in node.tries.items())
    miss = f"; nearest miss #{node.best_miss}" if node.best_miss is not None else ""
    return f"{sum(node.tries.values()):,} tried on it: {ends}{miss}"


def _draw_rails(node: Node, where: Rails, lanes: int) -> None:
    with box("rails").style(f"width: {_LANE_PX * lanes + 6}px"):
        svg = ui.element("svg").props("aria-hidden=true")
    with svg:
        for lane in where.above:
            _line(lane, lane, "0", "100%", on=lane == 0)
        for lane in where.joins:
            _line(lane, where.lane, "0", "50%", on=node.on_line and lane == 0)
        if where.goes_on:
            _line(where.lane, where.lane, "50%", "100%", on=node.on_line)
        dot = ui.element("circle").classes(f"is-{node.state}")
        dot.props.update({"cx": str(_x(where.lane)), "cy": "50%", "r": "6" if node.is_champion else "5"})


def _line(from_lane: int, to_lane: int, top: str, bottom: str, *, on: bool) -> None:
    line = ui.element("line").classes("on" if on else "")
    line.props.update({"x1": str(_x(from_lane)), "x2": str(_x(to_lane)), "y1": top, "y2": bottom})


def _x(lane: int) -> int:
    return 10 + _LANE_PX * min(lane, _MOST_LANES - 1)
