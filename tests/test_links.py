"""Pages lead where they say: links, paths and names on them, and in code, exist."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.rooms import PACKAGES, ROOT, sources

PAGES = sorted([*ROOT.glob("*.md"), *pages.PAGES])

LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
IN_DOCS = re.compile(r"(?<![\w/.-])docs/[\w./-]*\w")
IN_PROJECT = re.compile(r"`((?:bionic_core|bionic_plugins|tests|specs|docs|\.ci)/[\w./-]*)`")
BESIDE = re.compile(r"`([\w-]+(?:/[\w-]+)*\.(?:json|png))`")
NAME = re.compile(r"`([a-z_]+(?:\.\w+)+)`")


def told(path: Path) -> str:
    """Return a file's place in the project."""
    return path.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return what links within a page can lead to, as GitHub names its headings."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere; those to other sites are not followed."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found = []
    for target in (one or other for one, other in LINK.findall(text)):
        if re.match(r"\w+:", target):
            continue
        place, _, anchor = target.partition("#")
        file = page.parent / place if place else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=told)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('# A b\n[1](#a-b) [2](#c) [3](gone.md) [4](page.md#a-b) <img src="no.png">\n')
    assert broken(page) == ["#c", "gone.md", "no.png"]


def test_every_page_is_led_to() -> None:
    led = {
        (page.parent / (one or other).partition("#")[0]).resolve()
        for page in PAGES
        for one, other in LINK.findall(page.read_text(encoding="utf-8"))
    }
    alone = [told(page) for page in PAGES if page.parent != ROOT and page not in led]
    assert alone == []


@pytest.mark.parametrize("page", PAGES, ids=told)
def test_paths_on_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {*IN_DOCS.findall(text), *IN_PROJECT.findall(text)}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    if (ROOT / "docs") in page.parents:
        beside = {path for path in BESIDE.findall(text) if path.startswith(("data/", "../"))}
        assert [path for path in sorted(beside) if not (page.parent / path).exists()] == []


def test_pages_that_code_names_exist() -> None:
    files = [*sources(*PACKAGES, "tests", "docs"), *(ROOT / "specs").glob("*.toml")]
    gone = [
        f"{told(path)}: {named}"
        for path in files
        if path != Path(__file__)
        for named in IN_DOCS.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / named).exists()
    ]
    assert gone == []


def exists(name: str) -> bool:
    """Whether a dotted name below one of the packages is a module, or something in one."""
    parts = name.split(".")
    for package in PACKAGES:
        for length in range(len(parts), 0, -1):
            path = ROOT.joinpath(package, *parts[:length])
            if path.is_dir() or path.with_suffix(".py").exists():
                found: object = import_module(".".join([package, *parts[:length]]))
                for part in parts[length:]:
                    found = getattr(found, part, None)
                if found is not None:
                    return True
                break
    return False


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_names_on_the_contributors_pages_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    names = [name for name in NAME.findall(text) if not (ROOT / name).exists()]
    if page == "ARCHITECTURE.md":
        assert len(names) > 20
    assert [name for name in names if not exists(name)] == []


def test_a_name_that_is_gone_would_be_seen() -> None:
    assert exists("runs.train.train")
    assert exists("plugin.DataSource")
    assert exists("engines.local")
    assert not exists("runs.train.trained")
    assert not exists("runs.trains")
