"""Engine.IO's pings, and what else counts as life. Source: protocol.md §7, §9 (api.md §3)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Stage
from tests.integration.stage import NOTHING, rows_read

KIB = 1024
INTERVAL, TIMEOUT = 0.2, 0.35
LONG = 3 * (INTERVAL + TIMEOUT)


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {
        **jp_server_config,
        "JupyterSio": {"ping_interval": INTERVAL, "ping_timeout": TIMEOUT},
    }


async def test_the_greeting_tells_fractions_of_seconds(stage: Stage):
    wire = await stage.socket()
    (opened,) = [other for other in wire.others if isinstance(other, socketio.Opened)]
    assert (opened.ping_interval, opened.ping_timeout) == (INTERVAL, TIMEOUT)


async def test_who_answers_pings_stays(stage: Stage):
    wire = await stage.viewer()
    await wire.until(lambda: wire.texts.count("2") >= 4)
    assert not wire.closed


async def test_who_gives_no_sign_of_life_is_closed_and_leaves_the_namespace(stage: Stage):
    async with stage.reluctant() as client:
        began = time.monotonic()
        await stage.publisher.until(lambda: stage.publisher.of("$viewer")[-1][0]["joined"] is False)
        assert TIMEOUT < time.monotonic() - began < LONG
        await client.read_all()
        assert stage.server.sio.router.statistics().ping_timeouts == 1
    assert len(stage.sessions()) == 1


async def test_what_a_client_sends_counts_as_life(stage: Stage):
    async with stage.reluctant() as client:
        began = time.monotonic()
        while time.monotonic() - began < LONG:
            await client.send(*socketio.event(stage.ns, "$ack", [[NOTHING, 0]]))
            await asyncio.sleep(INTERVAL / 2)
        await client.send(*socketio.event(stage.ns, "$unsubscribe", [{"id": 1}], ack_id=7))
        await client.until(lambda: isinstance(client.heard[-1], socketio.Answered))


async def test_what_a_client_takes_counts_as_life(stage: Stage):
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(1, bytes(50 * KIB))] * 150)
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        began = time.monotonic()
        while time.monotonic() - began < LONG:
            for _ in range(4):
                await client.read(16 * KIB)
            await asyncio.sleep(INTERVAL / 8)
        assert 0 < rows_read(client) < 150 and client.pings
        await client.until(lambda: rows_read(client) == 150)
