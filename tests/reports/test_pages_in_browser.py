"""Pages of reports in a real browser: quiet, readable at any width, sorted, and kept in bounds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from bionic_core.reports.html import render
from bionic_core.reports.pages import write_report
from bionic_core.reports.sections import Cell, Page, Section, Table


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Any:
    """A headless Chromium of this machine, driven by playwright."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("no Chromium is installed; apt-get install chromium")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


class Opened:
    """A page in a browser, and what it complained of or asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def test_pages_are_quiet_in_a_browser_at_any_width(
    browser: Any, factorial: Path, ablation: Path, run: Path, tmp_path: Path
) -> None:
    for number, path in enumerate((factorial, ablation, run)):
        page = tmp_path / f"{number}.html"
        write_report(path, page)
        for width, scheme in ((360, "dark"), (1280, "light")):
            size = {"width": width, "height": 800}
            with Opened(browser, page, viewport=size, color_scheme=scheme) as opened:
                assert opened.complaints == []
                assert [url for url in opened.requests if not url.startswith("data:")] == [
                    page.as_uri()
                ]
                wide = opened.page.evaluate("document.documentElement.scrollWidth")
                assert wide == width, path
                ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert ground == ("rgb(20, 23, 27)" if scheme == "dark" else "rgb(255, 255, 255)")
                ink = opened.page.evaluate(
                    "getComputedStyle(document.querySelector('figure svg text')).fill"
                )
                assert ink == ("rgb(231, 234, 238)" if scheme == "dark" else "rgb(22, 25, 29)")
                opened.page.emulate_media(media="print", color_scheme=scheme)
                printed = "getComputedStyle(document.body).backgroundColor"
                assert opened.page.evaluate(printed) == "rgb(255, 255, 255)"


def test_tables_sort_by_mouse_and_keyboard(browser: Any, tmp_path: Path) -> None:
    values = [("b", 2.0), ("c", -10.0), ("a", 0.5), ("d", None)]
    rows = [[Cell(n), Cell("–" if v is None else f"{v:+}".replace("-", "−"), v)] for n, v in values]
    page = Page("t", "k", "q?", sections=[Section("s", (), [Table("t", ("name", "size"), rows)])])
    path = tmp_path / "page.html"
    path.write_text(render(page))
    with Opened(browser, path) as opened:
        names = "[...document.querySelectorAll('tbody th')].map(c => c.textContent).join('')"
        states = "[...document.querySelectorAll('thead th')].map(c => c.getAttribute('aria-sort'))"
        assert opened.page.evaluate(names) == "bcad"
        opened.page.click("thead th:nth-child(2) button")
        assert opened.page.evaluate(names) == "cabd"
        assert opened.page.evaluate(states) == [None, "ascending"]
        opened.page.click("thead th:nth-child(2) button")
        assert opened.page.evaluate(names) == "bacd"
        assert opened.page.evaluate(states) == [None, "descending"]
        opened.page.focus("thead th:nth-child(1) button")
        opened.page.keyboard.press("Enter")
        assert opened.page.evaluate(names) == "abcd"
        assert opened.page.evaluate(states) == ["ascending", None]
        assert opened.complaints == []


def test_the_policy_stops_what_would_act(browser: Any, tmp_path: Path) -> None:
    """Were something ever to get past the escaping, the page's policy would not let it run."""
    path = tmp_path / "page.html"
    text = render(Page("t", "k", "marker"))
    path.write_text(text.replace("marker", "<img src=x onerror=alert(1)><script>alert(2)</script>"))
    with Opened(browser, path) as opened:
        opened.page.wait_for_timeout(200)
        assert opened.complaints
        assert all("Content Security Policy" in complaint for complaint in opened.complaints)
