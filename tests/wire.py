"""A plain client of the wire for tests: speaks protocol.md and nothing more, and remembers all."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.grants import Claim

SECONDS = 30.0
FIRST = asyncio.FIRST_COMPLETED


class Wire:
    """One WebSocket, many namespaces.

    ``heard`` has every event: (namespace, name, args); ``others`` whatever came, in its order;
    ``texts`` every text frame as it was.
    """

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._decoder = socketio.Decoder()
        self._ids = itertools.count()
        self.heard: list[tuple[str, str, list[Any]]] = []
        self._named: dict[str, list[list[Any]]] = {}
        self._asked: dict[tuple[str, int], asyncio.Future[socketio.Answered]] = {}
        self.others: list[Any] = []
        self.texts: list[str] = []
        self.closed = False
        self._close_code: int | None = None
        self._changed = asyncio.Event()
        self._reader = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def open(cls, url: str, *, headers: dict[str, str] | None = None, **query: str) -> Wire:
        """Open the Engine.IO session at ``url`` (http…/jupyter-sio/socket.io/)."""
        full = f"{url}?{urlencode({'EIO': '4', 'transport': 'websocket', **query})}"
        request = HTTPRequest(full.replace("http", "ws", 1), headers=headers or {})
        connection = await asyncio.wait_for(
            websocket_connect(request, max_message_size=64 << 20), SECONDS
        )
        # A binary event is two writes: with Nagle's algorithm the second waits for 40 ms.
        connection.protocol.stream.set_nodelay(True)
        wire = cls(connection)
        await wire.until(lambda: any(isinstance(o, socketio.Opened) for o in wire.others))
        return wire

    async def _read(self) -> None:
        while (frame := await self._connection.read_message()) is not None:
            if isinstance(frame, str):
                self.texts.append(frame)
            found = self._decoder.receive(frame)
            if isinstance(found, socketio.Pinged):
                await self.send(socketio.PONG)
            elif isinstance(found, socketio.Event):
                args = list(found.args)
                self.heard.append((found.namespace, found.name, args))
                self._named.setdefault(found.name, []).append(args)
                self.others.append(found)
            elif found is not None:
                self.others.append(found)
                if isinstance(found, socketio.Answered):
                    self._told(found)
            self._wake()
        self.closed = True
        self._close_code = self._connection.close_code
        self._connection.close()  # else tornado calls it unclosed
        self._wake()

    def _told(self, answer: socketio.Answered) -> None:
        asked = self._asked.pop((answer.namespace, answer.ack_id), None)
        if asked is not None and not asked.done():
            asked.set_result(answer)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, true: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """Wait until ``true()`` is, looking after every frame; fails with what was heard."""
        deadline = time.monotonic() + seconds
        while not (found := true()):
            left = deadline - time.monotonic()
            if left <= 0 or (self.closed and not true()):
                what = "closed" if self.closed else "nothing more came"
                raise AssertionError(
                    f"{what}; heard {shown(self.heard[-20:])} {shown(self.others[-5:])}"
                )
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except asyncio.TimeoutError:
                continue
        return found

    async def send(self, frame: str | bytes) -> None:
        """Send one raw frame."""
        await self._connection.write_message(frame, binary=isinstance(frame, bytes))

    async def join(self, namespace: str, auth: object = None) -> Any:
        """CONNECT; returns ``Joined`` or ``JoinRefused``."""
        seen = len(self.others)
        await self.send(socketio.connect(namespace, auth))

        def answered() -> Any:
            for other in self.others[seen:]:
                answers = isinstance(other, socketio.Joined | socketio.JoinRefused)
                if answers and other.namespace == namespace:
                    return other
            return None

        return await self.until(answered)

    async def tell(self, namespace: str, event: str, *args: Any) -> None:
        """Send an event that wants no answer."""
        for frame in socketio.event(namespace, event, args):
            await self.send(frame)

    async def ask(self, namespace: str, event: str, *args: Any) -> Any:
        """Send an event and wait for the one argument of its answer."""
        ack_id = next(self._ids)
        answered = self._asked[namespace, ack_id] = asyncio.get_running_loop().create_future()
        for frame in socketio.event(namespace, event, args, ack_id=ack_id):
            await self.send(frame)
        done, _ = await asyncio.wait({answered, self._reader}, timeout=SECONDS, return_when=FIRST)
        assert answered in done, f"no answer to {event}; heard {shown(self.heard[-20:])}"
        found = answered.result().args
        return found[0] if len(found) == 1 else found

    async def answer(self, event: socketio.Event, *args: Any) -> None:
        """Answer an event that wants it."""
        assert event.ack_id is not None
        for frame in socketio.answer(event.namespace, event.ack_id, args):
            await self.send(frame)

    def of(self, name: str, namespace: str | None = None) -> list[list[Any]]:
        """Get the arguments of every event of that name."""
        if namespace is None:
            return self._named.get(name, [])
        return [args for ns, event, args in self.heard if (ns, event) == (namespace, name)]

    def forget(self) -> None:
        """Forget all that came."""
        for memory in (self.heard, self._named, self.others, self.texts):
            memory.clear()

    async def first(self, name: str, count: int = 1, seconds: float = SECONDS) -> list[Any]:
        """Wait for the ``count``-th event of that name; returns its arguments."""
        await self.until(lambda: len(self.of(name)) >= count, seconds)
        return self.of(name)[count - 1]

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code the server sent."""
        return self._close_code

    async def until_closed(self, seconds: float = SECONDS) -> None:
        """Wait until the server has closed the socket."""
        await asyncio.wait_for(asyncio.shield(self._reader), seconds)

    async def close(self) -> None:
        """Close from our side."""
        self._connection.close()
        await asyncio.wait({self._reader}, timeout=2)
        if not self._reader.done():
            self._reader.cancel()


def shown(values: Sequence[object]) -> str:
    """Write values so that a failed test can be read: no payload in full."""
    return ", ".join(text if len(text := repr(v)) < 400 else text[:400] + "…" for v in values)


def claim_of(kernel_id: str, key: bytes, *, pid: int, epoch: str, **other: Any) -> dict[str, Any]:
    """Write a signed claim as ``POST tickets`` takes it."""
    fields: dict[str, Any] = {"time": int(time.time()), "nonce": secrets.token_hex(16), **other}
    return Claim(kernel_id, epoch, pid, fields["time"], fields["nonce"]).sign(key).body()


async def fetch(
    url: str, *, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Ask over HTTP; returns the status and the JSON answer (None if there is none)."""
    text = None if body is None else body if isinstance(body, str) else json.dumps(body)
    response = await AsyncHTTPClient().fetch(
        url,
        method=method,
        body=text,
        headers={"Content-Type": "application/json", **(headers or {})},
        raise_error=False,
        follow_redirects=False,
    )
    try:
        return response.code, json.loads(response.body)
    except ValueError:
        return response.code, None
