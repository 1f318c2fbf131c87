"""A server extension with a namespace for each process: ``/processes/{pid:int}``.

Whoever joins one is sent ``usage`` twice a second, and by calling ``children`` enters a room
that is also sent the children. A process is measured while somebody watches, once for all of them;
when it ends, so does its namespace. Whoever may use the server may watch the processes of the user
that it runs as; a share link's holder may not. Lesson 06 in ``notebooks/`` is a client.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import psutil

from jupyter_sio.server import PatternNamespace, router_of

SECONDS = 0.5
ME = psutil.Process().username()


def find(pid: int) -> psutil.Process | None:
    """Find a process of ours."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return process if process.username() == ME else None
    return None


def running(process: psutil.Process) -> bool:
    """Whether it has not ended; nobody may have asked yet how."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def usage(process: psutil.Process) -> dict[str, float]:
    """Say how much of a processor it took since it was asked last, and its memory."""
    return {"cpu_percent": process.cpu_percent(), "memory_mb": process.memory_info().rss / 1e6}


def children(process: psutil.Process) -> list[dict[str, Any]]:
    """Describe its children, and theirs."""
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.Error):  # it ended just now
            spent = child.cpu_times()
            seconds = spent.user + spent.system
            found.append({"pid": child.pid, "name": child.name(), "cpu_seconds": seconds})
    return found


class Processes(PatternNamespace):
    """One instance serves them all: ``namespace`` says which process is meant."""

    pattern = "/processes/{pid:int}"

    def __init__(self) -> None:
        super().__init__()
        self.measuring: dict[str, asyncio.Task[None]] = {}

    async def on_connect(self, namespace, sid, environ, auth):
        """Let somebody in, or not."""
        if find(namespace.params["pid"]) is None:
            raise ConnectionRefusedError("there is no such process of yours")

    async def on_children(self, namespace, sid):
        """Let somebody into the room; what is returned answers the call."""
        await self.enter_room(sid, "children", namespace=namespace)
        return "you will hear of its children"

    async def begin(self, namespace):
        """Measure, now that somebody watches."""
        self.measuring[namespace] = asyncio.create_task(self.measure(namespace))

    async def end(self, namespace):
        """Measure no more: nobody watches."""
        self.measuring.pop(namespace).cancel()

    async def measure(self, namespace):
        """Tell how it goes until the process has ended, then show everybody out."""
        process = find(namespace.params["pid"])
        with suppress(psutil.NoSuchProcess):  # it ended between two questions
            while process is not None and running(process):
                await self.emit("usage", usage(process), namespace=namespace)
                await self.emit("children", children(process), to="children", namespace=namespace)
                await asyncio.sleep(SECONDS)
        self.server.close_namespace(namespace, reason="the process has ended")


def _jupyter_server_extension_points():
    return [{"module": "sio_processes"}]


def _load_jupyter_server_extension(serverapp):
    router = router_of(serverapp)
    processes = Processes()
    router.register_namespace(processes)
    router.on_open(processes.pattern, processes.begin)
    router.on_close(processes.pattern, processes.end)
