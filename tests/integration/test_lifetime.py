"""A namespace's life is its kernel's: every way a kernel can end, as a viewer sees it.

Source: protocol.md §5 (`$status`, when the kernel ends).
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import EPOCH, Server, new_epoch
from tests.wire import Wire, fetch


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {
        **jp_server_config,
        "KernelRestarter": {"time_to_dead": 0.3, "stable_start_time": 0.5},
        "JupyterSio": {"sweep_seconds": 0.5},
    }


def statuses(viewer: Wire) -> list[tuple[str, str]]:
    return [(args[0]["kernel"], args[0]["publisher"]) for args in viewer.of("$status")]


def bye(viewer: Wire) -> int:
    return viewer.of("$bye")[0][0]["code"]


async def rest(server: Server, path: str, method: str = "GET", body: Any = None) -> Any:
    return await fetch(f"{server.url}api/{path}", method=method, body=body, headers=server.headers)


async def live(server: Server, kernel_id: str) -> tuple[str, Wire, Wire, dict[str, Any]]:
    """Get a namespace with a publisher that is the kernel's own process, a viewer and two rows."""
    ns = f"/kernels/{kernel_id}"
    pid = server.sio.kernels.pid(kernel_id)
    publisher = await server.publisher(kernel_id, pid=pid)
    opened = await publisher.ask(ns, "$open", {"stream": "loss", "epoch": new_epoch()})
    await publisher.tell(ns, "$publish", [opened["id"], 0, 1, 2], b"xy")
    viewer = await server.viewer(kernel_id)
    await viewer.ask(ns, "$subscribe", {"stream": "loss"})
    await viewer.first("$batch")
    return ns, publisher, viewer, opened


async def test_a_kernel_shut_down_by_rest_is_dead_at_once_then_bye(server, kernel_id):
    _ns, _publisher, viewer, _ = await live(server, kernel_id)
    assert (await rest(server, f"kernels/{kernel_id}", "DELETE"))[0] == 204
    await viewer.until_closed()
    assert statuses(viewer)[-1][0] == "dead"
    assert bye(viewer) == 3510
    names = [name for _, name, _ in viewer.heard]
    assert names.index("$bye") > len(names) - 3


async def test_an_ended_kernels_streams_can_be_replayed_and_no_bye_comes(server, kernel_id):
    ns, _publisher, viewer, _opened = await live(server, kernel_id)
    await rest(server, f"kernels/{kernel_id}", "DELETE")
    await viewer.until_closed()
    late = await server.viewer(kernel_id)
    assert (await late.first("$status"))[0]["kernel"] == "dead"
    assert (await late.first("$streams"))[0][0]["ended"] is True
    answer = await late.ask(ns, "$subscribe", {"stream": "loss"})
    assert answer["ok"] and answer["next"] == 2
    assert (await late.first("$batch"))[1] == b"xy"
    assert (await late.ask(ns, "stop"))["code"] == 3510
    assert not late.of("$bye")
    _, one = await fetch(
        f"{server.url}jupyter-sio/api/namespaces/{kernel_id}", headers=server.headers
    )
    assert one["state"] == "dead"
    await late.close()


async def test_after_its_time_an_ended_namespace_is_gone_and_says_so(server, kernel_id):
    ns, _publisher, viewer, _ = await live(server, kernel_id)
    await rest(server, f"kernels/{kernel_id}", "DELETE")
    await viewer.until_closed()
    late = await server.viewer(kernel_id)
    await late.first("$status")
    server.sio.kernels._over(server.sio.registry.namespaces[kernel_id])
    await late.until_closed()
    assert bye(late) == 3510
    again = await Wire.open(server.socket_url, headers=server.headers)
    answer = await again.join(ns)
    assert isinstance(answer, socketio.JoinRefused)
    assert server.sio.registry.counts() == (0, 0, 0, 0, 0, 0)
    await again.close()


async def test_kill_9_is_told_as_restarting_before_the_heartbeat_and_then_a_new_life(
    server, kernel_id
):
    ns, publisher, viewer, _ = await live(server, kernel_id)
    os.kill(server.sio.kernels.pid(kernel_id), signal.SIGKILL)
    await publisher.close()  # its socket dies with it
    await viewer.until(lambda: ("restarting", "offline") in statuses(viewer))
    await viewer.until(lambda: statuses(viewer)[-1][0] in ("starting", "idle"))
    second = await server.publisher(
        kernel_id, pid=server.sio.kernels.pid(kernel_id), epoch="00000000000000e2"
    )
    await viewer.until(lambda: statuses(viewer)[-1][1] == "online")
    await viewer.until(lambda: viewer.of("$streams")[-1][0][0]["ended"])
    epoch = new_epoch()
    opened = await second.ask(ns, "$open", {"stream": "loss", "epoch": epoch})
    await second.tell(ns, "$publish", [opened["id"], 0, 1, 1], b"z")
    assert (await viewer.first("$batch", 2))[1] == b"z"
    (reset,) = viewer.of("$reset")
    assert reset[0]["epoch"] == epoch and reset[0]["recovered"] is False
    for wire in (viewer, second):
        await wire.close()


