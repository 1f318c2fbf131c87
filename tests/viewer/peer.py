"""A server for viewers to be tested against: each connection follows a script of the test's.

It speaks protocol.md and nothing more, and does what a real server would rarely do on demand.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pyarrow
import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket

from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.messages import ARROW
from jupyter_sio.viewer.loop import LoopThread

KERNEL = "5f0c7a3e-0000-4000-8000-000000000001"
ROOM = f"/kernels/{KERNEL}"
A, B = "a1b2c3d4e5f60718", "0f0e0d0c0b0a0908"
TIME = 1760000000000
SECONDS = 30.0


def table(first: int, rows: int, **more: list[Any]) -> bytes:
    """An Arrow payload whose column ``x`` counts from ``first``."""
    columns = {"x": list(range(first, first + rows)), **more}
    data = pyarrow.table(columns)
    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, data.schema) as writer:
        writer.write_table(data)
    return out.getvalue()


class Line:
    """One accepted connection, from the server's side."""

    def __init__(self, handler: tornado.websocket.WebSocketHandler) -> None:
        self.handler = handler
        self.request = handler.request
        self.frames: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.acks: list[tuple[int, int]] = []
        self.pongs = 0

    async def next(self) -> Any:
        """The next event that is no ``$ack``, or None when the viewer has left."""
        decoder = socketio.Decoder()
        while (frame := await asyncio.wait_for(self.frames.get(), SECONDS)) is not None:
            if frame == socketio.PONG:
                self.pongs += 1
                continue
            event = decoder.receive(frame)
            if isinstance(event, socketio.Event) and event.name == "$ack":
                self.acks.append(tuple(event.args[0]))
                continue
            return event
        return None

    async def join(self, kernel: str = "idle", publisher: str = "online") -> None:
        """Accept the CONNECT; tell status, and no streams."""
        assert await self.next() == socketio.Joined(ROOM, "")
        self.raw(f'40{ROOM},{{"sid":"s"}}')
        self.send("$status", {"kernel": kernel, "publisher": publisher, "since": TIME})
        self.send("$streams", [])

    async def asked(self) -> dict[str, Any]:
        """The argument of the next ``$subscribe``."""
        event = await self.next()
        assert event.name == "$subscribe", event
        self._ack_id = event.ack_id
        asked: dict[str, Any] = event.args[0]
        return asked

    def answer(self, **fields: Any) -> None:
        """Answer the ``$subscribe`` asked last."""
        answer = {"ok": True, "id": 3, "media": ARROW, "mode": "every", "epoch": A, "first": 0,
                  "next": 0, "start": 0, "recovered": False, "waiting": False}  # fmt: skip
        self._write(socketio.answer(ROOM, self._ack_id, [{**answer, **fields}]))

    async def serve(self, **fields: Any) -> dict[str, Any]:
        """``join``, ``asked`` and ``answer`` in one."""
        await self.join()
        asked = await self.asked()
        self.answer(**fields)
        return asked

    def send(self, name: str, *args: Any) -> None:
        self._write(socketio.event(ROOM, name, args))

    def batch(self, offset: int, *payloads: bytes, id: int = 3, rows: int = 1) -> None:
        self.send("$batch", [id, offset, TIME, *[rows] * len(payloads)], *payloads)

    def bye(self, code: int, retry_ms: int | None = None) -> None:
        self.send("$bye", {"code": code, "reason": "as scripted", "retry_ms": retry_ms})

    async def settle(self) -> None:
        """Until the viewer has left; what it sends before is heard."""
        while await self.next() is not None:
            pass

    def raw(self, frame: str | bytes) -> None:
        self.handler.write_message(frame, binary=isinstance(frame, bytes))

    def _write(self, frames: list[socketio.Frame]) -> None:
        if self.handler.ws_connection is None:
            return
        for frame in frames:
            self.raw(frame if isinstance(frame, str) else bytes(frame))


Script = Callable[[Line], Awaitable[None]]


