"""Owns the frame around every page: the bar, the way from page to page, the theme, keys, and news."""

# No `from __future__ import annotations`: the framework looks at the annotations of `_at` themselves.
import asyncio
import json
import logging
from collections.abc import Callable, Mapping

from nicegui import Client, ui
from nicegui.events import KeyEventArguments
from nicegui.page_arguments import PageArguments

from jumar.board import trouble_of
from jumar.errors import JumarError
from jumar.reports.pages import Chain, Overview
from jumar.web.desk import Desk
from jumar.web.pages import PLACES, Page
from jumar.web.parts import Part, Words, box, broken_words, link, show_trouble

_LOG = logging.getLogger("jumar.web")
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "jumar-theme"
_DARK = {"auto": None, "light": False, "dark": True}
_ICONS = {"auto": "brightness_auto", "light": "light_mode", "dark": "dark_mode"}
_PROGRESS_S = 0.3
_SHOWN_S = 0.4  #: how long an answer waits for its page to be drawn; what takes longer comes later
_KEYS = (
    *((place.key, place.name) for place in PLACES),
    ("/", "Search the experiments"),
    ("j  k", "The next experiment, the one before"),
    ("t", "Theme: as the system has it, light, dark"),
    ("?", "This list"),
)  # fmt: skip

#: In the browser itself, as the next letters that are typed belong into the field.
_TO_SEARCH = """
document.addEventListener("keydown", event => {
  if (event.key !== "/" || event.target.closest("input, textarea")) return;
  const field = document.querySelector("input[type=search]");
  if (field) { event.preventDefault(); field.focus(); }
});
"""
_TO_EXPERIMENTS = (
    "document.querySelector('input[type=search]') || emitEvent('sub_pages_navigate', '/experiments?find=1')"
)

Maker = Callable[[Desk, PageArguments], Page]


