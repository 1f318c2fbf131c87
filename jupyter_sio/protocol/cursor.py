"""What one viewer is sent next of one stream: window, mode, gaps, paging.

A viewer has a cursor, never a queue: what it is owed lies in the history, once for all viewers.

Source: protocol.md §7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_sio.limits import Transport
from jupyter_sio.protocol.history import History, Hole, Payload
from jupyter_sio.protocol.messages import Mode

# Why a range will not come, where the range may still grow while the viewer is held back.
_GROWING = frozenset({"evicted", "conflated"})


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive payloads, at least one: what one ``$batch`` carries.

    ``offset`` may be below the rows owed: a payload is never cut.
    """

    payloads: tuple[Payload, ...]

    @property
    def offset(self) -> int:
        """The first row."""
        return self.payloads[0].offset

    @property
    def end(self) -> int:
        """The row behind the last."""
        return self.payloads[-1].end

    @property
    def time(self) -> int:
        """When the last payload left the publisher, by its clock; ms since 1970."""
        return self.payloads[-1].time


class Cursor:
    """The next offset a viewer is to be sent of one stream. Owned by one thread.

    Parameters
    ----------
    mode : "every" or "latest"
        ``latest`` jumps to the newest payload and tells the skipped range as conflated.
    window : int or None
        How many bytes may be sent beyond what was acknowledged; None: any number.
    start : int
        From ``History.resolve``.

    Attributes
    ----------
    next : int
        The first row not yet sent or told as a gap.
    unacknowledged : int
        Bytes sent and not acknowledged; always 0 without a window.
    """

    __slots__ = ("_sent", "mode", "next", "unacknowledged", "window")

    def __init__(self, *, mode: Mode, window: int | None, start: int) -> None:
        self.mode = mode
        self.window = window
        self.next = start
        self.unacknowledged = 0
        self._sent: deque[tuple[int, int]] = deque()  # (end, bytes) of payloads, oldest first

    def take(self, history: History, *, max_payloads: int, max_bytes: int) -> Hole | Run | None:
        """Take what may be sent now, and move on behind it.

        Returns
        -------
        Hole
            A gap to tell. It needs no acknowledgement and no room in the window. Only where its
            range would still grow, as rows are evicted or conflated, it waits until the payload
            behind it may go: so a viewer that is held back is told one gap, not one per eviction.
        Run
            Payloads, at most ``max_payloads`` and ``max_bytes`` together, or one larger one.
        None
            Nothing is due, or the window holds it back.
        """
        found = self._upcoming(history, max_payloads, max_bytes)
        if isinstance(found, Hole):
            self.next = found.end
        elif found is not None:
            self.next = found.end
            self._note_sent(found.payloads)
        return found

    def due(self, history: History) -> bool:
        """Whether rows are owed, whatever the window says."""
        return self.next < history.next

    def held_back(self, history: History) -> bool:
        """Whether rows are owed and the window alone keeps them back."""
        return self.due(history) and self._upcoming(history, 1, 0) is None

    def acknowledge(self, next: int) -> None:
        """Release the payloads that end at or below ``next``.

        Beyond the cursor there is nothing to release, so such a ``next`` counts as the cursor.
        """
        while self._sent and self._sent[0][0] <= next:
            self.unacknowledged -= self._sent.popleft()[1]

    def restart(self, *, start: int) -> None:
        """Begin at ``start`` of another epoch; nothing counts as unacknowledged (`$reset`)."""
        self.next = start
        self.unacknowledged = 0
        self._sent.clear()

    def abandon(self, history: History) -> Hole | None:
        """Give up what is still owed of an epoch that ends; the gap to tell, if any."""
        if not self.due(history):
            return None
        hole = Hole(self.next, history.next, "reset")
        self.next = history.next
        return hole

    def _upcoming(self, history: History, max_payloads: int, max_bytes: int) -> Hole | Run | None:
        found = self._read(history, self.next, max_payloads, max_bytes)
        if isinstance(found, Hole):
            if found.why in _GROWING:
                behind = self._read(history, found.end, 1, 0)
                if isinstance(behind, list) and not self._admitted(behind):
                    return None
            return found
        payloads = self._admitted(found or ())
        return Run(payloads) if payloads else None

    def _read(
        self, history: History, offset: int, max_payloads: int, max_bytes: int
    ) -> Hole | list[Payload] | None:
        """Do as ``History.read``, by the rules of the mode."""
        if self.mode == "latest" and (newest := history.newest()) is not None:
            if offset < newest.offset:
                return Hole(offset, newest.offset, "conflated")
            return [newest] if offset < newest.end else None
        return history.read(offset, max_payloads=max_payloads, max_bytes=max_bytes)

    def _admitted(self, payloads: Sequence[Payload]) -> tuple[Payload, ...]:
        """Cut a run where the window ends.

        A payload goes while it and all that is unacknowledged stay below the window. The first
        one goes if nothing is unacknowledged, however large, or it would never go.
        """
        if self.window is None:
            return tuple(payloads)
        total = self.unacknowledged
        for count, payload in enumerate(payloads):
            total += len(payload.data)
            if total >= self.window and (count or self.unacknowledged):
                return tuple(payloads[:count])
        return tuple(payloads)

    def _note_sent(self, payloads: Sequence[Payload]) -> None:
        if self.window is None:
            return
        for payload in payloads:
            size = len(payload.data)
            self.unacknowledged += size
            if len(self._sent) >= Transport.window_payloads:
                size += self._sent.pop()[1]
            self._sent.append((payload.end, size))
