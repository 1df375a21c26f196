"""The pages in a real browser, on a study that runs meanwhile: seen, steered, attacked by its words."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from jumar.app import open_study
from jumar.core.event import Judged, Proposed
from jumar.core.verdict import Decision, Verdict
from jumar.ledgers.sql import open_ledger
from jumar.testing.tiny import NOISY, Cli, contract

pytest.importorskip("nicegui", reason="the extra `web` is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt install chromium")

SOON_MS = 60_000  # a busy machine; the bars are held by bench/web.py
HACKED = "window.hacked = true"
SCRIPT = f"<script>{HACKED}</script><img src=x onerror='{HACKED}'>{{{{{HACKED}}}}}"
EVIL_NAME = "<script>hacked`1`<b>.py"
WORK = NOISY + f"print({SCRIPT!r})\n"
PATHS = ("/", "/experiments", "/experiment/0", "/experiment/1", "/lineage", "/lessons", "/integrity")


Serve = Callable[..., str]


class Watched(NamedTuple):
    """A page, with everything that it complained of and asked for."""

    page: Page
    said: list[str]
    asked: list[str]

    def assert_clean(self, base: str) -> None:
        assert self.said == []
        assert [url for url in self.asked if not url.startswith((f"{base}/", "data:"))] == []
        assert self.page.evaluate("typeof window.hacked") == "undefined"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a study: the address, with its token. A server on the same port takes another's place."""
    running: dict[str, subprocess.Popen[str]] = {}

    def start(folder: Path, *words: str, port: str = "0") -> str:
        end(running.pop(port, None))
        server = Cli().start(folder, "web", "--port", port, "--no-browser", *words)
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        running[port_of(address)] = server
        return address

    yield start
    for server in running.values():
        end(server)


def end(process: subprocess.Popen[str] | None) -> None:
    if process is not None:
        process.terminate()
        process.communicate(timeout=30)


def base_of(address: str) -> str:
    return address.partition("/?")[0]


def port_of(address: str) -> str:
    return base_of(address).rpartition(":")[2]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=SOON_MS)
    with sync_playwright() as started:
        yield started.chromium.launch(executable_path=CHROMIUM, args=arguments)


@pytest.fixture
def watched(browser: Browser) -> Iterator[Callable[[str], Watched]]:
    contexts = []

    def open_page(address: str) -> Watched:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        context.set_default_timeout(SOON_MS)
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        return Watched(page, said, asked)

    yield open_page
    for context in contexts:
        context.close()


def propose(jumar: Cli, folder: Path, rate: str, words: str, *more: str) -> None:
    changed = folder.parent / "changed.py"
    changed.write_text(WORK.replace("RATE = 3.0", f"RATE = {rate}"))
    jumar(folder, "propose", "--hypothesis", words, "--file", f"work.py={changed}", *more)


def test_a_study_is_seen_and_steered_while_it_runs(
    repository: Callable[[Mapping[str, str]], Path],
    started: Callable[..., subprocess.Popen[str]],
    watched: Callable[[str], Watched],
    serve: Serve,
    jumar: Cli,
) -> None:
    text = contract(experiments=50, limits="approve = true").replace('["work.py"]', '["*.py"]')
    folder = repository({"work.py": WORK, "jumar.toml": text})
    address = serve(folder)
    seen, base = watched(address), base_of(address)
    page = seen.page
    assert page.url == f"{base}/"  # the token is gone
    expect(page.get_by_role("alert")).to_contain_text("Nothing was ever run here")

    running = started(folder, "run", "--agent", "external", "--workers", "1")
    expect(page.get_by_role("heading", name="No better: no change was kept")).to_be_visible()
    jumar(folder, "wait")  # until the unchanged target is measured
    evil = folder.parent / "evil.py"
    evil.write_text(f"NAME = {SCRIPT!r}\n")
    propose(jumar, folder, "1.5", f"a lower rate {SCRIPT}", "--file", f"{EVIL_NAME}={evil}")
    expect(page.get_by_text("#1 waits for your approval")).to_be_visible()  # on the page that is open
    page.get_by_label("why, for experiment 1").fill("well done")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Experiment 1 becomes the champion")).to_be_visible()
    expect(page.get_by_role("link", name="experiment 1", exact=True)).to_be_visible()

    propose(jumar, folder, "1.2", "lower still")
    expect(page.get_by_text("#2 waits for your approval")).to_be_visible()
    page.get_by_role("link", name="#2 waits for your approval").click()
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#content .chip.is-discarded").first).to_be_visible()

    page.get_by_role("link", name="Study", exact=True).click()
    tell_pause_and_resume(page)
    look_everywhere(page, base)
    page.goto(f"{base}/")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Finish what runs").click()
    running.communicate(timeout=60)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    seen.assert_clean(base)


