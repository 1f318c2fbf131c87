"""One connection: Engine.IO, back-pressure both ways, signs of life, and how it ends.

What is sent is handed to the session's transport at once, in the order of the calls.

Source: protocol.md §5 (malformed; ``$bye``), §7 (outstanding, 3008, signs of life).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from engineio.async_socket import AsyncSocket
from tornado.web import RequestHandler

from jupyter_sio import limits as bounds
from jupyter_sio.errors import BadRequest, Code
from jupyter_sio.protocol.grants import Access
from jupyter_sio.server import frames
from jupyter_sio.server.packets import StrictPacket
from jupyter_sio.server.transport import Transport

if TYPE_CHECKING:
    from jupyter_sio.server.clients import Client

# Read from one connection before the others have their turn: tornado's own turns are 256 messages.
_TURN_MESSAGES = 32
# Below it reading costs less than looking at the clock is worth.
_LARGE_TEXT = 16 * bounds.KIB

# Why a client is gone, in python-socketio's words.
CLIENT_DISCONNECT = "client disconnect"
SERVER_DISCONNECT = "server disconnect"
PING_TIMEOUT = "ping timeout"
TRANSPORT_CLOSE = "transport close"
TRANSPORT_ERROR = "transport error"


class Switchboard(Protocol):
    """What a session needs to know of the router."""

    eio: Any
    limits: bounds.Limits
    log: logging.Logger
    packet_class: type[StrictPacket]

    def received(self, session: Session, packet: StrictPacket, size: int) -> None:
        """Act on one packet; ``BadRequest`` closes the connection with 3501."""

    def ended(self, session: Session, reason: str) -> None:
        """Take leave of every client of a connection that is over; called once."""

    def inbound_bytes(self, session: Session) -> int:
        """How large a message, or the attachments of one event together, may be."""

    def data_due(self, session: Session) -> bool:
        """Whether somebody waits to send more than is in the buffer."""

    def count(self, what: str, by: int = 1) -> None:
        """Count what happened under a field of ``Statistics``."""


class Session(AsyncSocket):  # type: ignore[misc]
    """One connection; owned by the server's loop.

    It stands in ``router.eio.sockets``, so that python-socketio's ``emit``, ``call``, ``session``,
    ``disconnect`` and ``transport`` find what they look for.

    Attributes
    ----------
    sid : str
        Engine.IO's id; the clients on it have their own.
    access : Access
        What the door granted.
    handler : RequestHandler
        The request that it last came by.
    transport : Transport
        What carries its frames.
    clients : dict[str, Client]
        By namespace: joined, and pending ones whose CONNECT is still being decided.
    departed : deque[str]
        Namespaces left last: what a client sent there before it knew is ignored.
    leaving : dict[str, Future]
        By namespace: disconnect handlers that are still running.
    queued_bytes, full_queues : int
        Of events that wait for handlers.
    calls : int
        Answers that handlers wait for: reading may not be held for ever then.
    looked_at, answered_at : float
        When its identity was asked for last, and when there was an answer; seconds of the loop.
    """

    def __init__(
        self,
        router: Switchboard,
        transport: Transport,
        handler: RequestHandler,
        access: Access,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(router.eio, router.eio.generate_id())
        self.connected = True
        self.carry_by(transport, handler)
        self.access = access
        self.environ = environ
        self.clients: dict[str, Client] = {}
        self.departed: deque[str] = deque(maxlen=router.limits.connections.namespaces)
        self.leaving: dict[str, asyncio.Future[None]] = {}
        self.queued_bytes = 0
        self.full_queues = 0
        self.calls = 0
        self.looked_at = self.answered_at = asyncio.get_running_loop().time()
        self._router = router
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()

        self._on_writable: Callable[[], None] | None = None
        self._abort_timer: asyncio.TimerHandle | None = None

        self._held: asyncio.Future[None] | None = None
        self._resting = False
        self._read_in_turn = 0
        self._unfinished: StrictPacket | None = None
        self._unfinished_bytes = 0
        self._attachments_until = 0.0

        self._was_outstanding = False
        self._progress_at = now
        self._next_ping = now + router.limits.transport.ping_interval
        self._unanswered: float | None = None
        self._alone_since: float | None = now

    def carry_by(self, transport: Transport, handler: RequestHandler) -> None:
        """Send by this transport from now on."""
        self.transport = transport
        self.handler = handler
        self.upgraded = transport.name == "websocket"  # eio.transport() reads this
        self._left_bytes = 0

    # --- out -------------------------------------------------------------------------------

    def greet(self) -> None:
        """Open Engine.IO; python-engineio's own greeting tells whole seconds only."""
        transport = self._router.limits.transport
        greeting = {
            "sid": self.sid,
            "upgrades": list(self.transport.upgrades),
            "pingInterval": round(transport.ping_interval * 1000),
            "pingTimeout": round(transport.ping_timeout * 1000),
            "maxPayload": self._router.inbound_bytes(self),
        }
        self.write(frames.engine(f"0{json.dumps(greeting)}"))

    def write(self, frames: Sequence[bytes]) -> None:
        """Write frames at once, in order; never raises, never blocks; nothing once closed."""
        if not self.closing:
            self.transport.write(frames)

    async def send(self, pkt: Any) -> None:
        """Write an Engine.IO packet: what python-socketio calls."""
        encoded = pkt.encode()
        binary = isinstance(encoded, bytes | bytearray)
        self.write(frames.attachment(bytes(encoded)) if binary else frames.engine(encoded))

    @property
    def outstanding(self) -> int:
        """Bytes that the operating system has not taken yet."""
        return self.transport.outstanding

    @property
    def writable(self) -> bool:
        """Whether streams may send more. Source: protocol.md §7."""
        return self.outstanding < self._router.limits.transport.outstanding_bytes

    def on_writable(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once as soon as the session is writable; a later call replaces it."""
        watched, self._on_writable = self._on_writable is not None, callback
        if not watched:
            self._watch()

    def _watch(self) -> None:
        mark = self.transport.mark(self._router.limits.transport.outstanding_bytes)
        if mark is None:
            self._loop.call_soon(self._tell_writable)
        else:
            mark.add_done_callback(lambda _: self._tell_writable())

    def _tell_writable(self) -> None:
        if self.closing:
            self._on_writable = None
        elif not self.writable:  # more was written meanwhile
            self._watch()
        elif self._on_writable is not None:
            callback, self._on_writable = self._on_writable, None
            callback()

    # --- in --------------------------------------------------------------------------------

    def receive(self, message: str | bytes) -> Awaitable[None] | None:
        """Take one Engine.IO packet: text, or the bytes of a binary one.

        The door reads no further until what is returned is done: a full queue of events, or a
        client that asks without reading the answers, is held back by TCP.
        """
        if self.closing:
            return None
        self._unanswered = None
        try:
            self._read(message)
        except BadRequest as exc:
            self._malformed(str(exc))
        if self._crowded():
            return self._hold()
        self._read_in_turn += 1
        if self._read_in_turn < _TURN_MESSAGES:
            return None
        self._read_in_turn = 0
        return asyncio.sleep(0)

    def too_large(self, size: int) -> None:
        """End the connection for a message above its limit, which the door did not take in."""
        if self.closing:
            return
        self._router.count("oversized")
        most = self._router.inbound_bytes(self)
        self._malformed(f"a message may have {most} bytes; got {size}")

    def _malformed(self, reason: str) -> None:
        if not self.closing:
            self._router.count("malformed")
            self.bye(Code.BAD_REQUEST, reason)

    def _read(self, message: str | bytes) -> None:
        size, most = len(message), self._router.inbound_bytes(self)
        if size > most:
            self.too_large(size)
            return
        if isinstance(message, bytes):
            self._read_attachment(message, most)
        elif message[:1] == "4":
            self._read_packet(message[1:])
        elif message[:1] == "1":
            self._close(CLIENT_DISCONNECT)
        elif message[:1] != "3":
            raise BadRequest(f"no Engine.IO packet of a client begins like this: {message[:20]!r}")

    def _read_packet(self, text: str) -> None:
        if self._unfinished is not None:
            raise BadRequest("text came where an attachment was due")
        if not text:
            raise BadRequest("an Engine.IO message carries a Socket.IO packet; got none")
        packet = self._decoded(text)
        if packet.attachment_count:
            self._unfinished, self._unfinished_bytes = packet, 0
            wait = self._router.limits.inbound.attachment_seconds
            self._attachments_until = self._loop.time() + wait
        else:
            self._router.received(self, packet, _weight(text))

    def _decoded(self, text: str) -> StrictPacket:
        if len(text) < _LARGE_TEXT or self.access.publisher:
            return self._router.packet_class(encoded_packet=text)
        began = time.thread_time()
        packet = self._router.packet_class(encoded_packet=text)
        took = time.thread_time() - began
        # A viewer's megabyte of JSON takes 0.1 s, in which nobody else is served.
        self._resting = True
        self._loop.call_later(took / self._router.limits.inbound.reading_share - took, self._rested)
        return packet

    def _rested(self) -> None:
        self._resting = False
        self.stir()

    def _read_attachment(self, data: bytes, most: int) -> None:
        packet = self._unfinished
        if packet is None:
            raise BadRequest("an attachment came that no event announced")
        self._unfinished_bytes += len(data)
        if self._unfinished_bytes > most:
            self._router.count("oversized")
            raise BadRequest(f"the attachments of one event may have {most} bytes together")
        if packet.add_attachment(data):
            self._unfinished = None
            self._router.received(self, packet, self._unfinished_bytes)

    def _crowded(self) -> bool:
        """Whether reading waits: for handlers, unless one of them waits for an answer, or us."""
        if self.closing:
            return False
        if self._resting:
            return True
        if self.outstanding > self._router.limits.transport.event_outstanding_bytes:
            return True
        if self.calls:
            return False
        return self.full_queues > 0 or (
            self.queued_bytes >= self._router.limits.inbound.queued_bytes
        )

    async def _hold(self) -> None:
        self._router.count("held")
        began = self._loop.time()
        while self._crowded():
            self._held = self._loop.create_future()
            mark = self.transport.mark(self._router.limits.transport.event_outstanding_bytes)
            if mark is not None:
                mark.add_done_callback(lambda _: self.stir())
            await self._held
        self._held = None
        self._attachments_until += self._loop.time() - began

    def stir(self) -> None:
        """Look again whether reading may go on: something that held it has changed."""
        if self._held is not None and not self._held.done():
            self._held.set_result(None)

    # --- life ------------------------------------------------------------------------------

    def joined(self) -> None:
        """Note that a namespace was joined."""
        self._alone_since = None

    def left(self) -> None:
        """Note that a namespace was left; without any, 3502 comes near."""
        if not any(client.joined for client in self.clients.values()):
            self._alone_since = self._loop.time()

    def tick(self, now: float) -> None:
        """Do what is due: ping, or end a connection that is dead, stalled or lonely."""
        if self.closing:
            return
        if self.transport.closed:  # seen here first where reading is held
            self.finished()
            return
        checks = (self._check_stall, self._check_attachments, self._check_company, self._check_ping)
        for check in checks:
            check(now)
            if self.closing:
                return

    def excuse(self, seconds: float) -> None:
        """Move every deadline: our own loop slept, and nobody else is to blame for that."""
        self._progress_at += seconds
        self._attachments_until += seconds
        if self._unanswered is not None:
            self._unanswered += seconds
        if self._alone_since is not None:
            self._alone_since += seconds

    def _check_stall(self, now: float) -> None:
        left = self.transport.left
        outstanding = self.outstanding > 0
        if left > self._left_bytes:
            self._left_bytes, self._progress_at = left, now
            if self._was_outstanding:
                # What had been stuck went out, so the other side has taken something.
                self._unanswered = None
        elif not (outstanding or self._router.data_due(self)):
            self._progress_at = now
        elif now - self._progress_at > self._router.limits.transport.stall_seconds:
            self._router.count("stalled")
            self.bye(Code.TOO_SLOW, "too slow: nothing could be sent for a while")
        self._was_outstanding = outstanding

    def _check_attachments(self, now: float) -> None:
        if self._unfinished is None or self._held is not None:  # they may wait where we do not read
            return
        if now > self._attachments_until:
            self._malformed("the attachments of an event did not come")

    def _check_company(self, now: float) -> None:
        # A CONNECT that is still being decided has its own bound, handler_seconds.
        if self._alone_since is None or self.clients:
            return
        if now - self._alone_since > self._router.limits.connections.connect_seconds:
            self._router.count("unconnected")
            self.bye(Code.NO_CONNECT, "no namespace was joined")

    def _check_ping(self, now: float) -> None:
        transport = self._router.limits.transport
        if self._held is not None:  # a PONG may wait behind what we do not read
            self._unanswered = None
        if self._unanswered is not None:
            if now - self._unanswered > transport.ping_timeout:
                self._router.count("ping_timeouts")
                self._close(PING_TIMEOUT)
        elif now >= self._next_ping:
            self._unanswered, self._next_ping = now, now + transport.ping_interval
            self.write(frames.engine("2"))

    # --- the end ---------------------------------------------------------------------------

    def bye(self, code: int, reason: str, retry_ms: int | None = None) -> None:
        """Say why in each namespace, and close. Source: protocol.md §5, last bullet of "Server".

        ``retry_ms`` is for codes below 3500.
        """
        if self.closing:
            return
        word = {"code": int(code), "reason": reason, "retry_ms": retry_ms}
        for client in self.clients.values():
            if client.joined:
                self.write(frames.event(client.namespace, "$bye", [word]))
        self._router.log.info("closed connection %s: %d %s", self.sid, code, reason)
        self._close(SERVER_DISCONNECT, code=int(code), text=reason)

    def abort(self) -> None:
        """Cut the connection without a word."""
        if not self.closing:
            self._end(TRANSPORT_ERROR)
        self.transport.reset()

    def finished(self) -> None:
        """Note that the connection is gone: tornado's ``on_close``."""
        if self._abort_timer is not None:
            self._abort_timer.cancel()
            self._abort_timer = None
        if not self.closing:
            self._end(TRANSPORT_CLOSE)
        self.transport.ended()

    def end_alone(self, code: int, reason: str) -> None:
        """Close a connection whose last namespace the server took."""
        if not self.closing:
            self._close(SERVER_DISCONNECT, code=int(code), text=reason)

    async def close(
        self, wait: bool = True, abort: bool = False, reason: str | None = None
    ) -> None:
        """Close, as python-engineio calls it."""
        if not self.closing:
            self._close(reason or SERVER_DISCONNECT)

    def data_due(self) -> bool:
        """Whether bytes, or rows, wait to be sent."""
        return self.outstanding > 0 or self._router.data_due(self)

    def _close(self, why: str, *, code: int | None = None, text: str | None = None) -> None:
        if why != CLIENT_DISCONNECT:
            self.write(frames.engine("1"))
        wait = self._router.limits.transport.abort_seconds
        self._abort_timer = self._loop.call_later(wait, self.transport.reset)
        self._end(why)
        self.transport.close(code, text)

    def _end(self, why: str) -> None:
        # `closed` comes later: until the disconnect handlers have run, session() and environ last.
        self.closing = True
        self._on_writable = None
        self._unfinished = None
        self.stir()
        self._router.ended(self, why)


def _weight(text: str) -> int:
    """Estimate the bytes of memory that a packet takes once it is read.

    Measured with CPython 3.11: a list 96, a dict with a member 210, a number or short text in
    either up to 60 bytes; on the wire they take 3 to 8.
    """
    if len(text) < _LARGE_TEXT:
        return len(text)
    containers, members = text.count("[") + text.count("{"), text.count(":")
    return len(text) + 96 * containers + 112 * members + 56 * text.count(",")
