"""The directory `/kernels` and the entries that REST answers with: what is live on this server.

Source: protocol.md §3 (`api/namespaces`), §4 (directory).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from jupyter_core.utils import ensure_async

from jupyter_sio.server.clients import Client
from jupyter_sio.server.news import News
from jupyter_sio.server.registry import KernelNamespace, Registry, Stream

# Over how long rows/s and bytes/s are averaged, seconds, and how often they are sampled.
RATE_SECONDS = 5.0
SAMPLE_SECONDS = 1.0


class Directory:
    """Lists namespaces, to readers of `/kernels` and to REST. Owned by the server's loop."""

    def __init__(self, *, registry: Registry, news: News, session_manager: Any) -> None:
        self._registry = registry
        self._news = news
        self._session_manager = session_manager
        self._samples: dict[Stream, deque[tuple[float, int, int]]] = {}
        # What the directory's readers know of rows and rates: rows that arrive are no news.
        self._told: dict[KernelNamespace, tuple[int, float]] = {}
        self._sampler: asyncio.TimerHandle | None = None
        news.entry_of = self.entry

    def start(self) -> None:
        """Begin to sample rates; needs the running loop."""
        self._sample()

    def stop(self) -> None:
        """End sampling; may be called again."""
        if self._sampler is not None:
            self._sampler.cancel()
            self._sampler = None

    def join(self, client: Client) -> None:
        """Tell a new reader what is live, and keep telling it."""
        client.send("$namespaces", self.entries())
        self._news.readers.add(client)

    def leave(self, client: Client) -> None:
        """Forget a reader."""
        self._news.readers.discard(client)

    async def refresh(self) -> None:
        """Ask Jupyter which notebooks the kernels belong to: it tells nobody of a rename."""
        try:
            sessions = await ensure_async(self._session_manager.list_sessions())
        except Exception:  # noqa: BLE001  a broken session must not hide what is live
            return
        for session in sessions:
            namespace = self._registry.namespaces.get(session["kernel"]["id"])
            if namespace is not None:
                path = session.get("path") or ""
                name = session.get("name") or path.rsplit("/", 1)[-1]
                if (namespace.path, namespace.label) != (path, name):
                    namespace.path, namespace.label = path, name
                    self._news.changed(namespace)

    def entries(self) -> list[dict[str, Any]]:
        """Write what is live, one entry each."""
        return [self.entry(namespace) for namespace in self._registry.namespaces.values()]

    def entry(self, namespace: KernelNamespace) -> dict[str, Any]:
        """Write one namespace; ``viewers`` is their number."""
        status = namespace.lifetime.status()
        rates = [self._rates(stream) for stream in namespace.streams.values()]
        return {
            "kernel_id": namespace.kernel_id,
            "name": namespace.label,
            "path": namespace.path,
            "state": status.kernel,
            "publisher": status.publisher,
            "since": status.since,
            "started": namespace.lifetime.started,
            "streams": [self._stream(stream) for stream in namespace.opened()],
            "viewers": len(namespace.viewers),
            "rows_per_second": round(sum(rows for rows, _ in rates), 1),
            "bytes_per_second": round(sum(size for _, size in rates), 1),
        }

    def _stream(self, stream: Stream) -> dict[str, Any]:
        """Write one stream: its entry of `$streams`, what is held of it, and what passes."""
        rows, size = self._rates(stream)
        held = 0 if stream.history is None else stream.history.bytes
        rates = {"rows_per_second": rows, "bytes_per_second": size}
        return {**stream.info().entry(), "bytes": held, **rates}

    def details(self, namespace: KernelNamespace) -> dict[str, Any]:
        """Write one namespace with its viewers listed."""
        viewers = [viewer.entry() for viewer in namespace.viewers.values()]
        return {**self.entry(namespace), "viewers": viewers}

    # --- rates -----------------------------------------------------------------------------

    def _sample(self) -> None:
        now = time.monotonic()
        live = list(self._registry.namespaces.values())
        streams = [stream for namespace in live for stream in namespace.streams.values()]
        self._samples = {stream: self._samples.get(stream) or deque() for stream in streams}
        for stream, samples in self._samples.items():
            samples.append((now, stream.rows_in, stream.bytes_in))
            while now - samples[0][0] > RATE_SECONDS:
                samples.popleft()
        self._tell(live)
        self._sampler = asyncio.get_running_loop().call_later(SAMPLE_SECONDS, self._sample)

    def _tell(self, live: list[KernelNamespace]) -> None:
        """Make news of rows that came since the last look, and of their having stopped."""
        figures = {}
        for namespace in live:
            streams = namespace.streams.values()
            rows = sum(stream.rows_in for stream in streams)
            figures[namespace] = rows, sum(self._rates(stream)[0] for stream in streams)
            if self._told.get(namespace, figures[namespace]) != figures[namespace]:
                self._news.changed(namespace)
        self._told = figures

    def _rates(self, stream: Stream) -> tuple[float, float]:
        samples = self._samples.get(stream)
        if not samples or len(samples) < 2:
            return 0.0, 0.0
        (then, rows_then, bytes_then), (now, rows, size) = samples[0], samples[-1]
        seconds = now - then
        return round((rows - rows_then) / seconds, 1), round((size - bytes_then) / seconds, 1)
