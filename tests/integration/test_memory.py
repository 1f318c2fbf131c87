"""What came and went leaves nothing behind. Source: protocol.md §9 (64 namespaces, bounds)."""

from __future__ import annotations

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Server, Stage, new_epoch
from tests.wire import Wire

MANY = 5_000
SOME = 1_000
EACH = 64  # namespaces of one connection
A_FEW = 12  # objects, four of each connection; whatever leaks by the piece is at least 25
MIB = 1024 * 1024
OURS = ("jupyter_sio.server", "socketio", "engineio")


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": {"ended_seconds": 0.3}}


def alive() -> Counter[str]:
    """Count what is there of our own kinds, those of python-socketio and its tasks."""
    gc.collect()
    kinds = Counter(map(type, gc.get_objects()))
    names = {kind: f"{kind.__module__}.{kind.__name__}" for kind in kinds}
    return Counter({name: kinds[k] for k, name in names.items() if name.startswith(OURS)})


def resident() -> int:
    gc.collect()
    return psutil.Process(os.getpid()).memory_info().rss


class State:
    """What there is at one moment, to come back to."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._counts = self._count()
        self._alive = alive()
        self._tasks = len(asyncio.all_tasks())

    def _count(self) -> tuple[Any, ...]:
        router = self._server.sio.router
        rooms = sum(map(len, router.manager.rooms.values()))
        return (*router.statistics()[:3], *self._server.sio.registry.counts(), rooms)

    async def is_back(self) -> bool:
        """Wait until what came is gone, but for what a cancelled timer of the loop still holds."""
        for _ in range(8):
            left, tasks = alive() - self._alive, len(asyncio.all_tasks()) - self._tasks
            if left.total() <= A_FEW and tasks <= 0 and self._count() == self._counts:
                return True
            await asyncio.sleep(0.25)
        raise AssertionError(f"{left}, {tasks} tasks, {self._count()} where {self._counts} was")


async def leaves_nothing(server: Server, once: Callable[[], Awaitable[None]]) -> None:
    """Do something twice: afterwards all is as it was, and the second time costs no memory."""
    before = State(server)
    await once()
    assert await before.is_back()
    memory = resident()
    await once()
    assert await before.is_back()
    assert resident() - memory < 8 * MIB


async def test_namespaces_of_another_extension_open_and_close_and_are_gone(server: Server):
    """Behind real doors; ``tests/server/test_router.py`` does it with 5,000."""
    router = server.sio.router
    heard: Counter[str] = Counter()

    async def join(namespace: Any, sid: str, environ: Any, auth: Any) -> None:
        await router.enter_room(sid, "everyone", namespace=namespace)

    router.on("connect", join, namespace="/courses/{course_id}")
    router.on("disconnect", lambda *_: None, namespace="/courses/{course_id}")
    router.on("hello", lambda *_: None, namespace="/courses/{course_id}")
    router.on_open("/courses/*", lambda namespace: heard.update(["open"]))
    router.on_close("/courses/*", lambda namespace: heard.update(["close"]))

    async def once() -> None:
        wires = []
        for first in range(0, SOME, EACH):
            wire = await Wire.open(server.socket_url, headers=server.headers)
            names = [f"/courses/{n}" for n in range(first, min(first + EACH, SOME))]
            for name in names:
                await wire.send(socketio.connect(name))
            await wire.tell(names[0], "hello", first)
            wires.append(wire)
        for wire in wires:
            count = EACH if wire is not wires[-1] else SOME % EACH
            await wire.until(lambda: wire.texts[-1:] and joined(wire) == count)  # noqa: B023
        assert len(router.live("/courses/*")) == SOME
        await router.emit("hello", room="everyone", namespace="/courses/7")
        for n in range(0, EACH, 2):
            await wires[0].send(socketio.disconnect(f"/courses/{n}"))
        await asyncio.gather(*(wire.close() for wire in wires))
        while router.eio.sockets:
            await asyncio.sleep(0.01)
        assert not router.live("/**")

    await leaves_nothing(server, once)
    assert heard == {"open": 2 * SOME, "close": 2 * SOME}


def joined(wire: Wire) -> int:
    return sum(isinstance(other, socketio.Joined) for other in wire.others)


async def test_5000_kernels_come_and_go_and_are_gone(server: Server):
    kernels, registry = server.sio.kernels, server.sio.registry

    async def once() -> None:
        ids = [f"00000000-0000-0000-0000-{n:012}" for n in range(MANY)]
        for kernel_id in ids:
            kernels._started(kernel_id)
        assert registry.counts().namespaces == MANY
        wire = await Wire.open(server.socket_url, headers=server.headers)
        for kernel_id in ids[: EACH - 1]:
            await wire.join(f"/kernels/{kernel_id}")
            await wire.ask(f"/kernels/{kernel_id}", "$subscribe", {"stream": "loss"})
        await wire.join("/kernels")
        assert registry.counts().subscriptions == EACH - 1
        for kernel_id in ids:
            kernels._ended(kernel_id)
        await wire.first("$bye", EACH - 1)
        while registry.namespaces:
            await asyncio.sleep(0.05)
        await wire.close()

    await leaves_nothing(server, once)


async def test_viewers_and_subscriptions_come_and_go_and_are_gone(stage: Stage):
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(1, b"x")] * 10)

    async def once() -> None:
        for turn in range(30):
            wire = await Wire.open(stage.server.socket_url, headers=stage.server.headers)
            await wire.join(stage.ns)
            await stage.subscribe(wire, window=1, mode="latest" if turn % 2 else "every")
            for number in range(8):
                await stage.subscribe(wire, f"never {number}")
            await wire.tell(stage.ns, "go")
            wire._connection.protocol.stream.close()
            await wire.close()
        await stage.publisher.until(lambda: stage.publisher.of("$viewer")[-1][0]["joined"] is False)
        while len(stage.sessions()) > 1:
            await asyncio.sleep(0.01)
        stage.publisher.forget()

    await leaves_nothing(stage.server, once)


async def test_publishers_and_epochs_come_and_go_and_are_gone(stage: Stage):
    epoch = new_epoch()
    await stage.open(epoch=epoch)

    async def once() -> None:
        for turn in range(25):
            wire = await stage.server.publisher(stage.kernel_id, pid=turn, epoch=new_epoch())
            answer = await wire.ask(stage.ns, "$open", {"stream": "loss", "epoch": new_epoch()})
            await wire.tell(stage.ns, "$publish", [answer["id"], 0, 1, 1], bytes(100_000))
            await wire.ask(stage.ns, "$open", {"stream": "loss", "epoch": epoch})
            await wire.ask(stage.ns, "$close", {"id": answer["id"]})
            await wire.close()
        while len(stage.sessions()) > 0:
            await asyncio.sleep(0.01)

    await once()  # the test's own publisher is superseded
    await leaves_nothing(stage.server, once)
    assert stage.server.sio.registry.counts().history_bytes == 0
