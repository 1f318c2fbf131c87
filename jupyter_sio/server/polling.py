"""The transport of a session that is polled: packets gathered until somebody asks for them.

Source: Engine.IO protocol v4 (payloads, ``noop``); protocol.md §5 (`$bye`), §7 (outstanding, 3008).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tornado.iostream import IOStream, StreamClosedError
from tornado.web import HTTPError, RequestHandler

from jupyter_sio.errors import BadRequest
from jupyter_sio.limits import MAX_POLLED_PACKETS
from jupyter_sio.server.frames import Packet, unframed
from jupyter_sio.server.transport import reset, tune

_SEPARATOR = "\x1e"
_NOOP = b"6"
# What need not be waited for at the end: Engine.IO's own CLOSE and PING.
_IDLE_WORDS = {Packet(False, b"1"), Packet(False, b"2")}
# How long a poll may wait while a WebSocket is probed: the client cannot change over before.
_PROBING_SECONDS = 0.1


class PollingTransport:
    """Gathers packets, and hands them to the next poll; one that finds none waits for some.

    Attributes
    ----------
    on_overfull : Callable
        Called once when more than ``most_bytes`` are gathered.
    on_gone : Callable
        Called when the client was handed the last that was to be said, or will not come for it.
    on_ended : Callable
        Called when the session is over and nothing is kept for its client any more.
    """

    name = "polling"
    upgrades: Sequence[str] = ("websocket",)

    def __init__(self, most_bytes: int) -> None:
        self.closed = False
        self.on_overfull: Callable[[], None] = _nothing
        self.on_gone: Callable[[], None] = _nothing
        self.on_ended: Callable[[], None] = _nothing
        self._most_bytes = most_bytes
        self._overfull = False
        self._gathered: deque[Packet] = deque()
        self._gathered_bytes = 0
        self._waiting: asyncio.Future[None] | None = None  # a poll that found nothing
        self._streams: dict[IOStream, int] = {}  # of polls, with what had left each before
        self._left = 0
        self._moved: asyncio.Future[None] | None = None
        self._probing = False
        self._closing = False

    # --- what a session asks of it -----------------------------------------------------------

    @property
    def outstanding(self) -> int:
        """Bytes that are gathered, or that the operating system has not taken yet."""
        return self._gathered_bytes + sum(len(stream._write_buffer) for stream in self._streams)

    @property
    def left(self) -> int:
        """Bytes that it has taken, ever."""
        begun = self._streams.items()
        return self._left + sum(stream._total_write_done_index - start for stream, start in begun)

    def write(self, frames: Sequence[bytes]) -> None:
        """Gather packets; a poll that waits takes them with all else of this turn of the loop."""
        if self.closed:
            return
        for packet in unframed(frames):
            self._gathered.append(packet)
            self._gathered_bytes += len(packet.data)
        self._release()
        if self._gathered_bytes > self._most_bytes and not self._overfull:
            self._overfull = True
            asyncio.get_running_loop().call_soon(self.on_overfull)

    def mark(self, below: int) -> asyncio.Future[None] | None:
        """Find what is done when some of it has left: it is fewer than before then."""
        if self.outstanding < below:
            return None
        if self._moved is None:
            self._moved = asyncio.get_running_loop().create_future()
        return self._moved

    def close(self, code: int | None, reason: str | None) -> None:
        """Let the poll that waits have the last word, or the next one if there is more to say."""
        self._closing = True
        if self.polled:
            self._release()
        elif code is None or _IDLE_WORDS.issuperset(self._gathered):
            self.on_gone()

    def reset(self) -> None:
        """Cut whatever connection there is."""
        for stream in list(self._streams):
            reset(stream)
        self.on_gone()

    def ended(self) -> None:
        """Drop everything."""
        self.closed = True
        self.hand_over()
        self.on_ended()

    # --- what a client asks of it ------------------------------------------------------------

    @property
    def polled(self) -> bool:
        """Whether a poll waits, or is about to take what came."""
        return self._waiting is not None

    async def answer(self, handler: RequestHandler) -> None:
        """Answer a poll, at once or as soon as there is something to say."""
        connection: Any = handler.request.connection
        stream: IOStream = connection.stream
        self._streams[stream] = stream._total_write_done_index
        tune(stream)
        try:
            await self._something()
            if not self.closed:
                await _finish(handler, self._take())
            elif not stream.closed():
                raise HTTPError(400, "the session is over")
        finally:
            self._left += stream._total_write_done_index - self._streams.pop(stream)
            self._tell_moved()
        if self._closing and not self._gathered:
            self.on_gone()

    def probe(self, probing: bool) -> None:
        """Let polls come back soon, or not any more: a WebSocket is probed."""
        self._probing = probing
        self._release()

    def hand_over(self) -> Sequence[Packet]:
        """Give away what is gathered: something else carries it, or nothing."""
        gathered, self._gathered, self._gathered_bytes = self._gathered, deque(), 0
        self._release()
        self._tell_moved()
        return gathered

    async def _something(self) -> None:
        if self._gathered or self._closing or self.closed:
            return
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({self._waiting}, timeout=_PROBING_SECONDS if self._probing else None)
        finally:
            self._waiting = None

    def _take(self) -> bytes:
        if not self._gathered:
            return _NOOP
        most = min(len(self._gathered), MAX_POLLED_PACKETS)
        taken = [self._gathered.popleft() for _ in range(most)]
        self._gathered_bytes -= sum(len(packet.data) for packet in taken)
        return payload(taken)

    def _release(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _tell_moved(self) -> None:
        moved, self._moved = self._moved, None
        if moved is not None and not moved.done():
            moved.set_result(None)


async def _finish(handler: RequestHandler, body: bytes) -> None:
    handler.set_header("Content-Type", "text/plain; charset=UTF-8")
    handler.set_header("Cache-Control", "no-store")
    handler.set_header("X-Content-Type-Options", "nosniff")
    try:
        await handler.finish(body)
    except StreamClosedError:
        return  # tornado tells on_close


def _nothing() -> None:
    """Do nothing."""


# --- payloads ----------------------------------------------------------------------------------


def payload(packets: Iterable[Packet]) -> bytes:
    """Write packets as the body of an answer: binary ones in base64, and separators between."""
    return _SEPARATOR.encode().join(
        b"b" + base64.b64encode(data) if binary else data for binary, data in packets
    )


def packets(body: bytes) -> Iterator[str | bytes]:
    """Read the packets of a request's body, one after the other.

    Raises
    ------
    BadRequest
        If it is no text, or what should be base64 is not.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise BadRequest("a payload is valid Unicode") from exc
    begin = 0
    while begin <= len(text):  # never all at once: a million separators are no million objects
        end = text.find(_SEPARATOR, begin)
        end = len(text) if end < 0 else end
        packet = text[begin:end]
        yield _binary(packet[1:]) if packet[:1] == "b" else packet
        begin = end + 1


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadRequest("a binary packet of a payload is base64") from exc
