"""The tasks that run other people's handlers: kept, bounded, and their failures counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")

# A client can bring a handler to fail as often as it likes; the log must not fill the disk.
_LOG_LINES, _LOG_SECONDS = 50, 10


class TookTooLong(Exception):
    """A handler was stopped; it is counted and logged already."""


class Tasks:
    """Every task of one router; owned by the server's loop.

    Parameters
    ----------
    log : logging.Logger
        Hears of failures, 50 in 10 seconds at most.
    count : callable
        Counts ``failed_handlers`` and ``slow_handlers``.
    """

    def __init__(self, log: logging.Logger, count: Callable[[str], None]) -> None:
        self._log = log
        self._count = count
        self._tasks: set[asyncio.Future[Any]] = set()
        self._log_until = 0.0
        self._log_lines = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def run(self, work: Awaitable[T]) -> asyncio.Future[T]:
        """Start a task and keep it until it is done."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def bounded(self, what: str, work: Awaitable[T], *, seconds: float) -> T:
        """Wait for a handler, but not for one that swallows its cancellation.

        Raises
        ------
        TookTooLong
            After ``seconds``; the handler is cancelled.
        """
        task = self.run(work)
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            late = not task.done()
            task.cancel()
        if late:
            self._count("slow_handlers")
            self.say(logging.WARNING, "%s took too long and was stopped", what)
            raise TookTooLong
        if task.cancelled():  # not by us: it would read as if the client had gone
            raise RuntimeError("a handler let CancelledError out")
        return task.result()

    def guard(self, what: str, call: Callable[..., None], *args: object) -> None:
        """Call what is not ours; what it raises is counted and logged."""
        try:
            call(*args)
        except Exception:  # noqa: BLE001 - a border
            self.failed(what)

    def failed(self, what: str) -> None:
        """Count and log the exception that is being handled."""
        self._count("failed_handlers")
        self.say(logging.ERROR, "%s failed", what, trace=True)

    def say(self, level: int, text: str, *args: object, trace: bool = False) -> None:
        """Log what a client can bring about, within a bound."""
        now = time.monotonic()
        if now >= self._log_until:
            self._log_until, self._log_lines = now + _LOG_SECONDS, 0
        self._log_lines += 1
        if self._log_lines <= _LOG_LINES:
            self._log.log(level, text, *args, exc_info=trace)
        elif self._log_lines == _LOG_LINES + 1:
            self._log.warning("what follows within %d s is counted, not logged", _LOG_SECONDS)

    async def stop(self, grace: float) -> None:
        """Give every task so many seconds, then as many again to be cancelled in."""
        for cancel in (False, True):
            if cancel:
                for task in self._tasks:
                    task.cancel()
            if self._tasks:
                await asyncio.wait(set(self._tasks), timeout=grace)
