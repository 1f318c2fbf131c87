"""The site: it is built without a warning, and needs nobody else's server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import jupyter_sio

REPOSITORY = Path(__file__).parents[2]
# What a browser fetches by itself, without anybody's click.
FETCHED = {"link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src"}
HERE = {"127.0.0.1", "localhost"}


class Links(HTMLParser):
    """What a page has: anchors, what it fetches, and where it leads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.fetched: list[str] = []
        self.led: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        self.anchors.add(has.get("id") or "")
        if tag == "a":
            self.led.append(has.get("href") or "")
        elif tag in FETCHED:
            self.fetched.append(has.get(FETCHED[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going"]
    done = subprocess.run(
        [*command, "-d", str(place / "trees"), str(REPOSITORY / "docs"), str(place / "html")],
        capture_output=True,
        text=True,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return place / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    found = set(site.rglob("*.html")) - set((site / "_static").rglob("*"))
    return {page: Links(page) for page in found}


def broken(pages: dict[Path, Links], page: Path, link: str) -> bool:
    """Say whether a link within the site leads nowhere."""
    parts = urlsplit(link)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return True
    return bool(parts.fragment) and unquote(parts.fragment) not in pages[target].anchors


def each(pages: dict[Path, Links], kind: str) -> Iterator[tuple[Path, str]]:
    for page, links in pages.items():
        for link in getattr(links, kind):
            yield page, link


def test_no_page_fetches_anything_from_elsewhere(pages):
    fetched = [link for _, link in each(pages, "fetched") if link]
    assert len(fetched) > 100
    assert [link for link in fetched if urlsplit(link).netloc or link.startswith("//")] == []


def test_no_style_sheet_fetches_anything_from_elsewhere(site):
    sheets = "".join(sheet.read_text() for sheet in site.rglob("*.css"))
    found = re.findall(r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')]+)", sheets)
    assert "url(" in sheets and found == []


def test_every_link_within_the_site_leads_somewhere(pages):
    within = [pair for kind in ("fetched", "led") for pair in each(pages, kind) if pair[1]]
    within = [(page, link) for page, link in within if not urlsplit(link).scheme]
    assert [(page.name, link) for page, link in within if broken(pages, page, link)] == []


def test_links_to_elsewhere_are_https(pages):
    led = [urlsplit(link) for _, link in each(pages, "led")]
    strange = [
        link for link in led if link.scheme not in ("", "https") and link.hostname not in HERE
    ]
    assert strange == []
    assert all("." in link.hostname for link in led if link.scheme == "https")


def test_every_public_name_can_be_linked_to(pages, site):
    anchors = pages[site / "reference" / "python.html"].anchors
    named = {anchor.removeprefix("module-") for anchor in anchors}
    assert {f"jupyter_sio.{name}" for name in jupyter_sio.__all__} <= named


def test_every_lesson_is_a_page_and_a_download(site):
    lessons = sorted(path.stem for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
    assert sorted(path.stem for path in (site / "tutorial").glob("[0-9]*.html")) == lessons
    assert sorted(path.stem for path in (site / "_downloads").rglob("*.ipynb")) == lessons


def test_a_name_in_a_sentence_leads_to_the_reference(pages, site):
    links = pages[site / "how-to" / "training.html"].led
    assert any(link.startswith("../reference/python.html#jupyter_sio.") for link in links)


def test_a_picture_is_shown_once_in_each_theme(site):
    text = (site / "reference" / "panel.html").read_text()
    shown = re.findall(r"<img [^>]*panel-(?:dark|light)\.png[^>]*>", text)
    assert sorted(re.findall(r"only-\w+", " ".join(shown))) == ["only-dark", "only-light"]
    assert len(shown) == 2
