"""Who sees what an attack did: the log, a neighbour, and the counts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.conftest import Server, Stage
from tests.integration.stage import rows_of
from tests.wire import Wire

LINE_CHARS = 1_000


class Log(logging.Handler):
    """Every line at INFO and above, of whoever says it, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def check(self, *, most: int) -> None:
        """See that there are no more lines than that, none long, none a traceback or unescaped."""
        assert len(self.lines) <= most, (len(self.lines), self.lines[-20:])
        bad = [line for line in self.lines if "Traceback" in line or len(line) > LINE_CHARS]
        bad += [line for line in self.lines if not line.isprintable()]
        assert not bad, [line[:3000] for line in bad[:3]]


@contextmanager
def logged() -> Iterator[Log]:
    """Listen to all loggers."""
    log = Log()
    logging.getLogger().addHandler(log)
    try:
        yield log
    finally:
        logging.getLogger().removeHandler(log)


class Neighbour:
    """A viewer of a stream whose publisher goes on publishing, whatever others do meanwhile."""

    def __init__(self, stage: Stage, wire: Wire, stream_id: int) -> None:
        self._stage = stage
        self._stream_id = stream_id
        self._sent: list[float] = []
        self.wire = wire
        self._came = wire.heard = _Arrivals()

    @classmethod
    async def moved_in(cls, stage: Stage) -> Neighbour:
        opened = await stage.open("neighbour")
        wire, _ = await stage.watching("neighbour")
        return cls(stage, wire, opened["id"])

    async def watch_while(self, attack: Awaitable[Any], *, every: float = 0.02) -> Any:
        """Publish a row every so many seconds until the attack is over."""
        over = asyncio.Event()
        publishing = asyncio.ensure_future(self._publish(every, over))
        try:
            return await attack
        finally:
            over.set()  # cancelled, it might leave half a message behind
            await publishing

    async def _publish(self, every: float, over: asyncio.Event) -> None:
        while not over.is_set():
            offset = len(self._sent)
            self._sent.append(time.monotonic())
            await self._stage.publish(self._stream_id, offset, 1, str(offset).encode())
            await asyncio.sleep(every)

    async def has_published(self, rows: int) -> None:
        """Wait until there are so many rows."""
        while len(self._sent) < rows:
            await asyncio.sleep(0.01)

    async def has_seen_all(self) -> None:
        """See that every row came, in order, once, and nothing else was said."""
        wanted = [(n, 1, str(n).encode()) for n in range(len(self._sent))]
        await self._stage.settled(self.wire)
        assert len(wanted) > 3
        assert (seen := rows_of(self.wire)) == wanted, (len(seen), len(wanted), seen[-3:])
        assert not self.wire.closed and not self.wire.of("$gap") and not self.wire.of("$bye")

    def delays(self) -> list[float]:
        """List in order of size how many seconds each row took."""
        came: dict[int, float] = {}
        for moment, (_, event, args) in zip(self._came.moments, self.wire.heard, strict=True):
            if event == "$batch":
                for n in range(len(args) - 1):
                    came[args[0][1] + n] = moment
        return sorted(came[n] - sent for n, sent in enumerate(self._sent))


class _Arrivals(list[Any]):
    def __init__(self) -> None:
        super().__init__()
        self.moments: list[float] = []

    def append(self, item: Any) -> None:
        self.moments.append(time.monotonic())
        super().append(item)


class Counts:
    """What there is at one moment, to come back to."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._before = self._now()

    def _now(self) -> tuple[int, ...]:
        router, registry = self._server.sio.router, self._server.sio.registry.counts()
        rooms = sum(map(len, router.manager.rooms.values()))
        tables = (router.environ, router.manager.callbacks, router.tasks)
        # The neighbour's rows are kept: they are no sign of a leak.
        return (*router.statistics()[:3], *registry[:-1], rooms, *map(len, tables))

    async def are_back(self, seconds: float = 10.0) -> None:
        """Wait until everything is as it was."""
        deadline = time.monotonic() + seconds
        while (now := self._now()) != self._before:
            assert time.monotonic() < deadline, f"{now} where {self._before} was"
            await asyncio.sleep(0.01)


async def in_parallel(work: Callable[[int], Awaitable[None]], count: int, *, at_once: int) -> None:
    """Do something so many times, several at a time; the first failure ends it."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(worker() for _ in range(at_once)))