def tell_pause_and_resume(page: Page) -> None:
    page.get_by_role("button", name="Tell").click()
    page.get_by_label("words for the agents").fill(SCRIPT)
    page.get_by_role("dialog").get_by_role("button", name="Tell").click()
    expect(page.get_by_text("Told: it stands in every brief")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def look_everywhere(page: Page, base: str) -> None:
    """Whatever others wrote is text, wherever it stands."""
    for path in PATHS:
        page.goto(base + path)
        expect(page.locator("#content h1, #content h2").first).to_be_visible()
        page.wait_for_timeout(300)  # for what draws itself
        assert page.evaluate("typeof window.hacked") == "undefined"
    page.goto(f"{base}/")
    expect(page.locator(".chart svg")).to_contain_text("a lower rate <scr")  # what the keep is labelled with
    page.goto(f"{base}/experiment/1")
    expect(page.get_by_role("heading", name="a lower rate <script>")).to_be_visible()
    expect(page.get_by_text(EVIL_NAME, exact=True).first).to_be_visible()
    expect(page.locator("pre.log")).to_contain_text(f"<script>{HACKED}</script>")


def status_of(address: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_pages_are_found_by_key_and_kept_by_address(
    tiny: Callable[..., Path], watched: Callable[[str], Watched], serve: Serve, jumar: Cli
) -> None:
    folder = tiny(contract=contract(experiments=2))
    jumar(folder, "run", "--workers", "1")
    be_proposed_to(folder)
    address = serve(folder, "--read-only")
    seen, base = watched(address), base_of(address)
    page = seen.page
    expect(page.get_by_role("heading", name="Course")).to_be_visible()
    assert page.get_by_role("button", name="Tell").count() == 0
    filter_and_step(page, base)
    for path in ("/", "/experiments", "/experiment/3", "/lessons"):  # its name; and what it says was learnt
        page.goto(base + path)
        expect(page.locator("#content").get_by_text("<script>window.hacked").first).to_be_visible()
        assert page.evaluate("typeof window.hacked") == "undefined"
    page.goto(f"{base}/experiment/99")
    expect(page.get_by_text("has no experiment 99")).to_be_visible()
    page.goto(f"{base}/nowhere")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    seen.said[:] = [words for words in seen.said if "404" not in words]  # the browser tells of that one
    seen.assert_clean(base)

    assert status_of(f"{base}/")[0] == 403
    assert status_of(f"{base}/?token=guess")[0] == 403
    taken = jumar(folder, "web", "--port", port_of(address), "--no-browser", expect=2).stderr
    assert "is taken" in taken and "jumar web --port" in taken
    said = jumar(folder, "web", "--host", "0.0.0.0", "--no-browser", expect=2).stderr
    assert "not encrypted" in said and "--read-only" in said

    # A server that was started anew, while the browser slept: it finds its page again, filters and all.
    page.goto(f"{base}/experiments?state=kept")
    expect(page.get_by_role("button", name="kept", pressed=True)).to_be_visible()
    page.evaluate("window.before = true")
    again = serve(folder, "--read-only", "--host", "0.0.0.0", port=port_of(address))
    page.wait_for_function("window.before === undefined && window.did_handshake")
    expect(page.get_by_role("button", name="kept", pressed=True)).to_be_visible()
    token = again.partition("token=")[2]
    assert status_of(f"{base}/?token={token}", Host="evil.example")[0] == 403
    tell_of_a_forged_record(page, base, folder, lambda: serve(folder, "--read-only", port=port_of(address)))


def tell_of_a_forged_record(page: Page, base: str, folder: Path, restart: Callable[[], str]) -> None:
    page.goto(f"{base}/integrity")
    expect(page.get_by_text("Whole", exact=True)).to_be_visible()  # checked by itself
    with closing(sqlite3.connect(folder / ".jumar" / "ledger.db")) as database:
        database.execute("DROP TRIGGER entry_never_changes")
        database.execute("UPDATE entry SET at = at + 1 WHERE seq = 3")
        database.commit()
    page.goto(restart())
    page.get_by_role("link", name="Integrity", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("Its chain is broken at entry 3")
    assert page.get_by_text("Whole", exact=True).count() == 0
    page.get_by_role("link", name="Study", exact=True).click()
    expect(page.get_by_role("heading", name="Course")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("No number of this study can be trusted")


def be_proposed_to(folder: Path) -> None:
    """By an agent whose name and lesson are a script."""
    last = open_study(folder).experiment(2).experiment
    evil = replace(last, number=3, agent=SCRIPT, hypothesis="another", details={"lessons": {"2": SCRIPT}})
    with closing(open_ledger(folder / ".jumar" / "ledger.db")) as ledger:
        refused = Verdict(decision=Decision.INVALID, reason="nothing of it is new", evidence={})
        ledger.append("tiny", Proposed(experiment=evil), Judged(experiment=3, verdict=refused))


def filter_and_step(page: Page, base: str) -> None:
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    page.get_by_role("button", name="kept").click()
    page.keyboard.press("/")
    expect(page.locator("input[type=search]")).to_be_focused()
    page.keyboard.type("unchanged")
    expect(page).to_have_url(f"{base}/experiments?state=kept&words=unchanged")
    expect(page.get_by_text("No experiment is like that.")).to_be_visible()
    page.get_by_role("button", name="kept").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="The unchanged target")).to_be_visible()
    page.keyboard.press("j")
    expect(page).to_have_url(f"{base}/experiment/1")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
