"""The promise, whole: a kernel pushes, the Python viewer watches, no row is unaccounted for."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_sio import awatch
from jupyter_sio.viewer import Batch, Gap
from tests.integration.conftest import Server
from tests.integration.test_kernel import run

ROWS = 1_000_000
# Slow enough that twenty cuts fall into it, and the history holds what a cut viewer missed.
LOOP = f"""
import time, jupyter_sio as sio
rows = sio.stream('rows', history=sio.History(bytes=64_000_000))
for i in range({ROWS}):
    rows.push(i=i)
    if i % 5000 == 0:
        time.sleep(0.02)
assert rows.flush(60), rows.statistics()
"""


class Account:
    """What one viewer was given: rows and gaps, each checked to follow the one before."""

    def __init__(self) -> None:
        self.start: int | None = None
        self.next = 0
        self.gaps: list[Gap] = []

    def take(self, item: Any) -> None:
        if isinstance(item, Gap):
            self.gaps.append(item)
            self.follow(item.start, item.end)
        elif isinstance(item, Batch):
            values = item.pydict()["i"]
            assert values == list(range(item.offset, item.offset + item.rows))
            self.follow(item.offset, item.offset + item.rows)

    def follow(self, start: int, end: int) -> None:
        if self.start is None:
            self.start = self.next = start
        assert start == self.next
        self.next = end


async def account(server: Server, kernel_id: str) -> Account:
    """Watch until every row was accounted for."""
    seen = Account()
    watching = awatch(server.url, "rows", kernel_id=kernel_id, token=server.token, events=True)
    async for item in watching:
        seen.take(item)
        if seen.next == ROWS:
            break
    await watching.aclose()
    return seen


async def cut(server: Server, times: int) -> None:
    """Cut every viewer's connection, again and again."""
    for _ in range(times):
        await asyncio.sleep(0.2)
        for session in list(server.sio.router.eio.sockets.values()):
            if not session.access.publisher:
                session.abort()


async def test_a_million_rows_are_accounted_for_by_early_late_and_cut_viewers(
    server: Server, kernel_id: str
):
    early = asyncio.ensure_future(account(server, kernel_id))
    running = asyncio.ensure_future(run(server, kernel_id, LOOP, seconds=100))
    while not (stream := _stream(server, kernel_id)) or stream.history.next < ROWS // 10:
        await asyncio.sleep(0.05)
    cutting = asyncio.ensure_future(cut(server, 20))
    while stream.history.next < ROWS // 2:
        await asyncio.sleep(0.05)
    late = asyncio.ensure_future(account(server, kernel_id))
    await running
    await cutting
    for seen in await asyncio.wait_for(asyncio.gather(early, late), 60):
        assert (seen.start, seen.next, seen.gaps) == (0, ROWS, [])


def _stream(server: Server, kernel_id: str) -> Any:
    streams = server.sio.registry.namespaces[kernel_id].streams
    stream = streams.get("rows")
    return stream if stream is not None and stream.history is not None else None
