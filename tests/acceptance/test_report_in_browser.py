"""The report's page in a real browser: it asks for nothing, and its table is sorted and searched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.reports.contents import Sources, report_of
from jumar.reports.html import write_html
from jumar.reports.written import material_of
from jumar.testing.records import make_study

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import sync_playwright  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt install chromium")

SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
ROWS = "#experiments tbody tr:not([hidden])"


def test_a_page_of_six_hundred_works_from_disk_on_any_screen(tmp_path: Path) -> None:
    study, records, contract = make_study(600, keeps=12, seed=3)
    hostile = [
        replace(one, experiment=replace(one.experiment, hypothesis=f"{one.experiment.hypothesis} {SCRIPT}"))
        for one in records
    ]
    sources = Sources(diff=lambda number: f"+{SCRIPT} {number}", log=lambda _: SCRIPT.encode(), branch="b")
    material = material_of(study, hostile, contract, sources)
    path = tmp_path / "report.html"
    path.write_text(write_html(material, report_of(material)), encoding="utf-8")

    with sync_playwright() as started:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())

        assert page.inner_text("output") == "601 experiments, 500 shown"
        page.click("text=show all")
        assert page.locator(ROWS).count() == 601
        page.select_option("select", "kept")
        assert page.inner_text("output") == "12 found"
        page.click("#experiments th:nth-child(3) button")
        values = [float(one) for one in page.locator(f"{ROWS} td:nth-child(3)").all_inner_texts()]
        assert values == sorted(values) and len(values) == 12
        page.fill("input", "no such words")
        assert page.inner_text("output") == "0 found"
        page.goto(f"{path.as_uri()}#e{study.champion}")
        assert page.locator(f"#e{study.champion}").get_attribute("open") is not None

        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(color_scheme="dark")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
        assert page.evaluate("typeof window.hacked") == "undefined"
        browser.close()
    assert said == []
    assert {url.partition("#")[0] for url in asked} == {path.as_uri()}
