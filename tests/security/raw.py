"""A client that writes bytes: any request line, any header, any frame, any half of one."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass

SECONDS = 10.0
UPGRADE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
)
TEXT, BINARY, CLOSE = 1, 2, 8

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What an HTTP request was answered with."""

    status: int
    head: str
    body: str


class Raw:
    """One TCP connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int = 1 << 20) -> Raw:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=receive_buffer))

    # --- HTTP --------------------------------------------------------------------------------

    async def request(self, method: str, target: str, headers: Headers) -> Answer:
        """Ask, and read the answer with its body."""
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        if method in ("POST", "PUT", "PATCH", "DELETE"):
            lines.append("Content-Length: 0")
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        head = (await self._read(self.reader.readuntil(b"\r\n\r\n"))).decode("latin-1")
        status, length = int(head.split(" ", 2)[1]), 0
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length" and method != "HEAD":
                length = int(value)
        body = await self._read(self.reader.readexactly(length))
        return Answer(status, head, body.decode("utf-8", "replace"))

    async def upgrade(self, target: str, headers: Headers) -> None:
        """Open the WebSocket; the greeting is the first frame to be read."""
        answer = await self.request("GET", target, [*headers, *UPGRADE])
        assert answer.status == 101, answer

    # --- WebSocket ---------------------------------------------------------------------------

    def send(self, *frames: str | bytes) -> None:
        """Write whole messages: text as text, bytes as binary."""
        for frame in frames:
            text = isinstance(frame, str)
            data = frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else frame
            self.writer.write(framed(data, opcode=TEXT if text else BINARY))

    async def read(self, seconds: float = SECONDS) -> tuple[int, bytes]:
        """Read one frame of the server's as (opcode, payload); ``EOFError`` when it has closed."""
        head, size = await self._read(self.reader.readexactly(2), seconds)
        if size == 126:
            (size,) = struct.unpack("!H", await self._read(self.reader.readexactly(2), seconds))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._read(self.reader.readexactly(8), seconds))
        return head & 0xF, await self._read(self.reader.readexactly(size), seconds)

    async def read_to_close(self, seconds: float = SECONDS) -> tuple[list[str], int | None]:
        """Read until the server says goodbye; returns the texts that came, and the close code.

        The code is None where it cut the connection instead.
        """
        texts = []
        try:
            while True:
                opcode, data = await self.read(seconds)
                if opcode == CLOSE:
                    return texts, struct.unpack("!H", data[:2])[0] if data else None
                if opcode == TEXT:
                    texts.append(data.decode())
        except (EOFError, ConnectionError):
            return texts, None

    async def drained(self) -> None:
        """Wait until the operating system has taken what was written."""
        await self._read(self.writer.drain())

    def close(self) -> None:
        """Cut the connection."""
        self.writer.transport.abort()

    @staticmethod
    async def _read(read, seconds: float = SECONDS):  # type: ignore[no-untyped-def]
        return await asyncio.wait_for(read, seconds)


def framed(
    data: bytes, *, opcode: int = TEXT, final: bool = True, said: int | None = None
) -> bytes:
    """Frame a message as a client must, masked; ``said`` is the length that its header says."""
    size = len(data) if said is None else said
    head = bytes([opcode | (0x80 if final else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size <= 0xFFFF:
        head += bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", size)
    mask = os.urandom(4)
    repeated = (mask * (len(data) // 4 + 1))[: len(data)]
    masked = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return head + mask + masked.to_bytes(len(data), "big")
