"""Signals, held back for the fraction of a millisecond in which their handlers could do harm."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

Handler = Callable[[int, "FrameType | None"], Any]

# Those whose handlers may raise: Ctrl-C, time limits, shutting down, batch systems' warnings.
_SIGNALS = tuple(
    int(getattr(signal, name))
    for name in ("SIGINT", "SIGALRM", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGVTALRM")
    if hasattr(signal, name)
)

# ``signal``'s own functions look each handler up among enums, 4-8 µs a time; what they call
# takes 0.02-0.3 µs (CPython 3.11 on a busy machine).
_get: Callable[[int], Any] = _signal.getsignal
_set: Callable[[int, Any], Any] = _signal.signal


class HeldBack:
    """A ``with`` block within which Python's signal handlers wait; they run right after it.

    ``push`` may be interrupted anywhere: it is one ``list.append``. Taking a lock, numbering
    payloads and writing to the socket may not, and happen in the same thread. Blocking a signal
    would not help, as another thread would take it and Python still run its handler in this one.
    Handlers run in the main thread alone: in others this does nothing, nor does a block within
    a block.
    """

    __slots__ = ("_handlers", "_held", "_raised")
    _outermost: HeldBack | None = None  # of the main thread

    def __init__(self) -> None:
        self._handlers: list[tuple[int, Handler]] = []
        self._held: list[tuple[Handler, int, FrameType | None]] = []
        self._raised: BaseException | None = None

    def __enter__(self) -> HeldBack:
        if _in_main_thread() and HeldBack._outermost is None:
            try:
                HeldBack._outermost = self
                for number in _SIGNALS:
                    handler = _get(number)
                    if callable(handler):
                        self._handlers.append((number, handler))
                        _set(number, self._hold)
            except BaseException:  # of a handler not held back yet
                self.release()
                raise
        return self

    def _hold(self, number: int, frame: FrameType | None) -> None:
        for held, handler in self._handlers:
            if held == number:
                self._held.append((handler, number, frame))

    def release(self) -> None:
        """Put the handlers back, whatever one of them does meanwhile."""
        while True:
            try:
                for number, handler in self._handlers:
                    _set(number, handler)
                HeldBack._outermost = None
                return
            except BaseException as exc:  # noqa: BLE001 - of a handler that is back already
                self._raised = exc

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if HeldBack._outermost is not self or not _in_main_thread():
            return
        self.release()
        for handler, number, frame in self._held:
            handler(number, frame)
        if self._raised is not None:
            raise self._raised


def _in_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def release_inherited() -> None:
    """Put the handlers back in a forked child, if the parent was within a block just then."""
    if HeldBack._outermost is not None:
        HeldBack._outermost.release()
