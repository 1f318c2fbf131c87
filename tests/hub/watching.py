"""The Python viewer in a thread of its own, and all that it was given."""

from __future__ import annotations

import threading
from typing import Any

from jupyter_sio import watch
from tests.hub.house import PATIENCE, Kernel, eventually


class Watching(threading.Thread):
    """Watches a stream with the Python viewer, and keeps all that it is given."""

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__(daemon=True)
        self.target, self.options = target, options
        self.values: list[int] = []
        self.missing = 0
        self.failure: Exception | None = None
        self._left = False
        self.start()

    def run(self) -> None:
        try:
            for batch in watch(self.target, "rows", **self.options):
                self.missing += batch.gap
                self.values += batch.pydict()["n"]
                if self._left:
                    break
        except Exception as exc:  # noqa: BLE001 - the test looks at it
            self.failure = exc

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._left = True  # it is seen with the next row
        self.join(PATIENCE)

    def more(self, count: int = 20) -> None:
        """Wait until so many more rows have come."""
        wanted = len(self.values) + count
        eventually(lambda: self.failure or len(self.values) >= wanted, "more rows")
        assert self.failure is None

    def nothing_lost(self) -> bool:
        first = self.values[0]
        return not self.missing and self.values == list(range(first, first + len(self.values)))


def of_kernel(kernel: Kernel, token: str) -> Watching:
    return Watching(kernel.server.url, kernel_id=kernel.id, token=token)
