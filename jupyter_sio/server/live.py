"""Which namespaces are live, and who is told when one is born or gone."""

from __future__ import annotations

import asyncio

from jupyter_sio.limits import Connections
from jupyter_sio.protocol.names import Namespace, Pattern, parse
from jupyter_sio.server.handlers import Handler, NamespacePattern, settled
from jupyter_sio.server.tasks import Tasks, TookTooLong


class Live:
    """Namespaces with an accepted client, or with a kernel; owned by the server's loop.

    Attributes
    ----------
    handler_seconds : float
        An observer that takes longer is stopped: the next one of its namespace waits for it.
    """

    def __init__(self, tasks: Tasks) -> None:
        self.handler_seconds = Connections.handler_seconds
        self._tasks = tasks
        self._clients: dict[str, int] = {}  # 0: it lives without clients, by its kernel
        self._observers: dict[str, list[tuple[Pattern, Handler]]] = {"open": [], "close": []}
        self._told: dict[str, asyncio.Future[None]] = {}

    def observe(self, event: str, pattern: NamespacePattern, handler: Handler) -> None:
        """Have ``handler`` told of "open" or "close" of namespaces that match."""
        self._observers[event].append((parse(pattern), handler))

    def names(self, pattern: NamespacePattern | None) -> list[Namespace]:
        """List the live namespaces that match, each with its params; None: all."""
        if pattern is None:
            return [Namespace(name) for name in self._clients]
        wanted = parse(pattern)
        found = ((name, wanted.match(name)) for name in list(self._clients))
        return [Namespace(name, params) for name, params in found if params is not None]

    def __len__(self) -> int:
        return len(self._clients)

    def enter(self, name: str) -> None:
        """Count an accepted client in; with the first one the namespace is born."""
        self._clients[name] = self._clients.get(name, 0) + 1
        if self._clients[name] == 1:
            self._tell("open", name)

    def leave(self, name: str) -> None:
        """Count a client out, after its disconnect handler; with the last one it is gone."""
        self._clients[name] -= 1
        if not self._clients[name]:
            self.end(name)

    def begin(self, name: str) -> None:
        """Note that a namespace was born that lives by something else than its clients."""
        if name not in self._clients:
            self._clients[name] = 0
            self._tell("open", name)

    def end(self, name: str) -> None:
        """Note that it is gone."""
        if self._clients.pop(name, None) is not None:
            self._tell("close", name)

    def _tell(self, event: str, name: str) -> None:
        calls = []
        for pattern, handler in self._observers[event]:
            params = pattern.match(name)
            if params is not None:
                calls.append((handler, Namespace(name, params)))
        if calls:
            # A namespace's "close" is told after its "open", however long that took.
            before = self._told.get(name)
            self._told[name] = self._tasks.run(self._call(event, name, calls, before))

    async def _call(
        self,
        event: str,
        name: str,
        calls: list[tuple[Handler, Namespace]],
        before: asyncio.Future[None] | None,
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        for handler, namespace in calls:
            what = f"the handler of on_{event} of {name}"
            try:
                work = settled(handler, namespace)
                await self._tasks.bounded(what, work, seconds=self.handler_seconds)
            except TookTooLong:
                continue
            except Exception:  # noqa: BLE001 - a border
                self._tasks.failed(what)
        if self._told.get(name) is asyncio.current_task():
            del self._told[name]
