"""A loop in a real kernel, as a viewer sees it: bar, log and metrics, and Ctrl-C in the middle."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.integration.conftest import Server
from tests.integration.test_kernel import rows
from tests.wire import Wire

LOOP = """
import logging, time
import jupyter_sio as sio

logger = logging.getLogger("train")
logger.addHandler(sio.logging_handler())
with sio.run("train", config={"lr": 0.1}) as run:
    for epoch in sio.progress(range(1_000), desc="epochs", mininterval=0):
        for batch in sio.progress(range(3), leave=False):
            run.log({"loss": 1 / (1 + epoch), "batch": batch})
        logger.warning("epoch %d", epoch)
        time.sleep(0.02)
"""


class Cell:
    """A cell that runs in the kernel, and what became of its outputs."""

    def __init__(self, server: Server, kernel_id: str) -> None:
        self.kernel = server.serverapp.kernel_manager.get_kernel(kernel_id)
        self.displays: list[dict[str, Any]] = []
        self.printed = ""

    async def run(self, code: str) -> str:
        client = self.kernel.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=30)
            reply = await client.execute_interactive(code, timeout=60, output_hook=self._hear)
        finally:
            client.stop_channels()
        return str(reply["content"].get("ename", reply["content"]["status"]))

    def _hear(self, message: dict[str, Any]) -> None:
        self.printed += message["content"].get("text", "")
        if message["msg_type"] in ("display_data", "update_display_data"):
            self.displays.append({"kind": message["msg_type"], **message["content"]})


class Sight:
    """What one viewer has seen of each stream, by name."""

    def __init__(self, viewer: Wire, ns: str) -> None:
        self._viewer = viewer
        self._ns = ns
        self._names: dict[int, str] = {}

    async def watch(self, *names: str) -> None:
        for name in names:
            answer = await self._viewer.ask(self._ns, "$subscribe", {"stream": name})
            self._names[answer["id"]] = name

    def of(self, name: str) -> list[dict[str, Any]]:
        batches = [a for a in self._viewer.of("$batch") if self._names.get(a[0][0]) == name]
        return [row for args in batches for payload in args[1:] for row in rows(payload)]

    def last(self, name: str) -> dict[str, Any]:
        return (self.of(name) or [{}])[-1]


async def test_a_viewer_sees_a_loop_while_it_runs_and_that_it_was_interrupted(
    server: Server, kernel_id: str
):
    viewer = await server.viewer(kernel_id)
    sight, cell = Sight(viewer, f"/kernels/{kernel_id}"), Cell(server, kernel_id)
    running = asyncio.ensure_future(cell.run(LOOP))
    streams = ("progress/epochs", "progress", "log", "train", "train/status")
    await viewer.until(
        lambda: {"log", "train"} <= {s["stream"] for a in viewer.of("$streams") for s in a[0]}
    )
    await sight.watch(*streams)
    await viewer.until(lambda: all(len(sight.of(name)) >= 1 for name in streams), 30)
    await viewer.until(lambda: len(sight.of("log")) >= 5)
    assert not running.done()
    assert sight.last("progress/epochs")["state"] == "running"
    assert sight.last("train/status")["config"] == '{"lr": 0.1}'
    await cell.kernel.interrupt_kernel()
    assert await running == "KeyboardInterrupt"
    await viewer.until(lambda: sight.last("progress/epochs")["state"] == "stopped")
    await viewer.until(lambda: sight.last("train/status")["state"] == "stopped")
    messages = [row["message"] for row in sight.of("log")]
    assert messages == [f"epoch {number}" for number in range(len(messages))]
    assert sight.last("progress/epochs")["n"] in (len(messages) - 1, len(messages))
    assert [row["step"] for row in sight.of("train")] == list(range(len(sight.of("train"))))
    await viewer.close()
    (first, *others) = cell.displays
    assert first["kind"] == "display_data" and first["data"]["text/plain"].startswith(
        "epochs:   0%"
    )
    own = [d for d in others if d["transient"] == first["transient"]]
    assert {d["kind"] for d in own} == {"update_display_data"}
    assert own[-1]["data"]["text/plain"].endswith("stopped")
    assert "<progress" in own[-1]["data"]["text/html"]


async def test_a_bar_that_nobody_closed_is_stopped_with_its_cell(server: Server, kernel_id: str):
    viewer = await server.viewer(kernel_id)
    sight, cell = Sight(viewer, f"/kernels/{kernel_id}"), Cell(server, kernel_id)
    await sight.watch("progress", "progress/2")
    code = "import jupyter_sio as sio\nbar = sio.progress(total=9)\nrest = iter(sio.progress([1]))"
    assert await cell.run(f"{code}\nnext(rest)\nbar.update()\n1 / 0") == "ZeroDivisionError"
    await viewer.until(lambda: sight.last("progress").get("state") == "stopped")
    await viewer.until(lambda: sight.last("progress/2").get("state") == "stopped")
    assert await cell.run("bar.update(3)\nbar.close()") == "ok"
    await viewer.until(lambda: sight.last("progress")["state"] == "finished")
    assert sight.last("progress")["n"] == 4
    await viewer.close()
