"""Whatever is sent, a connection answers or is closed, and nobody else notices.

By default a slice of it; ``make torture`` does the whole. The mutants are those of a seed, which a
failure names with the client that sent them. Faults F-16, F-17; protocol.md §5 ("What is
malformed").
"""

from __future__ import annotations

import asyncio
import dataclasses
from urllib.parse import urlsplit

import pytest

from jupyter_sio.protocol.messages import Grant
from tests.integration.conftest import Stage
from tests.security.fuzz import Mutants
from tests.security.raw import CLOSE, TEXT, Raw
from tests.security.witnesses import Counts, Neighbour, in_parallel, logged

ENOUGH = 1_200_000  # bytes: more than any frame may claim to have


class Fuzzer:
    """Opens connections, sends mutants, and sees what became of each."""

    def __init__(self, stage: Stage, seed: int, seconds: float) -> None:
        where = urlsplit(stage.server.socket_url)
        self._port, self._path = where.port or 0, where.path
        self._stage = stage
        self._seed = seed
        self._seconds = seconds  # an answer, or the end, must come within

    async def one(self, number: int) -> None:
        """Be one client."""
        mutants = Mutants(self._seed * 1_000_000 + number)
        client = await Raw.connect(self._port)
        headers = [("Host", f"127.0.0.1:{self._port}"), *self._stage.server.headers.items()]
        await client.upgrade(f"{self._path}?EIO=4&transport=websocket", headers)
        client.send(f"40{self._stage.ns},")
        client.writer.write(mutants.bytes_of(mutants.sequence(self._stage.ns)))
        try:
            await asyncio.wait_for(self._answers(client), self._seconds)
        except asyncio.TimeoutError:
            raise AssertionError(f"deaf: seed {self._seed}, client {number}") from None
        finally:
            client.close()

    async def _answers(self, client: Raw) -> None:
        """Ask until an answer comes or the end: what was begun may have to be filled up first."""
        asking = asyncio.ensure_future(self._ask(client))
        try:
            while True:
                opcode, data = await client.read()
                if opcode == CLOSE or (opcode == TEXT and data.startswith(b"44/probe,")):
                    return
        except (EOFError, ConnectionError):
            return
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    async def _ask(self, client: Raw) -> None:
        asked, filler = 0, "x" * 16
        while asked < ENOUGH and not client.writer.is_closing():
            client.send(f'40/probe,{{"name":"{filler}"}}')
            asked += len(filler)
            filler = "x" * min(2 * len(filler), 30_000)
            await asyncio.sleep(0)
            try:
                await client.drained()
            except ConnectionError:
                return


async def on_the_wire(stage: Stage, count: int, *, seed: int, seconds: float) -> None:
    neighbour, counts = await Neighbour.moved_in(stage), Counts(stage.server)
    fuzzer = Fuzzer(stage, seed, seconds)
    with logged() as log:
        await neighbour.watch_while(in_parallel(fuzzer.one, count, at_once=16))
        await counts.are_back()
        await neighbour.has_seen_all()
    log.check(most=3 * count)
    assert stage.server.sio.router.statistics().failed_handlers == 0


async def test_on_the_wire_a_slice(stage: Stage):
    await on_the_wire(stage, 150, seed=1, seconds=10.0)


# --- without a socket ---------------------------------------------------------------------------


class Outlet:
    """A WebSocket that goes nowhere: tornado's handler, protocol and stream in one."""

    _write_buffer = b""
    _total_write_done_index = 0

    def __init__(self) -> None:
        self.socket = self.ws_connection = self.stream = self
        self.family = None
        self.said = bytearray()
        self.close_code: int | None = None

    def set_nodelay(self, value: bool) -> None:
        """Take no notice."""

    def closed(self) -> bool:
        return self.close_code is not None

    def write_to_fd(self, data: memoryview) -> int:
        self.said += data
        return len(data)

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        self.close_code = code or 1000


async def in_memory(stage: Stage, messages: int, *, seed: int) -> int:
    """Give so many messages to sessions; returns how many of these were closed."""
    router, mutants, closed = stage.server.sio.router, Mutants(seed), 0
    access = stage.sessions()[0].access
    viewer = dataclasses.replace(access, grants=frozenset({Grant.WATCH, Grant.SEND}), claim=None)
    while messages > 0:
        outlet, sent = Outlet(), mutants.sequence(stage.ns)
        session = router.open(outlet, viewer, {})
        session.receive(f"40{stage.ns},")
        while stage.ns.encode() not in outlet.said:
            await asyncio.sleep(0)
        for message in (*sent, "40/probe,"):
            held = session.receive(message)
            if held is not None:
                await asyncio.wait_for(held, 10)
            await asyncio.sleep(0)
            messages -= 1
        if session.closing:
            closed += 1
            by_itself = any(message[:1] == "1" for message in sent)
            assert outlet.close_code == 3501 or by_itself, (seed, sent)
        else:
            assert b"44/probe," in outlet.said, (seed, sent)
        session.finished()
    return closed


async def all_in_memory(stage: Stage, count: int, *, seed: int) -> None:
    await stage.open("loss")
    counts = Counts(stage.server)
    with logged() as log:
        closed = await in_memory(stage, count, seed=seed)
        await counts.are_back()
    log.check(most=closed)
    assert closed > count // 20
    assert stage.server.sio.router.statistics().failed_handlers == 0


async def test_in_memory_a_slice(stage: Stage):
    await all_in_memory(stage, 20_000, seed=1)


@pytest.mark.torture
@pytest.mark.timeout(600)
async def test_in_memory_200_000_packets(stage: Stage):
    await all_in_memory(stage, 200_000, seed=2)


@pytest.mark.torture
@pytest.mark.timeout(600)
async def test_on_the_wire_2000_clients_answer_or_end_within_2_seconds(stage: Stage):
    await on_the_wire(stage, 2_000, seed=2, seconds=2.0)
