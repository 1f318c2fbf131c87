"""The panel in JupyterLab with two notebooks: everything it shows, and every action of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, start_jupyter, stop_jupyter, wait_for

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(180)
# `make picture` keeps the panel's pictures here.
PICTURES = os.environ.get("JUPYTER_SIO_PICTURES")

TRAINING, SENSOR = "training.ipynb", "lab/sensor.ipynb"
CELLS = {
    TRAINING: """import math, threading, time
import jupyter_sio as sio

loss, notes = sio.stream("loss"), sio.stream("notes")

@sio.on("rate")
def rate(value, *, viewer):
    return {"rate": value}

def train():
    for step in range(100_000):
        loss.push(step=step, loss=math.exp(-step / 900) + 0.04 * math.sin(step / 31))
        if step % 20 == 0:
            notes.push(level="info", text=f"step {step}")
            sio.emit("checkpoint", {"step": step})
        time.sleep(0.05)

threading.Thread(target=train, daemon=True).start()""",
    SENSOR: """import jupyter_sio as sio

room = sio.stream("room")
for n in range(50):
    room.push(celsius=20 + n % 7)
room.flush()""",
}
READY = """async path => {
  const panel = window.jupyterapp?.shell.currentWidget;
  if (panel?.context?.path !== path || !panel.sessionContext.session?.kernel) return false;
  await panel.sessionContext.session.kernel.info;
  return true;
}"""
RUN = "() => void window.jupyterapp.commands.execute('notebook:run-all-cells')"
SHOW = "() => window.jupyterapp.commands.execute('jupyter-sio:show-panel')"
THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"


def notebook(cell: str) -> str:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = {"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "id": "cell"}
    content = {"cells": [{**code, "execution_count": None}], "metadata": {"kernelspec": spec}}
    return json.dumps({**content, "nbformat": 4, "nbformat_minor": 5})


def open_lab(page: Page, lab: Jupyter, path: str) -> None:
    page.goto(f"{lab.url}lab/tree/{path}?reset&token={lab.token}")
    wait_for(lambda: page.evaluate(READY, path), f"the kernel of {path}")


def kernel_of(lab: Jupyter, path: str) -> dict:
    (found,) = [kernel for kernel in lab.kernels() if kernel["path"] == path]
    return found


@pytest.fixture(scope="module")
def live(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A server on which both notebooks have been run."""
    root = tmp_path_factory.mktemp("notebooks")
    for path, cell in CELLS.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(notebook(cell))
    lab = start_jupyter("jupyterlab", root, tmp_path_factory.mktemp("runtime"))
    page = browser.new_page()
    for path in CELLS:
        open_lab(page, lab, path)
        page.evaluate(RUN)
        wait_for(lambda p=path: kernel_of(lab, p)["streams"], f"streams of {path}")
    page.close()
    yield lab
    stop_jupyter(lab)


@pytest.fixture
def panel(page: Page, live: Jupyter) -> Locator:
    """The panel, beside the notebook that trains."""
    open_lab(page, live, TRAINING)
    page.evaluate(SHOW)
    panel = page.get_by_role("region", name="Live data")
    expect(kernel(panel, TRAINING).get_by_role("heading", name="Streams (2)")).to_be_visible()
    return panel


def kernel(panel: Locator, path: str) -> Locator:
    row = panel.locator(".jsiolab-kernel")
    return row.filter(has=panel.page.get_by_role("button", name=f"Open {path}", exact=True))


def fold(panel: Locator, path: str) -> Locator:
    return kernel(panel, path).locator("button[aria-expanded]")


def stream(panel: Locator, name: str) -> Locator:
    has = panel.page.get_by_role("button", name=name, exact=True)
    return panel.locator(".jsiolab-stream").filter(has=has)


def link_of(dialog: Locator) -> str:
    made = dialog.get_by_label("The link")
    expect(made).to_have_value(re.compile("/jupyter-sio/live/#.{20}"))
    return made.input_value()


# --- what it shows -----------------------------------------------------------------------------


def test_every_kernel_is_listed_with_its_notebook_and_state(panel: Locator):
    training, sensor = kernel(panel, TRAINING), kernel(panel, SENSOR)
    expect(training).to_contain_text("training.ipynbidle")
    expect(sensor).to_contain_text("sensor.ipynbidlelab/sensor.ipynb")
    expect(sensor).to_contain_text(re.compile(r"online · up \d+ (s|min) · 0 viewers"))


