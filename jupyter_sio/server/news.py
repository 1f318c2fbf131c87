"""What is told of a namespace besides rows: `$status`, `$streams`, the directory's `$namespace`.

Each has its rate; the last news is always told. Owned by the server's loop.

Source: protocol.md §4 (directory), §5.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_sio.limits import Transport
from jupyter_sio.protocol.messages import Status
from jupyter_sio.server import frames
from jupyter_sio.server.clients import Client
from jupyter_sio.server.registry import KernelNamespace, Viewer


class Throttle:
    """Calls back at most once per ``interval`` seconds and key; the last call is never lost."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._last: dict[Any, float] = {}
        self._timers: dict[Any, asyncio.TimerHandle] = {}

    def ask(self, key: Any, callback: Callable[[], None]) -> None:
        """Call back now, or as soon as the interval since the last time is over."""
        if key in self._timers:
            return
        wait = self._last.get(key, float("-inf")) + self._interval - time.monotonic()
        if wait <= 0:
            self._call(key, callback)
        else:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(wait, self._call, key, callback)

    def now(self, key: Any, callback: Callable[[], None]) -> None:
        """Call back at once, in place of a call that is waiting."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        self._call(key, callback)

    def waiting(self, key: Any) -> bool:
        """Whether a call for this key is still to come."""
        return key in self._timers

    def forget(self, key: Any) -> None:
        """Drop what is known of a key, a waiting call too."""
        self._last.pop(key, None)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()

    def stop(self) -> None:
        """Drop everything that waits."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._last.clear()

    def _call(self, key: Any, callback: Callable[[], None]) -> None:
        self._timers.pop(key, None)
        self._last[key] = time.monotonic()
        callback()


class News:
    """Tells viewers and the directory's clients what changed."""

    def __init__(self, bounds: Transport) -> None:
        self._streams = Throttle(bounds.streams_interval)
        self._directory = Throttle(bounds.directory_interval)
        self.readers: set[Client] = set()
        self.entry_of: Callable[[KernelNamespace], dict[str, Any]] = lambda namespace: {}

    def status(self, namespace: KernelNamespace) -> None:
        """Tell every viewer the namespace's status, at once."""
        status = namespace.lifetime.status()
        self._tell(namespace, Status.name, status.args())
        self.changed(namespace)

    def streams(self, namespace: KernelNamespace) -> None:
        """Tell every viewer which streams there are; at most 5/s, the last always."""
        self._streams.ask(namespace, lambda: self._tell_streams(namespace))
        self.changed(namespace)

    def streams_at_once(self, namespace: KernelNamespace) -> None:
        """Tell the streams now: a `$reset` follows."""
        self._streams.now(namespace, lambda: self._tell_streams(namespace))
        self.changed(namespace)

    def welcome(self, namespace: KernelNamespace, viewer: Viewer) -> None:
        """Tell a viewer what it is always told after its CONNECT."""
        viewer.client.send(Status.name, *namespace.lifetime.status().args())
        viewer.client.send("$streams", visible_streams(namespace, viewer))

    def changed(self, namespace: KernelNamespace) -> None:
        """Tell the directory that a namespace opened or changed; at most once a second each."""
        if self.readers:
            self._directory.ask(namespace, lambda: self._tell_directory(namespace))

    def gone(self, namespace: KernelNamespace) -> None:
        """Tell the directory that a namespace has ended, and forget its rates."""
        if self.readers:
            self._directory.now(namespace, lambda: self._tell_directory(namespace))
        self._directory.forget(namespace)
        self._streams.forget(namespace)

    def stop(self) -> None:
        """Tell nothing more; may be called again."""
        self._streams.stop()
        self._directory.stop()

    def _tell(self, namespace: KernelNamespace, event: str, args: Sequence[object]) -> None:
        if namespace.viewers:
            framed = frames.event(namespace.name, event, args)
            for viewer in list(namespace.viewers.values()):
                viewer.client.write(framed)

    def _tell_streams(self, namespace: KernelNamespace) -> None:
        entries = [stream.info().entry() for stream in namespace.opened()]
        everything = None
        for viewer in list(namespace.viewers.values()):
            if viewer.access.streams:
                viewer.client.send("$streams", visible_streams(namespace, viewer))
                continue
            everything = everything or frames.event(namespace.name, "$streams", [entries])
            viewer.client.write(everything)

    def _tell_directory(self, namespace: KernelNamespace) -> None:
        framed = frames.event("/kernels", "$namespace", [self.entry_of(namespace)])
        for client in list(self.readers):
            client.write(framed)


def visible_streams(namespace: KernelNamespace, viewer: Viewer) -> list[dict[str, Any]]:
    """List the streams a viewer may see; a link's holder sees its globs only."""
    return [
        stream.info().entry()
        for stream in namespace.opened()
        if viewer.access.sees_stream(stream.name)
    ]
