"""What runs when a viewer sends an event: handlers in one worker thread, or on the main thread.

Never in the link's thread: a handler may take as long as it likes.

Source: protocol.md §5 (user events), api.md §1 (``on``, ``drain``, ``wait_for``).
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from jupyter_sio import limits
from jupyter_sio.errors import Code
from jupyter_sio.kernel.viewers import Viewer
from jupyter_sio.protocol.messages import Event, refusal

log = logging.getLogger("jupyter_sio")

Function = Callable[..., Any]
Reply = Callable[[dict[str, Any]], None]
Thread = Literal["main"]


@dataclass(frozen=True, slots=True)
class Handler:
    """A function for one event, and where it runs."""

    function: Function
    on_main: bool
    wants_viewer: bool

    @classmethod
    def of(cls, function: Function, thread: Thread | None) -> Handler:
        """Look at a function once."""
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return cls(function, thread == "main", wants_viewer=False)
        wants = any(p.kind is p.VAR_KEYWORD or p.name == "viewer" for p in parameters)
        return cls(function, thread == "main", wants)


@dataclass(frozen=True, slots=True)
class Call:
    """One event on its way to its handler."""

    handler: Handler
    event: Event
    reply: Reply

    def run(self) -> None:
        """Run the handler, and answer with what it returns."""
        viewer = Viewer.of(self.event.viewer)
        extra = {"viewer": viewer} if self.handler.wants_viewer else {}
        try:
            value = self.handler.function(*self.event.arguments, **extra)
            if inspect.isawaitable(value):
                value = _finish(value)
        except Exception as exc:
            log.exception("the handler of %r failed", self.event.event)
            self.reply(_failure(exc, viewer))
        else:
            self.reply({"ok": True, "value": value})


def _finish(awaitable: Any) -> Any:
    async def finish() -> Any:
        return await awaitable

    return asyncio.run(finish())


def _failure(exc: Exception, viewer: Viewer) -> dict[str, Any]:
    # Tracebacks and their texts show what is inside the kernel: for those who own it alone.
    text = f"{type(exc).__name__}: {exc}" if "manage" in viewer.grants else "the handler failed"
    return refusal(Code.INTERNAL_ERROR, text)


class Waiting:
    """One ``wait_for`` in progress."""

    def __init__(self, event: str) -> None:
        self.event = event
        self.arguments: tuple[Any, ...] | None = None
        self._lock = threading.Lock()
        self._lock.acquire()

    def came(self, arguments: tuple[Any, ...]) -> None:
        """Hand over what was sent."""
        self.arguments = arguments
        self._lock.release()

    def wait(self, timeout: float | None) -> tuple[Any, ...]:
        """Wait for it; Ctrl-C interrupts.

        Raises
        ------
        TimeoutError
        """
        if not self._lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            raise TimeoutError(f"no viewer sent {self.event!r} within {timeout} s")
        assert self.arguments is not None
        return self.arguments


class Handlers:
    """All handlers of one publisher, its worker thread, and the calls that wait for either."""

    def __init__(self, bounds: limits.Link | None = None) -> None:
        self._bounds = bounds or limits.Link()
        self._handlers: dict[str, Handler] = {}
        self._waiting: list[Waiting] = []
        self.refused = 0  # events for which there was no room
        self.renew()

    def renew(self) -> None:
        """Begin with no thread and nothing queued: at birth, and in a forked child."""
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._calls: queue.Queue[Call] = queue.Queue(self._bounds.queued_calls)
        self._main_calls: deque[Call] = deque()

    def add(self, event: str, function: Function, thread: Thread | None) -> None:
        """Set the handler of an event; a later one takes the earlier one's place."""
        self._handlers[event] = Handler.of(function, thread)

    def wait_for(self, event: str, timeout: float | None) -> tuple[Any, ...]:
        """Wait until a viewer sends ``event``; returns its arguments.

        Raises
        ------
        TimeoutError
        """
        waiting = Waiting(event)
        self._waiting.append(waiting)
        try:
            return waiting.wait(timeout)
        finally:
            with suppress(ValueError):
                self._waiting.remove(waiting)

    def take(self, event: Event, reply: Reply) -> None:
        """Have an event handled; called in the link's thread."""
        awaited = [waiting for waiting in list(self._waiting) if waiting.event == event.event]
        for waiting in awaited:
            with suppress(ValueError):
                self._waiting.remove(waiting)
                waiting.came(event.arguments)
        handler = self._handlers.get(event.event)
        if handler is not None:
            self._queue(Call(handler, event, reply))
        elif awaited:
            reply({"ok": True, "value": None})
        else:
            reply(refusal(Code.NO_SUCH_HANDLER, f"the kernel has no handler for {event.event!r}"))

    def _queue(self, call: Call) -> None:
        waiting = len(self._main_calls) if call.handler.on_main else self._calls.qsize()
        if waiting >= self._bounds.queued_calls:
            self.refused += 1
            call.reply(refusal(Code.TOO_MANY_MESSAGES, "the kernel has too many events waiting"))
        elif call.handler.on_main:
            self._main_calls.append(call)
            _when_idle(self.drain)
        else:
            self._calls.put(call)
            self._start_worker()

    def _start_worker(self) -> None:
        with self._lock:
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._work, name="jupyter_sio handlers", daemon=True
                )
                self._worker.start()

    def _work(self) -> None:
        while True:
            self._calls.get().run()

    def drain(self) -> int:
        """Run what waits for the main thread, in the caller's; returns how many."""
        count = 0
        with suppress(IndexError):
            while True:
                self._main_calls.popleft().run()
                count += 1
        return count


def _when_idle(function: Callable[[], object]) -> None:
    """Have ``function`` run on the kernel's main loop, which no cell blocks then."""
    loop = _main_loop()
    if loop is not None:
        loop.add_callback(function)


def _main_loop() -> Any:
    """Find ipykernel's loop; None outside of a kernel, where ``drain`` is the only way."""
    kernelapp = sys.modules.get("ipykernel.kernelapp")
    if kernelapp is None or not kernelapp.IPKernelApp.initialized():
        return None
    kernel = getattr(kernelapp.IPKernelApp.instance(), "kernel", None)
    return getattr(kernel, "io_loop", None)
