"""Live views in JupyterLab while a cell runs: reload, theme, pointer and keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, wait_for

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(180)

NOTEBOOK = "widgets.ipynb"
CELLS = (
    'import jupyter_sio as sio, time\ns = sio.stream("s")\n'
    'sio.LivePlot(s, x="t", y="v", title="A plot", height=200)',
    'sio.LiveValue(s, "v", format=".1f", unit="m")',
    "for t in range(60_000):\n    s.push(t=t, v=t / 2)\n    time.sleep(0.002)",
)
OPEN = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return Boolean(panel?.sessionContext?.session?.kernel);
}"""
READY = """async () => {
  await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.info;
  return true;
}"""


@pytest.fixture(scope="module")
def notebook(lab: Jupyter) -> str:
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "id": f"cell-{n}"}
        | {"execution_count": None}
        for n, source in enumerate(CELLS)
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    (lab.root / NOTEBOOK).write_text(json.dumps(content))
    return f"{lab.url}lab/tree/{NOTEBOOK}?reset&token={lab.token}"


@pytest.fixture
def plot(page: Page, lab: Jupyter, notebook: str) -> Iterator[Locator]:
    """The plot of a cell that runs; its kernel is gone afterwards."""
    page.goto(notebook)
    wait_for(lambda: page.evaluate(OPEN) and page.evaluate(READY), "the notebook's kernel")
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    plot = page.locator(".jsio-plot")
    expect(plot.locator(".jsio-said")).to_have_text("live", timeout=MS)
    wait_for(lambda: rows(plot) > 300, "rows")
    yield plot
    for session in lab.api("api/sessions"):
        if session["path"] == NOTEBOOK:
            lab.api(f"api/sessions/{session['id']}", "DELETE")


def rows(view: Locator) -> int:
    """Read "12,345 rows …", maybe after "held · "."""
    found = re.search(r"([\d,]+) rows", view.locator(".jsio-detail").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def pixels(plot: Locator) -> str:
    return plot.locator("canvas").evaluate("canvas => canvas.toDataURL()")


def test_a_reload_while_the_cell_runs_shows_the_history_and_goes_on(
    page: Page, plot: Locator
) -> None:
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    before = rows(plot)
    page.reload()
    wait_for(lambda: rows(plot) > before, "the history")
    after = rows(plot)
    wait_for(lambda: rows(plot) > after, "the cell's next rows")
    value = page.locator(".jsio-value")
    expect(value.locator(".jsio-unit")).to_have_text("m")
    assert float(value.locator(".jsio-amount").inner_text()) > before / 2


def test_a_second_tab_shows_the_same_while_the_cell_runs(
    page: Page, notebook: str, plot: Locator
) -> None:
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    second = page.context.new_page()
    second.goto(notebook)
    wait_for(lambda: rows(second.locator(".jsio-plot")) > 300, "the history in a second tab")
    second.close()


def test_the_pointer_zooms_and_holds_and_keys_lead_back(page: Page, plot: Locator) -> None:
    box = plot.locator(".u-over").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], middle, steps=3)
    page.mouse.up()
    page.mouse.move(0, 0)
    follow = plot.get_by_role("button", name="Follow")
    expect(follow).to_be_visible()
    expect(plot.locator(".jsio-detail")).to_contain_text("held")
    page.wait_for_timeout(200)
    held, count = pixels(plot), rows(plot)
    wait_for(lambda: rows(plot) > count + 100, "rows behind the held view")
    assert pixels(plot) == held
    plot.locator(".jsio-plot-area").press("0")
    expect(plot.get_by_role("button", name="Hold")).to_be_visible()
    expect(plot.get_by_role("button", name="Reset zoom")).to_be_disabled()
    wait_for(lambda: pixels(plot) != held, "the newest rows")


def test_keys_pressed_in_a_view_are_no_shortcuts_of_the_notebook(page: Page, plot: Locator) -> None:
    area = plot.locator(".jsio-plot-area")
    cells = page.locator(".jp-Notebook .jp-Cell")
    area.press("d")
    area.press("d")
    area.press("l")
    expect(plot.get_by_role("button", name="Log")).to_have_attribute("aria-pressed", "true")
    assert cells.count() == len(CELLS)


def test_the_plot_takes_the_colours_of_the_theme(page: Page, plot: Locator) -> None:
    plot.get_by_role("button", name="Hold").click()
    page.wait_for_timeout(200)
    for theme, dark in (("JupyterLab Dark", True), ("JupyterLab Light", False)):
        before = pixels(plot)
        change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        page.evaluate(change, theme)
        classes = re.compile(r"jsio-dark") if dark else re.compile(r"^((?!jsio-dark).)*$")
        expect(plot).to_have_class(classes, timeout=MS)
        wait_for(lambda b=before: pixels(plot) != b, "the canvas to change")
