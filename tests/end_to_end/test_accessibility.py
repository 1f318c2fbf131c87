"""What axe-core finds in the viewer page and in the panel, in both of their colours."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.end_to_end import test_page, test_panel
from tests.end_to_end.axe import expect_no_violation
from tests.end_to_end.conftest import PATIENCE, Jupyter, wait_for
from tests.end_to_end.test_panel import TRAINING, fold, link_of, open_lab
from tests.end_to_end.viewing import Kernel, keep, reading, start_kernel

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(240)

MIRRORED = """
import ipywidgets as W, jupyter_sio as sio
sio.mirror(W.VBox([
    W.FloatSlider(description="rate", max=1), W.Dropdown(description="how", options=["slow"]),
    W.BoundedIntText(description="even", max=10), W.Text(description="name"),
    W.Checkbox(description="on"), W.IntProgress(description="done", value=30),
    W.Button(description="go"), W.HTML("<b>words</b>"), W.Textarea(description="notes"),
]), name="all")
"""
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
OURS = (".jsiolab-panel", ".jsiolab-status-item")


@pytest.fixture(scope="module")
def kernel(lab: Jupyter) -> Iterator[Kernel]:
    """A kernel that has a stream for each view, and controls."""
    kernel = start_kernel(lab, "accessible.ipynb")
    kernel.execute(MIRRORED + test_page.CELL)
    wait_for(lambda: kernel.rows("loss") > 20, "the cell's first rows")
    yield kernel
    kernel.end()


# --- the viewer page ----------------------------------------------------------------------------

either_theme = pytest.mark.parametrize("theme", list(THEMES))
either_size = pytest.mark.parametrize("profile", ["desktop", "phone"])


@either_theme
@either_size
def test_every_view_of_a_link(browser: Browser, kernel: Kernel, profile: str, theme: str):
    link = kernel.share(send=["slower", "widget:*"])
    with reading(browser, link["url"], profile, color_scheme=theme) as reader:
        page = reader.page
        expect(reader.word()).to_have_text("live", timeout=MS)
        expect(page.locator(".page-card")).to_have_count(len(test_page.VIEWS) + 1, timeout=MS)
        reader.await_rows("samples", 0)
        expect(reader.card("widget/all").get_by_text("rate")).to_be_visible(timeout=MS)
        expect_no_violation(page)
        page.get_by_role("button", name="slower").click()
        expect(page.locator(".page-events .jsio-answer")).to_have_text("slower it is", timeout=MS)
        reader.card("loss").get_by_role("button", name="accuracy").click()
        reader.card("samples").get_by_role("combobox").select_option("values")
        page.get_by_role("button", name="Pause").click()
        expect_no_violation(page)
        keep(page, f"accessible-{profile}-{theme}")


@either_theme
@either_size
def test_kernels_their_views_and_a_link_that_is_made(
    browser: Browser, kernel: Kernel, profile: str, theme: str
):
    address = f"{kernel.jupyter.url}jupyter-sio/live/?token={kernel.jupyter.token}"
    with reading(browser, address, profile, color_scheme=theme) as reader:
        page = reader.page
        entry = page.locator(".page-kernels a", has_text="accessible")
        expect(entry).to_contain_text("busy", timeout=MS)
        expect_no_violation(page)
        entry.click()
        reader.await_rows("loss", 0)
        page.get_by_role("button", name="Share").click()
        page.get_by_role("button", name="Make a link").click()
        expect(page.get_by_label("The link", exact=True)).to_have_value(re.compile("#."))
        expect_no_violation(page)


@either_theme
@either_size
def test_what_is_told_to_those_who_may_not_watch(
    browser: Browser, kernel: Kernel, profile: str, theme: str
):
    page = f"{kernel.jupyter.url}jupyter-sio/live/"
    refused = {
        f"{page}#{'x' * 43}": "This link does not work",
        f"{page}#abc": "This link is not complete",
        page: "You are not logged in",
    }
    for address, title in refused.items():
        with reading(browser, address, profile, color_scheme=theme) as reader:
            expect(reader.page.locator("h1")).to_have_text(title, timeout=MS)
            expect_no_violation(reader.page)
    link = kernel.share()
    with reading(browser, link["url"], profile, color_scheme=theme) as reader:
        reader.await_rows("loss", 0)
        kernel.revoke(link)
        expect(reader.word()).to_have_text("this link was revoked", timeout=MS)
        expect_no_violation(reader.page)


@either_theme
def test_a_kernel_that_has_ended(browser: Browser, lab: Jupyter, theme: str):
    kernel = start_kernel(lab, f"ended in {theme}.ipynb")
    kernel.execute(test_page.CELL)
    wait_for(lambda: kernel.rows("loss") > 20, "the cell's first rows")
    with reading(browser, kernel.share()["url"], color_scheme=theme) as reader:
        reader.await_rows("loss", 0)
        kernel.end()
        expect(reader.word()).to_have_text("ended", timeout=MS)
        expect_no_violation(reader.page)


# --- the panel ----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=list(THEMES))
def panelled(browser: Browser, lab: Jupyter, request: pytest.FixtureRequest) -> Iterator[Page]:
    """JupyterLab with the panel beside a notebook that trains."""
    path = f"{request.param}.ipynb"
    (lab.root / path).write_text(test_panel.notebook(test_panel.CELLS[TRAINING]))
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    open_lab(page, lab, path)
    page.evaluate(test_panel.RUN)
    page.evaluate(test_panel.THEME, THEMES[request.param])
    page.evaluate(test_panel.SHOW)
    loss = opened(page).locator(".jsiolab-stream", has_text="loss")
    expect(loss.locator(".jsiolab-now")).to_have_text(re.compile("0"), timeout=MS)
    yield page
    page.evaluate(test_panel.THEME, THEMES["light"])
    page.close()
    lab.api(f"api/kernels/{lab.kernel_of(path)['kernel_id']}", "DELETE")


def opened(page: Page) -> Locator:
    """The kernel of the notebook in front."""
    return page.locator(".jsiolab-kernel.jsiolab-current")


def test_kernels_with_streams_viewers_and_events_that_go_by(panelled: Page, kernel: Kernel):
    fold(panelled.get_by_role("region", name="Live data"), "accessible.ipynb").click()
    events = opened(panelled).get_by_role("region", name="Events")
    expect(events.get_by_role("log")).to_contain_text("checkpoint", timeout=MS)
    events.get_by_label("Event", exact=True).fill("nobody hears")
    events.get_by_role("button", name="Send").click()
    expect(events.get_by_role("log")).to_contain_text("✗nobody hears")
    events.get_by_label("Arguments, as JSON").fill("fast")
    events.get_by_role("button", name="Send").click()
    expect(events.get_by_role("alert")).to_contain_text("arguments are JSON")
    expect_no_violation(panelled, *OURS)
    keep(panelled, "accessible-panel")


def test_the_share_dialog_with_a_link_that_was_made(panelled: Page):
    opened(panelled).get_by_role("button", name="Share").click()
    dialog = panelled.get_by_role("dialog", name="Share")
    expect_no_violation(panelled, ".jsiolab-dialog")
    dialog.get_by_role("button", name="Make a link").click()
    link_of(dialog)
    expect(dialog.get_by_role("listitem").first).to_be_visible(timeout=MS)
    expect_no_violation(panelled, ".jsiolab-dialog")
    panelled.keyboard.press("Escape")


@pytest.mark.parametrize("view", ["Plot", "Table", "Log", "Values"])
def test_a_stream_in_a_tab(panelled: Page, view: str):
    opened(panelled).get_by_role("button", name="loss", exact=True).click()
    panelled.get_by_label("View of loss").select_option(view)
    tab = panelled.locator(".jsiolab-tab")
    live = tab.get_by_role("status").filter(has_text=re.compile("^live$"))
    expect(live).to_be_visible(timeout=MS)
    expect_no_violation(panelled, ".jsiolab-tab")


def test_a_question_and_several_streams_in_a_tab(panelled: Page):
    opened(panelled).get_by_role("button", name="loss", exact=True).click()
    tab = panelled.locator(".jsiolab-tab")
    tab.get_by_role("button", name="Add a stream to this plot…").click()
    expect_no_violation(panelled, ".jsiolab-dialog")
    dialog = panelled.get_by_role("dialog", name="Add a Stream to This Plot")
    other = dialog.locator("option").filter(has_text="loss").first.inner_text()
    dialog.get_by_label("Stream").select_option(other)
    dialog.get_by_role("button", name="OK").click()
    expect(tab.locator(".jsiolab-chip")).to_have_count(1, timeout=MS)
    expect_no_violation(panelled, ".jsiolab-tab")
