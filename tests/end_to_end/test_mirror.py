"""Mirrored ipywidgets, drawn by ipywidgets' own front end: on the page and in JupyterLab's tab."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from jupyter_client import BlockingKernelClient
from playwright.sync_api import Browser, Locator, Page, expect

from tests.end_to_end import hostile_widget
from tests.end_to_end.conftest import Jupyter, wait_for
from tests.end_to_end.viewing import Kernel, keep, reading, start_kernel

pytestmark = pytest.mark.timeout(200)
MS = 20_000

WIDGETS = """
import ipywidgets as W, jupyter_sio as sio
rate = W.FloatSlider(description="rate", min=0, max=1, step=0.1)
how = W.Dropdown(description="how", options=["slow", "fast"])
even = W.BoundedIntText(description="even", max=10)
go = W.Button(description="go", button_style="success")
pressed = []
go.on_click(pressed.append)
span = W.FloatRangeSlider(description="span", value=(1, 3), max=10)
day = W.DatePicker(description="day")
colour = W.ColorPicker(description="colour", value="#ff8800")
done = W.IntProgress(description="done", value=7, max=10, bar_style="info")
play = W.Play(description="frames", max=5, interval=50)
wide = W.Label("wide", layout=W.Layout(width="321px"), style={"background": "rgb(1, 2, 3)"})
tabs = W.Tab([W.Checkbox(description="first"), W.Label("on the second page")], titles=["A", "B"])
rows = [W.HBox([rate, how]), even, go, span, day, colour, done, play, wide, tabs]
sio.mirror(W.VBox(rows), name="all")
"""
# Moves a slider that it sees, and waits until it sees where it is then.
SCRIPT = """
import sys, urllib.parse
import socketio
from jupyter_sio import watch

url, kernel_id, token, name, value = sys.argv[1:]
door = urllib.parse.urljoin(url, "jupyter-sio/socket.io/")
for batch in watch(url, f"widget/{name}", kernel_id=kernel_id, token=token):
    row = batch.value[-1]
    if row["state"][row["view"]]["state"]["value"] == float(value):
        break
    with socketio.SimpleClient() as client:
        client.connect(
            door, namespace=f"/kernels/{kernel_id}", transports=["websocket"],
            socketio_path=urllib.parse.urlsplit(door).path, auth={"protocol": 1},
            headers={"Authorization": f"token {token}"},
        )
        answer = client.call(row["event"], {"values": {"value": float(value)}})
        assert answer == {"ok": True, "value": {"values": {"value": float(value)}}}, answer
"""
LOOP = """
import time
import ipywidgets, jupyter_sio as sio
speed = ipywidgets.FloatSlider(description="speed", max=1, step=0.1)
sio.mirror(speed)
seen, until = [speed.value], time.monotonic() + 60
while len(seen) < 3 and time.monotonic() < until:
    if speed.value != seen[-1]:
        seen.append(speed.value)
