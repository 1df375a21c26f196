"""Owns what all pages share: the study's board, read on threads, and the watch that tells pages of news."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from jumar.app import Study, open_study
from jumar.board import Board, trouble_of
from jumar.errors import JumarError, Usage
from jumar.reports.pages import Chain, Overview, Trouble

LOOK_S = 0.15  #: how often the record is asked whether anything is new
BROKEN_LOOK_S = 1.0  #: the same while it cannot be read
BEAT_S = 1.0  #: how often pages are told while the study runs: clocks and curves go on, and it may end
_THREADS = 4
_LOG = logging.getLogger("jumar.web")

Result = TypeVar("Result")
Listener = Callable[[], Awaitable[None]]


class Desk:
    """Reads and steers one study for every open page. What blocks is done on threads."""

    def __init__(self, folder: Path, study: str | None, *, read_only: bool) -> None:
        self.folder, self.study, self.read_only = folder, study, read_only
        self.trouble: Trouble | None = None
        self._board: Board | None = None
        self._read: Board | None = None  #: the same while it reads
        self._opening = asyncio.Lock()
        self._overview: Overview | None = None
        self._glance_s = 0.0  #: how long it took to make
        self._news, self._told_at = False, 0.0
        self._checks = False  #: whether the whole record is to be checked, once with each opening
        self._listeners: set[Listener] = set()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="web")

    async def ask(self, question: Callable[[Board], Result]) -> Result:
        """What the board answers. Raises JumarError."""
        board = await self._opened()
        return await self._on_thread(lambda: question(board))

    async def overview(self) -> Overview:
        """The study at a glance; the same one for all who ask between two changes."""
        found = self._overview
        if found is None:
            began = time.monotonic()
            found = self._overview = await self.ask(Board.overview)
            self._glance_s = time.monotonic() - began
        return found

    @property
    def chain(self) -> Chain | None:
        """What is known of the record's chain; None while there is no record."""
        return self._board.chain if self._board is not None else None

    async def have_checked(self) -> None:
        """Have the whole record checked beside everything else; pages are told when that is done."""
        self._checks = True
        await self._check(await self._opened())

    async def steer(self, deed: Callable[[Study], str]) -> str:
        """Do something to the study: what was done, in words. Raises JumarError."""
        if self.read_only:
            raise Usage("this dashboard is for reading only", fix="start `jumar web` without --read-only")
        return await self._on_thread(lambda: deed(open_study(self.folder, study=self.study)))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have a page told of every change, until what is given back is called."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def watch(self) -> None:
        """Look for news as long as the server lives; nobody looks while no page is open."""
        while True:
            await asyncio.sleep(BROKEN_LOOK_S if self.trouble else LOOK_S)
            if self._listeners:
                await self._look()

    def close(self) -> None:
        """Let go of the record."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._board is not None:
            self._board.close()

    async def _look(self) -> None:
        """Take in what is new, and tell the pages.

        Of a very long study a glance takes a while; then news are told together, and the beat is slower.
        """
        try:
            is_new = await self._take_in()  # a check may end meanwhile, which is news too
            self._news |= is_new
        except JumarError as error:
            self._news |= self._fall(error)
        since = time.monotonic() - self._told_at
        beat = (
            self._overview is not None
            and self._overview.is_running
            and since >= max(BEAT_S, 8 * self._glance_s)
        )
        if not beat and not (self._news and since >= self._glance_s):
            return
        self._overview, self._news = None, False
        for listener in tuple(self._listeners):
            await _tell(listener)
        self._told_at = time.monotonic()

    async def _take_in(self) -> bool:
        board = await self._opened()
        recovered, self.trouble = self.trouble is not None, None
        if not await self._on_thread(board.changed):
            return recovered
        await self._on_thread(board.refresh)
        return True

    def _fall(self, error: JumarError) -> bool:
        """Start anew from nothing with the next look; pages are told once of each trouble."""
        before, self.trouble = self.trouble, trouble_of(error)
        if self._board is not None:
            self._checks |= self._board.chain.broken_at is not None  # it is not forgotten with the board
            self._board.close()
            self._board = None
        return self.trouble != before

    async def _opened(self) -> Board:
        async with self._opening:
            if self._board is None:
                self._board = await self._on_thread(self._open)
                if self._checks:
                    await self._check(self._board)
            return self._board

    async def _check(self, board: Board) -> None:
        loop = asyncio.get_running_loop()

        def told() -> None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(self._take_note)

        await self._on_thread(lambda: board.check_beside(told))

    def _take_note(self) -> None:
        self._news = True

    @property
    def progress(self) -> float | None:
        """How far the record has been read, where that is under way."""
        return self._read.progress if self._read is not None else None

    def _open(self) -> Board:
        board = self._read = Board(open_study(self.folder, study=self.study))
        try:
            board.refresh()
        except JumarError:
            board.close()
            raise
        return board

    async def _on_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


async def _tell(listener: Listener) -> None:
    """One page that cannot be drawn, by a mistake of ours, keeps no other from its news."""
    try:
        await listener()
    except JumarError:
        pass  # the next look finds the same trouble, and says so
    except Exception:  # noqa: BLE001  (the outermost boundary of a page)
        _LOG.exception("a page could not be drawn")
