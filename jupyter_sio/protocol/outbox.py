"""The kernel's side of one stream: rows gathered, payloads numbered, sent, kept, given up.

Rows are gathered in a plain list that whoever pushes appends to; it is never replaced, only
shortened from its front, so an append needs no lock and cannot be lost. Everything else belongs
to whoever holds the stream's lock. A payload once numbered keeps its number and its bytes: it is
sent, sent again after a reconnect, acknowledged or dropped as a whole.

Source: protocol.md §2, §5 (``$publish``, ``$compact``, ``$open``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from jupyter_sio import limits
from jupyter_sio.errors import Overflow

Policy = Literal["drop_oldest", "block", "raise"]
POLICIES = ("drop_oldest", "block", "raise")

NEVER = float("inf")


class Encoded(NamedTuple):
    """Rows as one payload, not numbered yet.

    ``source`` is what they were made from, if they are few enough to be compacted later, and
    ``schema`` what payloads must have in common for that.
    """

    rows: int
    data: bytes
    source: list[Any] | None = None
    schema: object = None


@dataclass(slots=True)
class Payload:
    """Rows ``offset … end-1``, as they travel. ``time`` in ms since 1970."""

    offset: int
    rows: int
    time: int
    data: bytes = field(repr=False)
    source: list[Any] | None = field(default=None, repr=False)
    schema: object = field(default=None, repr=False)
    pushed_at: float = 0.0

    @property
    def end(self) -> int:
        """The offset after its last row."""
        return self.offset + self.rows


class Statistics(NamedTuple):
    """What became of a stream's rows, since its epoch began.

    ``rows`` pushed, in ``batches`` payloads of ``bytes`` together; ``dropped`` rows that the
    server will never have; ``in_flight`` rows that it does not have yet; ``lag_seconds`` since
    the oldest of these was pushed (0.0 without any).
    """

    rows: int
    bytes: int
    batches: int
    dropped: int
    in_flight: int
    lag_seconds: float


class Outbox:
    """One epoch of one stream. ``now`` is in seconds, on a clock that never goes back."""

    def __init__(
        self, bounds: limits.Outbox, *, policy: Policy = "drop_oldest", compacting: bool = True
    ) -> None:
        self._bounds = bounds
        self._policy = policy
        self._compacting = compacting
        self.rows: list[Any] = []
        self.weight = 0  # bytes of the gathered rows, where their number does not tell
        self.fill = 1  # gathered rows that make flush_bytes
        # Gathered rows at which a push is to look further: the first after a payload, so that
        # somebody comes back for it when it is due, then those that fill the next.
        self.cap = 1
        self.due = NEVER  # when gathered rows are to go out; NEVER while nothing can be sent
        self.next = 0  # the offset of the first row that no payload has
        self.acknowledged = 0  # the server holds, or has declared lost, everything below
        self.bytes = 0  # of the payloads kept
        self.bytes_in_flight = 0  # of those that were sent
        self.bytes_total = 0
        self.batches = 0
        self.dropped = 0
        self._kept: deque[Payload] = deque()  # not acknowledged, oldest first
        self._sent = 0  # how many of them went out over this connection
        self._spared = 0  # how many went out over any: the server may have them
        self._open = False
        self._flushed_at = -NEVER
        self._run: list[Payload] = []  # acknowledged, small and consecutive: to be compacted

    # --- gathering ---------------------------------------------------------------------------

    def ready(self, now: float) -> bool:
        """Whether the gathered rows are to be encoded now."""
        return bool(self.rows) and (now >= self.due or self.filled)

    @property
    def filled(self) -> bool:
        """Whether the gathered rows make a payload of ``flush_bytes``."""
        return len(self.rows) >= self.fill or self.weight >= self._bounds.flush_bytes

    def numbered(self, payloads: Sequence[Encoded], *, taken: int, now: float, time: int) -> None:
        """Number ``payloads``, which hold the first ``taken`` gathered rows (or none of them)."""
        kept = self._number(payloads, now, time)
        # Nothing comes between these two but bytecodes that no signal interrupts.
        del self.rows[:taken]
        self._kept += kept
        self.weight = 0
        self.cap = 1
        self.next = kept[-1].end if kept else self.next
        self.batches += len(kept)
        size = sum(len(payload.data) for payload in kept)
        self.bytes += size
        self.bytes_total += size
        self._flushed_at = now
        self._reckon_due()
        if self._policy == "drop_oldest":  # else a push raised or waited before it came to this
            self.drop_oldest()

    def _number(self, payloads: Sequence[Encoded], now: float, time: int) -> list[Payload]:
        offset, kept = self.next, []
        for rows, data, source, schema in payloads:
            kept.append(Payload(offset, rows, time, data, source, schema, now))
            offset += rows
        return kept

    def skip(self, rows: int) -> None:
        """Let ``rows`` have their offsets, and drop them: nobody will ever ask for them."""
        self.next += rows
        self.dropped += rows
        self.acknowledged = self.next

    def forget_gathered(self) -> None:
        """Drop the gathered rows, counted."""
        taken = len(self.rows)
        del self.rows[:taken]
        self.weight = 0
        self.skip(taken)

    @property
    def end(self) -> int:
        """The offset after the last row pushed."""
        return self.next + len(self.rows)

    # --- overflow ----------------------------------------------------------------------------

    def takes(self, size: int) -> bool:
        """Whether a payload of ``size`` bytes fits without dropping another."""
        return self.bytes + size <= self._bounds.bytes

    @property
    def full(self) -> bool:
        """Whether another payload of ``flush_bytes`` would not fit."""
        return not self.takes(self._bounds.flush_bytes)

    def check_room(self, stream: str, size: int) -> None:
        """Raise if a payload of ``size`` bytes does not fit, and that is the policy.

        Raises
        ------
        Overflow
            Before the row is taken.
        """
        if self._policy == "raise" and not self.takes(size):
            raise Overflow(
                f"stream {stream!r} holds {self.bytes} bytes that the server has not taken yet, "
                f"of {self._bounds.bytes} allowed; the row was not taken. Push less often, or "
                f"choose overflow='drop_oldest' or 'block'"
            )

    def drop_oldest(self, size: int = 0) -> None:
        """Drop what is over the bound, or would be with ``size`` bytes more."""
        # What was ever sent stays: the server may have it, so nobody could say if it was lost.
        while not self.takes(size) and len(self._kept) > self._spared + 1:
            payload = self._kept[self._spared]
            del self._kept[self._spared]
            self.bytes -= len(payload.data)
            self.dropped += payload.rows

    # --- sending -----------------------------------------------------------------------------

    @property
    def start(self) -> int:
        """The oldest row that can still be sent: ``from`` of ``$open``."""
        return self._kept[0].offset if self._kept else self.next

    @property
    def sent_next(self) -> int:
        """The offset after the last row sent over this connection."""
        if self._sent == len(self._kept):
            return self.next
        return self._kept[self._sent].offset

    @property
    def waiting(self) -> bool:
        """Whether payloads wait to be sent."""
        return self._sent < len(self._kept)

    def take(self, now: float) -> Payload | None:
        """Take the next payload to send, if there is one and the bytes in flight allow it."""
        if not self._open or not self.waiting:
            return None
        payload = self._kept[self._sent]
        in_flight = self.bytes_in_flight + len(payload.data)
        if self.bytes_in_flight and in_flight > self._bounds.in_flight_bytes:
            return None
        self._sent += 1
        self._spared = max(self._spared, self._sent)
        self.bytes_in_flight = in_flight
        self._reckon_due()
        return payload

    def pause(self) -> None:
        """Note that the connection is gone: what was in flight is in doubt and kept."""
        self._open = False
        self._sent = 0
        self.bytes_in_flight = 0
        self._reckon_due()

    def resume(self, next_: int) -> bool:
        """Note that the server has opened the stream, and holds everything below ``next_``.

        Returns False if it cannot be so in this epoch: then another must begin.
        """
        if next_ > self.next or any(p.offset < next_ < p.end for p in self._kept):
            return False
        self._open = True
        self.acknowledge(next_)
        self._flushed_at = -NEVER
        self._reckon_due()
        return True

    def acknowledge(self, next_: int) -> None:
        """Note that the server holds, or has declared lost, everything below ``next_``."""
        while self._kept and self._kept[0].end <= next_:
            payload = self._kept.popleft()
            self.bytes -= len(payload.data)
            self._spared = max(0, self._spared - 1)
            if self._sent:
                self._sent -= 1
                self.bytes_in_flight -= len(payload.data)
            self._remember(payload)
        self.acknowledged = max(self.acknowledged, min(next_, self.next))
        self._reckon_due()

    def _reckon_due(self) -> None:
        # While payloads wait, rows gather: the link is slower than the loop, so the next
        # payload had better be large.
        sendable = self._open and not self.waiting
        self.due = self._flushed_at + self._bounds.flush_seconds if sendable else NEVER

    # --- compaction --------------------------------------------------------------------------

    def _remember(self, payload: Payload) -> None:
        if not self._compacting:
            return
        if self._run and not _continues(self._run[-1], payload):
            self._run.clear()
        if payload.source is not None:
            self._run.append(payload)

    def compactable(self) -> list[Payload] | None:
        """Take the next 64 payloads that are to be sent again as one ``$compact``, if there are.

        They are acknowledged, small, consecutive and of one schema; never the newest payload.
        """
        count = self._bounds.compact_payloads
        if len(self._run) < count or self._run[count - 1].end >= self.next:
            return None
        run = self._run[:count]
        del self._run[:count]
        return run

    # --- looking -----------------------------------------------------------------------------

    def statistics(self, now: float) -> Statistics:
        """Count; see ``Statistics``."""
        oldest = self._kept[0].pushed_at if self._kept else now
        return Statistics(
            rows=self.end,
            bytes=self.bytes_total,
            batches=self.batches,
            dropped=self.dropped,
            in_flight=sum(payload.rows for payload in self._kept) + len(self.rows),
            lag_seconds=max(0.0, now - oldest),
        )


def _continues(earlier: Payload, later: Payload) -> bool:
    return (
        later.source is not None and later.offset == earlier.end and later.schema is earlier.schema
    )


def rows_of(run: Iterable[Payload]) -> list[Any]:
    """Join what the payloads of a run were made from."""
    return [row for payload in run for row in payload.source or ()]
