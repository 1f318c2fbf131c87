"""The router: python-socketio's AsyncServer with dynamic namespaces, strict and bounded.

python-socketio is not forked. What of it is used beyond its documentation, each guarded by
``tests/server/test_upstream_hooks.py``:

==========================================  =======================================================
hook                                        used for
==========================================  =======================================================
``serializer=`` takes a class, kept as      strict packets (``packets.py``); ``Packet.__init__``
``packet_class``                            calls ``decode`` and keeps what it returns as
                                            ``attachment_count``, and makes ``attachments``
``client_manager=``, ``Manager.emit``,      ``rooms.py``: pending clients hear nothing, one encoding
``get_participants``, ``basic_*``,          for all, leaving costs what was joined;
``is_connected``, ``get_rooms``             ``rooms[namespace][room][sid] = eio_sid``
``Manager.eio_sid_from_sid``                ``get_session``, ``save_session``, ``transport`` stand
                                            on it
``eio.sockets``, ``eio._get_socket``        our sessions stand there until their disconnect handlers
                                            have run: ``closed`` is set last
``eio.generate_id``                         ids of sessions and clients
``AsyncSocket``: ``send``, ``close``,       ``session.py`` subclasses it; its queue, reader, writer
``closing``, ``closed``, ``upgraded``,      and ping task are never started
``session``
``AsyncServer.environ``                     ``get_environ``
``_handle_eio_connect``,                    overridden: a door of python-engineio's own stays shut,
``_handle_eio_disconnect``                  and no end walks through every namespace
``AsyncServer.emit`` -> ``manager.emit``    ``send`` and class-based namespaces go through both
``ConnectionRefusedError.error_args``       what a connect handler's refusal says
``AsyncNamespace.trigger_event``            a class that overrides it takes every event itself
tornado: ``ws_connection.stream``,          frames are written to the stream; what lies in its
``_write_buffer``,                          buffer and how much has left it are read from it
``_total_write_done_index``
``WebSocketProtocol13._receive_frame``,     ``websocket.py``: a message that is too large is told
``_read_bytes``, ``close(1009)``            of, and thrown away as it comes
==========================================  =======================================================

Source: api.md §3; protocol.md §4, §5, §8.
"""

from __future__ import annotations

import asyncio
import logging
import random
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from socketio import AsyncServer
from socketio import exceptions as foreign
from tornado.websocket import WebSocketHandler

from jupyter_sio.errors import BadRequest, Code
from jupyter_sio.limits import Limits
from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.names import Namespace
from jupyter_sio.server import frames, packets
from jupyter_sio.server.admission import Admission
from jupyter_sio.server.clients import Client, Owner, Queued, State
from jupyter_sio.server.dispatch import Dispatch
from jupyter_sio.server.handlers import (
    REJECTED,
    Handler,
    NamespacePattern,
    Routes,
)
from jupyter_sio.server.leaving import Leaving
from jupyter_sio.server.live import Live
from jupyter_sio.server.packets import StrictPacket
from jupyter_sio.server.rooms import Rooms, arguments, write
from jupyter_sio.server.session import (
    CLIENT_DISCONNECT,
    Session,
)
from jupyter_sio.server.sweep import Sweep
from jupyter_sio.server.tasks import Tasks
from jupyter_sio.server.transport import Transport, WebSocketTransport

__all__ = ["Router", "Statistics"]

_SHUTDOWN_RETRY_MS = (500, 5000)
_jitter = random.Random()


class Statistics(NamedTuple):
    """What is there now, and what has happened since the server began."""

    connections: int
    clients: int  # pending and joined, in all namespaces
    namespaces: int  # live
    refused_connections: int  # at the door
    refused: int  # CONNECTs answered with CONNECT_ERROR
    malformed: int  # connections closed with 3501
    oversized: int  # ... of them for a message above its limit
    unconnected: int  # connections closed with 3502
    refused_namespaces: int  # CONNECTs answered 3505
    dropped_events: int  # user events to clients with too much outstanding
    overflowed_events: int  # of clients, answered 3013 for want of room before their handler
    unanswered: int  # calls given up because too many waited
    held: int  # times a socket was not read for a while
    stalled: int  # connections closed with 3008
    overfull: int  # polled ones closed with 3008, for want of room
    ping_timeouts: int
    failed_handlers: int  # handlers that raised, or returned what cannot travel
    slow_handlers: int  # connect and disconnect handlers that took too long


