"""Two notebooks whose kernels are live, and where what the panel says of them is found."""

from __future__ import annotations

import json

from playwright.sync_api import Locator

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
    SENSOR: """import math
import numpy as np
import jupyter_sio as sio

room, spare = sio.stream("room"), sio.stream("spare")
eye = sio.stream("eye", media="image/png")
for n in range(50):
    room.push(celsius=20 + n % 7)
spare.push(n=1)
steps = list(range(2_000))  # of a run of yesterday
sio.stream("baseline").extend(
    {"step": steps, "loss": [math.exp(-n / 500) + 0.05 * math.sin(n / 17) for n in steps]}
)
eye.push(np.full((40, 60, 3), 99, np.uint8))
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


def notebook(*sources: str) -> str:
    """Write a notebook of code cells."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**code, "source": each, "id": f"cell-{n}"} for n, each in enumerate(sources)]
    content = {"cells": cells, "metadata": {"kernelspec": spec}}
    return json.dumps({**content, "nbformat": 4, "nbformat_minor": 5})


def kernel(panel: Locator, path: str) -> Locator:
    row = panel.locator(".jsiolab-kernel")
    return row.filter(has=panel.page.get_by_role("button", name=f"Open {path}", exact=True))


def fold(panel: Locator, path: str) -> Locator:
    return kernel(panel, path).locator("button[aria-expanded]")


def stream(panel: Locator, name: str) -> Locator:
    has = panel.page.get_by_role("button", name=name, exact=True)
    return panel.locator(".jsiolab-stream").filter(has=has)
