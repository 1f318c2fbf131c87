"""A stream as a tab of JupyterLab: drawn, saved, others put into its plot, found again."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import pyarrow.ipc
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, open_lab, wait_for
from tests.end_to_end.two_notebooks import SENSOR, SHOW, THEME, TRAINING, fold, stream

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(180)
# `make picture` keeps the tab's pictures here.
PICTURES = os.environ.get("JUPYTER_SIO_PICTURES")
EXECUTE = "([id, args]) => void window.jupyterapp.commands.execute(id, args)"
SAVED_MS = 2_000  # JupyterLab saves its layout a second after the last change


def opened(panel: Locator, name: str = "loss") -> Locator:
    """Open a stream of the panel's as a tab."""
    stream(panel, name).get_by_role("button", name=name, exact=True).click()
    tab = panel.page.locator(f".jsiolab-tab:has([data-stream={name}])")
    expect(tab.locator(".jsio-said").first).to_have_text("live", timeout=MS)
    return tab


def entry(tab: Locator, name: str) -> Locator:
    """Find a line's entry in the legend of a tab's plot."""
    return tab.locator(".jsio-legend").get_by_role("button", name=name)


def picked(page: Page, title: str, item: str) -> None:
    """Pick a stream in the dialog that asks for one, by keys."""
    dialog = page.get_by_role("dialog").filter(has=page.get_by_role("heading", name=title))
    expect(dialog.get_by_label("Stream").locator("option")).to_contain_text([item])
    dialog.get_by_label("Stream").select_option(item)
    dialog.get_by_role("button", name="OK").press("Enter")


def drag(what: Locator, onto: Locator) -> None:
    """Drag by hand; a busy browser takes a single move for none."""
    what.hover()
    what.page.mouse.down()
    for _ in range(3):
        onto.hover()
    what.page.mouse.up()


def saved(page: Page, act: Locator) -> Path:
    with page.expect_download() as download:
        act.click()
    return Path(download.value.path())


def size_of(picture: bytes) -> tuple[int, int]:
    """Read the width and height of a PNG."""
    assert picture.startswith(b"\x89PNG")
    return struct.unpack(">II", picture[16:24])


def test_a_stream_opens_as_a_tab_and_is_there_again_after_a_reload(
    panel: Locator, page: Page, live: Jupyter
):
    tab = opened(panel)
    fold(panel, SENSOR).click()
    page.wait_for_timeout(SAVED_MS)
    page.goto(f"{live.url}lab?token={live.token}")
    expect(tab.locator(".jsio-plot .jsio-said")).to_have_text("live", timeout=MS)
    expect(panel).to_be_visible()
    expect(fold(panel, SENSOR)).to_have_attribute("aria-expanded", "true")
    tab.get_by_label("View of loss").select_option("Table")
    expect(tab.locator(".jsio-table")).to_contain_text("step")
    with page.expect_download() as download:
        tab.get_by_role("button", name="CSV").click()
    assert Path(download.value.path()).read_text().startswith("step,loss\n")


# --- files -------------------------------------------------------------------------------------


def test_rows_are_saved_as_csv_and_arrow(panel: Locator, page: Page):
    tab = opened(panel)
    expect(entry(tab, "loss").locator(".jsio-number")).to_have_text(re.compile(r"\d"), timeout=MS)
    assert saved(page, tab.get_by_role("button", name="CSV")).read_text().startswith("step,loss\n")
    table = pyarrow.ipc.open_file(saved(page, tab.get_by_role("button", name="Arrow"))).read_all()
    assert table["step"].to_pylist()[:3] == [0, 1, 2]


def test_a_plot_is_saved_as_a_picture_in_the_colours_of_the_theme(panel: Locator, page: Page):
    tab = opened(panel)
    drawing = tab.locator(".jsio-plot-area canvas")
    expect(drawing).to_be_visible(timeout=MS)
    picture = saved(page, tab.get_by_role("button", name="PNG")).read_bytes()
    width, height = size_of(picture)
    assert width == drawing.evaluate("canvas => canvas.width")
    assert height > drawing.evaluate("canvas => canvas.height")  # the legend is above it
    with page.expect_download() as download:
        page.evaluate(EXECUTE, ["jupyter-sio:save", {"kind": "PNG"}])
    assert download.value.suggested_filename == "loss.png"


def test_an_image_is_saved_as_png_and_as_it_came(panel: Locator, page: Page):
    fold(panel, SENSOR).click()
    tab = opened(panel, "eye")
    expect(tab.locator("canvas.jsio-picture")).to_be_visible(timeout=MS)
    for button in ("PNG", "Save"):
        picture = saved(page, tab.get_by_role("button", name=button)).read_bytes()
        assert size_of(picture) == (60, 40)


def test_the_zoom_stays_when_the_tab_is_resized(panel: Locator, page: Page):
    tab = opened(panel)
    area = tab.locator(".jsio-plot-area")
    area.press("+")
    reset = tab.get_by_role("button", name="Reset zoom")
    expect(reset).to_be_enabled()
    before = area.bounding_box()
    page.set_viewport_size({"width": 1280, "height": 800})
    wait_for(lambda: area.bounding_box()["height"] < before["height"] - 100, "the plot to fit", 15)
    expect(reset).to_be_enabled()


