"""Which namespaces are live, and who is told when one is born or gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from jupyter_sio.protocol.names import Namespace, Pattern, parse
from jupyter_sio.server.handlers import Handler, NamespacePattern, settled


class Live:
    """Namespaces with an accepted client, or with a kernel; owned by the server's loop.

    Parameters
    ----------
    run : callable
        Starts a task and keeps it.
    failed : callable
        Is told what an observer raised.
    """

    def __init__(
        self,
        run: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        failed: Callable[[str, str], None],
    ) -> None:
        self._run = run
        self._failed = failed
        self._clients: dict[str, int] = {}  # 0: it lives without clients, by its kernel
        self._observers: dict[str, list[tuple[Pattern, Handler]]] = {"open": [], "close": []}
        self._told: dict[str, asyncio.Task[None]] = {}

    def observe(self, event: str, pattern: NamespacePattern, handler: Handler) -> None:
        """Have ``handler`` told of "open" or "close" of namespaces that match."""
        self._observers[event].append((parse(pattern), handler))

    def names(self, pattern: NamespacePattern) -> list[Namespace]:
        """List the live namespaces that match, each with its params."""
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
            self._told[name] = self._run(self._call(event, name, calls, before))

    async def _call(
        self,
        event: str,
        name: str,
        calls: list[tuple[Handler, Namespace]],
        before: asyncio.Task[None] | None,
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        for handler, namespace in calls:
            try:
                await settled(handler, namespace)
            except Exception:  # noqa: BLE001 - a border
                self._failed(f"on_{event}", name)
        if self._told.get(name) is asyncio.current_task():
            del self._told[name]
