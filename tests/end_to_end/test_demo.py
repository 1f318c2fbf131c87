"""The demo notebook in JupyterLab, as somebody sees it who opens it for the first time."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, wait_for

NOTEBOOK = "01_first_stream.ipynb"
PLOTS = 3
# `make picture` keeps what is shown as the README's picture.
PICTURE = os.environ.get("JUPYTER_SIO_PICTURE")
MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(300)

READY = """async () => {
  const panel = window.jupyterapp?.shell.currentWidget;
  if (!panel?.sessionContext) return false;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  return true;
}"""
# Drawn pixels of the nth plot, as text.
PIXELS = "n => document.querySelectorAll('.jsio-plot canvas')[n].toDataURL()"


def open_notebook(page: Page, lab: Jupyter) -> None:
    """Open the notebook and wait until its kernel answers."""
    page.set_viewport_size({"width": 1400, "height": 3400})
    page.goto(f"{lab.url}lab/tree/{NOTEBOOK}?reset&token={lab.token}")
    wait_for(lambda: page.evaluate(READY), "the notebook's kernel")


def run_all(page: Page) -> None:
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")


def training(page: Page):
    """The plot of the cell that runs."""
    return page.locator(".jsio-plot").nth(PLOTS - 1)


def first_row_of(page: Page, plot: int) -> str:
    return page.locator(".jsio-plot .jsio-detail").nth(plot).inner_text()


def rows(text: str) -> int:
    """Read "12,345 rows …"."""
    return int("".join(c for c in text.split(" rows")[0] if c.isdigit()) or 0)


def keep_picture(page: Page) -> None:
    page.wait_for_timeout(6_000)  # curves worth a picture
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.get_by_role("button", name="stop", exact=True).scroll_into_view_if_needed()
    page.wait_for_timeout(1_000)  # to draw in its new size
    page.screenshot(path=PICTURE)
    page.set_viewport_size({"width": 1400, "height": 3400})


@pytest.fixture(scope="module")
def errors() -> list[str]:
    return []


def test_the_demo_draws_live_while_its_last_cell_runs(page: Page, lab: Jupyter, errors):
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_notebook(page, lab)
    run_all(page)
    expect(training(page).locator(".jsio-said")).to_have_text("live", timeout=MS)
    wait_for(lambda: page.locator(".jsio-plot canvas").count() == PLOTS, "every plot to draw")
    for plot in range(PLOTS):
        before = page.evaluate(PIXELS, plot)
        wait_for(lambda p=plot, b=before: page.evaluate(PIXELS, p) != b, "the canvas to change")
    assert lab.kernel_of(NOTEBOOK)["state"] == "busy"
    if PICTURE:
        keep_picture(page)
    # The button reaches the cell while it runs.
    page.get_by_role("button", name="stop", exact=True).click()
    wait_for(lambda: lab.kernel_of(NOTEBOOK)["state"] == "idle", "the cell to end")
    # After a reload, and in a second tab, the same history is shown.
    seen = rows(first_row_of(page, PLOTS - 1))
    assert seen > 10
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    wait_for(lambda: page.evaluate(READY), "the notebook after the reload")
    wait_for(lambda: rows(first_row_of(page, PLOTS - 1)) == seen, "the history")
    second = page.context.new_page()
    open_notebook(second, lab)
    wait_for(lambda: rows(first_row_of(second, PLOTS - 1)) == seen, "the history in a second tab")
    second.close()
    assert not errors


def test_a_restart_shows_the_break_and_a_shut_down_the_end(page: Page, lab: Jupyter):
    open_notebook(page, lab)
    said = training(page).locator(".jsio-said")
    expect(said).to_have_text("live", timeout=MS)
    kernel = lab.kernel_of(NOTEBOOK)
    lab.api(f"api/kernels/{kernel['kernel_id']}/restart", "POST", {})
    expect(said).to_have_text("kernel restarted", timeout=MS)
    assert rows(first_row_of(page, PLOTS - 1)) > 10, "what was drawn stays"
    wait_for(lambda: page.evaluate(READY), "the restarted kernel")
    run_all(page)
    expect(said).to_have_text("live", timeout=MS)
    lab.api(f"api/kernels/{kernel['kernel_id']}", "DELETE")
    expect(said).to_have_text("ended", timeout=MS)
