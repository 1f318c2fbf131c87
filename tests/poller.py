"""A client that polls: raw requests, and no more of the protocol than a test tells it to speak."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from jupyter_sio.protocol import socketio

SEPARATOR = "\x1e"


class Poller:
    """One polled session; ``heard`` has every event, ``others`` whatever came, in its order."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url, self.headers = url, headers
        self.sid = ""
        self.greeting: dict[str, Any] = {}
        self.heard: list[tuple[str, str, list[Any]]] = []
        self.others: list[Any] = []
        self._http = AsyncHTTPClient(force_instance=True)
        self._decoder = socketio.Decoder()

    @classmethod
    async def open(cls, url: str, headers: dict[str, str]) -> Poller:
        """Open the Engine.IO session at ``url`` (http…/jupyter-sio/socket.io/)."""
        poller = cls(url, headers)
        response = await poller.fetch()
        assert response.code == 200, response
        text = response.body.decode()
        assert text[0] == "0"
        poller.greeting = json.loads(text[1:])
        poller.sid = poller.greeting["sid"]
        return poller

    async def fetch(self, body: str | bytes | None = None, **other: Any) -> HTTPResponse:
        """Make one request: a POST of ``body``, or a GET; ``other`` goes into the query.

        Empty values leave a key of the query out; ``method`` and ``headers`` are the request's.
        """
        headers = {**self.headers, **other.pop("headers", {})}
        method = other.pop("method", "GET" if body is None else "POST")
        query = {"EIO": "4", "transport": "polling", "sid": self.sid, **other}
        url = f"{self.url}?{urlencode({key: value for key, value in query.items() if value})}"
        return await self._http.fetch(
            url,
            method=method,
            body=body,
            headers=headers,
            raise_error=False,
            request_timeout=30,
            allow_nonstandard_methods=True,
        )

    async def get(self) -> list[str]:
        """Poll once; returns the packets as they came."""
        response = await self.fetch()
        assert response.code == 200, response
        return response.body.decode().split(SEPARATOR)

    async def stream(self, produce: Any) -> HTTPResponse:
        """Make a POST whose body is written as it comes, its size told to nobody."""
        url = f"{self.url}?{urlencode({'EIO': '4', 'transport': 'polling', 'sid': self.sid})}"
        return await self._http.fetch(
            url, method="POST", headers=self.headers, body_producer=produce, raise_error=True
        )

    async def cancelled_poll(self, seconds: float = 0.05) -> None:
        """Poll, and hang up when nothing came for so long."""
        reader, writer = await self.slow_poll()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(1), seconds)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(seconds)

    async def slow_poll(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Poll by a connection whose answer is taken in only as it is read."""
        where = urlsplit(self.url)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        sock.connect((where.hostname, where.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=16 * 1024)
        lines = [f"GET {where.path}?EIO=4&transport=polling&sid={self.sid} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Host: {where.netloc}", "", ""]
        writer.write("\r\n".join(lines).encode())
        return reader, writer

    async def post(self, *packets: str | bytes) -> int:
        """Send packets; returns the status."""
        texts = [
            packet if isinstance(packet, str) else "b" + base64.b64encode(packet).decode()
            for packet in packets
        ]
        return (await self.fetch(SEPARATOR.join(texts))).code

    async def poll(self) -> list[Any]:
        """Poll once, answer a ping, and remember what came."""
        came = []
        for packet in await self.get():
            frame = base64.b64decode(packet[1:]) if packet[:1] == "b" else packet
            found = self._decoder.receive(frame)
            if isinstance(found, socketio.Pinged):
                assert await self.post(socketio.PONG) == 200
            elif isinstance(found, socketio.Event):
                self.heard.append((found.namespace, found.name, list(found.args)))
            if found is not None:
                came.append(found)
        self.others += came
        return came

    async def until(self, true: Any) -> Any:
        """Poll until ``true()`` is."""
        while not (found := true()):
            await self.poll()
        return found

    async def join(self, namespace: str) -> None:
        """CONNECT, and poll until it was answered."""
        assert await self.post(socketio.connect(namespace, {"protocol": 1})) == 200
        answers = (socketio.Joined, socketio.JoinRefused)
        await self.until(lambda: any(isinstance(o, answers) for o in self.others))

    async def tell(self, namespace: str, event: str, *args: Any, ack_id: int | None = None) -> None:
        """Send an event."""
        frames = socketio.event(namespace, event, args, ack_id=ack_id)
        assert await self.post(*frames) == 200

    def of(self, name: str) -> list[list[Any]]:
        """Get the arguments of every event of that name."""
        return [args for _, event, args in self.heard if event == name]

    def close(self) -> None:
        """Close its connections."""
        self._http.close()
