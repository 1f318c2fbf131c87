"""Messages that are too large, or never end, cost nothing and are told why. Fault F-15.

One byte over, and attachments: ``tests/integration/test_malformed.py``; attachments that do not
come: ``tests/server/test_session.py`` (F-17).
"""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from tests.integration.conftest import Stage
from tests.security.raw import BINARY, CLOSE, TEXT, Raw, framed

MIB = 1024 * 1024
CONTINUED = 0


@asynccontextmanager
async def viewer(stage: Stage, *, bye: bool = True) -> AsyncIterator[Raw]:
    """Let somebody in who writes bytes; afterwards he was told ``$bye`` 3501, and nobody else."""
    neighbour = await stage.viewer()
    where = urlsplit(stage.server.socket_url)
    client = await Raw.connect(where.port or 0)
    headers = [("Host", where.netloc), *stage.server.headers.items()]
    await client.upgrade(f"{where.path}?EIO=4&transport=websocket", headers)
    client.send(f"40{stage.ns},")
    while not (await client.read())[1].startswith(b"42"):
        pass
    yield client
    if bye:
        texts, code = await client.read_to_close()
        assert texts[-2].startswith(f'42{stage.ns},["$bye",{{"code":3501,') and texts[-1] == "1"
        assert code == 3501
        assert stage.server.sio.router.statistics()[3:].count(1) == 2  # oversized, and malformed
    client.close()
    await stage.settled(neighbour)
    assert not neighbour.closed


@pytest.mark.parametrize("size", [MIB + 1, 11 * MIB])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_who_is_still_writing_is_told_too(stage: Stage, size: int, opcode: int):
    async with viewer(stage) as client:
        client.writer.write(framed(b"4" + bytes(size - 1), opcode=opcode))
        await client.drained()


@pytest.mark.parametrize("said", [MIB + 1, 2**30, 2**63 - 1])
async def test_a_header_is_believed_before_anything_else_came(stage: Stage, said: int):
    async with viewer(stage) as client:
        client.writer.write(framed(b"4", said=said))


async def test_fragments_are_counted_together(stage: Stage):
    async with viewer(stage) as client:
        client.writer.write(framed(b"4" + bytes(65_535), final=False))
        for _ in range(16):
            client.writer.write(framed(bytes(65_536), opcode=CONTINUED, final=False))
        client.writer.write(framed(b"", opcode=CONTINUED))
        await client.drained()


async def test_what_follows_is_not_read_as_anything(stage: Stage):
    async with viewer(stage) as client:
        client.writer.write(framed(b"4" + bytes(2 * MIB)))
        client.send(f'42{stage.ns},["go"]')
        await client.drained()
    assert not stage.publisher.of("$event")


async def test_empty_fragments_harm_nobody_however_many(stage: Stage):
    async with viewer(stage, bye=False) as client:
        message = f'42{stage.ns},7["$unsubscribe",{{"id":1}}]'.encode()
        client.writer.write(framed(message, final=False))
        client.writer.write(framed(b"", opcode=CONTINUED, final=False) * 20_000)
        client.writer.write(framed(b"", opcode=CONTINUED))
        while not (await client.read())[1].startswith(b"43"):
            pass


async def test_compressed_frames_are_refused_at_the_handshake_and_after(stage: Stage):
    where = urlsplit(stage.server.socket_url)
    client = await Raw.connect(where.port or 0)
    offer = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
    headers = [("Host", where.netloc), *stage.server.headers.items(), offer]
    await client.upgrade(f"{where.path}?EIO=4&transport=websocket", headers)
    assert json.loads((await client.read())[1][1:])["maxPayload"] == MIB
    bomb = bytearray(framed(bytes(1_000)))
    bomb[0] |= 0x40
    client.writer.write(bomb)
    assert await client.read_to_close() == ([], None)
    client.close()


async def test_a_close_frame_behind_it_is_understood(stage: Stage):
    async with viewer(stage, bye=False) as client:
        client.writer.write(framed(b"4" + bytes(2 * MIB)))
        client.writer.write(framed(struct.pack("!H", 3501), opcode=CLOSE))
        assert (await client.read_to_close())[1] == 3501
        assert await client.reader.read() == b""
