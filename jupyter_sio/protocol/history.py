"""The log of one stream: append, compact, evict, and what comes at an offset.

Source: protocol.md §1, §5 (`$publish`, `$compact`, `$subscribe`), §7, §9.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from jupyter_sio.errors import BadRequest
from jupyter_sio.limits import HistoryBounds
from jupyter_sio.protocol.messages import Position, Why


@dataclass(frozen=True, slots=True)
class Payload:
    """Rows ``offset … end-1``, encoded once; ``time`` in ms since 1970, by the publisher's clock.

    ``data`` is the very object that was appended; every viewer is sent the same one.
    """

    offset: int
    rows: int
    time: int
    data: bytes = field(repr=False)

    @property
    def end(self) -> int:
        """The offset of the row behind the last."""
        return self.offset + self.rows


@dataclass(frozen=True, slots=True)
class Hole:
    """Rows ``start … end-1`` will not come, and why."""

    start: int
    end: int
    why: Why


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did: ``new`` is False for a whole duplicate, which was dropped."""

    new: bool
    hole: Hole | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Where a subscription begins, and whether that continues what the viewer holds."""

    start: int
    recovered: bool


class _Entry(NamedTuple):
    """One place in the log; ``arrived`` in monotonic seconds, never falling along the log."""

    start: int
    arrived: float
    item: Payload | Hole


def _start(entry: _Entry) -> int:
    return entry.start


# Stands where an entry was evicted, so that its bytes are free before the list is cut.
_GONE = _Entry(0, 0.0, Hole(0, 0, "evicted"))
_NEW = Appended(True)
_DUPLICATE = Appended(False)


class History:
    """What the server still holds of one epoch of a stream.

    The log is a list of payloads and recorded holes without any space between them; its last
    entry is always a payload, and the newest payload is never evicted. Owned by one thread.

    Parameters
    ----------
    epoch : str
        The life of the stream this is the log of.
    start : int
        The oldest row the publisher can still send: ``first = next = start``.
    bounds : HistoryBounds
        May be replaced at any time through the attribute; the next append obeys it.

    Attributes
    ----------
    first, next : int
        The log covers the rows ``first … next-1``; equal if there are none. After an eviction
        ``first`` is a row really held.
    bytes, rows : int
        What is held.
    evicted_payloads, evicted_rows : int
        What was held once and left, for whatever reason.
    """

    def __init__(self, epoch: str, *, start: int = 0, bounds: HistoryBounds) -> None:
        self.epoch = epoch
        self.bounds = bounds
        self.first = start
        self.next = start
        self.bytes = 0
        self.rows = 0
        self.payloads = 0
        self.evicted_payloads = 0
        self.evicted_rows = 0
        # Entries below _head are gone; cutting them off in bulk makes an eviction O(1) amortised.
        self._log: list[_Entry] = []
        self._head = 0

    def append(self, offset: int, rows: int, time: int, data: bytes, *, now: float) -> Appended:
        """Take in what the publisher sent; ``rows`` is at least 1, ``now`` monotonic seconds.

        Raises
        ------
        BadRequest
            If the payload begins below ``next`` and ends beyond it: what was numbered once must
            be resent whole.
        """
        end = offset + rows
        if offset < self.next:
            if end <= self.next:
                return _DUPLICATE
            raise BadRequest(
                f"rows {offset} to {end - 1} overlap the rows below {self.next} held already; "
                "resend a payload as it was first numbered"
            )
        appended = _NEW
        if offset > self.next:
            hole = Hole(self.next, offset, "publisher_overflow")
            self._log.append(_Entry(self.next, now, hole))
            appended = Appended(True, hole)
        self._log.append(_Entry(offset, now, Payload(offset, rows, time, data)))
        self.next = end
        self.bytes += len(data)
        self.rows += rows
        self.payloads += 1
        self._trim()
        self.expire(now=now)
        return appended

    def compact(self, offset: int, rows: int, time: int, data: bytes) -> bool:
        """Hold ``data`` in place of exactly the payloads of these rows.

        Returns
        -------
        bool
            False, and nothing happens, unless the range is one of whole payloads without a hole,
            and none of them is the newest.
        """
        if not self.first <= offset < offset + rows < self.next:
            return False
        begin, last = self._index(offset), self._index(offset + rows - 1)
        entries = self._log[begin : last + 1]
        replaced = [entry.item for entry in entries if isinstance(entry.item, Payload)]
        # Entries touch each other, so the range is whole where both of its ends are.
        whole = entries[0].start == offset and entries[-1].item.end == offset + rows
        if not whole or len(replaced) < len(entries):
            return False
        # It is as old as its youngest row: compaction never makes a row leave earlier.
        merged = _Entry(offset, self._log[last].arrived, Payload(offset, rows, time, data))
        self._log[begin : last + 1] = [merged]
        self.bytes += len(data) - sum(len(p.data) for p in replaced)
        self.payloads += 1 - len(replaced)
        self._trim()
        return True

    def expire(self, *, now: float) -> None:
        """Evict what is older than the bounds allow; ``now`` in monotonic seconds."""
        if self.bounds.seconds is None:
            return
        oldest_allowed = now - self.bounds.seconds
        while self.payloads > 1 and self._log[self._head].arrived < oldest_allowed:
            self.evict_oldest()

    def evict_oldest(self) -> int:
        """Evict the oldest payload, whatever the bounds say.

        Returns
        -------
        int
            The bytes it freed; 0 if nothing but the newest payload is left.
        """
        if self.payloads <= 1:
            return 0
        payload = self._drop_payload()
        self.bytes -= len(payload.data)
        self.rows -= payload.rows
        self.payloads -= 1
        self.evicted_payloads += 1
        self.evicted_rows += payload.rows
        if isinstance(self._log[self._head].item, Hole):
            self._drop()  # a hole at the very beginning says no more than `first` does
        self.first = self._log[self._head].start
        if self._head > len(self._log) - self._head:
            del self._log[: self._head]
            self._head = 0
        return len(payload.data)

    def resolve(self, *, since: Position | None, tail: int | None, latest: bool) -> Start:
        """Find where a subscription begins. Source: protocol.md §5, `$subscribe`; §7, `latest`."""
        if since is not None and self._covers(since):
            return Start(since.offset, True)
        if latest:
            newest = self.newest()
            return Start(self.next if newest is None else newest.offset, False)
        if tail is None:
            return Start(self.first, False)
        return Start(max(self.first, self.next - tail), False)

    def read(
        self, offset: int, *, max_payloads: int, max_bytes: int
    ) -> Hole | list[Payload] | None:
        """Find what comes at ``offset``.

        Returns
        -------
        None
            Nothing yet: ``offset`` is ``next`` or beyond.
        Hole
            The rows from ``offset`` on that are not there: evicted, or lost by the publisher.
        list of Payload
            Consecutive ones; the first *contains* ``offset`` and may begin below it. No more
            than ``max_payloads`` and ``max_bytes`` together, or a single larger one.
        """
        if offset >= self.next:
            return None
        if offset < self.first:
            return Hole(offset, self.first, "evicted")
        index = self._index(offset)
        item = self._log[index].item
        if isinstance(item, Hole):
            return Hole(offset, item.end, item.why)
        found = [item]
        size = len(item.data)
        for entry in self._log[index + 1 : index + max_payloads]:
            item = entry.item
            if isinstance(item, Hole) or size + len(item.data) > max_bytes:
                break
            size += len(item.data)
            found.append(item)
        return found

    def newest(self) -> Payload | None:
        """Return the newest payload; it ends at ``next``. None if nothing was ever appended."""
        item = self._log[-1].item if self._log else None
        return item if isinstance(item, Payload) else None

    def _covers(self, position: Position) -> bool:
        return position.epoch == self.epoch and self.first <= position.offset <= self.next

    def _index(self, offset: int) -> int:
        return bisect_right(self._log, offset, lo=self._head, key=_start) - 1

    def _trim(self) -> None:
        bounds = self.bounds
        while self.payloads > 1 and (
            self.bytes > bounds.bytes
            or self.payloads > bounds.payloads
            or (bounds.rows is not None and self.rows > bounds.rows)
        ):
            self.evict_oldest()

    def _drop(self) -> Payload | Hole:
        item = self._log[self._head].item
        self._log[self._head] = _GONE
        self._head += 1
        return item

    def _drop_payload(self) -> Payload:
        while not isinstance(item := self._drop(), Payload):
            pass
        return item
