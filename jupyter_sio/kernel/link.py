"""The kernel's one background thread: the connection, kept up; streams and events over it.

The only crossing between threads. Whoever calls (``hurry``) writes to the socket itself if
nobody else does, since any other thread would first wait 5–20 ms for the GIL of a busy cell; the
link's thread sends what is left 16 ms later, reads, answers pings, reconnects and resumes.
Locks are taken in the order: the link's, then a stream's.

Source: protocol.md §2, §4, §5, §8.
"""

from __future__ import annotations

import itertools
import logging
import random
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, Code, NotConnected, NotPermitted, Refused, Superseded
from jupyter_sio.kernel.connection import Connection, Lost
from jupyter_sio.kernel.door import Door
from jupyter_sio.kernel.interrupts import HeldBack
from jupyter_sio.kernel.stream import Stream
from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.messages import (
    PROTOCOL,
    Bye,
    Close,
    Compact,
    Event,
    Message,
    Published,
    ViewerNotice,
)
from jupyter_sio.protocol.outbox import NEVER

log = logging.getLogger("jupyter_sio")

Answer = Callable[["list[Any] | None"], None]


class Listener(Protocol):
    """Who is told what the server says; called in the link's thread, and must not wait."""

    def event_came(self, event: Event, answer: Callable[[dict[str, Any]], None]) -> None:
        """Handle a viewer's event; ``answer`` may be called from any thread, or never."""
        ...

    def viewer_came(self, notice: ViewerNotice) -> None:
        """Note that a viewer joined or left."""
        ...

    def link_ended(self, reason: Exception) -> None:
        """Note that the link gave up, and why."""
        ...


