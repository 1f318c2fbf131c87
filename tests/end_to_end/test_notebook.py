"""The demo notebook in Notebook 7."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import REPOSITORY, Jupyter, start_jupyter, stop_jupyter, wait_for
from tests.end_to_end.test_demo import MS, NOTEBOOK, PIXELS, READY, first_row_of, rows, run_all

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    root = tmp_path_factory.mktemp("notebooks")
    shutil.copy(REPOSITORY / "notebooks" / NOTEBOOK, root)
    jupyter = start_jupyter("notebook", root, tmp_path_factory.mktemp("runtime"))
    yield jupyter
    stop_jupyter(jupyter)


def test_the_plots_are_live_in_notebook_7(page: Page, notebook: Jupyter):
    page.set_viewport_size({"width": 1200, "height": 3400})
    page.goto(f"{notebook.url}notebooks/{NOTEBOOK}?token={notebook.token}")
    wait_for(lambda: page.evaluate(READY), "the notebook's kernel")
    run_all(page)
    expect(page.locator(".jsio-plot .jsio-said").nth(2)).to_have_text("live", timeout=MS)
    before = page.evaluate(PIXELS, 0)
    wait_for(lambda: page.evaluate(PIXELS, 0) != before, "the canvas to change")
    # The stream is there before the cell that fills it, and answers "stop", has run so far.
    wait_for(lambda: rows(first_row_of(page, 2)) > 0, "the first step")
    page.get_by_role("button", name="stop", exact=True).click()
    wait_for(lambda: notebook.kernels()[0]["state"] == "idle", "the cell to end", 20)
