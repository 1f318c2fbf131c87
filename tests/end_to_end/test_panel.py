"""The panel in JupyterLab with two notebooks: everything it shows, and every action of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from websockets.sync.client import connect

from tests.end_to_end.conftest import (
    PATIENCE,
    Jupyter,
    open_lab,
    start_jupyter,
    stop_jupyter,
    wait_for,
)
from tests.end_to_end.two_notebooks import (
    CELLS,
    READY,
    RUN,
    SENSOR,
    SHOW,
    THEME,
    TRAINING,
    fold,
    kernel,
    notebook,
    stream,
)

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(180)
# `make picture` keeps the panel's pictures here.
PICTURES = os.environ.get("JUPYTER_SIO_PICTURES")


EXECUTE = "([id, args]) => void window.jupyterapp.commands.execute(id, args)"
COMMANDS = (
    "Show Live Data",
    "Follow the Active Notebook in Live Data",
    "Open a Live Stream…",
    "Send an Event to This Notebook",
    "Share Live Data of This Notebook…",
    "Close a Live Stream…",
    "Disconnect a Viewer of This Notebook…",
)


@contextmanager
def somebody(lab: Jupyter, kernel_id: str) -> Iterator[None]:
    """Watch a kernel as a script does that is not ours."""
    url = lab.url.replace("http", "ws", 1) + "jupyter-sio/socket.io/?EIO=4&transport=websocket"
    with connect(url, additional_headers={"Authorization": f"token {lab.token}"}) as socket:
        socket.recv()
        socket.send(f"40/kernels/{kernel_id},")
        assert str(socket.recv()).startswith(f"40/kernels/{kernel_id},")
        yield


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
        re.compile(r"panel.*this window · manage, send, watch · for \d+ s · no lag"), timeout=MS
    )
    # The status bar tells of others.
    expect(page.get_by_role("button", name="0 viewers", exact=True)).to_be_visible()


def test_the_word_in_the_status_bar_may_be_left_out(panel: Locator, page: Page, live: Jupyter):
    word = page.get_by_role("button", name="0 viewers", exact=True)
    expect(word).to_be_visible()
    setting = "lab/api/settings/@jupyter-sio/client:plugin"
    live.api(setting, "PUT", {"raw": '{"statusItem": false}'})
    try:
        open_lab(page, live, TRAINING)
        page.evaluate(SHOW)
        expect(kernel(panel, TRAINING).get_by_role("heading", name="Streams (2)")).to_be_visible()
        expect(word).to_be_hidden()
    finally:
        live.api(setting, "PUT", {"raw": "{}"})


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
    id = live.kernel_of(TRAINING)["kernel_id"]
    other.goto(f"{live.url}jupyter-sio/live/?token={live.token}#/kernels/{id}")
    expect(other.get_by_role("heading", name="loss")).to_be_visible(timeout=MS)
    expect(page.get_by_role("button", name="1 viewer", exact=True)).to_be_visible(timeout=MS)
    panel.get_by_role("button", name=re.compile(r"Disconnect .+ \(page\)")).click(timeout=MS)
    expect(other.locator("body")).to_contain_text("An operator disconnected you.", timeout=MS)
    expect(panel).to_contain_text(re.compile(".+ was disconnected."))
    expect(page.get_by_role("button", name="0 viewers", exact=True)).to_be_visible(timeout=MS)


def test_viewers_are_told_by_what_they_are(panel: Locator, page: Page, live: Jupyter):
    id = live.kernel_of(TRAINING)["kernel_id"]
    made = live.api("jupyter-sio/api/links", "POST", {"kernel_id": id, "label": "for Ada"})
    guest = page.context.new_page()
    guest.goto(made["url"])
    with somebody(live, id):
        kinds = kernel(panel, TRAINING).locator(".jsiolab-kind")
        expect(kinds).to_have_count(3, timeout=MS)
        assert sorted(kinds.all_inner_texts()) == ["link", "panel", "script"]
    live.api(f"jupyter-sio/api/links/{made['id']}", "DELETE")


def test_who_may_only_watch_can_do_nothing_else(page: Page, live: Jupyter):
    watcher = {"identity": {}, "permissions": {"jupyter_sio": ["read"]}}
    page.route("**/api/me?*jupyter_sio*", lambda route: route.fulfill(json=watcher))
    open_lab(page, live, TRAINING)
    page.evaluate(SHOW)
    panel = page.get_by_role("region", name="Live data")
    training = kernel(panel, TRAINING)
    expect(training.get_by_role("button", name="You may not share")).to_be_disabled()
    expect(training.get_by_role("button", name="You may not disconnect")).to_be_disabled(timeout=MS)
    expect(training.get_by_role("button", name="You may not close streams").first).to_be_disabled()
    expect(training.get_by_role("button", name="Send")).to_be_disabled()
    expect(training.get_by_label("Event", exact=True)).to_be_disabled()
    enabled = "id => window.jupyterapp.commands.isEnabled(`jupyter-sio:${id}`)"
    for command in ("share", "close-stream", "disconnect-viewer", "send-event"):
        assert page.evaluate(enabled, command) is False


# --- by keys, in themes, by commands -------------------------------------------------------------


def test_a_stream_is_closed_after_a_question(panel: Locator, page: Page, live: Jupyter):
    fold(panel, SENSOR).click()
    close = stream(panel, "spare").get_by_role("button", name="Close spare")
    close.click()
    question = page.get_by_role("dialog").filter(has_text="Close spare?")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_have_count(0)
    expect(stream(panel, "spare")).to_contain_text("0 rows/s")
    close.click()
    question.get_by_role("button", name="Close", exact=True).click()
    expect(kernel(panel, SENSOR)).to_contain_text("spare was closed.", timeout=MS)
    expect(stream(panel, "spare")).to_contain_text(re.compile("ended · .+ held"), timeout=MS)
    expect(close).to_be_disabled()
    streams = {each["stream"]: each["ended"] for each in live.kernel_of(SENSOR)["streams"]}
    assert streams == {"room": False, "spare": True, "baseline": False, "eye": False}


def test_arrow_keys_go_through_the_rows(panel: Locator, page: Page):
    fold(panel, TRAINING).focus()
    page.keyboard.press("ArrowDown")
    loss = stream(panel, "loss").get_by_role("button", name="loss", exact=True)
    expect(loss).to_be_focused()
    page.keyboard.press("Tab")
    expect(stream(panel, "loss").get_by_role("button", name="Close loss")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(fold(panel, TRAINING)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(fold(panel, TRAINING)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(fold(panel, TRAINING)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Home")
    expect(panel.locator(".jsiolab-fold").first).to_be_focused()
    tab_stops = panel.locator(".jsiolab-kernels [tabindex='0']:is(button, span)")
    assert tab_stops.count() <= 3  # of one row


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
    for label in COMMANDS:
        expect(palette.get_by_text(label, exact=True)).to_be_visible()
    palette.get_by_text("Share Live Data of This Notebook…").click()
    expect(page.get_by_role("dialog", name="Share training.ipynb")).to_be_visible()


def test_a_command_turns_to_the_line_by_which_events_are_sent(panel: Locator, page: Page):
    fold(panel, TRAINING).click()
    page.evaluate(EXECUTE, ["jupyter-sio:send-event", {}])
    expect(kernel(panel, TRAINING).get_by_label("Event", exact=True)).to_be_focused()


def test_a_command_closes_a_stream_that_is_picked(panel: Locator, page: Page):
    page.evaluate(EXECUTE, ["jupyter-sio:close-stream", {}])
    dialog = page.get_by_role("dialog").filter(has_text="Close a Live Stream")
    dialog.get_by_label("Stream").select_option("eye – sensor.ipynb")
    open_streams = dialog.locator("option").all_inner_texts()
    assert open_streams[-2:] == ["loss – training.ipynb", "notes – training.ipynb"]
    dialog.get_by_role("button", name="OK").click()
    page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("eye was closed.", timeout=MS)


def test_a_command_disconnects_a_viewer_that_is_picked(panel: Locator, page: Page, live: Jupyter):
    with somebody(live, live.kernel_of(TRAINING)["kernel_id"]):
        wait_for(lambda: live.kernel_of(TRAINING)["viewers"] == 2, "both viewers")
        page.evaluate(EXECUTE, ["jupyter-sio:disconnect-viewer", {}])
        dialog = page.get_by_role("dialog").filter(has_text="Disconnect a Viewer")
        picked = dialog.locator("option").filter(has_text="(script)").inner_text()
        dialog.get_by_label("Viewer").select_option(picked)
        dialog.get_by_role("button", name="OK").click()
        expect(page.get_by_role("dialog")).to_contain_text("was disconnected.", timeout=MS)
        wait_for(lambda: live.kernel_of(TRAINING)["viewers"] == 1, "the viewer to be gone")


# Every word of what is ours, by itself; without those that are named.
WORDS = """([roots, data]) => {
  const found = [];
  const tell = text => {
    for (const part of (text ?? '').split(' · ')) {
      if (/[a-z]{2}/i.test(part) && !part.includes('§')) found.push(part.trim());
    }
  };
  for (const root of document.querySelectorAll(roots)) {
    for (const element of [root, ...root.querySelectorAll('*')]) {
      if (element.closest(data) || element.tagName === 'STYLE') continue;
      for (const name of ['title', 'aria-label', 'placeholder']) tell(element.getAttribute(name));
      for (const node of element.childNodes) if (node.nodeType === 3) tell(node.data);
    }
  }
  return found;
}"""
OURS = ".jsiolab-panel, .jsiolab-tab, .jsiolab-status-item, .jsiolab-dialog"
DATA = (
    ".jsiolab-kernel-name, .jsiolab-now, .jsiolab-line, .jsiolab-viewer-name, .jsiolab-stream-name,"
    " .jsiolab-ticked, .jsio-name, .jsiolab-path, .jsiolab-link strong"
)
NAMES = {"loss", "CSV", "Arrow", "PNG"}
TRANSLATION = "lab/api/settings/@jupyterlab/translation-extension:plugin"


@pytest.fixture
def prefixed(live: Jupyter) -> Iterator[None]:
    """Have JupyterLab mark all that went through its translator, as its settings offer."""
    prefix = {"stringsPrefix": "§", "displayStringsPrefix": True}
    live.api(TRANSLATION, "PUT", {"raw": json.dumps(prefix)})
    yield
    live.api(TRANSLATION, "PUT", {"raw": "{}"})


def test_every_word_goes_through_the_translator(prefixed: None, page: Page, live: Jupyter):
    open_lab(page, live, TRAINING)
    page.evaluate(SHOW)
    panel = page.get_by_role("region", name="§Live data")
    stream(panel, "loss").get_by_role("button", name="loss", exact=True).click()
    expect(page.locator(".jsio-plot .jsio-said")).to_have_text("§live", timeout=MS)
    panel.get_by_role("button", name="§Share training.ipynb").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="§Make a link").click()
    expect(dialog.get_by_role("listitem").first).to_be_visible(timeout=MS)
    assert set(page.evaluate(WORDS, [OURS, DATA])) - NAMES == set()


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


def test_notebook_7_has_the_panel_and_opens_streams_below_the_notebook(
    page: Page, classic: Jupyter
):
    page.goto(f"{classic.url}notebooks/{TRAINING}?token={classic.token}")
    wait_for(lambda: page.evaluate(READY, TRAINING), "the notebook's kernel")
    page.evaluate(RUN)
    page.evaluate(SHOW)
    panel = page.get_by_role("region", name="Live data")
    expect(stream(panel, "loss").locator(".jsiolab-now")).to_have_text(re.compile("0"), timeout=MS)
    stream(panel, "loss").get_by_role("button", name="loss", exact=True).click()
    tab = page.locator(".jsiolab-tab")
    expect(tab.locator(".jsio-plot .jsio-said")).to_have_text("live", timeout=MS)
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/notebook.png")
    stream(panel, "notes").drag_to(tab)
    expect(tab).to_contain_text("stream 'notes' has no numbers to draw", timeout=MS)
    tab.get_by_role("button", name="Take notes out of this plot").click()
    with page.expect_download() as download:
        tab.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename == "loss.png"


# --- a kernel's life: the last, since its streams end ------------------------------------------


def test_a_kernel_that_restarts_and_ends_is_followed(panel: Locator, page: Page, live: Jupyter):
    id = live.kernel_of(SENSOR)["kernel_id"]
    live.api(f"api/kernels/{id}/restart", "POST", {})
    expect(kernel(panel, SENSOR)).to_contain_text("offline", timeout=MS)
    live.api(f"api/kernels/{id}", "DELETE")
    ended = panel.locator(".jsiolab-kernel").filter(has_text="sensor.ipynb")
    expect(ended).to_contain_text("sensor.ipynbended", timeout=MS)
    expect(ended).to_contain_text(re.compile(r"ended \d+ s ago"))
    expect(ended.get_by_role("button", name="Share sensor.ipynb")).to_be_disabled()
