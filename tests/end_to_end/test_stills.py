"""A saved notebook shows the last state of its views without a kernel, and without our code."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, start_jupyter, stop_jupyter, wait_for
from tests.end_to_end.test_widgets import OPEN, READY
from tests.end_to_end.viewing import keep

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(240)

CELLS = (
    "import numpy as np, time\nimport jupyter_sio as sio\n"
    's = sio.stream("s")\nlog = sio.stream("log")\n'
    'camera = sio.stream("camera", media="image/png", mode="latest")',
    'sio.LivePlot(s, x="t", y="v", title="A plot", height=160)',
    'sio.LiveValue(s, "v", format=".1f", unit="m")',
    "sio.LiveTable(s, height=100)",
    'sio.LiveLog("log", height=100)',
    "sio.LiveImage(camera, height=100)",
    "for t in range(100):\n    s.push(t=t, v=t / 2, w='<b>')\n"
    "    log.push(level='WARNING', message=f'step {t}')\n"
    "camera.push(np.full((24, 32, 3), (250, 0, 200), 'uint8'))\n"
    "s.flush(), log.flush(), camera.flush()",
)
KINDS = ("plot", "value", "table", "log", "image")
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"
VIEW = "application/vnd.jupyter-sio.view+json"


ADDRESSES = {"lab": "lab/tree/{}?reset&token={}", "notebook": "notebooks/{}?token={}"}


@dataclass
class Saved:
    """A notebook that was run and saved in a front end, and the page it is still open in."""

    page: Page
    path: Path
    address: str

    def outputs(self) -> dict[str, Any]:
        """Read what the file holds of each view, by its kind."""
        cells = json.loads(self.path.read_text())["cells"]
        outputs = [output for cell in cells for output in cell["outputs"] if VIEW in output["data"]]
        return {output["data"][VIEW]["kind"]: output for output in outputs}

    def url(self, jupyter: Jupyter) -> str:
        return jupyter.url + self.address.format(self.path.name, jupyter.token)


@pytest.fixture(scope="module", params=ADDRESSES)
def saved(request: pytest.FixtureRequest, browser: Browser, lab: Jupyter) -> Iterator[Saved]:
    """The notebook in JupyterLab, then in Notebook 7: the same server has both."""
    path = lab.root / f"stills in {request.param}.ipynb"
    write(path)
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    found = Saved(page, path, ADDRESSES[request.param])
    page.goto(found.url(lab))
    wait_for(lambda: page.evaluate(OPEN) and page.evaluate(READY), "the notebook's kernel")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.locator(".jsio-log .jsio-line").last).to_contain_text("step 99", timeout=MS)
    expect(page.locator(".jsio-image .jsio-detail")).to_contain_text("32 × 24", timeout=MS)
    expect(page.locator(".jsio-value .jsio-amount")).to_have_text("49.5", timeout=MS)
    expect(page.locator(".jsio-plot .jsio-detail")).to_contain_text("100 rows", timeout=MS)
    page.evaluate(SAVE)
    yield found
    context.close()
    for session in lab.api("api/sessions"):
        if session["path"] == path.name:
            lab.api(f"api/sessions/{session['id']}", "DELETE")


@pytest.fixture(scope="module")
def other(lab: Jupyter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """Another server for the same notebooks: the first one holds an ended kernel's rows a while."""
    other = start_jupyter("jupyterlab", lab.root, tmp_path_factory.mktemp("other"))
    yield other
    stop_jupyter(other)


def write(path: Path) -> None:
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "id": f"cell-{n}"}
        | {"execution_count": None}
        for n, source in enumerate(CELLS)
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content))


def text(output: dict[str, Any], mime: str = "text/plain") -> str:
    return "".join(output["data"][mime])


def picture(output: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text(output, "image/png"))))


def decoded(images: Locator) -> list[int]:
    """The widths of pictures, in their own pixels; the browser has read them."""
    return images.evaluate_all(
        "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))"
    )


def test_the_file_holds_what_others_can_show(saved: Saved) -> None:
    held = saved.outputs()
    assert set(held) == set(KINDS)
    assert text(held["value"]) == "v: 49.5 m"
    assert text(held["log"]).endswith("WARNING  step 99")
    assert text(held["table"]).splitlines()[-2].split() == ["99", "99", "49.5", "<b>"]
    assert ">&lt;b&gt;</td>" in text(held["table"], "text/html")
    assert "<b>" not in text(held["table"], "text/html")
    assert picture(held["image"]).convert("RGB").getpixel((5, 5)) == (250, 0, 200)
    assert held["image"]["metadata"]["image/png"]["height"] == 100
    plot = np.asarray(picture(held["plot"]).convert("RGB"))
    assert plot[0, 0].tolist() == [255, 255, 255]
    line = (plot[:, :, 0] < 80) & (plot[:, :, 2] > 150)
    assert line.sum() > 100, "the blue line is not in the picture"


def test_saving_again_changes_nothing_in_them(saved: Saved) -> None:
    before = saved.outputs()
    saved.page.evaluate(SAVE)
    assert saved.outputs() == before


def test_without_a_kernel_the_last_state_is_shown(saved: Saved, page: Page, other: Jupyter) -> None:
    before = saved.outputs()
    page.goto(saved.url(other))
    stills = page.locator(".jsio-still")
    expect(stills).to_have_count(len(KINDS), timeout=MS)
    expect(stills.nth(1).locator("pre")).to_have_text("v: 49.5 m")
    expect(stills.nth(2).locator("pre")).to_contain_text("49.5  <b>")
    expect(stills.nth(3).locator("pre")).to_contain_text("step 99")
    assert min(decoded(stills.locator("img"))) >= 32
    box = stills.nth(4).locator("img").bounding_box()
    assert box is not None
    assert round(box["height"]) == 100, "it is not as large as it was"
    expect(stills.first.locator("figcaption")).to_contain_text("As saved at")
    expect(page.locator(".jsio-plot .jsio-plot-area")).to_be_hidden()
    page.evaluate(SAVE)
    assert saved.outputs() == before


def test_without_our_code_and_any_script_it_is_read_as_html(
    saved: Saved, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "it.html").write_text(HTMLExporter().from_filename(str(saved.path))[0])
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "it.html").as_uri())
    outputs = page.locator(".jp-OutputArea-output").filter(visible=True)
    expect(outputs).to_have_count(len(KINDS) + 1)  # and what the last cell returns
    assert len(outputs.locator("img").all()) == 2
    expect(outputs.nth(1)).to_have_text("v: 49.5 m")
    expect(outputs.nth(2).locator("tr").last).to_have_text(re.compile(r"99\s*99\s*49.5\s*<b>"))
    expect(outputs.nth(2)).to_contain_text("the newest of 100 rows")
    expect(outputs.nth(3).locator("pre")).to_contain_text("WARNING  step 99")
    keep(page, f"html of {saved.path.stem}")
    context.close()


def test_rows_that_come_take_the_place_of_what_was_saved(saved: Saved) -> None:
    page = saved.page
    page.reload()
    expect(page.locator(".jsio-plot .jsio-detail")).to_contain_text("100 rows", timeout=MS)
    expect(page.locator(".jsio-still")).to_have_count(0)
    expect(page.locator(".jsio-plot .jsio-plot-area")).to_be_visible()
