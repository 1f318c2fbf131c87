"""Rows arrive in order, never twice, and never with a silent hole. Source: protocol.md §2."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Any

import numpy

from tests.integration.conftest import Stage, new_epoch
from tests.wire import Wire

ROWS = 1_000_000
KIB = 1024


def rows(offset: int, count: int) -> bytes:
    """Encode rows so that each says which one it is: eight bytes."""
    return numpy.arange(offset, offset + count, dtype="<u8").tobytes()


class Ledger:
    """What one viewer made of one epoch, by protocol.md's rules and nothing else.

    ``next`` is the first row it has neither got nor been told as a gap.
    """

    def __init__(self, start: int) -> None:
        self.start = self.next = start
        self.rows = 0
        self.gaps: list[tuple[int, int, str]] = []

    def batch(self, head: list[int], payloads: list[bytes]) -> None:
        _, offset, _, *counts = head
        for count, payload in zip(counts, payloads, strict=True):
            assert payload == rows(offset, count), "rows changed on their way"
            assert offset <= self.next, f"a silent hole: {self.next} … {offset - 1}"
            end = offset + count
            self.rows += max(0, end - max(self.next, offset))
            self.next = max(self.next, end)
            offset = end

    def gap(self, start: int, end: int, why: str) -> None:
        assert start == self.next < end, "a gap begins where the rows end"
        self.gaps.append((start, end, why))
        self.next = end

    def complete(self, end: int) -> bool:
        """Whether rows and gaps cover ``start … end-1``."""
        missing = sum(end - start for start, end, _ in self.gaps)
        return self.next == end and self.rows + missing == end - self.start


class Reader:
    """A viewer that keeps a ledger of each epoch, and resumes where it was."""

    def __init__(self, stage: Stage, **wanted: Any) -> None:
        self._stage = stage
        self._wanted = wanted
        self._read = 0
        self.wire: Wire
        self.epoch = ""
        self.ledgers: list[Ledger] = []
        self.resumed: list[bool] = []

    @property
    def ledger(self) -> Ledger:
        return self.ledgers[-1]

    async def connect(self) -> None:
        since = {"since": [self.epoch, self.ledger.next]} if self.ledgers else {}
        self._read = 0
        self.wire, answer = await self._stage.watching(**{**self._wanted, **since})
        self.resumed.append(answer["recovered"])
        self._begin(answer)

    def _begin(self, told: dict[str, Any]) -> None:
        if told["recovered"]:
            assert (told["epoch"], told["start"]) == (self.epoch, self.ledger.next)
        else:
            self.epoch = told["epoch"]
            self.ledgers.append(Ledger(told["start"]))

    async def catch_up(self) -> int:
        """Take what came meanwhile, and acknowledge it; returns ``next``."""
        new = self.wire.heard[self._read :]
        self._read += len(new)
        for _, name, args in new:
            if name == "$batch":
                self.ledger.batch(args[0], args[1:])
                if "window" in self._wanted:
                    await self.wire.tell(
                        self._stage.ns, "$ack", [args[0][0], args[0][1] + sum(args[0][3:])]
                    )
            elif name == "$gap":
                self.ledger.gap(*args[0][1:])
            elif name == "$reset":
                self._begin(args[0])
        return self.ledger.next

    async def cut(self) -> None:
        """Lose the connection, with whatever was on its way."""
        await self.catch_up()
        self.wire._connection.protocol.stream.close()
        await self.wire.until_closed()

    async def reach(self, end: int) -> None:
        for _ in range(2_000):
            if await self.catch_up() >= end:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.ledger.next} of {end}; {self.ledger.gaps[-3:]}")


class Source:
    """The publisher: payloads of mixed sizes, small runs compacted once acknowledged."""

    def __init__(self, stage: Stage, opened: dict[str, Any], *, seed: int) -> None:
        self._stage = stage
        self._id = opened["id"]
        self._random = random.Random(seed)
        self._small: deque[tuple[int, int]] = deque()
        self.next = 0
        self.payloads = 0

    async def push(self, count: int) -> None:
        await self._stage.publish(self._id, self.next, count, rows(self.next, count))
        self.next += count
        self.payloads += 1

    async def burst(self) -> None:
        """Push a run of small payloads and one larger, and sometimes compact the small ones."""
        begin = self.next
        for _ in range(64):
            await self.push(self._random.choice((1, 1, 1, 2, 7)))
        end = self.next
        await self.push(self._random.choice((10, 5_000, 40_000)))
        self._small.append((begin, end))
        await self._compact()

    async def _compact(self) -> None:
        """Send what was acknowledged of the small ones again, as one."""
        publisher = self._stage.publisher
        reports = publisher.of("$published")
        while self._small and reports and self._small[0][1] <= reports[-1][0][1]:
            begin, end = self._small.popleft()
            if (begin + end) % 2:
                head = [self._id, begin, 1, end - begin]
                await publisher.tell(self._stage.ns, "$compact", head, rows(begin, end - begin))

    def lose(self, count: int) -> None:
        """Skip rows, as a kernel whose outbox was full."""
        self.next += count


async def test_within_the_history_every_viewer_gets_a_million_rows_and_no_gap(stage: Stage):
    source = Source(stage, await stage.open(), seed=1)
    early, windowed, late, restless = (
        Reader(stage),
        Reader(stage, window=64 * KIB),
        Reader(stage),
        Reader(stage),
    )
    for reader in (early, windowed, restless):
        await reader.connect()
    cuts = 0
    while source.next < ROWS - 50_000:
        await source.burst()
        await windowed.catch_up()
        if source.next > ROWS * (cuts + 1) / 25 and cuts < 20:
            await restless.cut()
            await source.burst()  # it misses something
            await restless.connect()
            cuts += 1
        if source.next > ROWS / 2 and not late.ledgers:
            await late.connect()
    await source.push(ROWS - source.next)
    assert (cuts, source.payloads > 1_000) == (20, True)
    for reader in (early, windowed, late, restless):
        await reader.reach(ROWS)
        (ledger,) = reader.ledgers
        assert ledger.complete(ROWS) and (ledger.rows, ledger.gaps) == (ROWS, [])
    assert restless.resumed == [False] + [True] * 20


async def test_beyond_the_history_rows_and_gaps_are_still_the_whole(stage: Stage):
    source = Source(stage, await stage.open(history={"bytes": 128 * KIB}), seed=2)
    readers = {
        "every": Reader(stage),
        "slow": Reader(stage, window=4 * KIB),
        "latest": Reader(stage, mode="latest", window=4 * KIB),
        "restless": Reader(stage),
    }
    for reader in readers.values():
        await reader.connect()
    for turn in range(40):
        await source.burst()
        if turn % 7 == 0:
            source.lose(123)
        if turn % 5 == 0:
            for reader in readers.values():
                await reader.catch_up()
        if turn % 10 == 9:
            await readers["restless"].cut()
        if turn % 10 == 2 and turn > 10:
            await readers["restless"].connect()
    await readers["restless"].connect()
    await source.push(1)
    source.lose(5)
    await source.push(1)
    for name, reader in readers.items():
        await reader.reach(source.next)
        assert all(ledger.complete(ledger.next) for ledger in reader.ledgers), name
    why = {
        name: {gap[2] for ledger in r.ledgers for gap in ledger.gaps} for name, r in readers.items()
    }
    assert all("publisher_overflow" in why[name] for name in ("every", "slow", "restless"))
    assert "evicted" in why["slow"]
    assert "conflated" in why["latest"]
    assert False in readers["restless"].resumed[1:]


async def test_each_epoch_is_whole_when_streams_are_born_anew(stage: Stage):
    readers = [Reader(stage), Reader(stage, window=2 * KIB)]
    ends: dict[str, int] = {}
    for seed in range(8):
        if seed % 3 == 2:
            await stage.claim(pid=100 + seed)
        epoch = new_epoch()
        source = Source(stage, await stage.open(epoch=epoch), seed=seed)
        if not seed:
            for reader in readers:
                await reader.connect()
        await source.burst()
        for reader in readers:
            await reader.catch_up()
        await source.burst()
        ends[epoch] = source.next
    for reader in readers:
        await reader.reach(source.next)
        assert len(reader.ledgers) == 8
        assert all(
            ledger.complete(end) for ledger, end in zip(reader.ledgers, ends.values(), strict=True)
        )
    held = [gap for ledger in readers[1].ledgers for gap in ledger.gaps]
    assert {why for _, _, why in held} == {"reset"}
    assert not [gap for ledger in readers[0].ledgers for gap in ledger.gaps]