class Peer:
    """What the test tells the server to do, and what the server saw.

    ``scripts``: one for each connection; an integer refuses the handshake with that status.
    ``tickets``: one for each request for a ticket, likewise; none left: a good one.
    ``namespaces``: what `GET namespaces` answers, or with which status it refuses.
    ``verdicts``: what `GET namespaces/…` answers, one for each request; none left: 200.
    A negative status is somebody else's answer, in HTML.
    """

    def __init__(self, *scripts: Script | int, base: str = "/") -> None:
        self.scripts = list(scripts)
        self.tickets: list[int] = []
        self.namespaces: list[dict[str, Any]] | int = []
        self.verdicts: list[int] = []
        self.base = base
        self.ping_ms = 45_000
        self.url = ""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[Any] = []
        self.followed: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def running(self):  # type: ignore[no-untyped-def]
        """Serve on a free port of this loop; a script that failed fails the test."""
        application = tornado.web.Application(
            [
                (r".*/jupyter-sio/socket\.io/", _Socket, {"peer": self}),
                (r".*/jupyter-sio/api/tickets", _Tickets, {"peer": self}),
                (r".*/jupyter-sio/api/namespaces", _Namespaces, {"peer": self}),
                (r".*/jupyter-sio/api/namespaces/.+", _Namespace, {"peer": self}),
            ],
            log_function=lambda handler: None,
        )
        server = tornado.httpserver.HTTPServer(application)
        sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        self.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}{self.base}"
        try:
            yield self
        finally:
            server.stop()
            await server.close_all_connections()
        await asyncio.gather(*self.followed)

    @property
    def link(self) -> str:
        return f"{self.url}jupyter-sio/live/#sesame"


class Serving:
    """A peer in another thread, for callers that block."""

    def __init__(self, peer: Peer) -> None:
        self.loop = LoopThread("peer")
        self.context = peer.running()
        self.peer = peer

    def __enter__(self) -> Peer:
        self.loop.run(self.context.__aenter__())
        return self.peer

    def __exit__(self, *exc_info: Any) -> None:
        self.loop.run(self.context.__aexit__(None, None, None))
        self.loop.close()


class _Tickets(tornado.web.RequestHandler):
    def initialize(self, peer: Peer) -> None:
        self.peer = peer

    def post(self) -> None:
        self.peer.bodies.append(json.loads(self.request.body))
        if self.peer.tickets and (status := self.peer.tickets.pop(0)) != 200:
            refuse(self, status)
            return
        number = len(self.peer.bodies)
        self.finish({"ticket": f"t{number}", "kernel_id": KERNEL, "expires_in": 30})


def refuse(handler: tornado.web.RequestHandler, status: int) -> None:
    """Answer as the server does, or, where the status is negative, as a proxy does."""
    handler.set_status(abs(status))
    ours = {"message": "not with this one", "reason": ""}
    handler.finish(ours if status > 0 else "<html>somebody else</html>")


class _Namespace(tornado.web.RequestHandler):
    def initialize(self, peer: Peer) -> None:
        self.peer = peer

    def get(self) -> None:
        if self.peer.verdicts and (status := self.peer.verdicts.pop(0)) != 200:
            refuse(self, status)
            return
        self.finish({"kernel_id": KERNEL})


class _Namespaces(tornado.web.RequestHandler):
    def initialize(self, peer: Peer) -> None:
        self.peer = peer

    def get(self) -> None:
        self.peer.requests.append(
            (self.request.path, self.request.query, dict(self.request.headers))
        )
        if isinstance(self.peer.namespaces, int):
            self.send_error(self.peer.namespaces)
            return
        self.finish(json.dumps(self.peer.namespaces))


class _Socket(tornado.websocket.WebSocketHandler):
    def initialize(self, peer: Peer) -> None:
        self.peer = peer

    async def get(self) -> None:
        request = self.request
        self.peer.requests.append((request.path, request.query, dict(request.headers)))
        script = self.peer.scripts[0] if self.peer.scripts else 404
        if isinstance(script, int):
            self.peer.scripts[:1] = []
            if script in (301, 302):
                self.redirect(f"{request.protocol}://{request.host}/login")
                return
            self.send_error(script)
            return
        await super().get()

    def open(self) -> None:
        self.line = Line(self)
        ping = self.peer.ping_ms
        self.write_message(f'0{{"sid":"e","upgrades":[],"pingInterval":{ping},"pingTimeout":0}}')
        script = self.peer.scripts.pop(0)
        assert not isinstance(script, int)
        self.peer.followed.append(asyncio.ensure_future(self._follow(script)))

    async def _follow(self, script: Script) -> None:
        try:
            await script(self.line)
        finally:
            self.close()

    def on_message(self, message: str | bytes) -> None:
        self.line.frames.put_nowait(message)

    def on_close(self) -> None:
        self.line.frames.put_nowait(None)
