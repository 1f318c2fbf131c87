"""Keeps one viewer connected, and hands over what comes; lives in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, Code, NotPermitted, Refused, SioError
from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.target import Target
from jupyter_sio.viewer import door
from jupyter_sio.viewer.items import Item
from jupyter_sio.viewer.silence import Listener
from jupyter_sio.viewer.watching import Delivery, End, Wanted, Watching

log = logging.getLogger("jupyter_sio.viewer")
# Its own: a program that seeds `random` draws the same numbers with and without us.
_jitter = random.Random()

_NOT_PERMITTED = frozenset({Code.BAD_CREDENTIAL, Code.NOT_PERMITTED, Code.LINK_REVOKED})

# What a network, a proxy or a server that is being restarted does to a connection.
_RETRIED = (OSError, WebSocketException, BadRequest)


class Watcher:
    """One ``watch``: a task that reads, reconnects and resumes, and a bounded queue before it.

    What bounds the queue is the window: the server sends no more than that beyond what the user
    has taken. The number of items is bounded as well; when it is reached the socket is not read.
    """

    def __init__(self, target: Target, wanted: Wanted) -> None:
        self._target = target
        self._watching = Watching(wanted)
        self._queue: asyncio.Queue[Delivery | None] = asyncio.Queue(limits.Viewing.handover_items)
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: SioError | None = None
        self._attempts = 0
        self._let_in = False  # ever: then the address is right, whatever answers there meanwhile

    async def next(self) -> Item | None:
        """Wait for the next item; None at the end.

        Raises
        ------
        Refused
            If the server will not have us; ``NotPermitted`` for want of a grant.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"watch {self._target.base}")
        delivery = await self._queue.get()
        if delivery is None:
            await self.stop()
            if self._failure is not None:
                raise self._failure
            return None
        await self._send(self._watching.taken(delivery))
        return delivery.item

    async def stop(self) -> None:
        """Leave. May be called at any time, and again."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while (delay := await self._connection()) is not None:
                await asyncio.sleep(delay)
        except SioError as exc:
            self._failure = exc
        except Exception as exc:  # the thread's, or task's, top: the user is told
            log.exception("the viewer of %s failed", self._target.base)
            self._failure = SioError(f"the viewer failed: {exc!r}")
        await self._queue.put(None)

    async def _connection(self) -> float | None:
        """Live through one connection; how many seconds to wait before the next, None: none."""
        began = asyncio.get_running_loop().time()
        try:
            end = await self._converse()
        except door.NotOurs as exc:
            if not self._let_in:
                raise
            end = End(Code.INTERNAL_ERROR, str(exc))
        except _RETRIED as exc:
            end = End(Code.INTERNAL_ERROR, str(exc) or type(exc).__name__)
        if end.finished:
            return None
        if end.code >= Code.BAD_CREDENTIAL:
            kind = NotPermitted if end.code in _NOT_PERMITTED else Refused
            raise kind(f"the server says {end.code}: {end.reason}", code=end.code)
        lasted = asyncio.get_running_loop().time() - began
        if self._watching.joined and lasted >= limits.Viewing.healthy_seconds:
            self._attempts = 0
        delay = backoff(self._attempts) if end.retry_ms is None else end.retry_ms / 1000
        say = log.warning if self._attempts == 0 else log.info
        say("%s: %s; trying again in %.1f s", self._target.base, end.reason, delay)
        self._attempts += 1
        return delay

    async def _converse(self) -> End:
        found = await door.find_door(self._target)
        socket = await door.open_socket(found)
        self._let_in = True
        self._socket = socket
        try:
            with Listener(socket, limits.Viewing.door_seconds) as listener:
                return await self._listen(listener, found.namespace)
        finally:
            self._socket = None
            try:
                await socket.close()
            finally:
                socket.transport.abort()  # nothing, unless closing was cut short

    async def _listen(self, listener: Listener, namespace: str) -> End:
        decoder = socketio.Decoder()
        while True:
            message = decoder.receive(await listener.next())
            if message is None:
                continue
            if isinstance(message, socketio.Opened):
                listener.wait(message.ping_interval + message.ping_timeout)
                await self._send(self._watching.connected(namespace))
                continue
            turn = self._watching.receive(message)
            await self._send(turn.frames)
            for delivery in turn.deliveries:
                await self._queue.put(delivery)
            if turn.end is not None:
                return turn.end

    async def _send(self, frames: Iterable[socketio.Frame]) -> None:
        """Write; whoever reads will learn that the connection is gone."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                for frame in frames:
                    await self._socket.send(frame)


def backoff(attempts: int) -> float:
    """Draw how many seconds to wait, after so many attempts: full jitter (protocol.md §8)."""
    bounds = limits.Viewing()
    cap = min(bounds.retry_cap_seconds, bounds.retry_seconds * 2 ** min(attempts, 16))
    return _jitter.uniform(0, cap)
