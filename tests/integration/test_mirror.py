"""A mirrored slider, set by a viewer while a cell of a real kernel runs. Source: api.md §1."""

from __future__ import annotations

import asyncio
import json

from tests.integration.conftest import Server
from tests.integration.test_kernel import run

LOOP = """
import time, ipywidgets, jupyter_sio as sio
slider = ipywidgets.IntSlider(description="n")
seen = []
slider.observe(lambda change: seen.append(change["new"]), names="value")
sio.mirror(slider)
until = time.monotonic() + 30
while not seen and time.monotonic() < until:
    sum(range(1000))
print(seen)
"""


async def test_a_running_cell_sees_a_slider_that_a_viewer_moves(server: Server, kernel_id: str):
    cell = asyncio.ensure_future(run(server, kernel_id, LOOP))
    wire = await server.viewer(kernel_id)
    namespace = f"/kernels/{kernel_id}"
    await wire.ask(namespace, "$subscribe", {"stream": "widget/n"})
    row = json.loads((await wire.first("$batch"))[1])
    assert row["state"][row["view"]]["state"]["value"] == 0
    request = {"model": row["view"], "values": {"value": 42}}
    answer = await wire.ask(namespace, row["event"], request)
    assert answer == {"ok": True, "value": {"values": {"value": 42}}}
    assert (await cell).split() == ["[42]"]
    told = json.loads((await wire.first("$batch", 2))[1])
    assert told["state"][told["view"]]["state"]["value"] == 42
    await wire.close()
