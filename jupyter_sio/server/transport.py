"""What carries a session's frames to its client: a WebSocket here, long-polling in ``polling.py``.

Source: protocol.md §5 (`$bye`), §7 (outstanding).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketHandler

from jupyter_sio import limits

# The kernel hands the rest back to us: what waits there cannot be counted nor replaced.
_NOTSENT_LOWAT_BYTES = 128 * limits.KIB
_TCP = (socket.AF_INET, socket.AF_INET6)
# RFC 6455 §5.5: a control frame carries 125 bytes, two of them the code.
_CLOSE_REASON_BYTES = 123


class Transport(Protocol):
    """One way to a client; owned by the server's loop. What it carries are frames, ready-made.

    Attributes
    ----------
    name : str
        As Engine.IO names it.
    upgrades : Sequence[str]
        The names of those a session may change to.
    """

    name: str
    upgrades: Sequence[str]

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""

    @property
    def outstanding(self) -> int:
        """Bytes that the operating system has not taken yet."""

    @property
    def left(self) -> int:
        """Bytes that it has taken, ever."""

    def write(self, frames: Sequence[bytes]) -> None:
        """Write frames, in order; never raises, never blocks; nothing once closed."""

    def mark(self, below: int) -> asyncio.Future[None] | None:
        """Find what is done when fewer than ``below`` bytes may be outstanding; None: they are."""

    def close(self, code: int | None, reason: str | None) -> None:
        """Let go what was written, say goodbye, and close."""

    def reset(self) -> None:
        """Cut the connection without a word, whatever was written."""

    def ended(self) -> None:
        """Note that the session is over and the connection gone."""


class WebSocketTransport:
    """Frames written to tornado's stream at once: there is no queue and no writer task beside it.

    What lies in the stream's buffer is counted, never guessed.
    """

    name = "websocket"
    upgrades: Sequence[str] = ()

    def __init__(self, handler: WebSocketHandler) -> None:
        assert handler.ws_connection is not None and handler.ws_connection.stream is not None
        self.stream: IOStream = handler.ws_connection.stream
        self.written = 0
        self._handler = handler
        self._sent_at_once = 0  # past tornado's buffer and its count
        self._marks: deque[tuple[int, asyncio.Future[None]]] = deque()
        tune(self.stream)

    @property
    def closed(self) -> bool:
        """Whether the socket is closed; tornado tells ``on_close`` in its own time."""
        return self.stream.closed()

    @property
    def outstanding(self) -> int:
        """Bytes that the operating system has not taken yet."""
        return len(self.stream._write_buffer or ())  # None once it is closed

    @property
    def left(self) -> int:
        """Bytes that it has taken, ever."""
        return self.stream._total_write_done_index + self._sent_at_once

    def write(self, frames: Sequence[bytes]) -> None:
        """Write frames at once, in order; never raises, never blocks; nothing once closed."""
        stream = self.stream
        if stream.closed():
            return
        try:
            for frame in frames:
                self.written += len(frame)
                if stream._write_buffer or not self._send_now(frame):
                    self._marks.append((self.written, stream.write(frame)))
        except StreamClosedError:
            return
        while self._marks and self._marks[0][1].done():
            self._marks.popleft()

    def _send_now(self, frame: bytes) -> bool:
        """Give a frame to the operating system; what it does not take goes into the buffer.

        For a viewer that keeps up this is half the cost of tornado's write(), which makes a
        future and a buffer of every frame.
        """
        try:
            sent = self.stream.write_to_fd(memoryview(frame)) or 0
        except OSError:
            return False  # the socket is full; or it is broken: tornado's write() sees, and closes
        self._sent_at_once += sent
        if sent < len(frame):
            self._marks.append((self.written, self.stream.write(memoryview(frame)[sent:])))
        return True

    def mark(self, below: int) -> asyncio.Future[None] | None:
        """Find the earliest write after which fewer than ``below`` bytes are outstanding."""
        if self.outstanding < below:
            return None
        for end, future in self._marks:
            if self.written - end < below and not future.done():
                return future
        return None

    def close(self, code: int | None, reason: str | None) -> None:
        """Write a close frame behind what was written; the client closes then."""
        if reason is not None:
            reason = reason.encode()[:_CLOSE_REASON_BYTES].decode(errors="ignore")
        self._handler.close(code, reason)

    def reset(self) -> None:
        """Cut the connection."""
        reset(self.stream)

    def ended(self) -> None:
        """Forget what waits: nobody asks for it any more."""
        self._marks.clear()


def tune(stream: IOStream) -> None:
    """Have what is written leave at once, and what is not taken come back to be counted."""
    stream.set_nodelay(True)
    lowat = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if lowat is not None and stream.socket.family in _TCP:
        with contextlib.suppress(OSError):  # named here, unknown to the system
            stream.socket.setsockopt(socket.IPPROTO_TCP, lowat, _NOTSENT_LOWAT_BYTES)


def reset(stream: IOStream) -> None:
    """Close with RST: what the peer does not take must not stay in the kernel for minutes."""
    if stream.closed():
        return
    if stream.socket.family in _TCP:
        at_once = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    stream.close()
