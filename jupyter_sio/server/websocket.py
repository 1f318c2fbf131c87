"""tornado's WebSocket, with a word for whoever sends a message that is too large.

Source: RFC 6455 §5.2; protocol.md §5 (3501).
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from tornado.websocket import WebSocketProtocol13, _WebSocketParams

from jupyter_sio import limits

_TOO_BIG = 1009
_MASK_BYTES = 4
_PART_BYTES = 64 * limits.KIB
# Who sends more than this is read slowly, until the connection is cut.
_FAST_BYTES = 16 * limits.MIB
_SLOW_SECONDS = 0.05


class Endpoint(Protocol):
    """What is told of a message that is not taken in."""

    def on_too_large(self, size: int) -> None:
        """Close the connection; called before the message has come."""


class _TooLarge(Exception):
    pass


class BoundedProtocol(WebSocketProtocol13):
    """Tells ``on_too_large`` of a message above the limit, and throws it away as it comes.

    tornado sends close code 1009 and cuts the connection at once: a client that is still writing
    hears of it by a reset only. Here it is let finish, within the time that any closing may take.
    """

    def __init__(self, handler: Endpoint, params: _WebSocketParams) -> None:
        super().__init__(handler, False, params)  # type: ignore[arg-type]
        self._endpoint = handler
        self._head = b""

    async def _receive_frame(self) -> None:
        self._head = b""
        try:
            await super()._receive_frame()
        except _TooLarge:
            await self._skip()

    async def _read_bytes(self, n: int) -> bytes:
        data = await super()._read_bytes(n)
        if n <= 8:  # the header comes in pieces of 2, then 2 or 8 bytes
            self._head += data
        return data

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close; tornado's own 1009 comes from within ``_receive_frame``, and is ours to say."""
        if code == _TOO_BIG:
            raise _TooLarge
        super().close(code, reason)

    async def _skip(self) -> None:
        size = int.from_bytes(self._head[2:], "big") if len(self._head) > 2 else self._head[1] & 127
        self._endpoint.on_too_large(size + len(self._fragmented_message_buffer or b""))
        left, skipped = size + _MASK_BYTES, 0
        while left > 0:
            part = await self.stream.read_bytes(min(left, _PART_BYTES), partial=True)
            left -= len(part)
            skipped += len(part)
            # A read that finds data does not yield.
            await asyncio.sleep(0 if skipped < _FAST_BYTES else _SLOW_SECONDS)
