"""Rows on their way: published by a claim's holder, delivered to viewers."""

from __future__ import annotations

from tests.integration.conftest import Server, new_epoch


async def open_stream(publisher, ns, stream="loss", **other):
    return await publisher.ask(ns, "$open", {"stream": stream, "epoch": new_epoch(), **other})


async def test_one_row_reaches_a_viewer(server: Server, kernel_id: str):
    ns = f"/kernels/{kernel_id}"
    publisher = await server.publisher(kernel_id)
    opened = await open_stream(publisher, ns)
    assert opened["ok"] and opened["next"] == 0
    viewer = await server.viewer(kernel_id)
    answer = await viewer.ask(ns, "$subscribe", {"stream": "loss"})
    assert answer["ok"] and not answer["waiting"] and answer["start"] == 0
    await publisher.tell(ns, "$publish", [opened["id"], 0, 1234, 2], b"payload")
    assert await viewer.first("$batch") == [[opened["id"], 0, 1234, 2], b"payload"]
    assert await publisher.first("$published") == [[opened["id"], 2]]
    for wire in (viewer, publisher):
        await wire.close()


async def test_a_viewer_that_waits_is_told_when_the_stream_opens(server: Server, kernel_id: str):
    ns = f"/kernels/{kernel_id}"
    viewer = await server.viewer(kernel_id)
    answer = await viewer.ask(ns, "$subscribe", {"stream": "loss"})
    assert answer == {
        "ok": True, "id": answer["id"], "media": None, "mode": None, "epoch": None,
        "first": 0, "next": 0, "start": 0, "recovered": False, "waiting": True,
    }  # fmt: skip
    publisher = await server.publisher(kernel_id)
    opened = await open_stream(publisher, ns)
    await publisher.tell(ns, "$publish", [opened["id"], 0, 1, 1], b"x")
    await viewer.first("$batch")
    order = [name for _, name, _ in viewer.heard]
    assert order == ["$status", "$streams", "$status", "$streams", "$reset", "$batch"]
    for wire in (viewer, publisher):
        await wire.close()