def test_a_stream_has_its_newest_value_its_curve_and_what_passes(panel: Locator):
    loss = stream(panel, "loss")
    expect(loss.locator(".jsiolab-now")).to_have_text(re.compile(r"^-?0\.\d+$"), timeout=MS)
    expect(loss.locator("path").first).to_have_attribute("d", re.compile("^M.*L"))
    expect(loss).to_contain_text(re.compile(r"(1\d|20) rows/s · [\d.]+ kB/s · [\d.]+ kB held"))
    before = loss.locator(".jsiolab-now").inner_text()
    expect(loss.locator(".jsiolab-now")).not_to_have_text(before, timeout=MS)
    expect(stream(panel, "notes").locator(".jsiolab-now")).to_have_text(re.compile(r"^step \d+$"))


def test_a_stream_that_rests_has_its_last_value(panel: Locator):
    fold(panel, SENSOR).click()
    expect(stream(panel, "room").locator(".jsiolab-now")).to_have_text("20", timeout=MS)
    expect(stream(panel, "room")).to_contain_text("0 rows/s")


def test_viewers_are_told_with_what_they_may_and_how_far_they_are_behind(
    panel: Locator, page: Page
):
    viewers = kernel(panel, TRAINING).get_by_role("region", name="Viewers")
    expect(viewers).to_contain_text(
        re.compile(r"panel.*manage, send, watch · for \d+ s · no lag"), timeout=MS
    )
    status = page.get_by_role("button", name="1 viewer", exact=True)
    expect(status).to_be_visible()


def test_the_panel_follows_the_notebook_in_front(panel: Locator, page: Page):
    expect(fold(panel, TRAINING)).to_have_attribute("aria-current", "true")
    kernel(panel, SENSOR).get_by_role("button", name=f"Open {SENSOR}").click()
    wait_for(lambda: page.evaluate(READY, SENSOR), "the notebook that was opened")
    expect(fold(panel, SENSOR)).to_have_attribute("aria-expanded", "true")
    expect(fold(panel, SENSOR)).to_have_attribute("aria-current", "true")
    expect(fold(panel, TRAINING)).to_have_attribute("aria-expanded", "false")
    follow = panel.get_by_role("button", name="Follow the active notebook")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.get_by_role("tab", name=TRAINING).click()
    expect(fold(panel, TRAINING)).to_have_attribute("aria-current", "true")
    expect(fold(panel, TRAINING)).to_have_attribute("aria-expanded", "false")
    follow.click()  # it is a setting, and would stay


# --- what it does ------------------------------------------------------------------------------


def test_events_go_by_and_one_that_is_sent_is_answered(panel: Locator):
    events = kernel(panel, TRAINING).get_by_role("region", name="Events")
    log = events.get_by_role("log")
    expect(log).to_contain_text(re.compile(r'←checkpoint\{"step":\d+\}'), timeout=MS)
    events.get_by_label("Event", exact=True).fill("rate")
    events.get_by_label("Arguments, as JSON").fill('{"a": [0.5]}')
    events.get_by_role("button", name="Send").click()
    expect(log).to_contain_text('→rate{"a":[0.5]}')
    expect(log).to_contain_text('✓rate{"rate":{"a":[0.5]}}')
    events.get_by_label("Arguments, as JSON").fill("fast")
    events.get_by_label("Arguments, as JSON").press("Enter")
    expect(events.get_by_role("alert")).to_contain_text("arguments are JSON")
    events.get_by_label("Event", exact=True).fill("nobody hears")
    events.get_by_label("Arguments, as JSON").fill("")
    events.get_by_role("button", name="Send").click()
    expect(log).to_contain_text(re.compile("✗nobody hears.+"))


