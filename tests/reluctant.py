"""A client that reads its socket only when it is told to: what a server may not count on."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from jupyter_sio.protocol import socketio
from tests.wire import shown

SECONDS = 10.0


class Reluctant:
    """One WebSocket over a plain socket; ``heard`` has whatever was read, in its order.

    It answers no ping of Engine.IO's.
    """

    def __init__(self, sock: socket.socket, protocol: ClientProtocol) -> None:
        self._sock = sock
        self._protocol = protocol
        self._decoder = socketio.Decoder()
        self._loop = asyncio.get_running_loop()
        self.heard: list[Any] = []
        self.over = False
        self.pings = 0

    @classmethod
    async def open(
        cls, url: str, *, headers: dict[str, str], receive_buffer: int = 16 * 1024, **query: str
    ) -> Reluctant:
        """Open the Engine.IO session at ``url``; reads no more than the handshake's answer."""
        query = {"EIO": "4", "transport": "websocket", **query}
        full = f"{url}?{urlencode(query)}".replace("http", "ws", 1)
        protocol = ClientProtocol(parse_uri(full), max_size=None)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        where = urlsplit(url)
        client = cls(sock, protocol)
        await client._loop.sock_connect(sock, (where.hostname, where.port))
        request = protocol.connect()
        request.headers.update(headers)
        protocol.send_request(request)
        await client._flush()
        await client.until(lambda: client.heard)
        assert protocol.handshake_exc is None, protocol.handshake_exc
        return client

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code the server sent."""
        return self._protocol.close_code

    async def send(self, *frames: Any) -> None:
        """Send raw frames."""
        for frame in frames:
            if isinstance(frame, str):
                self._protocol.send_text(frame.encode())
            else:
                self._protocol.send_binary(bytes(frame))
        await self._flush()

    async def read(self, most: int = 1 << 16, seconds: float = SECONDS) -> int:
        """Read at most so many bytes from the socket; returns how many there were."""
        if self.over:
            return 0
        try:
            data = await asyncio.wait_for(self._loop.sock_recv(self._sock, most), seconds)
        except asyncio.TimeoutError:
            return 0
        except ConnectionError:
            data = b""
        if not data:
            self.over = True
            self._protocol.receive_eof()
            return 0
        self._protocol.receive_data(data)
        await self._flush()  # the answer to a close frame
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        return len(data)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            return
        text = frame.opcode is Opcode.TEXT
        found = self._decoder.receive(bytes(frame.data).decode() if text else bytes(frame.data))
        if isinstance(found, socketio.Pinged):
            self.pings += 1
        elif found is not None:
            self.heard.append(found)

    async def until(self, true: Any, seconds: float = SECONDS) -> Any:
        """Read until ``true()`` is."""
        deadline = time.monotonic() + seconds
        while not (found := true()):
            left = deadline - time.monotonic()
            assert left > 0 and not self.over, shown(self.heard[-5:])
            await self.read(seconds=left)
        return found

    async def read_all(self, seconds: float = SECONDS) -> None:
        """Read until the server has closed."""
        deadline = time.monotonic() + seconds
        while not self.over:
            assert time.monotonic() < deadline, shown(self.heard[-5:])
            await self.read(seconds=1.0)

    async def join(self, namespace: str) -> None:
        """CONNECT, and read until it was accepted."""
        await self.send(socketio.connect(namespace))
        await self.until(lambda: any(isinstance(o, socketio.Joined) for o in self.heard))

    async def subscribe(self, namespace: str, stream: str, **wanted: Any) -> None:
        """Subscribe without waiting for the answer."""
        arguments = [{"stream": stream, **wanted}]
        await self.send(*socketio.event(namespace, "$subscribe", arguments, ack_id=0))

    def of(self, name: str) -> list[list[Any]]:
        """Get the arguments of every event of that name that was read."""
        return [o.args for o in self.heard if isinstance(o, socketio.Event) and o.name == name]

    def close(self) -> None:
        """Close the TCP connection."""
        self._sock.close()

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                await self._loop.sock_sendall(self._sock, data)
