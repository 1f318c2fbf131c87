"""Chromium for the folders whose tests look at pages: started once for each of them.

Their ``conftest.py`` imports these fixtures by name.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

__all__ = ["browser", "jp_asyncio_loop", "jp_server_cleanup", "page"]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Nothing here may look for a host outside.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # in a container chromium cannot make one, and only our own pages are shown
)

# A machine that does much else is slow, and that is no failure of a page's.
expect.set_options(timeout=30_000)


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """Take the place of pytest-jupyter's: playwright runs a loop of its own here."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Take the place of pytest-jupyter's, which would run the loop; our servers are processes."""


# Not for the session: while playwright's loop runs, the tests of other folders cannot run theirs.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    assert path, "the browser tests need Chromium; type: sudo apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()
