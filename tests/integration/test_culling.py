"""Jupyter culls idle kernels; one that publishes is not idle. Source: api.md §3 (`keep_alive`)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.conftest import Server, new_epoch
from tests.wire import Wire

SECONDS = 3.0  # of publishing: well beyond the culler's patience of 1 s + 1 s


@pytest.fixture(params=["publishing", "watched", "never"])
def jp_server_config(
    jp_server_config: dict[str, Any], request: Any, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    # Once a second is as often as this culler looks for a second without activity.
    monkeypatch.setattr("jupyter_sio.server.kernels._TOUCH_SECONDS", 0.2)
    return {
        **jp_server_config,
        "MappingKernelManager": {"cull_idle_timeout": 1, "cull_interval": 1},
        "JupyterSio": {"keep_alive": request.param, "sweep_seconds": 0.3},
    }


async def publish_for(seconds: float, publisher: Wire, ns: str) -> None:
    opened = await publisher.ask(ns, "$open", {"stream": "loss", "epoch": new_epoch()})
    for offset in range(int(seconds / 0.2)):
        if publisher.closed:
            return
        await publisher.tell(ns, "$publish", [opened["id"], offset, 1, 1], b"x")
        await asyncio.sleep(0.2)


async def test_what_keeps_a_kernel_alive_is_what_was_configured(server: Server, kernel_id: str):
    kept_by = server.sio.keep_alive
    ns = f"/kernels/{kernel_id}"
    publisher = await server.publisher(kernel_id)
    viewer = await server.viewer(kernel_id)
    await publish_for(SECONDS, publisher, ns)
    if kept_by != "never":
        assert kernel_id in server.serverapp.kernel_manager
    if kept_by == "watched":
        await asyncio.sleep(SECONDS)
        assert kernel_id in server.serverapp.kernel_manager
        await viewer.close()
        await publisher.first("$bye", seconds=10)
    else:
        await viewer.first("$bye", seconds=10)
        await viewer.until_closed()
        assert viewer.of("$bye")[0][0]["code"] == 3510
    for wire in (viewer, publisher):
        await wire.close()
