"""Owns the page of all experiments: a table that is filtered, sorted and paged where the record is."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

import msgspec
from nicegui import ui
from nicegui.events import GenericEventArguments, ValueChangeEventArguments
from nicegui.page_arguments import PageArguments
from starlette.datastructures import QueryParams

from jumar.reports.pages import SORTS, STATES, Query, Row, Rows
from jumar.reports.words import number, percent
from jumar.rules.plain import short
from jumar.web.buttons import ask
from jumar.web.desk import Desk
from jumar.web.parts import SHOWN_AS, Part, Words, box, button

_PAGE_ROWS = (50, 100, 500)
_TYPING_MS = 250
_CELL = '<q-td :props="props">{}</q-td>'
_LINK = "<a :href=\"'/experiment/' + props.row.number\"{}>{}</a>"
#: Templates of ours; what they show is put in as text.
_CELLS = {
    "number": _CELL.format(_LINK.format("", "#{{ props.row.number }}")),
    "hypothesis": _CELL.format(_LINK.format(' class="clamp"', "{{ props.row.hypothesis }}")),
    "state": _CELL.format("<span :class=\"'chip is-' + props.row.kind\">{{ props.row.state }}</span>"),
    "reason": _CELL.format('<span class="clamp soft">{{ props.row.reason }}</span>'),
}


class ExperimentsPage:
    """All experiments, a page of them at a time."""

    title = "Experiments"

    def __init__(self, desk: Desk, arguments: PageArguments) -> None:
        self._desk = desk
        self._query = read_query(arguments.query_parameters)
        self._find = "find" in arguments.query_parameters

    async def open(self) -> None:
        """Draw the controls and the first rows."""
        seen = await self._desk.overview()
        self._metric = seen.metric
        with box("head"):
            Words("Experiments", "h1")
            self._counted: Part[tuple[int, int]] = Part(_draw_count, "soft")
        with box("controls"):
            words = ui.input(placeholder="Search hypotheses, reasons, names", value=self._query.words)
            words.props(f'outlined dense clearable type=search debounce={_TYPING_MS} aria-label="search"')
            words.classes("search").on_value_change(self._search)
            if self._find:
                words.props("autofocus")
            self._choices = Part(self._draw_states, "actions")
            agents = {"": "all agents", **{share.agent: short(share.agent, 40) for share in seen.agents}}
            if len(agents) > 2:
                agent = self._query.agent if self._query.agent in agents else ""
                ui.select(agents, value=agent, on_change=self._choose_agent).props(
                    'outlined dense options-dense aria-label="agent"'
                )
            if self._query.parent is not None:
                _toggle(f"started from #{self._query.parent}  ×", self._forget_parent, pressed=True)
        self._choices.show(self._query.states)
        rows = await self._read()
        with box("rows"):
            self._table = ui.table(
                rows=[], columns=self._columns(), row_key="number", pagination=_PAGE_ROWS[0]
            )
            self._table.props(f"flat rows-per-page-options={json.dumps(_PAGE_ROWS, separators=(',', ':'))}")
            self._table.props('no-data-label="No experiment is like that."')
            for name, template in _CELLS.items():
                self._table.add_slot(f"body-cell-{name}", template)
            self._table.on("request", self._turn, ["pagination"])
        self._show(rows)

    async def renew(self) -> None:
        """Read the same rows again."""
        self._show(await self._read())

    async def _read(self) -> Rows:
        query = self._query
        return await self._desk.ask(lambda board: board.rows(query))

    def _show(self, found: Rows) -> None:
        query = self._query
        self._counted.show((found.found, found.total))
        self._table.rows = [cells(row) for row in found.rows]
        self._table.pagination = {
            "sortBy": query.sort, "descending": query.descending, "page": 1 + query.first // query.most,
            "rowsPerPage": query.most, "rowsNumber": found.found,
        }  # fmt: skip

    async def _ask(self, **changes: Any) -> None:
        """Another query: it stands in the address as well, so that a page that is loaded anew is the same."""
        self._query = msgspec.structs.replace(self._query, **{"first": 0, **changes})
        query = self._query
        self._choices.show(query.states)
        found = await ask(self._desk, lambda board: board.rows(query))
        if found is None or query is not self._query:  # trouble was told, or another question is under way
            return
        self._show(found)
        address = json.dumps(address_of(self._query))
        ui.run_javascript(f"history.replaceState({{page: {address}}}, '', {address})")

    async def _search(self, typed: ValueChangeEventArguments[Any]) -> None:
        await self._ask(words=str(typed.value or ""))

    async def _choose_agent(self, chosen: ValueChangeEventArguments[Any]) -> None:
        await self._ask(agent=str(chosen.value or ""))

    async def _forget_parent(self) -> None:
        ui.navigate.to(address_of(msgspec.structs.replace(self._query, parent=None)))

    async def _turn(self, asked: GenericEventArguments) -> None:
        wanted = asked.args["pagination"]
        most = min(max(int(wanted["rowsPerPage"]), 1), _PAGE_ROWS[-1])
        sort = wanted.get("sortBy") if wanted.get("sortBy") in SORTS else "number"
        first = (max(1, int(wanted["page"])) - 1) * most
        await self._ask(sort=sort, descending=bool(wanted["descending"]), first=first, most=most)

    def _draw_states(self, chosen: tuple[str, ...]) -> None:
        for state in STATES[1:]:
            others = tuple(one for one in chosen if one != state)
            now = others if state in chosen else (*chosen, state)
            _toggle(SHOWN_AS[state], lambda now=now: self._ask(states=now), pressed=state in chosen)

    def _columns(self) -> list[dict[str, Any]]:
        return [
            _column("number", "#"),
            _column("state", "verdict", left=True),
            _column("value", short(self._metric, 30), minor=True),
            _column("gain", "gain"),
            _column("predicted", "predicted", minor=True),
            _column("hypothesis", "hypothesis", left=True, wide=True),
            _column("reason", "reason", left=True, wide=True, minor=True),
            _column("agent", "agent", left=True, minor=True),
            _column("runs", "runs", minor=True),
            _column("cpu_s", "CPU s", minor=True),
            _column("judged_at", "judged", minor=True),
        ]


def _column(
    name: str, label: str, *, left: bool = False, wide: bool = False, minor: bool = False
) -> dict[str, Any]:
    classes = " ".join(("wide" * wide, "n" * (not left), "minor" * minor)).strip()
    return {
        "name": name, "label": label, "field": name, "sortable": True, "align": "left" if left else "right",
        "classes": classes, "headerClasses": classes,
    }  # fmt: skip


def _toggle(text: str, deed: Any, *, pressed: bool) -> None:
    made = button(text, deed, "quiet toggle" + (" is-on" if pressed else ""))
    made.props(f"aria-pressed={str(pressed).lower()}")


def _draw_count(counted: tuple[int, int]) -> None:
    found, total = counted
    Words(f"{found:,} of {total:,}" if found != total else f"{total:,}")


def cells(row: Row) -> dict[str, Any]:
    """What stands in a row of the table."""
    judged = time.strftime("%d %b %H:%M", time.localtime(row.judged_at)) if row.judged_at else ""
    return {
        "number": row.number,
        "kind": row.state,
        "state": SHOWN_AS[row.state] + (", certain" if row.certain else ""),
        "value": "" if row.value is None else number(row.value),
        "gain": "" if row.gain is None else percent(row.gain, signed=True),
        "predicted": "" if row.predicted is None else percent(row.predicted, signed=True),
        "hypothesis": short(row.hypothesis, 240)
        or ("the unchanged target" if row.number == 0 else "no words"),
        "reason": short(row.reason, 200),
        "agent": short(row.agent, 40),
        "runs": f"{row.runs:,}",
        "cpu_s": f"{row.cpu_s:,.1f}",
        "judged_at": judged,
    }


def read_query(asked: QueryParams) -> Query:
    """The query that an address stands for; what makes no sense in it is passed over."""
    sort = asked.get("sort", "number")
    parent, page, most = (asked.get(name, "") for name in ("parent", "page", "rows"))
    rows = int(most) if most.isdecimal() and int(most) in _PAGE_ROWS else _PAGE_ROWS[0]
    return Query(
        states=tuple(state for state in asked.getlist("state") if state in STATES),
        agent=asked.get("agent", ""),
        words=asked.get("words", ""),
        parent=int(parent) if parent.isdecimal() and len(parent) < 12 else None,
        sort=sort if sort in SORTS else "number",
        descending="up" not in asked,
        first=rows * (int(page) - 1) if page.isdecimal() and 0 < int(page[:9]) else 0,
        most=rows,
    )


def address_of(query: Query) -> str:
    """The address that leads to these rows."""
    told: list[tuple[str, str]] = [("state", state) for state in query.states]
    told += [(name, value) for name, value in (("agent", query.agent), ("words", query.words)) if value]
    if query.parent is not None:
        told.append(("parent", str(query.parent)))
    if query.sort != "number":
        told.append(("sort", query.sort))
    if not query.descending:
        told.append(("up", "1"))
    if query.most != _PAGE_ROWS[0]:
        told.append(("rows", str(query.most)))
    if query.first:
        told.append(("page", str(1 + query.first // query.most)))
    return "/experiments" + (f"?{urlencode(told)}" if told else "")
