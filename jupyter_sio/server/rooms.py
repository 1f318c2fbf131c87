"""Who is in which room, and emitting to them: python-socketio's manager, made strict.

What is different from ``socketio.AsyncManager``: nobody who is still pending is told anything;
an event is encoded once and written to each session directly, not by a task per recipient; and
leaving costs what that client joined, not what the namespace or the server holds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from socketio import AsyncManager

from jupyter_sio.server import frames
from jupyter_sio.server.clients import Client, State

Room: TypeAlias = str | Sequence[str] | None


class Rooms(AsyncManager):  # type: ignore[misc]
    """All clients by sid, and the rooms they entered; owned by the server's loop.

    ``rooms[namespace][room][sid]`` is the Engine.IO sid, as python-socketio has it; the room None
    holds everybody, the room ``sid`` its owner.
    """

    def __init__(self, run: Callable[[Any], Any]) -> None:
        super().__init__()
        self.clients: dict[str, Client] = {}
        self._run = run  # starts a task that the router keeps

    # --- coming and going ------------------------------------------------------------------

    def register(self, client: Client) -> None:
        """Take a client in, still pending: it may enter rooms, and hears nothing yet."""
        self.clients[client.sid] = client
        for room in (None, client.sid):
            super().basic_enter_room(client.sid, client.namespace, room, eio_sid=client.session.sid)

    def unregister(self, client: Client) -> None:
        """Forget a client and its rooms."""
        if self.clients.pop(client.sid, None) is None:
            return
        for room in (*client.rooms, client.sid, None):
            super().basic_leave_room(client.sid, client.namespace, room)
        client.rooms.clear()

    def is_connected(self, sid: str, namespace: str) -> bool:
        """Whether the client was accepted and has not left."""
        client = self.find(sid, namespace)
        return client is not None and client.joined

    def find(self, sid: str | None, namespace: str) -> Client | None:
        """Find a client, pending or joined or on its way out."""
        client = self.clients.get(sid) if isinstance(sid, str) else None
        return client if client is not None and client.namespace == namespace else None

    # --- rooms -----------------------------------------------------------------------------

    def basic_enter_room(
        self, sid: str, namespace: str, room: str, eio_sid: str | None = None
    ) -> None:
        """Enter a room; also from a connect handler, before acceptance."""
        client = self.find(sid, namespace)
        if client is None or client.state is State.GONE:
            raise ValueError("sid is not connected to requested namespace")
        if room is None or (room != sid and self.is_sid_room(namespace, room)):
            raise ValueError("cannot enter a sid room")
        if room == sid:
            return
        super().basic_enter_room(sid, namespace, room)
        client.rooms.add(room)

    def basic_leave_room(self, sid: str, namespace: str, room: str) -> None:
        """Leave a room that was entered; the client's own room it keeps."""
        client = self.find(sid, namespace)
        if client is not None and room in client.rooms:
            client.rooms.discard(room)
            super().basic_leave_room(sid, namespace, room)

    def basic_close_room(self, room: str, namespace: str) -> None:
        """Have everybody leave a room, pending clients too."""
        if room is None or self.is_sid_room(namespace, room):
            raise ValueError("cannot close a sid room")
        for sid in list(self.rooms.get(namespace, {}).get(room, ())):
            self.basic_leave_room(sid, namespace, room)

    def basic_disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client, as python-socketio calls it."""
        client = self.find(sid, namespace)
        if client is not None:
            self.unregister(client)

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """Return the rooms a client is in, its own among them."""
        client = self.find(sid, namespace)
        return [] if client is None else [client.sid, *client.rooms]

    def get_participants(self, namespace: str, room: Room) -> Iterator[tuple[str, str]]:
        """Yield ``(sid, eio_sid)`` of the accepted clients in a room, or in several."""
        for client in self.members(namespace, room):
            yield client.sid, client.session.sid

    def members(self, namespace: str, room: Room) -> list[Client]:
        """Return the accepted clients in a room, or in several, each once."""
        by_room = self.rooms.get(namespace, {})
        wanted: Iterable[str | None] = [room] if room is None or isinstance(room, str) else room
        sids = dict.fromkeys(sid for name in wanted for sid in by_room.get(name, ()))
        found = (self.clients.get(sid) for sid in sids)
        return [client for client in found if client is not None and client.joined]

    # --- emitting --------------------------------------------------------------------------

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Room = None,
        skip_sid: str | list[str] | None = None,
        callback: Callable[..., Any] | None = None,
        to: Room = None,
        **kwargs: Any,
    ) -> None:
        """Emit to one client, to rooms, or to everybody in a namespace, in this very step.

        A namespace or room without anybody is no error. Raises ``BadRequest`` if something in
        the event cannot travel.
        """
        skipped = skip_sid if isinstance(skip_sid, list | tuple | set) else (skip_sid,)
        clients = [c for c in self.recipients(namespace, to or room) if c.sid not in skipped]
        if not clients:
            return
        args = arguments(data)
        if callback is None:
            framed = frames.event(namespace, event, args)
            for client in clients:
                write(client, event, framed)
            return
        for client in clients:
            number = client.expect(lambda answer: self._answered(callback, answer))
            try:
                sent = write(client, event, frames.event(namespace, event, args, ack_id=number))
            except BaseException:
                client.forget(number)
                raise
            if not sent:
                client.forget(number)

    def recipients(self, namespace: str, room: Room) -> list[Client]:
        """Return who is to be told: the members; or the one client, pending or not, of that sid."""
        client = self.find(room, namespace) if isinstance(room, str) else None
        if client is not None and client.state is State.PENDING:
            return [client]
        return self.members(namespace, room)

    def _answered(self, callback: Callable[..., Any], answer: list[Any] | None) -> None:
        if answer is None:  # it left; python-socketio does not call back then
            return
        result = callback(*answer)
        if inspect.isawaitable(result):
            self._run(result)


def arguments(data: Any) -> list[Any]:
    """Return what ``data`` means as arguments: a tuple is several, None is none."""
    if isinstance(data, tuple):
        return list(data)
    return [] if data is None else [data]


def write(client: Client, event: str, framed: frames.Frames) -> bool:
    """Write an event; of a client that lags, a user's event is dropped, a reserved one never."""
    if event.startswith("$"):
        client.write(framed)
        return True
    return client.offer(framed)
