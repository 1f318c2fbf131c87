"""The kernel's one background thread: the connection, kept up, and what goes over it.

The only crossing between threads. Whoever calls (``hurry``) writes to the socket itself if
nobody else does, since any other thread would first wait 5-20 ms for the GIL of a busy cell; the
link's thread sends what is left 16 ms later, reads, answers pings, reconnects and resumes.
Locks are taken in the order: the link's, then a stream's.

Source: protocol.md §2, §4, §5, §8.
"""

from __future__ import annotations

import logging
import random
import selectors
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, Code, NotConnected, NotPermitted, Refused, Superseded
from jupyter_sio.kernel.connection import Connection, Lost
from jupyter_sio.kernel.door import Door
from jupyter_sio.kernel.interrupts import HeldBack
from jupyter_sio.kernel.stream import Stream
from jupyter_sio.kernel.traffic import Answer, Outgoing, Traffic
from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.messages import (
    PROTOCOL,
    Bye,
    Close,
    Event,
    Message,
    Published,
    refusal,
)
from jupyter_sio.protocol.outbox import NEVER

log = logging.getLogger("jupyter_sio")
# Its own: a program that seeds `random` draws the same numbers with and without us.
_jitter = random.Random()


class Listener(Protocol):
    """Who is told what the server says; called in the link's thread, and must not wait."""

    def event_came(self, event: Event, answer: Callable[[dict[str, Any]], None]) -> None:
        """Handle a viewer's event; ``answer`` may be called from any thread, or never."""
        ...

    def link_ended(self, reason: Exception) -> None:
        """Note that the link gave up, and why."""
        ...


