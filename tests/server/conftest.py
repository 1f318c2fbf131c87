"""A tornado server with one thin WebSocket door, and clients that speak to it frame by frame."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from typing import Any

import pytest
import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket

from jupyter_sio.limits import Limits
from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.messages import Grant
from jupyter_sio.server.router import Router

ACCESS = Access(user="ada", grants=frozenset({Grant.WATCH, Grant.SEND}))


class Door(tornado.websocket.WebSocketHandler):
    """Lets everybody in; who they are is the test's to say."""

    def initialize(self, server: Server) -> None:
        self.server = server

    def get_compression_options(self) -> None:
        return None

    @property
    def max_message_size(self) -> int:
        return 9 * 2**20

    def open(self) -> None:
        environ = {"jupyter_sio.user": self.server.access.user}
        environ["jupyter_sio.access"] = self.server.access
        self.session = self.server.router.open(self, self.server.access, environ)

    def on_message(self, message: str | bytes) -> Any:
        return self.session.receive(message)

    def on_close(self) -> None:
        self.session.finished()


class Server:
    """One router behind one door on a free port."""

    def __init__(self, limits: Limits) -> None:
        self.log = logging.getLogger("jupyter_sio.tests")
        self.router = Router(limits=limits, log=self.log)
        self.access = ACCESS
        app = tornado.web.Application([(r"/socket.io/", Door, {"server": self})])
        self.http = tornado.httpserver.HTTPServer(app)
        (socket,) = tornado.netutil.bind_sockets(0, "127.0.0.1")
        self.http.add_socket(socket)
        self.port = socket.getsockname()[1]
        self._peers: list[Peer] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/socket.io/?EIO=4&transport=websocket"

    async def peer(self) -> Peer:
        """Open a connection and read the greeting."""
        peer = Peer(await tornado.websocket.websocket_connect(self.url))
        self._peers.append(peer)
        peer.greeting = json.loads((await peer.read())[1:])
        return peer

    async def join(self, namespace: str, auth: str = "") -> Peer:
        """Open a connection and join one namespace."""
        peer = await self.peer()
        await peer.join(namespace, auth)
        return peer

    def sessions(self) -> list[Any]:
        return list(self.router.eio.sockets.values())

    def state(self) -> list[int]:
        """Sizes of every table of router, manager and eio that clients fill."""
        router = self.router
        tables = (
            router.eio.sockets,
            router.environ,
            router.manager.rooms,
            router.manager.clients,
            router.manager.callbacks,
            router.manager.pending_connect,
            router.manager.pending_disconnect,
            router.live(),
            router.tasks,
        )
        return [len(table) for table in tables]

    async def close(self) -> None:
        for peer in self._peers:
            peer.close()
        await self.router.shutdown()
        self.http.stop()
        await self.http.close_all_connections()


class Peer:
    """A client that sends and reads frames, and answers no ping by itself."""

    def __init__(self, ws: tornado.websocket.WebSocketClientConnection) -> None:
        self.ws = ws
        self.greeting: dict[str, Any] = {}

    def send(self, *frames: str | bytes) -> None:
        for frame in frames:
            self.ws.write_message(frame, binary=isinstance(frame, bytes))

    async def read(self, seconds: float = 5.0) -> Any:
        """Read a frame; None when the connection is closed."""
        return await asyncio.wait_for(self.ws.read_message(), seconds)

    async def read_until_closed(self, seconds: float = 5.0) -> list[Any]:
        frames = []
        while (frame := await self.read(seconds)) is not None:
            frames.append(frame)
        return frames

    async def join(self, namespace: str, auth: str = "") -> str:
        self.send(f"40{namespace},{auth}")
        answer = await self.read()
        assert answer.startswith(f"40{namespace},"), answer
        return json.loads(answer[len(f"40{namespace},") :])["sid"]

    def close(self) -> None:
        self.ws.close()

    def cut(self) -> None:
        """Close the TCP connection without a word."""
        self.ws.protocol.stream.close()


def body(frame: str) -> Any:
    """The JSON of a packet, behind its head."""
    return json.loads(frame[min(frame.find(sign) % 10_000 for sign in "[{") :])


def limited(**groups: dict[str, Any]) -> Limits:
    """Limits with some of them changed: ``limited(inbound={"queued_events": 2})``."""
    limits = Limits()
    changed = {
        name: dataclasses.replace(getattr(limits, name), **fields)
        for name, fields in groups.items()
    }
    return dataclasses.replace(limits, **changed)


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Let the loop run until something is so."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, "it never came true"
        await asyncio.sleep(0.005)


@pytest.fixture
def serve(jp_asyncio_loop):
    """Start servers: ``await serve(limits)``; all are closed at the end."""
    servers = []

    async def start(limits: Limits | None = None) -> Server:
        servers.append(Server(limits or Limits()))
        return servers[-1]

    yield start
    for server in servers:
        jp_asyncio_loop.run_until_complete(server.close())


@pytest.fixture
def server(serve, jp_asyncio_loop):
    """A server with the default limits."""
    return jp_asyncio_loop.run_until_complete(serve())
