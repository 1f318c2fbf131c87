"""Rows from code that runs in a real kernel, through the real server, to viewers."""

from __future__ import annotations

import asyncio
from typing import Any

from nanoarrow import ArrayStream
from nanoarrow.ipc import InputStream

from tests.integration.conftest import Server


async def run(server: Server, kernel_id: str, code: str, seconds: float = 60) -> str:
    """Execute ``code`` in the kernel; returns what it printed, fails if it raised."""
    client = server.serverapp.kernel_manager.get_kernel(kernel_id).client()
    client.start_channels()
    printed: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        printed.append(content.get("text", "") + "\n".join(content.get("traceback", [])))

    try:
        await client.wait_for_ready(timeout=30)
        reply = await client.execute_interactive(code, timeout=seconds, output_hook=hear)
    finally:
        client.stop_channels()
    assert reply["content"]["status"] == "ok", "".join(printed)
    return "".join(printed)


def rows(payload: bytes) -> list[dict[str, Any]]:
    with InputStream.from_readable(payload) as stream:
        return ArrayStream(stream).read_all().to_pylist()


async def test_one_row_from_a_cell_reaches_a_viewer(server: Server, kernel_id: str):
    ns = f"/kernels/{kernel_id}"
    viewer = await server.viewer(kernel_id)
    answer = await viewer.ask(ns, "$subscribe", {"stream": "loss"})
    await run(
        server,
        kernel_id,
        "import jupyter_sio as sio\nloss = sio.stream('loss')\nloss.push(step=1, loss=0.5)\n"
        "assert loss.flush()",
    )
    (header, payload) = await viewer.first("$batch")
    assert header[0] == answer["id"] and header[1] == 0 and header[3] == 1
    assert rows(payload) == [{"step": 1, "loss": 0.5}]
    await viewer.close()


async def test_a_viewers_event_is_answered_while_the_cell_runs(server: Server, kernel_id: str):
    ns = f"/kernels/{kernel_id}"
    code = (
        "import jupyter_sio as sio, time\nstopped = []\n"
        "@sio.on('stop')\ndef stop(why, viewer):\n    stopped.append(why)\n    return viewer.name\n"
        "sio.connect()\n"
        "while not stopped:\n    time.sleep(0.01)\nprint(stopped)"
    )
    viewer = await server.viewer(kernel_id, name="ada")
    running = asyncio.ensure_future(run(server, kernel_id, code))
    await viewer.until(lambda: viewer.of("$status")[-1][0]["publisher"] == "online")
    assert await viewer.ask(ns, "stop", "enough") == {"ok": True, "value": "ada"}
    assert "['enough']" in await running
    await viewer.close()


async def test_a_million_rows_in_a_tight_loop_arrive_or_are_told(server: Server, kernel_id: str):
    ns = f"/kernels/{kernel_id}"
    count = 1_000_000
    viewer = await server.viewer(kernel_id)
    await viewer.ask(ns, "$subscribe", {"stream": "loss"})
    code = (
        "import jupyter_sio as sio\ns = sio.stream('loss')\n"
        f"for i in range({count}):\n    s.push(step=i, loss=i / 2)\n"
        "assert s.flush(60), s.statistics()\nprint(s.statistics())"
    )
    print(await run(server, kernel_id, code, seconds=100))

    def seen() -> int:
        batches, gaps = viewer.of("$batch"), viewer.of("$gap")
        ends = [args[0][1] + sum(args[0][3:]) for args in batches] + [a[0][2] for a in gaps]
        return max(ends, default=0)

    await viewer.until(lambda: seen() == count, 60)
    assert not viewer.of("$gap")
    expected = 0
    for args in viewer.of("$batch"):
        assert args[0][1] == expected
        expected += sum(args[0][3:])
    assert rows(viewer.of("$batch")[-1][-1])[-1] == {"step": count - 1, "loss": (count - 1) / 2}
    await viewer.close()


async def test_an_hour_of_ten_rows_a_second_fits_the_history(server: Server, kernel_id: str):
    ns, count = f"/kernels/{kernel_id}", 36_000
    code = (
        "import time, jupyter_sio as sio\nrows = sio.stream('rows')\n"
        f"for i in range({count}):\n"
        "    rows.push(step=i, loss=i / 7, accuracy=0.5)\n"
        "    rows.seal()  # a payload of its own, as if the next push were 0.1 s away\n"
        "    if i % 500 == 0:\n        assert rows.flush(20)\n"
        "assert rows.flush(20)\nprint(rows.statistics())"
    )
    printed = await run(server, kernel_id, code, seconds=100)
    assert f"batches={count}" in printed
    history = server.sio.registry.namespaces[kernel_id].streams["rows"].history
    assert (history.first, history.next) == (0, count)
    assert history.payloads < count / 32
    viewer = await server.viewer(kernel_id)
    began = asyncio.get_running_loop().time()
    await viewer.ask(ns, "$subscribe", {"stream": "rows"})
    await viewer.until(lambda: sum(sum(args[0][3:]) for args in viewer.of("$batch")) == count)
    print(f"replayed {history.bytes:,} bytes in {asyncio.get_running_loop().time() - began:.2f} s")
    await viewer.close()
