"""A saved notebook shows the last state of its views without a kernel, and without our code."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, start_jupyter, stop_jupyter, wait_for
from tests.end_to_end.test_widgets import OPEN, READY

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(240)

NOTEBOOK = "stills.ipynb"
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


def end_kernels(lab: Jupyter) -> None:
    for session in lab.api("api/sessions"):
        if session["path"] == NOTEBOOK:
            lab.api(f"api/sessions/{session['id']}", "DELETE")


@pytest.fixture
def saved(page: Page, lab: Jupyter, notebook: str) -> Iterator[dict[str, Any]]:
    """What the file holds of each view, by its kind, after it was run and saved."""
    page.goto(notebook)
    wait_for(lambda: page.evaluate(OPEN) and page.evaluate(READY), "the notebook's kernel")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.locator(".jsio-log .jsio-line").last).to_contain_text("step 99", timeout=MS)
    expect(page.locator(".jsio-image .jsio-detail")).to_contain_text("32 × 24", timeout=MS)
    expect(page.locator(".jsio-value .jsio-amount")).to_have_text("49.5", timeout=MS)
    expect(page.locator(".jsio-plot .jsio-detail")).to_contain_text("100 rows", timeout=MS)
    page.evaluate(SAVE)
    yield read(lab)
    end_kernels(lab)


def read(lab: Jupyter) -> dict[str, Any]:
    cells = json.loads((lab.root / NOTEBOOK).read_text())["cells"]
    outputs = [output for cell in cells for output in cell["outputs"] if VIEW in output["data"]]
    return {output["data"][VIEW]["kind"]: output for output in outputs}


def text(output: dict[str, Any], mime: str = "text/plain") -> str:
    return "".join(output["data"][mime])


def picture(output: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text(output, "image/png"))))


def test_the_file_holds_what_others_can_show(saved: dict[str, Any]) -> None:
    assert set(saved) == set(KINDS)
    assert text(saved["value"]) == "v: 49.5 m"
    assert text(saved["log"]).endswith("WARNING  step 99")
    assert text(saved["table"]).splitlines()[-2].split() == ["99", "99", "49.5", "<b>"]
    assert "<td>&lt;b&gt;</td>" in text(saved["table"], "text/html")
    assert "<b>" not in text(saved["table"], "text/html")
    assert picture(saved["image"]).convert("RGB").getpixel((5, 5)) == (250, 0, 200)
    assert saved["image"]["metadata"]["image/png"]["height"] == 100
    plot = np.asarray(picture(saved["plot"]).convert("RGB"))
    assert plot[0, 0].tolist() == [255, 255, 255]
    line = (plot[:, :, 0] < 80) & (plot[:, :, 2] > 150)
    assert line.sum() > 100, "the blue line is not in the picture"


def test_saving_again_changes_nothing_in_them(
    saved: dict[str, Any], page: Page, lab: Jupyter
) -> None:
    page.evaluate(SAVE)
    assert read(lab) == saved


def test_without_a_kernel_the_last_state_is_shown(
    saved: dict[str, Any], page: Page, lab: Jupyter, tmp_path: Path
) -> None:
    # Another server: this one holds the rows for a while after their kernel's end.
    other = start_jupyter("jupyterlab", lab.root, tmp_path)
    try:
        page.goto(f"{other.url}lab/tree/{NOTEBOOK}?reset&token={other.token}")
        stills = page.locator(".jsio-still")
        expect(stills).to_have_count(len(KINDS), timeout=MS)
        expect(stills.nth(1).locator("pre")).to_have_text("v: 49.5 m")
        expect(stills.nth(2).locator("pre")).to_contain_text("49.5  <b>")
        expect(stills.nth(3).locator("pre")).to_contain_text("step 99")
        for at in (0, 4):
            loaded = "img => img.decode().then(() => img.naturalWidth)"
            assert stills.nth(at).locator("img").evaluate(loaded) >= 32
        box = stills.nth(4).locator("img").bounding_box()
        assert box is not None
        assert round(box["height"]) == 100, "it is not as large as it was"
        expect(stills.first.locator("figcaption")).to_contain_text("As saved at")
        expect(page.locator(".jsio-plot .jsio-plot-area")).to_be_hidden()
        page.evaluate(SAVE)
        assert read(lab) == saved
    finally:
        stop_jupyter(other)


def test_rows_that_come_take_the_place_of_what_was_saved(
    saved: dict[str, Any], page: Page, lab: Jupyter
) -> None:
    page.reload()
    expect(page.locator(".jsio-plot .jsio-detail")).to_contain_text("100 rows", timeout=MS)
    expect(page.locator(".jsio-still")).to_have_count(0)
    expect(page.locator(".jsio-plot .jsio-plot-area")).to_be_visible()
