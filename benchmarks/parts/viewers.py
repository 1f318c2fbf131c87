"""Many viewers in one process: each speaks just enough to be let in, then counts what arrives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

# (what to wait for, what to answer): the way in, as a client of each kind goes it.
Steps = Sequence[tuple[bytes, str | None]]

TORNADO: Steps = [(b"101 Switching", None)]
SOCKETIO: Steps = [(b'0{"', "40"), (b'40{"', None)]


def ours(kernel_id: str, stream: str) -> Steps:
    """The way in as a viewer of one stream."""
    namespace = f"/kernels/{kernel_id}"
    subscribe = json.dumps(["$subscribe", {"stream": stream}])
    return [
        (b'0{"', f'40{namespace},{{"protocol":1}}'),
        (f'40{namespace},{{"sid"'.encode(), f"42{namespace},0{subscribe}"),
        (f"43{namespace},0".encode(), None),
    ]


class Viewer(asyncio.Protocol):
    """One viewer; ``count`` is how often the marker came since it was let in."""

    def __init__(self, path: str, headers: dict[str, str], steps: Steps, marker: bytes) -> None:
        self._path = path
        self._headers = headers
        self._steps = list(steps)
        self._marker = marker
        self._rest = b""
        self.count = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        lines = {
            "Host": "127.0.0.1",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            **self._headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        transport.write(f"GET {self._path} HTTP/1.1\r\n{head}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while self._steps and self._steps[0][0] in data:
            expected, answer = self._steps.pop(0)
            data = data.partition(expected)[2]
            if answer is not None:
                self._transport.write(masked(answer))
            if not self._steps:
                self.ready.set_result(None)
        self.count += data.count(self._marker) if not self._steps else 0
        # Of what was counted, too little stays to be counted again.
        self._rest = data if self._steps else data[max(0, len(data) - len(self._marker) + 1) :]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("closed before it was let in"))


def masked(text: str) -> bytes:
    """Frame a short text as a client must; the mask of zeros changes nothing."""
    payload = text.encode()
    if len(payload) < 126:
        return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


class Crowd:
    """The viewers' process, as seen from the benchmark."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def counted(self) -> int:
        """All deliveries so far, of all viewers together."""
        self._pipe.send("count")
        count: int = self._pipe.recv()
        return count


@contextlib.contextmanager
def crowd(
    number: int,
    *,
    port: int,
    path: str,
    steps: Steps,
    marker: bytes,
    headers: dict[str, str] | None = None,
) -> Iterator[Crowd]:
    """Let ``number`` viewers in, and count for as long as the block lasts."""
    here, there = multiprocessing.Pipe()
    arguments = (there, number, port, path, headers or {}, steps, marker)
    process = multiprocessing.get_context("spawn").Process(target=watch, args=arguments)
    process.start()
    try:
        if not here.poll(60) or here.recv() != "ready":
            raise TimeoutError(f"{number} viewers were not let in within 60 s")
        yield Crowd(here)
    finally:
        here.send("end")
        process.join(10)


def watch(pipe: Connection, *arguments: Any) -> None:
    """Be the viewers' process."""
    asyncio.run(_watch(pipe, *arguments))


async def _watch(
    pipe: Connection,
    number: int,
    port: int,
    path: str,
    headers: dict[str, str],
    steps: Steps,
    marker: bytes,
) -> None:
    loop = asyncio.get_running_loop()
    viewers = []
    for _ in range(number):
        viewer = Viewer(path, headers, steps, marker)
        await loop.create_connection(lambda made=viewer: made, "127.0.0.1", port)
        await viewer.ready
        viewers.append(viewer)
    pipe.send("ready")
    asked = asyncio.Event()
    loop.add_reader(pipe.fileno(), asked.set)
    while True:
        await asked.wait()
        asked.clear()
        if pipe.poll() and pipe.recv() == "end":
            return
        pipe.send(sum(viewer.count for viewer in viewers))
