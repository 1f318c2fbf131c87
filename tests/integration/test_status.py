"""$status, and what an ending kernel still owes. Source: protocol.md §5 (`$status`, the end)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Stage
from tests.integration.stage import rows_of, rows_read
from tests.wire import Wire, claim_of, fetch

ENDED = 0.5  # in place of the ten minutes


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": {"ended_seconds": ENDED}}


def statuses(wire: Wire) -> list[tuple[str, str]]:
    return [(status["kernel"], status["publisher"]) for (status,) in wire.of("$status")]


async def end(stage: Stage) -> None:
    await stage.server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)


async def held_back(stage: Stage) -> tuple[Wire, dict[str, Any]]:
    """Get a viewer that its window holds back, two payloads behind."""
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(1, b"a"), (1, b"b"), (1, b"c")])
    wire, _ = await stage.watching(window=1)
    await stage.settled(wire)
    return wire, opened


async def test_kernel_is_what_jupyter_believes(stage: Stage):
    wire = await stage.viewer()
    kernel = stage.server.serverapp.kernel_manager.get_kernel(stage.kernel_id)
    for state in ("busy", "idle", "busy"):
        kernel.execution_state = state
        await wire.until(lambda: statuses(wire)[-1] == (state, "online"))  # noqa: B023
    kernel.execution_state = "something new"  # is no word of the wire
    kernel.execution_state = "idle"
    await wire.until(lambda: statuses(wire)[-1] == ("idle", "online"))
    assert {word for word, _ in statuses(wire)} == {"idle", "busy"}


async def test_an_online_publisher_makes_starting_idle(server: Any, quiet_kernel: str):
    wire = await server.viewer(quiet_kernel)
    await wire.until(lambda: statuses(wire) == [("starting", "never")])
    publisher = await server.publisher(quiet_kernel)
    await wire.until(lambda: statuses(wire)[-1] == ("idle", "online"))
    await publisher.close()
    await wire.until(lambda: statuses(wire)[-1][1] == "offline")
    await wire.close()


async def test_since_is_the_moment_of_the_last_change(stage: Stage):
    first, second = await stage.viewer(), await stage.viewer()
    await first.first("$status")
    assert await first.first("$status") == await second.first("$status")
    before = time.time() * 1000
    await stage.publisher.close()
    await first.first("$status", 2)
    assert before - 1 <= first.of("$status")[1][0]["since"] <= time.time() * 1000 + 1
    assert first.of("$status")[0][0]["since"] <= before


async def test_status_is_told_when_it_changes_and_not_again(stage: Stage):
    await stage.claim(epoch="e" * 16)
    wire = await stage.viewer()
    for _ in range(3):  # the same process, with a new socket
        await stage.claim(epoch="e" * 16)
    await stage.settled(wire)
    assert statuses(wire) == [("idle", "online")]


async def test_when_the_kernel_ends_what_is_owed_comes_first_and_then_bye(stage: Stage):
    opened = await stage.open()
    wires = [(await stage.watching())[0] for _ in range(3)]
    for offset in range(30):
        await stage.publish(opened["id"], offset, 1, bytes(100_000))
    await stage.settled()
    await end(stage)
    for wire in wires:
        await wire.until_closed()
        names = [name for _, name, _ in wire.heard]
        assert len(rows_of(wire)) == 30 and names[-1] == "$bye"
        assert statuses(wire)[-1][0] == "dead" and wire.of("$streams")[-1][0][0]["ended"]
        assert wire.of("$bye")[0][0]["code"] == 3510 and wire.close_code == 3510


async def test_a_viewer_whose_window_is_closed_gets_the_rest_as_it_acknowledges(stage: Stage):
    wire, opened = await held_back(stage)
    await end(stage)
    await wire.until(lambda: statuses(wire)[-1][0] == "dead")
    for count in (1, 2):
        assert not wire.of("$bye")
        await wire.tell(stage.ns, "$ack", [opened["id"], count])
        await wire.first("$batch", count + 1)
    await wire.until_closed()
    assert [payload for _, _, payload in rows_of(wire)] == [b"a", b"b", b"c"]
    assert wire.of("$bye")[0][0]["code"] == 3510


async def test_one_that_never_acknowledges_is_told_when_the_time_is_over(stage: Stage):
    wire, _ = await held_back(stage)
    began = time.monotonic()
    await end(stage)
    await wire.until_closed()
    assert time.monotonic() - began >= ENDED * 0.9
    assert wire.of("$bye")[0][0]["code"] == 3510 and len(rows_of(wire)) == 1


async def test_bye_follows_the_last_row_and_waits_for_no_clock(stage: Stage):
    """The socket is full when the kernel ends, and read afterwards."""
    bounds, opened = stage.server.sio.kernels._bounds, await stage.open()
    object.__setattr__(bounds, "ended_seconds", 600)  # frozen, as everybody else finds it
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        for offset in range(60):
            await stage.publish(opened["id"], offset, 1, bytes(100_000))
        await stage.settled()
        await end(stage)
        await client.until(lambda: client.of("$bye"))
        assert rows_read(client) == 60


async def test_one_that_unsubscribes_is_owed_nothing_and_told_at_once(stage: Stage):
    wire, opened = await held_back(stage)
    await end(stage)
    began = time.monotonic()
    await wire.ask(stage.ns, "$unsubscribe", {"id": opened["id"]})
    await wire.until_closed()
    assert time.monotonic() - began < ENDED * 0.9
    assert wire.of("$bye")[0][0]["code"] == 3510


async def test_a_kernel_that_comes_back_under_its_id_keeps_the_viewers_still_there(stage: Stage):
    wire, opened = await held_back(stage)
    manager = stage.server.serverapp.kernel_manager
    kernel = manager._kernels.pop(stage.kernel_id)  # as a gateway whose list is wrong for a moment
    stage.server.sio.kernels._sweep()
    await wire.until(lambda: statuses(wire)[-1][0] == "dead")
    manager._kernels[stage.kernel_id] = kernel
    stage.server.sio.kernels._sweep()
    await wire.until(lambda: statuses(wire)[-1][0] != "dead")
    for count in (1, 2):
        await wire.tell(stage.ns, "$ack", [opened["id"], count])
        await wire.first("$batch", count + 1)
    await asyncio.sleep(ENDED * 1.2)
    assert (await wire.ask(stage.ns, "$unsubscribe", {"id": opened["id"]}))["ok"]
    assert not wire.of("$bye") and not wire.closed


async def test_the_publisher_is_told_3510_and_cannot_claim_again(stage: Stage):
    key = stage.server.key(stage.kernel_id)
    await end(stage)
    await stage.publisher.until_closed()
    assert stage.publisher.of("$bye")[0][0]["code"] == 3510
    claim = claim_of(stage.kernel_id, key, pid=1, epoch="0" * 8)
    assert (await stage.server.ticket(claim))[0] == 403


async def test_a_publisher_that_comes_after_the_kernels_end_finds_nothing(stage: Any):
    wire = stage.keep(await Wire.open(stage.server.socket_url, ticket=await stage.ticket()))
    stage.server.sio.kernels._ended(stage.kernel_id)
    refused = await wire.join(stage.ns)
    assert isinstance(refused, socketio.JoinRefused) and refused.data == {"code": 3507}


async def test_a_kernel_that_ends_while_its_publisher_is_let_in_has_none(
    server: Any, quiet_kernel: str, monkeypatch: Any
):
    owner, admit = server.sio.owner, server.sio.owner.admit

    async def admit_and_end(client: Any, auth: object) -> None:
        await admit(client, auth)
        server.sio.kernels._ended(quiet_kernel)

    monkeypatch.setattr(owner, "admit", admit_and_end)
    publisher = await server.publisher(quiet_kernel)
    await publisher.until_closed()
    assert publisher.of("$bye")[0][0]["code"] == 3510
    assert server.sio.registry.counts().publishers == 0
    assert server.sio.router.statistics().failed_handlers == 0


async def test_a_stranger_let_in_beside_the_kernels_own_process_is_told_3511(
    server: Any, quiet_kernel: str, monkeypatch: Any
):
    owner, admit, own = server.sio.owner, server.sio.owner.admit, asyncio.Event()

    async def admit_slowly(client: Any, auth: object) -> None:
        await admit(client, auth)
        if client.session.access.claim.pid == 1:
            await own.wait()

    monkeypatch.setattr(owner, "admit", admit_slowly)
    coming = asyncio.ensure_future(server.publisher(quiet_kernel, pid=1))
    while not server.sio.router.statistics().clients:
        await asyncio.sleep(0.01)
    first = await server.publisher(quiet_kernel, pid=server.sio.kernels.pid(quiet_kernel))
    own.set()
    stranger = await coming
    await stranger.until_closed()
    assert stranger.of("$bye")[0][0]["code"] == 3511 and not first.of("$bye")
    await first.close()


async def test_after_the_time_everything_says_it_is_gone(stage: Stage):
    await stage.open()
    await end(stage)
    reader = await stage.socket()
    await reader.join("/kernels")
    late = await stage.viewer()
    await late.first("$streams")
    assert late.of("$streams")[0][0][0]["ended"] is True and not late.of("$bye")
    await late.until_closed()
    assert late.of("$bye")[0][0]["code"] == 3510
    url = f"{stage.server.url}jupyter-sio/api/namespaces"
    while (await fetch(url, headers=stage.server.headers))[1]:
        await asyncio.sleep(0.02)
    status, _ = await fetch(f"{url}/{stage.kernel_id}", headers=stage.server.headers)
    assert status == 404
    wire = await stage.socket()
    refused = await wire.join(stage.ns)
    assert (refused.message, refused.data) == ("no such namespace", {"code": 3507})
    await reader.until(lambda: reader.of("$namespace")[-1][0]["state"] == "dead")