@dataclass(slots=True)
class Outgoing:
    """An event that waits to be sent: after the rows pushed before it."""

    frames: list[socketio.Frame]
    ack_id: int | None = None
    answer: Answer | None = None
    after: Sequence[tuple[Stream, str, int]] = ()
    cancelled: bool = False

    def may_go(self) -> bool:
        """Whether the rows that it comes after went out."""
        return all(stream.sent(epoch, offset) for stream, epoch, offset in self.after)


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
        self._streams = streams
        self._bounds = bounds or limits.Link()
        self._namespace = f"/kernels/{door.kernel_id}"
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._joined = False
        self._queue: deque[Outgoing] = deque()
        self._ending: list[Stream] = []
        self._answers: dict[int, Answer] = {}
        self._ids = itertools.count()
        self._turn = 0
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
        self.events_dropped = 0
        self.reconnects = 0
        self.crashes = 0
        self._thread = threading.Thread(target=self._run, name="jupyter_sio link", daemon=True)

    # --- from any thread ---------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether the namespace is joined right now."""
        return self._joined

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def hurry(self) -> None:
        """Send what can be sent without waiting, here and now if nobody else is at it."""
        with HeldBack():
            if self._joined and self._lock.acquire(blocking=False):
                try:
                    self._pump(monotonic())
                except OSError:
                    self._woken = False  # the thread finds out and reconnects
                    self.wake()
                finally:
                    self._lock.release()
            elif self._joined:
                self.wake()
            connection = self._connection
            if connection is not None and connection.backlog:
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
        """Queue an event; None if the queue is full, and the event dropped.

        ``answer`` is called in the link's thread: with the answer's arguments, or with None if
        the connection ends first.

        Raises
        ------
        BadRequest
            If it cannot travel.
        """
        ack_id = None if answer is None else next(self._ids)
        frames = socketio.event(self._namespace, message.name, message.args(), ack_id=ack_id)
        # A bytearray may change before it is written.
        frames = [frame if isinstance(frame, str) else bytes(frame) for frame in frames]
        size, most = sum(map(len, frames)), limits.Inbound.kernel_bytes
        if size > most:
            raise BadRequest(f"an event may have {most} bytes; got {size}: use a stream")
        if len(self._queue) >= self._bounds.queued_events or not self.alive:
            self.events_dropped += 1
            return None
        outgoing = Outgoing(frames, ack_id, answer, after)
        self._queue.append(outgoing)
        self.hurry()
        return outgoing

    def end(self, stream: Stream) -> None:
        """Send what is left of a closed stream, then ``$close``."""
        self._ending.append(stream)
        self.hurry()

    def ending(self, name: str) -> bool:
        """Whether a closed stream of that name still has rows to send."""
        return any(stream.name == name for stream in self._ending)

    def idle(self) -> bool:
        """Whether nothing is left to be sent or ended."""
        return not self._queue and not self._ending

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
        while not self._stopping:
            since = monotonic()
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
            if self._final is not None:
                break
            attempt = 0 if monotonic() - since > self._bounds.healthy_seconds else attempt + 1
            self._rest(attempt)
        self._end()

    def _rest(self, attempt: int) -> None:
        """Wait before the next attempt: full jitter, or what the server asked for."""
        bounds = self._bounds
        if self._retry_ms is not None:
            seconds, self._retry_ms = self._retry_ms / 1000, None
        else:
            longest = min(bounds.retry_cap_seconds, bounds.retry_seconds * 2 ** min(attempt - 1, 9))
            seconds = random.random() * longest
        until = monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._ears, selectors.EVENT_READ)
            while not self._stopping and (left := until - monotonic()) > 0:
                selector.select(left)
                self._hear()

    def _end(self) -> None:
        self.alive = False
        error: Exception = self._final or NotConnected("the link was stopped")
        self.error = error
        while self._queue:
            self._fail(self._queue.popleft().answer)
        for stream in [*self._streams(), *self._ending]:
            stream.changed()
        self._ending.clear()
        self._ears.close()
        self._waker.close()
        if not self._stopping:
            self._listener.link_ended(error)
        self.settled.set()  # last: who waits for it in connect() says by itself what is wrong

    def _disconnect(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            self._joined = False
            if connection is not None:
                connection.close()
            for stream in [*self._streams(), *self._ending]:
                stream.pause()
            answers, self._answers = self._answers, {}
        for answer in answers.values():
            self._fail(answer)

    @staticmethod
    def _fail(answer: Answer | None) -> None:
        if answer is not None:
            answer(None)

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
                # First, not after a sleep: the server's greeting may have come with its handshake.
                for received in self._received(connection):
                    self._take(connection, received)
                if connection.lost is not None:
                    raise connection.lost
                self._look_after(connection, join_by)
                self._sleep(self._selector, connection)
        with self._lock, suppress(OSError):
            connection.leave(self._namespace)

    def _look_after(self, connection: Connection, join_by: float) -> None:
        """Flush what is due, send what can be sent, and see whether the server is still there."""
        # Until the next sleep is reckoned, whoever has something new must wake us.
        self._sleeps_until = NEVER
        now = monotonic()
        for stream in [*self._streams(), *self._ending]:
            stream.seal_due(now)
        with self._lock:
            if connection.torn:
                raise Lost("a message was cut in two")
            self._pump(now)
            connection.flush()
        if now - connection.heard_at > self._dead_after:
            raise Lost(f"nothing came from the server for {self._dead_after:.1f} s")
        if not self._joined and now > join_by:
            raise Lost("the server did not let us join in time")

    def _sleep(self, selector: selectors.BaseSelector, connection: Connection) -> None:
        now = monotonic()
        due = [stream.due() for stream in [*self._streams(), *self._ending]]
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

    def _received(self, connection: Connection) -> list[socketio.Received]:
        with self._lock:
            return connection.receive()

    # --- what the server says ----------------------------------------------------------------

    def _take(self, connection: Connection, received: socketio.Received) -> None:
        if isinstance(received, socketio.Event):
            self._take_event(connection, received)
        elif isinstance(received, socketio.Answered):
            answer = self._answers.pop(received.ack_id, None)
            if answer is not None:
                answer(received.args)
        elif isinstance(received, socketio.Pinged):
            with self._lock:
                connection.send([socketio.PONG])
        elif isinstance(received, socketio.Opened):
            self._dead_after = received.ping_interval + received.ping_timeout
            with self._lock:
                connection.send([socketio.connect(self._namespace, {"protocol": PROTOCOL})])
        elif isinstance(received, socketio.Joined):
            self._have_joined()
        elif isinstance(received, socketio.JoinRefused):
            raise _refusal(received.data.get("code"), received.message)
        else:
            raise self._final or Lost("the server took the namespace")

    def _have_joined(self) -> None:
        self.reconnects += self.settled.is_set()
        self._joined = True
        self.error = None
        self.settled.set()

    def _take_event(self, connection: Connection, event: socketio.Event) -> None:
        if event.name == Published.name:
            self._published(Published.parse(event.args))
        elif event.name == Event.name:
            self._listener.event_came(
                Event.parse(event.args),
                lambda value: self._reply(connection, event.ack_id, value),
            )
        elif event.name == ViewerNotice.name:
            self._listener.viewer_came(ViewerNotice.parse(event.args))
        elif event.name == Bye.name:
            self._take_bye(Bye.parse(event.args))

    def _take_bye(self, bye: Bye) -> None:
        if bye.code >= Code.BAD_CREDENTIAL:
            self._final = _final(bye.code, bye.reason)
            raise self._final
        self._retry_ms = bye.retry_ms
        raise Lost(f"the server said goodbye: {bye.reason} ({bye.code})")

    def _published(self, published: Published) -> None:
        for stream in [*self._streams(), *self._ending]:
            if stream.id == published.id:
                while (compact := stream.published(published.next)) is not None:
                    self._tell(compact)
                return

    def _tell(self, message: Compact) -> None:
        with self._lock:
            if self._connection is not None and self._joined:
                self._connection.send(self._frames(message))

    def _reply(self, connection: Connection, ack_id: int | None, value: dict[str, Any]) -> None:
        """Answer a viewer's event, from any thread; not over another connection than it came by."""
        if ack_id is None:
            return
        try:
            frames = socketio.answer(self._namespace, ack_id, [value])
        except BadRequest as exc:
            told = {"ok": False, "code": int(Code.INTERNAL_ERROR), "message": str(exc)}
            frames = socketio.answer(self._namespace, ack_id, [told])
        with HeldBack(), self._lock, suppress(OSError):
            if self._connection is connection:
                connection.send(frames)

    # --- what we say -------------------------------------------------------------------------

    def _pump(self, now: float) -> None:
        """Send while the OS takes it. The caller has the lock."""
        connection = self._connection
        if connection is None or not self._joined:
            return
        while connection.backlog < self._bounds.backlog_bytes:
            frames = self._next_message(now)
            if frames is None:
                return
            connection.send(frames)

    def _next_message(self, now: float) -> list[socketio.Frame] | None:
        while self._queue and self._queue[0].cancelled:
            self._queue.popleft()
        if self._queue and self._queue[0].may_go():
            outgoing = self._queue.popleft()
            if outgoing.ack_id is not None and outgoing.answer is not None:
                self._answers[outgoing.ack_id] = outgoing.answer
            return outgoing.frames
        for stream in self._in_turn():
            if stream.id is None:
                if not stream.opening:
                    return self._opening(stream)
            elif (publish := stream.take(now)) is not None:
                return self._frames(publish)
            elif stream.closed and stream.finished:
                return self._closing(stream)
        return None

    def _in_turn(self) -> Iterator[Stream]:
        """Go round the streams, each time from the next one, so that none starves the others."""
        ending = list(self._ending)
        held_up = {stream.name for stream in ending}
        streams = ending + [stream for stream in self._streams() if stream.name not in held_up]
        self._turn += 1
        for i in range(len(streams)):
            yield streams[(self._turn + i) % len(streams)]

    def _frames(self, message: Message, answer: Answer | None = None) -> list[socketio.Frame]:
        ack_id = None
        if answer is not None:
            ack_id = next(self._ids)
            self._answers[ack_id] = answer
        return socketio.event(self._namespace, message.name, message.args(), ack_id=ack_id)

    def _opening(self, stream: Stream) -> list[socketio.Frame]:
        message = stream.open()

        def opened(args: list[Any] | None) -> None:
            if args is not None:
                self._opened(stream, message.epoch, args[0] if args else None)

        return self._frames(message, opened)

    def _opened(self, stream: Stream, epoch: str, answer: Any) -> None:
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            found = answer if isinstance(answer, dict) else {}
            # It stays ``opening``, so nobody asks again over this connection; its rows wait.
            log.warning("stream %r was refused: %s", stream.name, found.get("message", answer))
            return
        if not stream.opened(epoch, int(answer["id"]), int(answer["next"])):
            log.warning(
                "stream %r begins anew: the server holds other rows than we sent", stream.name
            )
            stream.restart()

    def _closing(self, stream: Stream) -> list[socketio.Frame]:
        assert stream.id is not None
        message = Close(stream.id)
        stream.ending()

        def closed(args: list[Any] | None) -> None:
            if args is not None:
                with suppress(ValueError):
                    self._ending.remove(stream)
                stream.ended()

        return self._frames(message, closed)


def _refusal(code: object, message: str) -> Exception:
    if isinstance(code, int) and code >= Code.BAD_CREDENTIAL:
        return _final(code, message)
    return Lost(f"the server did not let us join: {message}")


def _final(code: int, reason: str) -> Refused:
    kind = {
        Code.CLAIM_SUPERSEDED: Superseded,
        Code.BAD_CREDENTIAL: NotPermitted,
        Code.NOT_PERMITTED: NotPermitted,
        Code.LINK_REVOKED: NotPermitted,
    }.get(Code(code) if code in set(Code) else Code.BAD_REQUEST, Refused)
    return kind(reason, code=code)