class Link:
    """One connection for all streams of one process, and whatever it takes to have one again."""

    def __init__(
        self,
        door: Door,
        listener: Listener,
        streams: Callable[[], Iterable[Stream]],
        *,
        bounds: limits.Link | None = None,
    ) -> None:
        self._door = door
        self._listener = listener
        self._bounds = bounds or limits.Link()
        self._namespace = f"/kernels/{door.kernel_id}"
        self._traffic = Traffic(self._namespace, streams, self._bounds)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._joined = False
        self._stopping = False
        self._retry_ms: int | None = None
        self._final: Refused | None = None
        self._ears, self._waker = socket.socketpair()
        self._ears.setblocking(False)
        self._waker.setblocking(False)
        self._woken = False
        self._sleeps_until = NEVER
        self._dead_after = self._bounds.door_seconds
        self._selector: selectors.BaseSelector | None = None
        self.settled = threading.Event()  # joined for the first time, or given up
        self.alive = True  # connected, or trying
        self.error: Exception | None = None  # why it last failed
        self.reconnects = 0
        self.crashes = 0
        self._thread = threading.Thread(target=self._run, name="jupyter_sio link", daemon=True)

    # --- from any thread ---------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether the namespace is joined right now."""
        return self._joined

    @property
    def idle(self) -> bool:
        """Whether no event is left to be sent, and no stream to be ended."""
        return self._traffic.idle

    @property
    def events_dropped(self) -> int:
        """How many events found the queue full."""
        return self._traffic.dropped

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def hurry(self) -> None:
        """Send what can be sent without waiting, here and now if nobody else is at it."""
        if not self._joined:
            return
        with HeldBack():
            if not self._lock.acquire(blocking=False):
                self.wake()
                return
            try:
                left = self._pump(monotonic())
            except OSError:
                left = True  # the thread finds out why, and reconnects
            finally:
                self._lock.release()
            if left:
                self.wake()

    def expect(self, due: float) -> None:
        """Look around at ``due``, a moment on the monotonic clock, or before."""
        if due < self._sleeps_until:
            self.wake()

    def wake(self) -> None:
        """Have the thread look around."""
        if not self._woken:
            self._woken = True
            with suppress(OSError):
                self._waker.send(b"\0")

    def send(
        self,
        message: Message,
        *,
        answer: Answer | None = None,
        after: Sequence[tuple[Stream, str, int]] = (),
    ) -> Outgoing | None:
        """Queue an event, and send it if it may go; as ``Traffic.queue``."""
        outgoing = self._traffic.queue(message, answer=answer, after=after)
        self.hurry()
        return outgoing

    def end(self, stream: Stream) -> None:
        """Send what is left of a closed stream, then end it."""
        self._traffic.end(stream)
        self.hurry()

    def stop(self, timeout: float) -> None:
        """Say goodbye and end the thread; waits ``timeout`` at most. May be called again."""
        self._stopping = True
        self.wake()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(max(0.0, timeout))

    def abandon(self) -> None:
        """Drop everything in a forked child: the thread is not there, the sockets the parent's."""
        self.alive = False
        self._joined = False
        self._stopping = True
        self._lock = threading.Lock()
        connection, self._connection = self._connection, None
        for held in (self._ears, self._waker, self._selector, connection):
            if held is not None:
                with suppress(OSError):
                    held.close()  # the child's descriptor; what the parent holds stays open

    # --- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        attempt = 0
        while not self._stopping and self._final is None:
            since = monotonic()
            self._try()
            attempt = 1 if monotonic() - since > self._bounds.healthy_seconds else attempt + 1
            if self._final is None:
                self._rest(attempt)
        self._end()

    def _try(self) -> None:
        """Connect once and stay for as long as it lasts; say in ``error`` what ended it."""
        try:
            self._serve()
        except Refused as exc:
            self._final = exc
        except (OSError, BadRequest) as exc:
            self.error = exc
        except Exception as exc:
            self.error = exc
            self.crashes += 1
            log.exception("%s: the link failed; it connects again", self._namespace)
        finally:
            self._disconnect()

    def _rest(self, attempt: int) -> None:
        """Wait before the next attempt: full jitter, or what the server asked for."""
        bounds = self._bounds
        longest = min(bounds.retry_cap_seconds, bounds.retry_seconds * 2 ** min(attempt - 1, 9))
        asked, self._retry_ms = self._retry_ms, None
        seconds = _jitter.random() * longest if asked is None else asked / 1000
        until = monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._ears, selectors.EVENT_READ)
            while not self._stopping and (left := until - monotonic()) > 0:
                selector.select(left)
                self._hear()

    def _disconnect(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            self._joined = False
            if connection is not None:
                connection.close()
            unanswered = self._traffic.pause()
        for answer in unanswered:
            answer(None)

    def _end(self) -> None:
        self.alive = False
        self.error = self._final or NotConnected("the link was stopped")
        self._traffic.stop()
        self._ears.close()
        self._waker.close()
        if not self._stopping:
            self._listener.link_ended(self.error)
        self.settled.set()  # last: who waits for it, in connect(), says by itself what is wrong

    def _serve(self) -> None:
        """Connect, join, and stay until something ends it, by raising; returns when stopped."""
        connection = Connection.open(self._door)
        with self._lock:
            self._connection = connection
        self._dead_after = self._bounds.door_seconds
        join_by = monotonic() + self._bounds.door_seconds
        with selectors.DefaultSelector() as self._selector:
            self._selector.register(self._ears, selectors.EVENT_READ)
            self._selector.register(connection, selectors.EVENT_READ)
            while not self._stopping:
                # First, not after a sleep: the greeting may have come with the handshake.
                self._receive(connection)
                self._look_after(connection, join_by)
                self._sleep(self._selector, connection)
        with self._lock, suppress(OSError):
            connection.leave(self._namespace)

    def _look_after(self, connection: Connection, join_by: float) -> None:
        """Flush what is due, send what can be sent, and see whether the server is still there."""
        # Until the next sleep is reckoned, whoever has something new must wake us.
        self._sleeps_until = NEVER
        now = monotonic()
        for stream in self._traffic.all_streams():
            stream.seal_due(now)
        with self._lock:
            if connection.torn:
                raise Lost("a message was cut in two")
            connection.flush()
            self._pump(now)
        if now - connection.heard_at > self._dead_after:
            raise Lost(f"nothing came from the server for {self._dead_after:.1f} s")
        if not self._joined and now > join_by:
            raise Lost("the server did not let us join in time")

    def _pump(self, now: float) -> bool:
        """Send while the OS takes it; True if something is left. The caller has the lock."""
        connection = self._connection
        if connection is None or not self._joined:
            return False
        if connection.backlog < self._bounds.backlog_bytes:
            for frames in self._traffic.messages(now):
                connection.send(frames)
                if connection.backlog >= self._bounds.backlog_bytes:
                    break
        return connection.backlog > 0

    def _sleep(self, selector: selectors.BaseSelector, connection: Connection) -> None:
        now = monotonic()
        due = [stream.due() for stream in self._traffic.all_streams()]
        until = min([now + self._bounds.sweep_seconds, *due])
        self._sleeps_until = until
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.backlog else 0)
        selector.modify(connection, events)
        selector.select(max(0.0, until - now))
        self._hear()

    def _hear(self) -> None:
        self._woken = False
        with suppress(BlockingIOError):
            self._ears.recv(64)

    # --- what the server says ----------------------------------------------------------------

    def _receive(self, connection: Connection) -> None:
        with self._lock:
            messages = connection.receive()
        for received in messages:
            self._take(connection, received)
        if connection.lost is not None:
            raise connection.lost

    def _take(self, connection: Connection, received: socketio.Received) -> None:
        if isinstance(received, socketio.Event):
            self._take_event(connection, received)
        elif isinstance(received, socketio.Answered):
            self._traffic.answered(received.ack_id, received.args)
        elif isinstance(received, socketio.Pinged):
            self._say(connection, [socketio.PONG])
        elif isinstance(received, socketio.Opened):
            self._dead_after = received.ping_interval + received.ping_timeout
            self._say(connection, [socketio.connect(self._namespace, {"protocol": PROTOCOL})])
        elif isinstance(received, socketio.Joined):
            self._have_joined()
        elif isinstance(received, socketio.JoinRefused):
            raise _refusal(received.data.get("code"), received.message)
        else:
            raise Lost("the server took the namespace")

    def _say(self, connection: Connection, frames: Sequence[socketio.Frame]) -> None:
        with self._lock:
            connection.send(frames)

    def _have_joined(self) -> None:
        self.reconnects += self.settled.is_set()
        self._joined = True
        self.error = None
        self.settled.set()

    def _take_event(self, connection: Connection, event: socketio.Event) -> None:
        if event.name == Published.name:
            published = Published.parse(event.args)
            while (compact := self._traffic.published(published)) is not None:
                self._say(connection, self._traffic.frames(compact))
        elif event.name == Event.name:
            self._listener.event_came(
                Event.parse(event.args),
                lambda value: self._reply(connection, event.ack_id, value),
            )
        elif event.name == Close.name:
            self._reply(connection, event.ack_id, self._dismiss(Close.parse(event.args).id))
        elif event.name == Bye.name:
            self._take_bye(Bye.parse(event.args))

    def _dismiss(self, id_: int) -> dict[str, Any]:
        """Close a stream at the wish of a viewer who may; returns what is answered."""
        stream = self._traffic.stream(id_)
        if stream is None or stream.closed:
            return refusal(Code.BAD_REQUEST, f"no stream with id {id_} is open")
        log.warning(
            "a viewer closed stream %r: its rows are counted from now on, not sent; "
            "sio.stream(%r) begins it anew", stream.name, stream.name
        )  # fmt: skip
        stream.dismiss()
        return {"ok": True}

    def _take_bye(self, bye: Bye) -> None:
        if bye.code >= Code.BAD_CREDENTIAL:
            raise _final(bye.code, bye.reason)
        self._retry_ms = bye.retry_ms
        raise Lost(f"the server said goodbye: {bye.reason} ({bye.code})")

    def _reply(self, connection: Connection, ack_id: int | None, value: dict[str, Any]) -> None:
        """Answer a viewer's event, from any thread; over no other connection than it came by."""
        if ack_id is None:
            return
        try:
            frames = socketio.answer(self._namespace, ack_id, [value])
        except BadRequest as exc:
            told = refusal(Code.INTERNAL_ERROR, str(exc))
            frames = socketio.answer(self._namespace, ack_id, [told])
        with HeldBack(), self._lock, suppress(OSError):
            if self._connection is connection:
                connection.send(frames)


def _refusal(code: object, message: str) -> Exception:
    if isinstance(code, int) and code >= Code.BAD_CREDENTIAL:
        return _final(code, message)
    return Lost(f"the server did not let us join: {message}")


_KINDS: dict[int, type[Refused]] = {
    Code.CLAIM_SUPERSEDED: Superseded,
    Code.BAD_CREDENTIAL: NotPermitted,
    Code.NOT_PERMITTED: NotPermitted,
    Code.LINK_REVOKED: NotPermitted,
}


def _final(code: int, reason: str) -> Refused:
    return _KINDS.get(code, Refused)(reason, code=code)
