"""Giving up a connection on which nothing is heard any more."""

from __future__ import annotations

import asyncio
from types import TracebackType

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from jupyter_sio.viewer.door import Unreachable


class Listener:
    """Reads a socket, and aborts it when a frame is waited for longer than ``patience`` seconds.

    A timer does what ``asyncio.wait_for`` would: before Python 3.12 that one loses a cancellation
    which comes together with a frame, and its task can then no longer be stopped.
    """

    def __init__(self, socket: ClientConnection, patience: float) -> None:
        self._patience = patience
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._waiting_since: float | None = None  # None: nobody waits, so nothing is overdue
        self._gave_up = False

    def __enter__(self) -> Listener:
        self._timer = self._loop.call_later(self._patience, self._look)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()

    def wait(self, patience: float) -> None:
        """Wait ``patience`` seconds from now on."""
        self._timer.cancel()
        self._patience = patience
        self._timer = self._loop.call_later(patience, self._look)

    async def next(self) -> str | bytes:
        """Read one frame. Raises ``Unreachable`` if none came, or what websockets raises."""
        self._waiting_since = self._loop.time()
        try:
            return await self._socket.recv()
        except ConnectionClosed as exc:
            if self._gave_up:
                raise Unreachable(f"nothing was heard for {self._patience:g} s") from exc
            raise
        finally:
            self._waiting_since = None

    def _look(self) -> None:
        now = self._loop.time()
        due = self._patience + (now if self._waiting_since is None else self._waiting_since)
        if due > now:
            self._timer = self._loop.call_at(due, self._look)
        else:
            self._gave_up = True
            self._socket.transport.abort()
