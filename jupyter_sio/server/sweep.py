"""The one timer by which every session looks at its deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from jupyter_sio.limits import Limits
from jupyter_sio.server.session import Session

_PART = 0.25  # of the shortest deadline
_LEAST_SECONDS, _MOST_SECONDS = 0.01, 1.0


class Sweep:
    """Runs while there are sessions; owned by the server's loop."""

    def __init__(self, sessions: Mapping[str, Session]) -> None:
        self._sessions = sessions
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._period = _MOST_SECONDS

    def configure(self, limits: Limits) -> None:
        """Look as often as the shortest of these deadlines asks for."""
        shortest = min(
            limits.transport.ping_interval,
            limits.transport.ping_timeout,
            limits.transport.stall_seconds,
            limits.connections.connect_seconds,
            limits.inbound.attachment_seconds,
        )
        self._period = max(_LEAST_SECONDS, min(shortest * _PART, _MOST_SECONDS))

    def start(self) -> None:
        """Begin, if it does not run already."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._due = loop.time() + self._period
            self._timer = loop.call_later(self._period, self.look)

    def stop(self) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Have every session do what is due."""
        now = asyncio.get_running_loop().time()
        late = now - self._due
        for session in list(self._sessions.values()):
            if late > self._period:  # the loop slept, or somebody blocked it
                session.excuse(late)
            session.tick(now)
        self.stop()
        if self._sessions:
            self.start()
