"""What the pages of `jumar web` take at 100, 10,000 and 100,000 experiments, in a real browser.

For each length: how long a server takes to its first page where it has to read the record anew, and where
it finds what the last one remembered; how long a page takes to its first words and to its chart, the files
of the framework in the browser's cache as they are after the first visit; how long until an entry that
somebody appends stands on the open page; and what the server holds in memory after all that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from bench.common import Bar, arguments, report
from bench.long import make_long
from jumar.app import open_study
from jumar.core.event import Wish

PATHS = {
    "study": "/",
    "experiments": "/experiments",
    "experiment": "/experiment/7",
    "lineage": "/lineage",
    "lessons": "/lessons",
    "integrity": "/integrity",
}
TIMES = 5
WAIT_MS = 300_000
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Server(NamedTuple):
    """A server that was started, and when."""

    address: str
    pid: int
    began: float

    @property
    def base(self) -> str:
        return self.address.partition("/?")[0]

    def megabytes(self, line: str) -> float:
        """What the kernel says of its memory."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        found = next(one for one in status.splitlines() if one.startswith(line))
        return int(found.split()[1]) / 1024


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A server of the study in a folder, until the block ends."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "jumar", "web", "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(process.stdout.readline().strip(), process.pid, began)
    finally:
        process.terminate()
        process.communicate()


def first_page_s(browser: BrowserContext, server: Server) -> float:
    """From the command to a page with the study on it."""
    page = browser.new_page()
    page.goto(server.address)
    expect(page.get_by_role("heading", name="Course")).to_be_visible(timeout=WAIT_MS)
    page.close()
    return time.perf_counter() - server.began


def paint_s(page: Page, address: str) -> tuple[float, float]:
    """To the first words of the page's own, and until everything of it is drawn."""
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("#content h1", timeout=WAIT_MS)
    words = time.perf_counter() - began
    page.wait_for_function(
        "[...document.querySelectorAll('.nicegui-echart')].every(one => one.querySelector('svg'))",
        timeout=WAIT_MS,
    )
    return words, time.perf_counter() - began


def update_s(page: Page, folder: Path, place: int) -> float:
    """From an entry that is in the record to its words on the open page."""
    words = f"news number {place}"
    open_study(folder).ask(Wish.TELL, words)
    began = time.perf_counter()
    page.get_by_text(words).first.wait_for(timeout=WAIT_MS)
    return time.perf_counter() - began


def measure(experiments: int, place: Path, browser: BrowserContext) -> dict[str, float]:
    """One length."""
    folder = make_long(place / str(experiments), experiments)
    figures: dict[str, float] = {}
    with served(folder) as server:
        figures["first_page_cold_s"] = first_page_s(browser, server)
        figures["server_cold_mb"] = server.megabytes("VmHWM")
    with served(folder) as server:
        figures["first_page_s"] = first_page_s(browser, server)
        page = browser.new_page()
        for name, path in PATHS.items():
            spent = [paint_s(page, server.base + path) for _ in range(TIMES)]
            figures[f"paint_{name}_s"] = median(words for words, _ in spent)
            figures[f"drawn_{name}_s"] = median(drawn for _, drawn in spent)
        page.goto(server.base)
        expect(page.get_by_role("heading", name="Course")).to_be_visible()
        spent_s = [update_s(page, folder, n) for n in range(TIMES)]
        figures["update_s"] = median(spent_s)
        figures["update_worst_s"] = max(spent_s)
        figures["server_mb"] = server.megabytes("VmRSS")
        figures["server_peak_mb"] = server.megabytes("VmHWM")
        page.close()
    return figures


def main() -> int:
    """Measure, print, and hold the bars."""
    parser = arguments("web", __doc__ or "")
    parser.add_argument("--marks", type=int, nargs="+", default=[100, 10_000, 100_000])
    options = parser.parse_args()
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="jumar-bench-") as place, sync_playwright() as started:
        for mark in options.marks:
            profile = Path(place) / f"profile-{mark}"
            browser = started.chromium.launch_persistent_context(
                profile, executable_path=CHROMIUM, args=flags, viewport={"width": 1440, "height": 900}
            )
            figures[f"{mark:,}"] = measure(mark, Path(place), browser)
            browser.close()
    last = figures[f"{options.marks[-1]:,}"]
    paints = max(last[f"paint_{name}_s"] for name in PATHS)
    bars = [
        Bar("first words of the slowest page, s", paints, 1.0),
        Bar("from an entry to the open page, s", last["update_s"], 1.0),
        Bar("memory of the server, MB", max(last["server_peak_mb"], last["server_cold_mb"]), 300),
    ]
    return report("web", figures, bars, json=options.json, save=options.save)


if __name__ == "__main__":
    sys.exit(main())