"""

LOADED = """() => performance.getEntriesByType('resource')
  .filter(({ name }) => name.includes('mirror.js')).length"""

Run = Callable[[str], str]


@pytest.fixture(scope="module")
def kernel(lab: Jupyter) -> Iterator[Kernel]:
    kernel = start_kernel(lab, "Steered.ipynb")
    yield kernel
    lab.api(f"api/kernels/{kernel.id}", "DELETE")


@pytest.fixture(scope="module")
def run(kernel: Kernel) -> Iterator[Run]:
    """Execute code in the kernel; returns what it printed."""
    file = kernel.runtime / f"kernel-{kernel.id}.json"
    wait_for(file.exists, "the kernel's connection file")
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()

    def ready() -> bool:
        client.wait_for_ready(timeout=10)
        return True

    wait_for(ready, "the kernel")

    def run(code: str) -> str:
        printed: list[str] = []
        reply = client.execute_interactive(
            code, output_hook=lambda message: printed.append(message["content"].get("text", ""))
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed).strip()

    run(WIDGETS)
    yield run
    client.stop_channels()


@pytest.fixture
def steering(browser: Browser, kernel: Kernel, run: Run) -> Iterator[Page]:
    """The page of a link that may set the widget."""
    link = kernel.share(streams=["widget/all"], send=["widget:all"])
    with reading(browser, link["url"]) as reader:
        yield reader.page


@pytest.fixture
def watching(browser: Browser, kernel: Kernel, run: Run) -> Iterator[Page]:
    """The page of a link that may only watch."""
    with reading(browser, kernel.share(streams=["widget/all"])["url"]) as reader:
        yield reader.page


def slider(place: Page | Locator, name: str = "rate") -> Locator:
    return place.get_by_role("slider", name=name, exact=True)


def at(value: float) -> re.Pattern[str]:
    return re.compile(rf"^{value}0*$")


# --- drawn as they are -------------------------------------------------------------------------


def test_controls_look_like_themselves(steering: Page):
    expect(slider(steering)).to_be_enabled(timeout=MS)
    wide = steering.get_by_text("wide", exact=True)
    expect(wide).to_have_css("width", "321px")
    expect(wide).to_have_css("background-color", "rgb(1, 2, 3)")
    one, two = (steering.get_by_label(f"span {end}") for end in ("from", "to"))
    expect(one).to_have_attribute("aria-valuenow", at(1.0))
    expect(two).to_have_attribute("aria-valuenow", at(3.0))
    expect(steering.get_by_role("progressbar", name="done")).to_have_attribute("aria-valuenow", "7")
    left, right = slider(steering).bounding_box(), steering.get_by_label("how").bounding_box()
    assert left and right and abs(left["y"] - right["y"]) < 20 and left["x"] < right["x"]
    keep(steering, "mirror-light")


def test_a_pages_tabs_are_turned_by_its_reader_alone(watching: Page, run: Run):
    expect(watching.get_by_label("first")).to_be_visible(timeout=MS)
    watching.get_by_role("tab", name="B").click()
    expect(watching.get_by_text("on the second page")).to_be_visible()
    run("done.value = 8")
    expect(watching.get_by_role("progressbar", name="done")).to_have_attribute("aria-valuenow", "8")
    expect(watching.get_by_text("on the second page")).to_be_visible()
    assert run("print(tabs.selected_index)") == "0"


def test_who_may_only_watch_sees_the_controls_and_cannot_use_them(watching: Page, run: Run):
    expect(slider(watching)).to_be_visible(timeout=MS)
    expect(slider(watching)).to_be_disabled()
    for control in ("how", "even", "day", "colour"):
        expect(watching.get_by_label(control).first).to_be_disabled()
    for button in ("go", "frames play"):
        expect(watching.get_by_role("button", name=button, exact=True)).to_be_disabled()
    run("rate.value = 0.1")
    expect(slider(watching)).to_have_attribute("aria-valuenow", at(0.1), timeout=MS)
    run("rate.value = 0")


def test_what_draws_is_loaded_with_the_first_of_them(browser: Browser, kernel: Kernel, run: Run):
    run("plain = sio.stream('plain'); plain.push(a=1); plain.flush()")
    link = kernel.share(streams=["plain", "widget/later", "widget/last"])
    with reading(browser, link["url"]) as reader:
        expect(reader.card("plain")).to_contain_text("live", timeout=MS)
        assert reader.page.evaluate(LOADED) == 0
        run("for name in ('later', 'last'): sio.mirror(W.IntSlider(description=name))")
        for name in ("later", "last"):
            expect(slider(reader.page, name)).to_be_visible(timeout=MS)
        assert reader.page.evaluate(LOADED) == 1


# --- set ---------------------------------------------------------------------------------------


def test_a_slider_is_moved_on_the_page_and_the_kernel_sees_it(steering: Page, run: Run):
    expect(slider(steering)).to_be_enabled(timeout=MS)
    slider(steering).focus()
    for _ in range(3):
        slider(steering).press("ArrowRight")
    wait_for(lambda: run("print(round(rate.value, 1))") == "0.3", "the slider in the kernel")
    run("rate.value = 0.8")
    expect(slider(steering)).to_have_attribute("aria-valuenow", at(0.8), timeout=MS)


def test_a_look_moves_nothing(steering: Page, run: Run):
    # Between two of the slider's steps, where its front end would put it on one.
    run("changes = []; rate.value = 0.55; rate.observe(changes.append, 'value')")
    expect(slider(steering)).to_be_enabled(timeout=MS)
    steering.wait_for_timeout(500)
    assert run("print(rate.value, len(changes))") == "0.55 0"


def test_choices_dates_colours_and_presses_reach_the_kernel(steering: Page, run: Run):
    expect(steering.get_by_label("how")).to_be_enabled(timeout=MS)
    steering.get_by_label("how").select_option("fast")
    steering.get_by_role("button", name="go", exact=True).click()
    steering.get_by_label("day").fill("2026-11-22")
    steering.get_by_label("colour").first.fill("blue")
    steering.get_by_label("colour").first.press("Tab")
    steering.get_by_label("span to").press("ArrowRight")
    told = "print(how.value, len(pressed), day.value, colour.value, span.value)"
    wanted = "fast 1 2026-11-22 blue (1.0, 3.1)"
    wait_for(lambda: run(told) == wanted, f"{wanted}; there is {run(told)}")


def test_what_plays_for_its_reader_counts_in_the_kernel(steering: Page, run: Run):
    steering.get_by_role("button", name="frames play", exact=True).click(timeout=MS)
    wait_for(lambda: run("print(play.value, play.playing)") == "5 False", "what was played")


def test_what_the_widget_refuses_is_told_beside_it_and_taken_back(steering: Page, run: Run):
    run("even.value = 4; even.observe(lambda c: 1 / 0 if c['new'] == 7 else None, 'value')")
    number = steering.get_by_label("even")
    expect(number).to_have_value("4", timeout=MS)
    number.fill("7")
    number.press("Tab")
    control = steering.locator(".widget-text").filter(has=number)
    expect(control.get_by_role("alert")).to_have_text("division by zero", timeout=MS)
    number.fill("6")
    number.press("Tab")
    expect(steering.get_by_text("division by zero")).to_have_count(0, timeout=MS)
    assert run("print(even.value)") == "6"


def test_a_box_takes_children_in_and_leaves_them(steering: Page, run: Run):
    expect(slider(steering)).to_be_visible(timeout=MS)
    run("late = W.Text(description='late'); box = tabs; tabs.children = [late, *tabs.children]")
    expect(steering.get_by_label("late")).to_be_visible(timeout=MS)
    steering.get_by_label("late").fill("here")
    wait_for(lambda: run("print(late.value)") == "here", "the text")
    run("tabs.children = tabs.children[1:]")
    expect(steering.get_by_label("late")).to_have_count(0, timeout=MS)


# --- in a running cell -------------------------------------------------------------------------


def test_a_running_cell_sees_a_slider_moved_from_a_browser_and_from_a_script(
    browser: Browser, kernel: Kernel, run: Run
):
    kernel.execute(LOOP)
    link = kernel.share(streams=["widget/speed"], send=["widget:speed"])
    with reading(browser, link["url"]) as reader:
        speed = slider(reader.page, "speed")
        expect(speed).to_be_enabled(timeout=MS)
        speed.press("ArrowRight")
        expect(speed).to_have_attribute("aria-valuenow", at(0.1))
        jupyter = kernel.jupyter
        there = (jupyter.url, kernel.id, jupyter.token, "speed", "0.7")
        subprocess.run([sys.executable, "-c", SCRIPT, *there], check=True, timeout=60)
        expect(speed).to_have_attribute("aria-valuenow", at(0.7), timeout=MS)
    assert run("print(seen)") == "[0.0, 0.1, 0.7]"


# --- from a kernel that means harm -------------------------------------------------------------

MARKUP_OF = """() => [...document.querySelectorAll('.jsio-mirrored')].flatMap(host =>
  [...host.shadowRoot.querySelectorAll('img, script, iframe, object, video, link, style, [src]')]
    .map(each => each.outerHTML))"""
POLLUTED = "() => [window.pwned, ({}).polluted, Object.keys(Object.prototype).length]"


def sees_only_text(place: Page | Locator, page: Page) -> None:
    """Wait for the hostile widget; it must be words, and a few controls."""
    expect(place.get_by_text(hostile_widget.MARKUP).first).to_be_visible(timeout=MS)
    expect(place.get_by_text("backwards").first).to_be_visible()
    expect(place.get_by_text("a table")).to_be_visible()
    expect(place.get_by_text(re.compile("^Any\\nvalue"))).to_be_visible()
    assert page.evaluate(MARKUP_OF) == []
    assert page.evaluate(POLLUTED) == [None, None, 0]


@pytest.fixture(scope="module")
def hostile(run: Run) -> None:
    row = hostile_widget.row(root=hostile_widget.BOX, **hostile_widget.MODELS)
    run(hostile_widget.code("evil", row))
    run(hostile_widget.code("self", hostile_widget.row(root=hostile_widget.LOOP)))


def test_what_a_hostile_kernel_tells_is_text_on_the_page(
    browser: Browser, kernel: Kernel, hostile: None
):
    # What fetches something, or breaks the page's policy, fails the test in `reading`.
    link = kernel.share(streams=["widget/evil", "widget/self"], send=["widget:evil"])
    with reading(browser, link["url"]) as reader:
        evil = reader.card("widget/evil")
        sees_only_text(evil, reader.page)
        expect(reader.card("widget/self")).to_contain_text("more than 30 boxes in each other")
        keep(reader.page, "mirror-hostile")


# --- in JupyterLab -----------------------------------------------------------------------------

READY = "() => window.jupyterapp?.commands.hasCommand('jupyter-sio:open-stream')"
OPEN = """([kernelId, stream]) => window.jupyterapp.commands.execute(
  'jupyter-sio:open-stream', {kernelId, path: 'Steered.ipynb', stream})"""


@pytest.fixture
def jupyterlab(page: Page, kernel: Kernel, run: Run) -> Page:
    page.goto(f"{kernel.jupyter.url}lab?reset&token={kernel.jupyter.token}")
    wait_for(lambda: page.evaluate(READY), "our command in JupyterLab")
    return page


def test_the_tab_of_its_stream_shows_the_controls(jupyterlab: Page, kernel: Kernel, run: Run):
    run("rate.value = 0.4")
    jupyterlab.evaluate(OPEN, [kernel.id, "widget/all"])
    tab = jupyterlab.locator(".jsiolab-tab")
    expect(slider(tab)).to_have_attribute("aria-valuenow", at(0.4), timeout=MS)
    slider(tab).press("ArrowRight")
    wait_for(lambda: run("print(round(rate.value, 1))") == "0.5", "the slider in the kernel")
    keep(jupyterlab, "mirror-lab")


def test_what_a_hostile_kernel_tells_is_text_in_jupyterlab(
    jupyterlab: Page, kernel: Kernel, hostile: None
):
    wrong: list[str] = []
    jupyterlab.on("dialog", lambda dialog: (wrong.append("dialog"), dialog.dismiss()))
    jupyterlab.on("request", lambda asked: "evil.test" in asked.url and wrong.append(asked.url))
    jupyterlab.evaluate(OPEN, [kernel.id, "widget/evil"])
    sees_only_text(jupyterlab.locator(".jsiolab-tab"), jupyterlab)
    assert wrong == []
