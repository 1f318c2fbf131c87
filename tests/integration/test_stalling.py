"""Who is too slow, and who only seems so. Source: protocol.md §7 (3008, signs of life)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Stage, new_epoch
from tests.integration.stage import rows_of, rows_read

KIB = 1024
STALL = 0.5


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": {"stall_seconds": STALL}}


async def test_no_byte_leaving_for_a_while_with_data_due_is_3008(stage: Stage):
    opened = await stage.open()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        session = stage.sessions()[-1]
        await stage.publish_all(opened["id"], [(1, bytes(500 * KIB))] * 10)
        began = time.monotonic()
        while not session.closing:
            await asyncio.sleep(0.02)
        assert STALL * 0.8 < time.monotonic() - began < STALL * 4
        await client.read_all()
        (bye,) = client.of("$bye")
        assert bye[0]["code"] == 3008 and set(bye[0]) == {"code", "reason", "retry_ms"}
        assert client.close_code == 3008
        assert stage.server.sio.router.statistics().stalled == 1


async def test_three_seconds_after_the_close_frame_the_connection_is_cut(stage: Stage):
    opened = await stage.open()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        stream = stage.sessions()[-1].transport.stream
        await stage.publish_all(opened["id"], [(1, bytes(500 * KIB))] * 10)
        began = time.monotonic()
        while not stream.closed():
            await asyncio.sleep(0.02)
        assert 3.0 < time.monotonic() - began < 3.0 + STALL * 6
        await client.read_all()
        assert client.close_code == 1006  # RST: what had not left is lost


async def test_a_slow_reader_that_takes_something_is_not_closed(stage: Stage):
    opened = await stage.open()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        await stage.publish_all(opened["id"], [(1, bytes(500 * KIB))] * 12)
        began = time.monotonic()
        while time.monotonic() - began < 3 * STALL:
            for _ in range(4):
                await client.read(32 * KIB)
            await asyncio.sleep(STALL / 10)
        await client.until(lambda: rows_read(client) == 12)
        assert not client.of("$bye")


async def test_a_viewer_that_its_window_alone_holds_back_is_never_closed(stage: Stage):
    epoch = new_epoch()
    opened = await stage.open(epoch=epoch)
    wire, _ = await stage.watching(window=1)
    began, offset = time.monotonic(), 0
    while time.monotonic() - began < 3 * STALL:
        await stage.publish(opened["id"], offset)
        offset += 1
        await asyncio.sleep(STALL / 10)
    assert not wire.closed and not wire.of("$bye")
    await stage.subscribe(wire, since=[epoch, 1])
    await stage.settled(wire)
    assert [found for found, _, _ in rows_of(wire)] == list(range(offset))


async def test_a_viewer_that_is_owed_nothing_is_not_closed(stage: Stage):
    await stage.open()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        await asyncio.sleep(3 * STALL)
        await client.until(lambda: any(isinstance(o, socketio.Answered) for o in client.heard))
        assert not client.over
