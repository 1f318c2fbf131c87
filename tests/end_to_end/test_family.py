"""Table, log and image in JupyterLab while a cell runs: reload, a million rows, search, colours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, wait_for
from tests.end_to_end.test_widgets import OPEN, READY, rows

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(240)

NOTEBOOK = "family.ipynb"
CELLS = (
    "import logging, time\nimport numpy as np\nimport jupyter_sio as sio\n"
    'many = sio.stream("many", history=sio.History(bytes=32 * 2**20))\n'
    'camera = sio.stream("camera", media="image/png", mode="latest")\n'
    'logger = logging.getLogger("work")\nlogger.setLevel("INFO")\n'
    "logger.addHandler(sio.logging_handler())",
    'sio.LiveTable(many, title="Orders", height=200, max_rows=2_000_000)',
    'sio.LiveLog("log", height=160)',
    'sio.LiveImage(camera, height=120, buttons=["shoot"])',
    "many.extend({'n': np.arange(1_000_000), 'half': np.arange(1_000_000) / 2})\n"
    "for n in range(60_000):\n"
    "    many.push(n=1_000_000 + n, half=n / 2)\n"
    '    logger.info("step %d", n)\n'
    '    if n % 20 == 0: logger.error("too hot at %d", n)\n'
    "    camera.push(np.full((24, 32, 3), (n % 200, 0, 200), 'uint8'))\n"
    "    time.sleep(0.02)",
)
# In one go: the rows are others with each frame.
READ_ROWS = """(table, [header, seen]) => {
  const area = table.querySelector('.jsio-scroll').getBoundingClientRect();
  const rows = [...table.querySelectorAll('tbody tr:not(.jsio-spacer)')].filter(row => {
    const { top, bottom } = row.getBoundingClientRect();
    return !seen || (top >= area.top + header && bottom <= area.bottom);
  });
  return rows.map(row => Number(row.cells[1].textContent.replaceAll(',', '')));
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
def running(page: Page, lab: Jupyter, notebook: str) -> Iterator[Page]:
    """The notebook while its last cell runs; its kernel is gone afterwards."""
    page.goto(notebook)
    wait_for(lambda: page.evaluate(OPEN) and page.evaluate(READY), "the notebook's kernel")
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait_for(lambda: rows(page.locator(".jsio-table")) > 1_000_000, "rows")
    yield page
    for session in lab.api("api/sessions"):
        if session["path"] == NOTEBOOK:
            lab.api(f"api/sessions/{session['id']}", "DELETE")


def count(view: Locator, what: str) -> int:
    """Read "12,345 lines"."""
    found = re.search(rf"([\d,]+) {what}", view.locator(".jsio-detail").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def in_page(table: Locator) -> list[int]:
    """The rows in the page, by the column n."""
    return table.evaluate(READ_ROWS, [0, 0])


def in_view(table: Locator) -> list[int]:
    """The rows that the reader sees in full, by the column n."""
    return table.evaluate(READ_ROWS, [26, 1])


def colour(image: Locator) -> list[int]:
    read = "canvas => [...canvas.getContext('2d').getImageData(5, 5, 1, 1).data]"
    return image.locator("canvas").evaluate(read)


def test_each_is_live_while_the_cell_runs_and_after_a_reload(running: Page) -> None:
    page = running
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    table, log, image = (page.locator(f".jsio-{kind}") for kind in ("table", "log", "image"))
    wait_for(lambda: rows(table) > 1_000_000, "the table's history")
    for view in (table, log, image):
        expect(view.locator(".jsio-said")).to_have_text("live", timeout=MS)
    before, lines, seen = rows(table), count(log, "lines"), colour(image)
    wait_for(lambda: rows(table) > before, "the table's next rows")
    wait_for(lambda: count(log, "lines") > lines, "the log's next lines")
    wait_for(lambda: colour(image) != seen, "the next image")
    assert colour(image)[1:] == [0, 200, 255]
    expect(log.locator(".jsio-line").last).to_contain_text("step")


def test_of_a_million_rows_those_in_view_are_in_the_page(running: Page) -> None:
    table = running.locator(".jsio-table")
    assert in_page(table)[-1] >= 1_000_000
    assert len(in_page(table)) < 40
    scroller = table.locator(".jsio-scroll")
    scroller.evaluate("area => { area.scrollTop = 0; }")
    wait_for(lambda: in_view(table)[:3] == [0, 1, 2], "the first rows")
    expect(table.locator(".jsio-detail")).to_contain_text("held")
    before = rows(table)
    wait_for(lambda: rows(table) > before, "rows behind the held view")
    assert in_view(table)[:3] == [0, 1, 2]
    scroller.evaluate("area => { area.scrollTop = area.scrollHeight / 2; }")
    wait_for(lambda: 480_000 < in_view(table)[0] < 520_000, "rows in the middle")
    found = in_view(table)
    assert found == list(range(found[0], found[0] + len(found)))
    assert len(found) >= 5
    table.get_by_role("button", name="Newest rows").click()
    wait_for(lambda: in_view(table)[-1] > 1_000_000, "the newest rows")


def test_the_wheel_moves_a_held_table_by_so_many_rows(running: Page) -> None:
    page, table = running, running.locator(".jsio-table")
    table.locator(".jsio-scroll").evaluate("area => { area.scrollTop = 0; }")
    wait_for(lambda: in_view(table)[:1] == [0], "the first rows")
    table.locator(".jsio-scroll").hover()
    page.mouse.wheel(0, 130)
    wait_for(lambda: in_view(table)[0] > 0, "the table to move")
    assert in_view(table)[0] <= 13
    page.wait_for_timeout(300)
    first = in_view(table)[0]
    page.wait_for_timeout(300)
    assert in_view(table)[0] == first


def test_a_log_is_searched_and_kept_to_what_is_grave(running: Page) -> None:
    log = running.locator(".jsio-log")
    wait_for(lambda: count(log, "lines") > 60, "lines")
    log.get_by_role("combobox").select_option("error")
    expect(log.locator(".jsio-line").first).to_contain_text("too hot")
    wait_for(lambda: log.locator(".jsio-line").count() >= 3, "grave lines")
    assert log.locator(".jsio-line:not([data-level=error])").count() == 0
    log.get_by_role("combobox").select_option("")
    log.get_by_role("searchbox").fill("STEP 7")
    expect(log.locator(".jsio-line").first).to_contain_text("step 7")
    assert all("step 7" in text for text in log.locator(".jsio-line").all_inner_texts())
    expect(log.locator(".jsio-detail")).to_contain_text("found")
    log.get_by_role("searchbox").fill("")
    wait_for(lambda: log.locator(".jsio-line").count() > 60, "all lines")


def test_keys_pressed_in_the_search_are_no_shortcuts_of_the_notebook(running: Page) -> None:
    search = running.locator(".jsio-log").get_by_role("searchbox")
    search.press_sequentially("dd")
    expect(search).to_have_value("dd")
    assert running.locator(".jp-Notebook .jp-Cell").count() == len(CELLS)


def test_an_image_is_fitted_into_its_height_and_offers_its_buttons(running: Page) -> None:
    image = running.locator(".jsio-image")
    expect(image.locator(".jsio-detail")).to_contain_text("32 × 24")
    box = image.locator("canvas").bounding_box()
    assert box is not None
    assert round(box["height"]) == 120
    image.get_by_role("button", name="shoot").click()
    expect(image.locator(".jsio-answer")).to_contain_text("shoot was not done", timeout=MS)
