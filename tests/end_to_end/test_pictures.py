"""A training run as its viewers see it, at both sizes and in both themes: the docs' pictures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, wait_for
from tests.end_to_end.two_notebooks import READY, RUN, THEME, notebook
from tests.end_to_end.viewing import PICTURES, reading, start_kernel

MS = PATIENCE * 1000

CELL = """
import logging, math, random, time
import ipywidgets, numpy
import jupyter_sio as sio

training = sio.stream("training")
now = sio.stream("now", mode="latest")
confusion = sio.stream("confusion", media="image/png", mode="latest")
log = logging.getLogger("train")
log.setLevel(logging.INFO)
log.addHandler(sio.logging_handler())
sio.mirror(ipywidgets.FloatSlider(description="learning rate", max=0.1, step=0.001, value=0.03))
chance = random.Random(7)

@sio.on("stop")
def stop(*, viewer):
    return "stopping"

def picture(right):
    matrix = numpy.random.default_rng(3).random((10, 10)) ** 3 * (1 - right) * 4
    numpy.fill_diagonal(matrix, right)
    light = 1 - numpy.kron(matrix, numpy.ones((24, 24)))[..., None]
    return ([11, 107, 203] + light * [244, 148, 52]).clip(0, 255).astype("uint8")

def tell(step):
    loss = 2.2 * math.exp(-step / 260) + 0.12
    right = 0.97 - math.exp(-step / 240) * 0.88
    validation = 1.04 * loss + 0.05 + chance.gauss(0, 0.01)
    training.push(step=step, loss=loss * chance.gauss(1, 0.04), validation=validation)
    if step % 10 == 0:
        now.push(accuracy=round(right, 4), epoch=1 + step // 50, images=32 * step)
    if step % 50 == 0:
        confusion.push(picture(right))
        clipped = step % 250 == 200
        word = "the gradient was clipped" if clipped else f"saved a checkpoint, loss {loss:.3f}"
        log.log(logging.WARNING if clipped else logging.INFO, "epoch %d: %s", 1 + step // 50, word)

for step in range(700):
    tell(step)
while True:
    step += 1
    tell(step)
    time.sleep(0.2)
"""
COLOUR = "() => getComputedStyle(document.body).backgroundColor"
SIZES = "() => [document.documentElement.scrollWidth, innerWidth]"


def look(page: Page, name: str) -> str:
    """See that everything has room; returns the colour of the ground."""
    page.wait_for_timeout(500)  # for a frame of each plot
    width, room = page.evaluate(SIZES)
    assert width <= room, "nothing hangs out at the side"
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")
    return page.evaluate(COLOUR)


@pytest.fixture
def link(lab: Jupyter) -> Iterator[str]:
    kernel = start_kernel(lab, "train.ipynb")
    kernel.execute(CELL)
    wait_for(lambda: kernel.rows("training") > 700, "the rows")
    yield kernel.share(send=["stop", "widget:learning rate"])["url"]
    kernel.end()


@pytest.mark.timeout(120)
def test_an_open_page_fits_the_screen_and_follows_the_theme(browser: Browser, link: str):
    for profile, name in (("desktop", "page"), ("phone", "phone")):
        with reading(browser, link, profile, color_scheme="light") as reader:
            if profile == "desktop":
                reader.page.set_viewport_size({"width": 1280, "height": 1040})
            reader.await_rows("training", 700)
            expect(reader.card("confusion").locator("canvas")).to_be_visible(timeout=MS)
            light = look(reader.page, f"{name}-light")
            reader.page.emulate_media(color_scheme="dark")
            assert look(reader.page, f"{name}-dark") != light


# --- the widgets, in a notebook ------------------------------------------------------------------

WIDGETS = "widgets_in_colour.ipynb"
FAMILY = (
    CELL[: CELL.index("for step in range(700)")] + "for step in range(700):\n    tell(step)",
    'sio.LivePlot(training, x="step", title="Training", height=170)',
    'sio.LiveValue(now, "accuracy", format=".1%")',
    "sio.LiveTable(training, height=110)",
    'sio.LiveLog("log", height=110)',
    "sio.LiveImage(confusion, height=120)",
)
# What is to be seen is what the cells show.
BARE = "() => window.jupyterapp.commands.execute('notebook:hide-all-cell-code')"


@pytest.mark.timeout(120)
def test_each_widget_is_live_in_the_colours_of_the_theme(page: Page, lab: Jupyter):
    page.set_viewport_size({"width": 1100, "height": 1240})
    (lab.root / WIDGETS).write_text(notebook(*FAMILY))
    page.goto(f"{lab.url}lab/tree/{WIDGETS}?reset&token={lab.token}")
    wait_for(lambda: page.evaluate(READY, WIDGETS), "the notebook's kernel")
    page.evaluate(RUN)
    page.evaluate(BARE)
    for kind in ("plot", "value", "table", "log", "image"):
        said = page.locator(f".jsio-{kind} .jsio-said")
        expect(said).to_have_text("live", timeout=MS)
    cells = page.locator(".jp-Notebook")
    ground = []
    for theme, name in (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")):
        page.evaluate(THEME, theme)
        page.wait_for_timeout(2_000)
        plot = page.locator(".jsio-plot")
        ground.append(plot.evaluate("element => getComputedStyle(element).backgroundColor"))
        if PICTURES:
            cells.screenshot(path=f"{PICTURES}/widgets-{name}.png")
    assert len(set(ground)) == 2