async def test_a_restart_by_the_user_keeps_namespace_and_viewers(server, kernel_id):
    _ns, publisher, viewer, _ = await live(server, kernel_id)
    old_pid = server.sio.kernels.pid(kernel_id)
    restarting = asyncio.ensure_future(rest(server, f"kernels/{kernel_id}/restart", "POST", {}))
    await publisher.close()
    assert (await restarting)[0] == 200
    assert server.sio.kernels.pid(kernel_id) != old_pid
    await viewer.until(lambda: ("restarting", "offline") in statuses(viewer))
    await viewer.until(lambda: statuses(viewer)[-1][0] in ("starting", "idle"))
    second = await server.publisher(kernel_id, epoch="00000000000000e2")
    await viewer.until(lambda: statuses(viewer)[-1][1] == "online")
    assert not viewer.of("$bye") and not viewer.closed
    for wire in (viewer, second):
        await wire.close()


async def test_a_kernel_that_dies_for_good_ends_without_any_event_of_jupyters(server, kernel_id):
    _ns, publisher, viewer, _ = await live(server, kernel_id)
    kernel = server.serverapp.kernel_manager.get_kernel(kernel_id)
    kernel._restarter.restart_limit = 0
    os.kill(server.sio.kernels.pid(kernel_id), signal.SIGKILL)
    await publisher.close()
    await viewer.until_closed()
    assert statuses(viewer)[-1][0] == "dead"
    assert bye(viewer) == 3510


async def test_a_kernel_that_vanishes_from_jupyters_list_is_noticed_by_the_sweep(server, kernel_id):
    _ns, _publisher, viewer, _ = await live(server, kernel_id)
    manager = server.serverapp.kernel_manager
    kernel = manager._kernels.pop(kernel_id)
    await viewer.until_closed()
    assert bye(viewer) == 3510
    manager._kernels[kernel_id] = kernel


async def test_a_kernel_that_already_runs_is_adopted(jp_serverapp, http_server):
    kernel_id = await jp_serverapp.kernel_manager.start_kernel(kernel_name="python3")
    await jp_serverapp.extension_manager.start_all_extensions()
    (sio,) = jp_serverapp.extension_manager.extension_apps["jupyter_sio"]
    assert list(sio.registry.namespaces) == [kernel_id]
    await jp_serverapp.kernel_manager.shutdown_all(now=True)
    await sio.stop_extension()


async def test_a_publisher_that_leaves_a_living_kernel_is_offline_and_may_return(server, kernel_id):
    ns, publisher, viewer, opened = await live(server, kernel_id)
    epoch = viewer.of("$streams")[-1][0][0]["epoch"]
    await publisher.close()
    await viewer.until(lambda: statuses(viewer)[-1][1] == "offline")
    assert statuses(viewer)[-1][0] in ("idle", "starting", "busy")
    pid = server.sio.kernels.pid(kernel_id)
    again = await server.publisher(kernel_id, pid=pid, epoch=EPOCH)
    answer = await again.ask(ns, "$open", {"stream": "loss", "epoch": epoch})
    assert answer == {"ok": True, "id": opened["id"], "next": 2}
    assert not viewer.of("$reset")
    for wire in (viewer, again):
        await wire.close()


async def test_the_same_process_claiming_again_replaces_its_socket_unheard(server, kernel_id):
    ns, first, viewer, _ = await live(server, kernel_id)
    heard = len(viewer.heard)
    second = await server.publisher(kernel_id, pid=server.sio.kernels.pid(kernel_id))
    await first.until_closed()
    assert not first.of("$bye")
    await viewer.ask(ns, "$unsubscribe", {"id": 99})
    assert [name for _, name, _ in viewer.heard[heard:]] == []
    for wire in (viewer, second):
        await wire.close()


async def test_of_two_valid_claims_the_later_wins(server, kernel_id):
    first = await server.publisher(kernel_id, pid=1)
    second = await server.publisher(kernel_id, pid=2, epoch="00000000000000e2")
    assert (await first.first("$bye"))[0]["code"] == 3511
    await first.until_closed()
    assert not second.of("$bye")
    await second.close()


async def test_the_kernel_managers_own_process_is_not_superseded_by_a_stranger(server, kernel_id):
    _ns, first, viewer, _ = await live(server, kernel_id)
    ticket = await server.publisher(kernel_id, pid=1, epoch="00000000000000e2")
    (refused,) = [o for o in ticket.others if isinstance(o, socketio.JoinRefused)]
    assert refused.data["code"] == 3511
    assert not first.of("$bye")
    for wire in (viewer, first, ticket):
        await wire.close()


async def test_afterwards_everything_is_at_its_starting_counts(server):
    sockets = server.sio.router.eio.sockets
    tasks = len(asyncio.all_tasks())
    kernel_id = await server.start_kernel()
    before = server.sio.registry.counts()
    _ns, publisher, viewer, _ = await live(server, kernel_id)
    await viewer.close()
    await publisher.close()
    for _ in range(100):
        if not sockets and server.sio.registry.counts().viewers == 0:
            break
        await asyncio.sleep(0.02)
    assert not sockets
    after = server.sio.registry.counts()
    assert (after.viewers, after.subscriptions, after.publishers) == (
        before.viewers, before.subscriptions, before.publishers,
    )  # fmt: skip
    assert not server.sio.router.manager.rooms
    await rest(server, f"kernels/{kernel_id}", "DELETE")
    server.sio.kernels._over(server.sio.registry.namespaces[kernel_id])
    assert server.sio.registry.counts() == (0, 0, 0, 0, 0, 0)
    assert len(asyncio.all_tasks()) <= tasks


async def test_a_claim_that_comes_before_the_start_event_is_let_in(server, kernel_id):
    del server.sio.registry.namespaces[kernel_id]  # as if nobody had told us yet
    publisher = await server.publisher(kernel_id)
    assert not [o for o in publisher.others if isinstance(o, socketio.JoinRefused)]
    await publisher.close()
