"""One kernel's namespace as tests play it: the publisher, and whoever is let in to watch."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.reluctant import Reluctant
from tests.wire import Wire, claim_of

if TYPE_CHECKING:
    from tests.integration.conftest import Server

NOTHING = 10**6  # the id of no stream


class Stage:
    """A namespace with a publisher; what it opened is closed after the test.

    ``publisher`` speaks for a process that claimed the kernel: the test itself.
    """

    def __init__(self, server: Server, kernel_id: str) -> None:
        self.server = server
        self.kernel_id = kernel_id
        self.ns = f"/kernels/{kernel_id}"
        self.publisher: Wire
        self._wires: list[Wire] = []

    # --- who comes ---------------------------------------------------------------------------

    async def claim(self, *, pid: int | None = None, epoch: str | None = None) -> Wire:
        """Claim the namespace, as another process if ``pid`` says so; it is the publisher now."""
        self.publisher = self.keep(
            await self.server.publisher(self.kernel_id, pid=pid, epoch=epoch or new_epoch())
        )
        return self.publisher

    async def ticket(self) -> str:
        """Get a publisher's ticket, for a client of another make."""
        key = self.server.key(self.kernel_id)
        claim = claim_of(self.kernel_id, key, pid=os.getpid(), epoch=new_epoch())
        return (await self.server.ticket(claim))[1]["ticket"]

    async def socket(self) -> Wire:
        """Open a viewer's socket that has joined nothing."""
        return self.keep(await Wire.open(self.server.socket_url, headers=self.server.headers))

    async def viewer(self, **auth: Any) -> Wire:
        """Let a viewer in."""
        wire = await self.socket()
        await wire.join(self.ns, {"protocol": 1, **auth})
        return wire

    async def watching(self, stream: str = "loss", **wanted: Any) -> tuple[Wire, dict[str, Any]]:
        """Let a viewer in and subscribe it; returns it with the answer it got."""
        wire = await self.viewer()
        answer = await self.subscribe(wire, stream, **wanted)
        assert answer["ok"], answer
        return wire, answer

    async def subscribe(self, wire: Wire, stream: str = "loss", **wanted: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await wire.ask(self.ns, "$subscribe", {"stream": stream, **wanted})
        return answer

    @asynccontextmanager
    async def reluctant(self, **options: Any) -> AsyncIterator[Reluctant]:
        """Let in a viewer that reads its socket only when it is told to."""
        server = self.server
        client = await Reluctant.open(server.socket_url, headers=server.headers, **options)
        try:
            await client.join(self.ns)
            yield client
        finally:
            client.close()

    def sessions(self) -> list[Any]:
        """List the server's side of all connections, the latest last."""
        return list(self.server.sio.router.eio.sockets.values())

    def keep(self, wire: Wire) -> Wire:
        """Close this one too when the test is over."""
        self._wires.append(wire)
        return wire

    # --- what the publisher does -------------------------------------------------------------

    async def open(self, stream: str = "loss", **other: Any) -> dict[str, Any]:
        """Open a stream with a new epoch, unless ``epoch`` says which."""
        answer: dict[str, Any] = await self.publisher.ask(
            self.ns, "$open", {"stream": stream, "epoch": new_epoch(), **other}
        )
        return answer

    async def publish(
        self, stream_id: int, offset: int, rows: int = 1, payload: bytes = b"x", time: int = 1
    ) -> None:
        """Publish one payload."""
        await self.publisher.tell(self.ns, "$publish", [stream_id, offset, time, rows], payload)

    async def publish_all(self, stream_id: int, payloads: list[tuple[int, bytes]]) -> int:
        """Publish payloads of so many rows each from row 0 on; returns ``next``."""
        offset = 0
        for rows, payload in payloads:
            await self.publish(stream_id, offset, rows, payload)
            offset += rows
        return offset

    # --- when everything said has been heard -------------------------------------------------

    async def settled(self, *wires: Wire) -> None:
        """Wait until all that the publisher sent was dealt with, and has reached these viewers."""
        await self.publisher.ask(self.ns, "$viewers")
        for wire in wires:
            await wire.ask(self.ns, "$unsubscribe", {"id": NOTHING})

    async def close(self) -> None:
        await asyncio.gather(*(wire.close() for wire in self._wires))


def new_epoch() -> str:
    """Make an epoch that no stream had before."""
    return secrets.token_hex(8)


def rows_of(
    wire: Wire, stream_id: int | None = None, *, since: int = 0
) -> list[tuple[int, int, bytes]]:
    """List every payload a viewer got, from its batch ``since`` on, as (offset, rows, bytes)."""
    found = []
    for (id, offset, _time, *counts), *payloads in wire.of("$batch")[since:]:
        if stream_id not in (None, id):
            continue
        assert len(counts) == len(payloads)
        for count, payload in zip(counts, payloads, strict=True):
            found.append((offset, count, payload))
            offset += count
    return found


def rows_read(client: Reluctant) -> int:
    """Count the rows that a reluctant viewer has read."""
    return sum(sum(head[3:]) for head, *_ in client.of("$batch"))