class Router(AsyncServer):  # type: ignore[misc]
    """A Socket.IO server whose namespaces may be patterns; owned by the server's loop.

    ``on``, ``event``, ``register_namespace``, ``emit``, ``send``, ``call``, ``enter_room``,
    ``session``, ``disconnect`` … are python-socketio's. Nothing is open by default: a namespace
    without a connect handler refuses.

    Parameters
    ----------
    limits : Limits
        ``configure`` replaces them.
    log : logging.Logger
        Hears of failed handlers and of connections that were closed.

    Examples
    --------
    >>> @router.on("connect", namespace="/courses/{course_id}")
    ... async def join(namespace, sid, environ, auth):
    ...     await router.enter_room(sid, "all", namespace=namespace)
    """

    def __init__(self, *, limits: Limits, log: logging.Logger) -> None:
        # python-socketio tells every emit and every packet at INFO, which is Jupyter's level.
        quiet = logging.getLogger(f"{log.name}.socketio")
        quiet.setLevel(logging.WARNING)
        self.log = log
        self.counters: Counter[str] = Counter()
        self.tasks = Tasks(log, self.count)
        self.owner: Owner | None = None
        self.over = False
        self._routes = Routes()
        self._alive = Live(self.tasks)
        self._dispatch = Dispatch(self)
        self._leaving = Leaving(self, self._alive)
        self._admission = Admission(self, self._routes, self._alive, self._dispatch, self._leaving)
        super().__init__(
            client_manager=Rooms(self.tasks.run),
            logger=quiet,
            engineio_logger=quiet,
            serializer=StrictPacket,
            async_handlers=True,  # AsyncServer.call() demands it; our dispatch keeps the order
            async_mode="tornado",
            cors_allowed_origins=[],  # the door has checked the origin
            transports=["websocket"],
            monitor_clients=False,  # Sweep does
        )
        # Handshakes that were let in and are not open yet.
        self.arriving: weakref.WeakSet[Any] = weakref.WeakSet()
        self._sweep = Sweep(self.eio.sockets)
        self.configure(limits)

    def configure(self, limits: Limits) -> None:
        """Hold to these limits from now on."""
        self.limits = limits
        self._sweep.configure(limits)
        self._alive.handler_seconds = limits.connections.handler_seconds
        self.packet_class = StrictPacket.bounded(limits.inbound)
        self.eio.ping_interval = limits.transport.ping_interval
        self.eio.ping_timeout = limits.transport.ping_timeout
        self.eio.max_http_buffer_size = limits.inbound.kernel_bytes

    # --- registration ------------------------------------------------------------------------

    def on(
        self,
        event: str,
        handler: Handler | None = None,
        namespace: NamespacePattern | None = None,
    ) -> Any:
        """Register a handler; without ``handler``, as a decorator.

        ``namespace`` is a name or a pattern (``jupyter_sio.protocol.names``); the default is
        ``"/"``. Of a literal name handlers get ``(sid, …)``, of a pattern ``(namespace, sid, …)``.

        Raises
        ------
        PatternError
            If the pattern is none, is ours, or this event has a handler for an equal one.
        """
        where = "/" if namespace is None else namespace
        self._routes.check(event, where)

        def register(handler: Handler) -> Handler:
            self._routes.add(event, handler, where)
            return handler

        return register if handler is None else register(handler)

    def register_namespace(self, namespace_handler: Any) -> None:
        """Register a ``PatternNamespace``, or python-socketio's ``AsyncNamespace``.

        Raises
        ------
        PatternError
            As ``on`` does.
        """
        if not getattr(namespace_handler, "is_asyncio_based", bool)():
            raise ValueError(f"an AsyncNamespace is needed; got {namespace_handler!r}")
        self._routes.add_instance(namespace_handler)
        namespace_handler._set_server(self)

    def on_open(self, pattern: NamespacePattern, handler: Handler | None = None) -> Any:
        """Call a handler with each namespace that is born: its first client, or its kernel."""
        return self._observe("open", pattern, handler)

    def on_close(self, pattern: NamespacePattern, handler: Handler | None = None) -> Any:
        """Call a handler with each namespace that is gone."""
        return self._observe("close", pattern, handler)

    def _observe(self, event: str, pattern: NamespacePattern, handler: Handler | None) -> Any:
        def register(handler: Handler) -> Handler:
            self._alive.observe(event, pattern, handler)
            return handler

        return register if handler is None else register(handler)

    def reserve(self, owner: Owner) -> None:
        """Let ``owner`` answer for ``/kernels`` and all below it."""
        self.owner = owner

    def announce_open(self, namespace: str) -> None:
        """Tell observers that a namespace of the owner's was born."""
        self._alive.begin(namespace)

    def announce_close(self, namespace: str) -> None:
        """Tell observers that it is gone."""
        self._alive.end(namespace)

    def live(self, pattern: NamespacePattern | None = None) -> list[Namespace]:
        """List the live namespaces that match; without a pattern, all."""
        return self._alive.names(pattern)

    # --- sessions ----------------------------------------------------------------------------

    def open(
        self,
        handler: WebSocketHandler,
        access: Access,
        environ: dict[str, Any],
        *,
        transport: Transport | None = None,
    ) -> Session:
        """Begin the session of a connection that was just accepted, and greet it.

        Without ``transport`` by the WebSocket of ``handler``.
        """
        carrier = WebSocketTransport(handler) if transport is None else transport
        session = Session(self, carrier, handler, access, environ)
        self.eio.sockets[session.sid] = session
        self.environ[session.sid] = environ
        session.greet()
        if self.over:
            session.bye(Code.SHUTTING_DOWN, "the server is shutting down", _retry_ms())
        else:
            self._sweep.start()
        return session

    def received(self, session: Session, packet: StrictPacket, size: int) -> None:
        """Act on one packet; ``BadRequest`` closes the connection with 3501."""
        if packet.packet_type == packets.CONNECT:
            self._admission.connect(session, packet.namespace, packet.data)
            return
        client = session.clients.get(packet.namespace)
        if client is None:
            # What crossed with our DISCONNECT is ignored, and one DISCONNECT too many harms nobody.
            if packet.packet_type == packets.DISCONNECT or packet.namespace in session.departed:
                return
            raise BadRequest("this namespace was never joined")
        if packet.packet_type == packets.DISCONNECT:
            self._leaving.leave(client, CLIENT_DISCONNECT)
            session.left()
        elif packet.packet_type == packets.ACK:
            assert packet.id is not None
            client.answered(packet.id, packet.data)
        else:
            self._dispatch.event(client, Queued(packet.data[0], packet.data[1:], packet.id, size))

    def ended(self, session: Session, reason: str) -> None:
        """Take leave of every client of a connection that is over."""
        self._leaving.ended(session, reason)

    def inbound_bytes(self, session: Session) -> int:
        """How large a message of this connection may be."""
        if self.owner is None:
            return self.limits.inbound.viewer_bytes
        return self.owner.inbound_bytes(session)

    def data_due(self, session: Session) -> bool:
        """Whether the owner has rows for this connection that only the transport holds back."""
        return self.owner is not None and self.owner.data_due(session)

    # --- leaving -----------------------------------------------------------------------------

    def take(self, client: Client, code: int, reason: str) -> None:
        """Take a namespace from a client: ``$bye``, DISCONNECT; the last one closes the socket.

        Source: protocol.md §5, last bullet of "Server to viewer".
        """
        if client.joined:
            client.send("$bye", {"code": int(code), "reason": reason, "retry_ms": None})
            self._leaving.dismiss(client, code, reason)
        elif client.state is State.PENDING:
            self._admission.refuse(client, (reason, {"code": int(code)}))

    def close_namespace(
        self, name: str, code: int = Code.DISCONNECTED, reason: str = "the namespace was closed"
    ) -> asyncio.Future[Any]:
        """Take a namespace from everybody in it, at once.

        What is returned may be awaited: it is done when the disconnect handlers are, but for that
        of the client whose handler is calling.
        """
        sessions = [s for s in self.eio.sockets.values() if name in s.clients]
        calling = asyncio.current_task()
        leaving = []
        for session in sessions:
            client = session.clients[name]
            self.take(client, code, reason)
            if name in session.leaving and client.task is not calling:
                leaving.append(session.leaving[name])
        return asyncio.gather(*leaving, return_exceptions=True)

    async def disconnect(
        self, sid: str, namespace: str | None = None, ignore_queue: bool = False
    ) -> None:
        """Disconnect a client, without ``$bye``; pending ones are refused.

        The disconnect handler runs behind what the client has sent: it may be this very handler
        that calls.
        """
        client = self.manager.find(sid, namespace or "/")
        if client is None:
            return
        if client.joined:
            self._leaving.dismiss(client, Code.DISCONNECTED, "disconnected")
        elif client.state is State.PENDING:
            self._admission.refuse(client, REJECTED)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> bool:
        # Whoever mounts python-engineio's own handler would open a door past all our checks.
        return False

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        # python-socketio's walks through every namespace of the server; ended() is ours.
        return

    # --- emitting ----------------------------------------------------------------------------

    async def emit(
        self,
        event: str,
        data: Any = None,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Emit to a client, to rooms, or to everybody in ``namespace``.

        It is written before this returns; clients with too much outstanding are left out, and
        counted. A namespace without clients is no error.

        Raises
        ------
        BadRequest
            If something in ``data`` cannot travel.
        """
        await self.manager.emit(
            event, data, namespace or "/", room=to or room, skip_sid=skip_sid, callback=callback
        )

    async def call(
        self,
        event: str,
        data: Any = None,
        to: Any = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Ask a client and return its answer; also from within its own handlers.

        Raises
        ------
        socketio.exceptions.TimeoutError
            If no answer came in time, or the client is not there or leaves.
        """
        whom = to or sid
        if whom is None:
            raise ValueError("call() needs to=: whom to ask")
        where = namespace or "/"
        answered: asyncio.Future[list[Any] | None] = asyncio.get_running_loop().create_future()

        def answer(args: list[Any] | None) -> None:
            if not answered.done():
                answered.set_result(args)

        asked = []
        try:
            for client in self.manager.recipients(where, whom):
                number = client.expect(answer)
                asked.append((client, number))
                framed = frames.event(where, event, arguments(data), ack_id=number)
                if not write(client, event, framed):
                    answer(None)
            if not asked:
                answer(None)
            args = await asyncio.wait_for(answered, timeout)
        except asyncio.TimeoutError:
            args = None
        finally:
            for client, number in asked:
                client.forget(number)
        if args is None:
            raise foreign.TimeoutError(f"{whom} did not answer {event!r}")
        return tuple(args) if len(args) > 1 else (args[0] if args else None)

    # --- the whole ---------------------------------------------------------------------------

    async def shutdown(self) -> None:
        """Say 3001 to everybody, let disconnect handlers run for a moment, stop every task."""
        self.over = True
        self._sweep.stop()
        for session in list(self.eio.sockets.values()):
            session.bye(Code.SHUTTING_DOWN, "the server is shutting down", _retry_ms())
        await self.tasks.stop(self.limits.transport.abort_seconds)
        await super().shutdown()

    def statistics(self) -> Statistics:
        """Count what is there and what happened."""
        now = (len(self.eio.sockets), len(self.manager.clients), len(self._alive))
        return Statistics(*now, *(self.counters[name] for name in Statistics._fields[3:]))

    def count(self, what: str, by: int = 1) -> None:
        """Count what happened under a field of ``Statistics``."""
        self.counters[what] += by


def _retry_ms() -> int:
    # All clients of a server come back at once; spread, they find it up.
    return _jitter.randint(*_SHUTDOWN_RETRY_MS)
