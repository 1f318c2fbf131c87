"""Ctrl-C, held back for the fraction of a millisecond in which it could do harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

Handler = Callable[[int, "FrameType | None"], Any]


class HeldBack:
    """A ``with`` block within which SIGINT does nothing; its handler runs right after.

    ``push`` may be interrupted anywhere: it is one ``list.append``. Numbering payloads and
    writing to the socket are not, and happen in the same thread. Blocking the signal would not
    help, as another thread would take it and Python still run the handler in this one. Other
    threads than the main one are never interrupted: there it does nothing.

    A handler that raises for another signal (``signal.alarm``) is not held back; see
    ``Connection.torn`` for what becomes of a frame that it cuts.
    """

    __slots__ = ("_handler", "_held")

    def __init__(self) -> None:
        self._handler: Handler | None = None
        self._held: tuple[int, FrameType | None] | None = None

    def __enter__(self) -> HeldBack:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                self._handler = handler
                signal.signal(signal.SIGINT, self._hold)
        return self

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._held = (number, frame)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        handler, self._handler = self._handler, None
        if handler is None:
            return
        signal.signal(signal.SIGINT, handler)
        if self._held is not None:
            handler(*self._held)


def release_inherited() -> None:
    """Put SIGINT's handler back in a forked child, if the parent was within a block just then."""
    block = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    if isinstance(block, HeldBack):
        block.__exit__(None, None, None)
