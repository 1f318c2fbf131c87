"""The lessons, run from top to bottom in a fresh kernel of a real server, as Run All does.

The first one is the demo: ``tests/end_to_end/`` runs it in a browser.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.integration.conftest import Server
from tests.integration.test_kernel import run

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def cells(name: str) -> list[str]:
    notebook = json.loads((NOTEBOOKS / name).read_text())
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]


def test_no_lesson_holds_what_somebody_ran():
    for path in NOTEBOOKS.glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            assert cell.get("outputs", []) == [] and cell.get("execution_count") is None, path


def test_each_begins_with_what_it_needs():
    for path in NOTEBOOKS.glob("*.ipynb"):
        first = "".join(json.loads(path.read_text())["cells"][0]["source"])
        assert "Needs " in first and "pip install " in first, path


@pytest.mark.timeout(120)
async def test_the_second_is_controlled_while_it_runs(server: Server, kernel_id: str):
    *begin, loop, plot, waiting = cells("02_control_a_running_loop.ipynb")
    for cell in begin:
        await run(server, kernel_id, cell)
    namespace, viewer = f"/kernels/{kernel_id}", await server.viewer(kernel_id)
    await viewer.ask(namespace, "$subscribe", {"stream": "walk"})
    running = asyncio.ensure_future(run(server, kernel_id, loop))
    await viewer.first("$batch")
    moved = await viewer.ask(namespace, "widget:rate", {"values": {"value": 0.9}})
    assert moved["value"] == {"values": {"value": 0.9}}
    assert (await viewer.ask(namespace, "jump"))["value"] == "jumped"
    assert (await viewer.ask(namespace, "stop"))["value"] == "stopping"
    assert (await running).split() == ["stopped"]
    await run(server, kernel_id, plot)
    asking = asyncio.ensure_future(run(server, kernel_id, waiting))
    while (await viewer.ask(namespace, "go on"))["ok"] is not True:
        await asyncio.sleep(0.05)
    assert "somebody said so" in await asking
    await viewer.close()


@pytest.mark.timeout(120)
async def test_the_third_is_shared_watched_and_taken_back(server: Server, kernel_id: str):
    lesson = cells("03_share_with_a_colleague.ipynb")
    printed = [await run(server, kernel_id, cell) for cell in lesson]
    (watched,) = [text for text in printed if text.count("[") >= 3]
    assert len(watched.splitlines()) == 3
    assert server.sio.links.links == 0


@pytest.mark.timeout(120)
async def test_the_fourth_shows_a_dish_and_logs_what_happens_in_it(server: Server, kernel_id: str):
    *begin, loop = cells("04_images_and_logs.ipynb")
    for cell in begin:
        await run(server, kernel_id, cell)
    namespace, viewer = f"/kernels/{kernel_id}", await server.viewer(kernel_id, name="ada")
    for stream in ("dish", "log"):
        await viewer.ask(namespace, "$subscribe", {"stream": stream})
    running = asyncio.ensure_future(run(server, kernel_id, loop))
    await viewer.first("$batch")
    assert (await viewer.ask(namespace, "drop"))["value"] == "plop"
    await viewer.until(lambda: len(viewer.of("$batch")) > 20)
    assert (await viewer.ask(namespace, "stop"))["value"] == "stopping"
    await running
    await viewer.close()


@pytest.mark.timeout(120)
async def test_the_fifth_grows_to_200000_rows_and_finds_some(server: Server, kernel_id: str):
    for cell in cells("05_a_table_that_grows.ipynb"):
        await run(server, kernel_id, cell)
    await run(server, kernel_id, "assert lines.flush() and found.flush()")
    streams = server.sio.registry.namespaces[kernel_id].streams
    assert streams["files"].history.next == 100
    assert streams["lines"].history.first == 0, "the history does not hold them all"
    assert 200_000 <= streams["lines"].history.next < 250_000
    namespace, viewer = f"/kernels/{kernel_id}", await server.viewer(kernel_id)
    before = streams["found"].history.epoch
    asked = {"values": {"value": "FIXME"}}
    assert (await viewer.ask(namespace, "widget:containing", asked))["value"] == asked
    await run(server, kernel_id, "assert found.flush()")
    assert streams["found"].history.epoch != before
    assert 0 < streams["found"].history.next < 1_000
    await viewer.close()