# --- several streams in one plot -----------------------------------------------------------------


def test_a_stream_is_dragged_into_a_plot_and_is_there_again_after_a_reload(
    panel: Locator, page: Page, live: Jupyter
):
    tab = opened(panel)
    fold(panel, SENSOR).click()
    drag(stream(panel, "room"), tab)
    expect(entry(tab, "room (sensor.ipynb): celsius")).to_be_visible(timeout=MS)
    expect(entry(tab, "loss: loss")).to_be_visible()
    page.wait_for_timeout(SAVED_MS)
    page.goto(f"{live.url}lab?token={live.token}")
    expect(entry(tab, "room (sensor.ipynb): celsius")).to_be_visible(timeout=MS)
    with page.expect_download() as rows:
        tab.get_by_role("button", name="CSV").click()
    assert rows.value.suggested_filename == "loss.csv"
    tab.get_by_role("button", name="Take room (sensor.ipynb) out of this plot").click()
    expect(entry(tab, "room")).to_have_count(0)
    expect(entry(tab, "loss")).to_be_visible(timeout=MS)


def test_a_stream_is_dragged_from_another_tab(panel: Locator, page: Page):
    fold(panel, SENSOR).click()
    room, loss = opened(panel, "room"), opened(panel, "loss")
    drag(room.get_by_role("heading", name="room"), loss)
    expect(entry(loss, "room (sensor.ipynb): celsius")).to_be_visible(timeout=MS)


def test_two_runs_are_compared_in_the_colours_of_the_theme(panel: Locator, page: Page):
    page.set_viewport_size({"width": 1280, "height": 800})
    tab = opened(panel)
    fold(panel, SENSOR).click()
    drag(stream(panel, "baseline"), tab)
    expect(entry(tab, "baseline (sensor.ipynb): loss")).to_be_visible(timeout=MS)
    expect(tab.locator(".jsio-plot .u-over")).to_be_visible()
    paper = []
    for theme, name in (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")):
        page.evaluate(THEME, theme)
        page.wait_for_timeout(SAVED_MS)
        paper.append(tab.evaluate("element => getComputedStyle(element).backgroundColor"))
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/tab-{name}.png")
    assert len(set(paper)) == 2


def test_a_stream_is_added_by_keys(panel: Locator, page: Page):
    tab = opened(panel)
    tab.get_by_role("button", name="Add a stream to this plot…").press("Enter")
    picked(page, "Add a Stream to This Plot", "room – sensor.ipynb")
    expect(entry(tab, "room (sensor.ipynb): celsius")).to_be_visible(timeout=MS)


def test_a_stream_is_opened_and_another_added_by_commands(panel: Locator, page: Page):
    page.evaluate(EXECUTE, ["jupyter-sio:open-stream", {}])
    picked(page, "Open a Live Stream", "loss – training.ipynb")
    tab = page.locator(".jsiolab-tab:has([data-stream=loss])")
    expect(entry(tab, "loss")).to_be_visible(timeout=MS)
    page.get_by_role("tab", name=TRAINING).click()  # then it is not said into which plot
    page.evaluate(EXECUTE, ["jupyter-sio:add-to-plot", {}])
    picked(page, "Add a Stream to a Plot", "room – sensor.ipynb")
    expect(entry(tab, "room (sensor.ipynb): celsius")).to_be_visible(timeout=MS)


def test_what_has_no_numbers_is_not_drawn_and_that_is_told(panel: Locator, page: Page):
    tab = opened(panel)
    fold(panel, SENSOR).click()
    drag(stream(panel, "eye"), tab)
    expect(tab).to_contain_text("eye is no table: only numbers can be drawn.")
    drag(stream(panel, "loss"), tab)
    expect(tab).to_contain_text("loss is in this plot.")
    drag(stream(panel, "notes"), tab)
    expect(tab).to_contain_text("stream 'notes' has no numbers to draw", timeout=MS)
    log = opened(panel, "notes")
    drag(stream(panel, "room"), log)
    expect(log).to_contain_text("notes has no numbers to draw, so nothing can be added.")


# --- the page as a whole -------------------------------------------------------------------------


def test_the_panel_and_the_tabs_of_two_kernels_share_connections(
    panel: Locator, page: Page, live: Jupyter
):
    sockets: list[str] = []
    page.on("websocket", lambda ws: "jupyter-sio" in ws.url and sockets.append(ws.url))
    open_lab(page, live, TRAINING)
    page.evaluate(SHOW)
    fold(panel, SENSOR).click()
    opened(panel, "room")
    opened(panel, "loss")
    stream(panel, "eye").get_by_role("button", name="eye", exact=True).click()
    expect(page.locator("canvas.jsio-picture")).to_be_visible(timeout=MS)
    assert len(sockets) == 2  # the panel is in both namespaces, and so are the tabs