class Shell:
    """One open browser page, from its first request until it is closed."""

    def __init__(self, desk: Desk, client: Client, theme: str) -> None:
        self._desk, self._client = desk, client
        self._theme = theme if theme in THEMES else THEMES[0]
        self._page: Page | None = None
        self._place: ui.element | None = None
        self._fails = False
        self._drawing = asyncio.Lock()
        self._waits = False
        self._task: asyncio.Task[None] | None = None

    async def draw(self, makers: Mapping[str, Maker]) -> None:
        """Draw everything, and listen for news until the browser leaves."""
        theme = f"document.documentElement.classList.add({json.dumps(self._theme)})"
        ui.add_head_html(f"<script>{theme}{_TO_SEARCH}</script>")
        self._dark = ui.dark_mode(_DARK[self._theme])
        ui.link("Skip to the content", "#content").classes("skip")
        with box("top", "header"), box("bar"):
            self._bar()
        self._alarm: Part[Chain | None] = Part(
            _draw_alarm, key=lambda chain: chain and (chain.broken_at, chain.problem)
        )
        ui.sub_pages({path: self._at(maker) for path, maker in makers.items()}, show_404=False)
        self._client.on_delete(self._desk.listen(self.renew))
        if self._task is None:
            self._show(_Nowhere())
        assert self._task is not None
        await asyncio.wait({self._task}, timeout=_SHOWN_S)

    def _at(self, maker: Maker) -> Callable[[PageArguments], None]:
        def show(arguments: PageArguments) -> None:
            beyond = arguments.remaining_path.strip("/")  # the nearest page is given what has none
            self._show(_Nowhere() if beyond else maker(self._desk, arguments))

        return show

    def _bar(self) -> None:
        with ui.link(target="/").classes("brand"):
            Words("jumar")
            self._name = Words("", classes="name")
        with box("nav", "nav").props('aria-label="pages"'):
            self._ways = {place.path: link(place.name, place.path) for place in PLACES}
        self._state: Part[Overview] = Part(_draw_state, "state")
        with box("actions"):
            self._switch = ui.button(icon=_ICONS[self._theme], color=None, on_click=self._next_theme)
            self._switch.props('flat round dense aria-label="theme"')
            keys = ui.button("?", color=None, on_click=self._open_keys).props("flat round dense")
            keys.props('aria-label="keys"')
        with ui.dialog() as self._keys, ui.card():
            Words("Keys", "h2")
            with box("facts", "dl"):
                for key, meaning in _KEYS:
                    Words(key, "dt", "mono")
                    Words(meaning, "dd")
        ui.keyboard(self._press, repeating=False, ignore=["input", "select", "textarea"])
        self._client.sub_pages_router.on_path_changed(self._mark)
        self._mark(self._client.sub_pages_router.current_path)

    def _mark(self, path: str) -> None:
        path = path.partition("?")[0].partition("#")[0]
        here = "/experiments" if path.startswith("/experiment/") else path
        for target, way in self._ways.items():
            way.props["aria-current"] = "page" if target == here else None

    def _show(self, page: Page) -> None:
        if self._task is not None:
            self._task.cancel()
        self._page = page
        ui.page_title(f"{page.title} · jumar")
        self._place = box("page").props("id=content tabindex=-1")
        self._task = asyncio.get_running_loop().create_task(self._fill(page, self._place))

    async def _fill(self, page: Page, place: ui.element) -> None:
        async with self._drawing:
            with place:
                reading = Words("Reading the record …", "p", "soft")
                telling = asyncio.get_running_loop().create_task(self._tell_progress(reading))
                try:
                    await self._draw_state()
                    await page.open()
                    self._fails = False
                except JumarError as error:
                    self._fails = True
                    place.clear()
                    show_trouble(trouble_of(error))
                    return
                except Exception:  # noqa: BLE001  (the outermost boundary of a page)
                    _LOG.exception("a page could not be drawn")
                    place.clear()
                    Words("This page could not be drawn: a mistake in Jumar itself; please report it.", "p")
                    return
                finally:
                    telling.cancel()
                reading.delete()

    async def _tell_progress(self, reading: Words) -> None:
        """A long record takes its time when nothing is remembered of it."""
        while True:
            await asyncio.sleep(_PROGRESS_S)
            if (done := self._desk.progress) is not None:
                reading.say(f"Reading the record … {done:.0%}")

    async def _draw_state(self) -> None:
        seen = await self._desk.overview()
        self._name.say(seen.study)
        self._state.show(seen)
        self._alarm.show(self._desk.chain)

    async def renew(self) -> None:
        """Draw anew what has changed. Changes that come meanwhile are taken up in one go after it."""
        if self._waits or self._page is None or self._place is None:
            return
        self._waits = True
        async with self._drawing:
            self._waits = False
            if not self._fails and self._desk.trouble is None:
                with self._place:
                    await self._draw_state()
                    await self._page.renew()
                return
        if self._task is not None:
            self._task.cancel()
        self._place.clear()
        self._task = asyncio.get_running_loop().create_task(self._fill(self._page, self._place))

    def _next_theme(self) -> None:
        self._theme = THEMES[(THEMES.index(self._theme) + 1) % len(THEMES)]
        self._dark.value = _DARK[self._theme]
        self._switch.props(f"icon={_ICONS[self._theme]}")
        kept = f"{THEME_COOKIE}={self._theme}; path=/; max-age=31536000; samesite=strict"
        ui.run_javascript(f"document.cookie = {json.dumps(kept)}")
        said = "as the system has it" if self._theme == "auto" else self._theme
        ui.notify(f"Theme: {said}", position="bottom", timeout=1200)

    def _open_keys(self) -> None:
        self._keys.open()

    def _press(self, pressed: KeyEventArguments) -> None:
        if (
            not pressed.action.keydown
            or pressed.modifiers.ctrl
            or pressed.modifiers.alt
            or pressed.modifiers.meta
        ):
            return
        key = str(pressed.key)
        step = getattr(self._page, "step", None)
        if key == "?":
            self._keys.open()
        elif key == "t":
            self._next_theme()
        elif key == "/":
            ui.run_javascript(_TO_EXPERIMENTS)
        elif key in ("j", "k") and step is not None and (target := step(key == "j")):
            ui.navigate.to(target)
        elif target := next((place.path for place in PLACES if place.key == key), ""):
            ui.navigate.to(target)


def _draw_state(seen: Overview) -> None:
    box(f"light is-{seen.condition if seen.is_running else 'resting'}")
    Words(seen.condition if seen.is_running or seen.condition == "finished" else "resting")


def _draw_alarm(chain: Chain | None) -> None:
    """On every page, as soon as it is known: no number that they show can be trusted."""
    if chain is not None and chain.broken_at is not None:
        with box("alarm").props("role=alert"), box("alarm-words"):
            Words(broken_words(chain), "p", "strong")
            link("No number of this study can be trusted as it stands: see Integrity", "/integrity", "under")


class _Nowhere:
    """A page that is not there."""

    title = "Not found"

    async def open(self) -> None:
        """Say so."""
        Words("There is no such page", "h1")
        link("To the study", "/", "soft")

    async def renew(self) -> None:
        """Nothing of it changes."""