def test_a_stream_opens_as_a_tab_and_is_there_again_after_a_reload(
    panel: Locator, page: Page, live: Jupyter
):
    stream(panel, "loss").get_by_role("button", name="loss", exact=True).click()
    tab = page.locator(".jsiolab-tab")
    expect(tab.locator(".jsio-plot .jsio-said")).to_have_text("live", timeout=MS)
    fold(panel, SENSOR).click()
    page.wait_for_timeout(2_000)  # JupyterLab saves its layout a second after the last change
    page.goto(f"{live.url}lab?token={live.token}")
    expect(tab.locator(".jsio-plot .jsio-said")).to_have_text("live", timeout=MS)
    expect(panel).to_be_visible()
    expect(fold(panel, SENSOR)).to_have_attribute("aria-expanded", "true")
    tab.get_by_label("View of loss").select_option("Table")
    expect(tab.locator(".jsio-table")).to_contain_text("step")
    with page.expect_download() as download:
        tab.get_by_role("button", name="CSV").click()
    assert Path(download.value.path()).read_text().startswith("step,loss\n")


def test_a_share_link_shows_what_was_ticked_until_it_is_revoked(
    panel: Locator, page: Page, browser: Browser
):
    panel.get_by_role("button", name="Share training.ipynb").click()
    dialog = page.get_by_role("dialog", name="Share training.ipynb")
    dialog.get_by_label("loss").check()
    expect(dialog.get_by_label("all, also those to come")).not_to_be_checked()
    dialog.get_by_label("Events that may be sent").fill("rate, stop")
    dialog.get_by_label("Works for").select_option("1 hour")
    dialog.get_by_label("Label").fill("for Ada")
    dialog.get_by_role("button", name="Make a link").click()
    link = link_of(dialog)
    guest = browser.new_page()
    guest.goto(link)
    expect(guest.get_by_role("heading", name="loss")).to_be_visible(timeout=MS)
    expect(guest.get_by_role("heading", name="notes")).to_have_count(0)
    listed = dialog.get_by_role("listitem").filter(has_text="for Ada")
    expect(listed).to_contain_text("loss · may send rate, stop · until", timeout=MS)
    expect(listed).to_contain_text("1 watching · used 1 time", timeout=MS)
    viewers = kernel(panel, TRAINING).get_by_role("region", name="Viewers")
    expect(viewers).to_contain_text("by link for Ada · send, watch", timeout=MS)
    dialog.get_by_role("button", name="Revoke for Ada").click()
    expect(dialog).to_contain_text("“for Ada” was revoked.")
    expect(guest.locator("body")).to_contain_text("this link was revoked", timeout=MS)
    expect(listed).to_have_count(0)
    guest.close()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_the_link_is_copied(panel: Locator, page: Page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="Share training.ipynb").click()
    dialog = page.get_by_role("dialog", name="Share training.ipynb")
    dialog.get_by_role("button", name="Make a link").click()
    link = link_of(dialog)
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == link


def test_a_viewer_is_shown_the_door(panel: Locator, page: Page, live: Jupyter):
    other = page.context.new_page()
    id = kernel_of(live, TRAINING)["kernel_id"]
    other.goto(f"{live.url}jupyter-sio/live/?token={live.token}#/kernels/{id}")
    expect(other.get_by_role("heading", name="loss")).to_be_visible(timeout=MS)
    expect(page.get_by_role("button", name="2 viewers", exact=True)).to_be_visible(timeout=MS)
    panel.get_by_role("button", name="Disconnect page").click(timeout=MS)
    expect(other.locator("body")).to_contain_text("An operator disconnected you.", timeout=MS)
    expect(panel).to_contain_text("page was disconnected.")
    expect(page.get_by_role("button", name="1 viewer", exact=True)).to_be_visible(timeout=MS)


def test_who_may_only_watch_can_do_nothing_else(page: Page, live: Jupyter):
    watcher = {"identity": {}, "permissions": {"jupyter_sio": ["read"]}}
    page.route("**/api/me?*jupyter_sio*", lambda route: route.fulfill(json=watcher))
    open_lab(page, live, TRAINING)
    page.evaluate(SHOW)
    panel = page.get_by_role("region", name="Live data")
    training = kernel(panel, TRAINING)
    expect(training.get_by_role("button", name="You may not share")).to_be_disabled()
    expect(training.get_by_role("button", name="You may not disconnect")).to_be_disabled(timeout=MS)
    expect(training.get_by_role("button", name="Send")).to_be_disabled()
    expect(training.get_by_label("Event", exact=True)).to_be_disabled()
    enabled = "() => window.jupyterapp.commands.isEnabled('jupyter-sio:share')"
    assert page.evaluate(enabled) is False


