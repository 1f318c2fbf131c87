"""Clients that go: by themselves, with their connection, or because the server takes leave."""

from __future__ import annotations

import asyncio

from jupyter_sio.server import frames
from jupyter_sio.server.clients import Client, Desk
from jupyter_sio.server.handlers import handler_of, settled
from jupyter_sio.server.live import Live
from jupyter_sio.server.session import (
    CLIENT_DISCONNECT,
    SERVER_DISCONNECT,
    TRANSPORT_CLOSE,
    Session,
)
from jupyter_sio.server.tasks import TookTooLong

# What a client had sent before it went is still handled; what a dismissed one sent is not.
_WENT_BY_ITSELF = (CLIENT_DISCONNECT, TRANSPORT_CLOSE)


class Leaving:
    """Runs what must happen once for each client that goes; owned by the server's loop."""

    def __init__(self, router: Desk, alive: Live) -> None:
        self._router = router
        self._tasks = router.tasks
        self._alive = alive

    def ended(self, session: Session, reason: str) -> None:
        """Take leave of every client of a connection that is over."""
        for client in list(session.clients.values()):
            self.leave(client, reason)
        if not session.leaving:
            self._remove(session)

    def dismiss(self, client: Client, code: int, reason: str) -> None:
        """Take the namespace from a client; the last one closes the socket."""
        client.write(frames.disconnect(client.namespace))
        self.leave(client, SERVER_DISCONNECT)
        client.session.left()
        if not client.session.clients:
            client.session.end_alone(code, reason)

    def leave(self, client: Client, reason: str) -> None:
        """Make a client gone; runs, or starts, what must happen then exactly once."""
        session, was_joined = client.session, client.joined
        session.clients.pop(client.namespace, None)
        client.end()
        if reason not in _WENT_BY_ITSELF or not was_joined:
            client.clear_queue()
        if not was_joined:
            if client.task is not None and client.task is not asyncio.current_task():
                client.task.cancel()
            self._router.manager.unregister(client)
            return
        session.departed.append(client.namespace)
        if client.route is None:
            self._router.manager.unregister(client)
            assert self._router.owner is not None
            what = handler_of("left", client.namespace)
            self._tasks.guard(what, self._router.owner.left, client, reason)
        else:
            session.leaving[client.namespace] = self._tasks.run(self._farewell(client, reason))

    async def _farewell(self, client: Client, reason: str) -> None:
        what = handler_of("disconnect", client.namespace)
        seconds = self._router.limits.connections.handler_seconds
        try:
            if client.task is not None:
                await asyncio.wait({client.task}, timeout=seconds)
                client.clear_queue()
                client.task.cancel()
            handler = client.route.bind("disconnect", client.namespace, client.sid)
            if handler is not None:
                await self._tasks.bounded(what, settled(handler, reason), seconds=seconds)
        except TookTooLong:
            pass
        except Exception:  # noqa: BLE001 - a border
            self._tasks.failed(what)
        finally:
            self._forget(client)

    def _forget(self, client: Client) -> None:
        session = client.session
        client.clear_queue()
        self._router.manager.unregister(client)
        session.leaving.pop(client.namespace, None)
        self._alive.leave(client.namespace)
        if session.closing and not session.leaving:
            self._remove(session)

    def _remove(self, session: Session) -> None:
        session.closed = True
        self._router.eio.sockets.pop(session.sid, None)
        self._router.environ.pop(session.sid, None)