# --- by keys, in themes, by commands -------------------------------------------------------------


def test_all_of_it_can_be_done_with_keys(panel: Locator, page: Page):
    fold(panel, SENSOR).focus()
    page.keyboard.press("Enter")
    expect(fold(panel, SENSOR)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    share = panel.get_by_role("button", name="Share sensor.ipynb")
    expect(share).to_be_focused()
    page.keyboard.press("Space")
    dialog = page.get_by_role("dialog", name="Share sensor.ipynb")
    expect(dialog.get_by_label("all, also those to come")).to_be_focused()
    dialog.get_by_label("Label").press_sequentially("add b d d")
    expect(dialog.get_by_label("Label")).to_have_value("add b d d")
    page.keyboard.press("Escape")
    expect(share).to_be_focused()


def test_the_palette_has_its_commands(panel: Locator, page: Page):
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:activate-command-palette')")
    page.get_by_placeholder("SEARCH", exact=True).fill("live data")
    palette = page.locator("#modal-command-palette")
    for label in ("Show Live Data", "Share Live Data of This Notebook…"):
        expect(palette.get_by_text(label)).to_be_visible()
    palette.get_by_text("Share Live Data of This Notebook…").click()
    expect(page.get_by_role("dialog", name="Share training.ipynb")).to_be_visible()


def test_the_panel_has_the_colours_of_the_theme(panel: Locator, page: Page):
    stream(panel, "loss").get_by_role("button", name="loss", exact=True).click()
    expect(page.locator(".jsio-plot .jsio-said")).to_have_text("live", timeout=MS)
    plot = page.locator(".jsio-plot-area")
    before = plot.bounding_box()
    page.set_viewport_size({"width": 1280, "height": 800})
    wait_for(lambda: plot.bounding_box()["height"] < before["height"] - 100, "the plot to fit", 15)
    colour = "element => getComputedStyle(element).backgroundColor"
    colours = []
    for theme, name in (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")):
        page.evaluate(THEME, theme)
        page.wait_for_timeout(2_000)
        colours.append(panel.evaluate(colour))
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/panel-{name}.png")
    assert len(set(colours)) == 2


# --- in Notebook 7 -----------------------------------------------------------------------------


@pytest.fixture
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    root = tmp_path_factory.mktemp("notebooks")
    (root / TRAINING).write_text(notebook(CELLS[TRAINING]))
    jupyter = start_jupyter("notebook", root, tmp_path_factory.mktemp("runtime"))
    yield jupyter
    stop_jupyter(jupyter)


def test_notebook_7_has_the_panel_and_opens_the_viewer_page(page: Page, classic: Jupyter):
    page.goto(f"{classic.url}notebooks/{TRAINING}?token={classic.token}")
    wait_for(lambda: page.evaluate(READY, TRAINING), "the notebook's kernel")
    page.evaluate(RUN)
    page.evaluate(SHOW)
    panel = page.get_by_role("region", name="Live data")
    expect(stream(panel, "loss").locator(".jsiolab-now")).to_have_text(re.compile("0"), timeout=MS)
    with page.expect_popup() as opened:
        stream(panel, "loss").get_by_role("button", name="loss", exact=True).click()
    expect(opened.value.get_by_role("heading", name="loss")).to_be_visible(timeout=MS)
    expect(opened.value).to_have_url(re.compile("jupyter-sio/live/#/kernels/"))


# --- a kernel's life: the last, since its streams end ------------------------------------------


def test_a_kernel_that_restarts_and_ends_is_followed(panel: Locator, page: Page, live: Jupyter):
    id = kernel_of(live, SENSOR)["kernel_id"]
    live.api(f"api/kernels/{id}/restart", "POST", {})
    expect(kernel(panel, SENSOR)).to_contain_text("offline", timeout=MS)
    live.api(f"api/kernels/{id}", "DELETE")
    ended = panel.locator(".jsiolab-kernel").filter(has_text="sensor.ipynb")
    expect(ended).to_contain_text("sensor.ipynbended", timeout=MS)
    expect(ended).to_contain_text(re.compile(r"ended \d+ s ago"))
    expect(ended.get_by_role("button", name="Share sensor.ipynb")).to_be_disabled()
