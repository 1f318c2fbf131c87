"""A stream as a user holds it: push, extend, flush, restart, close.

``push`` appends one tuple to a list that is never replaced: nothing that a second thread, a
signal or an exception could leave half done. All else is numbered under the stream's lock, with
Ctrl-C held back.

Source: protocol.md §2, §5; api.md §1.
"""

from __future__ import annotations

import itertools
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from jupyter_sio import limits
from jupyter_sio.errors import RowError, SioError
from jupyter_sio.kernel.arrow import FEW_ROWS, Columns, Layout
from jupyter_sio.kernel.interrupts import HeldBack
from jupyter_sio.kernel.media import Blobs, JsonLines
from jupyter_sio.kernel.tables import Reader, Table
from jupyter_sio.protocol.messages import (
    ARROW,
    MEDIA,
    MODES,
    NDJSON,
    Compact,
    Mode,
    Open,
    Publish,
    read_choice,
    read_stream_name,
)
from jupyter_sio.protocol.outbox import (
    NEVER,
    POLICIES,
    Encoded,
    Outbox,
    Policy,
    Statistics,
    rows_of,
)

# What push() takes while nothing may go the fast way: no row has this layout's width.
_SLOW = Layout()


class Hub(Protocol):
    """What a stream needs of the publisher that made it."""

    @property
    def sending(self) -> bool:
        """Whether rows have somewhere to go, now or after a reconnect; else they are counted."""
        ...

    @property
    def online(self) -> bool:
        """Whether somebody takes rows right now."""
        ...

    def hurry(self) -> None:
        """Send what can be sent now, without waiting; or have it sent soon."""
        ...

    def expect(self, due: float) -> None:
        """Have rows flushed that are gathered now, when they are ``due``."""
        ...

    def notice(self) -> None:
        """Tell the user, once, if rows go nowhere because this is a forked child."""
        ...

    def end_stream(self, stream: Stream) -> None:
        """Send what is left of a closed stream, then end it."""
        ...


@dataclass(frozen=True)
class Options:
    """How a stream was asked for; another of these is another epoch."""

    columns: Mapping[str, object] | None = None
    media: str = ARROW
    mode: Mode = "every"
    history: limits.HistoryBounds | None = None
    overflow: Policy = "drop_oldest"

    def check(self) -> None:
        """Raise ``BadRequest`` if a word is none of those there are."""
        read_choice(self.media, MEDIA, "media")
        read_choice(self.mode, MODES, "mode")
        read_choice(self.overflow, POLICIES, "overflow")


class Stream:
    """A named, ordered sequence of rows. Made by ``sio.stream``; safe from any thread."""

    def __init__(
        self,
        hub: Hub,
        name: str,
        options: Options | None = None,
        *,
        bounds: limits.Outbox | None = None,
    ) -> None:
        self.name = read_stream_name(name)
        self.options = options or Options()
        self.options.check()
        self._hub = hub
        self._bounds = bounds or limits.Outbox()
        self._waiters: list[Any] = []
        self.id: int | None = None  # the server's number for it, while it is open there
        self.closed = False
        self.dismissed = False  # closed by a viewer: what is pushed is counted, not sent
        self.renew_lock()
        self._begin()

    def _begin(self) -> None:
        options = self.options
        self._encoder = _encoder(self.name, options)
        self._layout = _SLOW
        self.epoch = os.urandom(8).hex()
        self._outbox = Outbox(
            self._bounds,
            policy=options.overflow,
            compacting=options.mode == "every" and options.media in (ARROW, NDJSON),
        )
        self.id = None
        self.opening = False
        self._set_layout()

    def __repr__(self) -> str:
        return f"<Stream {self.name!r} of {self.options.media}, {self._outbox.end} rows>"

    # --- what a user calls -----------------------------------------------------------------------

    def push(self, /, *value: Any, **row: Any) -> None:
        """Take one row of a table, or one value of any other media; a few microseconds.

        In a row bool, int, float, str, None, datetime, numpy scalars, and tensors of one value
        through ``.item()``. To a stream of images bytes, at most 4 MiB, or an array of uint8,
        height × width (grey), × 3 (RGB) or × 4 (RGBA), of which a picture is made meanwhile.

        The value is copied. Never waits for the network and never raises for it, unless
        ``overflow`` says so.

        Raises
        ------
        RowError
            If the row does not fit; it has then used no offset.
        Overflow
            If the stream is full and ``overflow="raise"``.
        """
        # The outbox before the layout: with restart() in another thread between the two, the row
        # is of the old epoch and gone with it.
        outbox = self._outbox
        layout = self._layout
        try:
            packed = layout.pack(*layout.values(row)) if len(row) == layout.width else None
        except (KeyError, struct.error):
            packed = None
        if packed is None or value:
            self._push_slowly(value, row)
            return
        outbox.rows.append(packed)
        if monotonic() >= outbox.due or len(outbox.rows) >= outbox.cap:
            self._look_further(outbox)

    def extend(self, table: Any) -> None:
        """Take many rows.

        A pandas or polars frame, anything with ``__arrow_c_stream__`` or ``__arrow_c_array__``,
        a dict of columns, a list of dicts, a structured numpy array. Whole numbers become int64,
        other numbers float64, times microseconds, categories what they stand for. The values
        are copied. A table that fits the outbox (16 MiB) goes in whole or not at all; a larger
        one waits for the link between its payloads, while there is one. Of a stream of other
        media ``table`` is its values, one by one.

        Raises
        ------
        RowError
            If it is no table, is ragged, or a column does not fit.
        Overflow
            If the stream is full and ``overflow="raise"``.
        """
        self._check_open()
        self._hub.notice()
        encoder = self._encoder
        if not isinstance(encoder, Columns):
            for value in table:
                self.push(value)
            return
        batches = Reader(self.name).batches(table)
        if self.dismissed:
            self._lose(sum(batch.length for batch in batches))
            return
        first, second = next(batches, None), next(batches, None)
        if first is None or (second is None and first.length <= FEW_ROWS):
            self._gather(encoder, first)
            return
        waiting: list[Encoded] = []
        room = self._bounds.bytes
        for batch in itertools.chain([first], [second] if second else [], batches):
            for payload in self._payloads(encoder, batch):
                waiting.append(payload)
                room -= len(payload.data)
                if room <= 0:
                    self._publish(waiting, larger=True)
                    waiting = []
        self._publish(waiting, larger=room <= 0)

    def _gather(self, encoder: Columns, batch: Table | None) -> None:
        """Take a few rows as if each had been pushed."""
        if batch is None or not batch.length:
            return
        self._make_room()
        with HeldBack():
            with self._lock:
                encoder.admit(batch)
                rows, weight = encoder.rows(batch)
                outbox = self._outbox
                outbox.rows += rows
                outbox.weight += weight
                self._set_layout()
            self._look_further(outbox)

    def _payloads(self, encoder: Columns, batch: Table) -> Iterator[Encoded]:
        with HeldBack(), self._lock:
            layout = encoder.admit(batch)
            self._set_layout()
        return encoder.write(batch, layout)

    def _publish(self, payloads: list[Encoded], *, larger: bool) -> None:
        """Number what ``extend`` wrote, after the rows pushed before; a few at a time."""
        for payload in payloads:
            self._make_room(len(payload.data), larger=larger)
            with HeldBack():
                with self._lock:
                    self._seal()
                    if self._hub.sending:
                        self._number([payload], taken=0)
                    else:
                        self._outbox.skip(payload.rows)
                self._hub.hurry()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until the server holds every row pushed before, ``timeout`` seconds at most.

        False at the timeout, where there is no server, or if a row of this epoch was dropped.
        """
        deadline = monotonic() + timeout
        with HeldBack(), self._lock:
            self._seal()
            outbox, target = self._outbox, self._outbox.next
        self._hub.hurry()
        self._wait(lambda: outbox.acknowledged >= target or not self._hub.sending, deadline)
        return outbox.acknowledged >= target and outbox.dropped == 0

    def restart(self) -> None:
        """Begin anew: viewers see an empty stream of a new epoch. Rows not sent yet are gone."""
        self._check_open()
        if not self.dismissed:
            self.begin_anew()

    def close(self) -> None:
        """End the stream; what was pushed is still sent. May be called again.

        ``sio.stream(name)`` after that begins anew. Where somebody who may ``manage`` closes it
        from the panel, the loop goes on: what it pushes is counted, not sent.
        """
        self._close(dismissed=False)

    def dismiss(self) -> None:
        """Close at the wish of a viewer who may: the user's loop goes on as if it were open."""
        self._close(dismissed=True)

    def _close(self, *, dismissed: bool) -> None:
        with HeldBack():
            with self._lock:
                if self.closed:
                    return
                self._seal()
                self.closed, self.dismissed = True, dismissed
                self._layout = _SLOW
            self._hub.end_stream(self)

    def statistics(self) -> Statistics:
        """Count what became of the rows since the epoch began."""
        with HeldBack(), self._lock:
            if not self._hub.sending:
                self._seal()
            return self._outbox.statistics(monotonic())

    # --- pushing ---------------------------------------------------------------------------------

    def _push_slowly(self, value: tuple[Any, ...], row: dict[str, Any]) -> None:
        """Take a row that is not of the usual types, or one that changes the columns."""
        self._check_open()
        self._hub.notice()
        if self.dismissed:
            self._lose(1)
            return
        self._make_room()
        outbox = self._outbox
        read = self._read(value, row)
        if read is None:
            self._push_wider(row)
            return
        item, weight = read
        outbox.rows.append(item)
        # Two threads may lose each other's; it is begun anew with each payload.
        outbox.weight += weight
        if self._layout is _SLOW:
            self._set_layout()
        self._look_further(outbox)

    def _push_wider(self, row: dict[str, Any]) -> None:
        encoder = self._encoder
        assert isinstance(encoder, Columns)
        with HeldBack():
            with self._lock:
                item, weight = encoder.read(row)
                outbox = self._outbox
                outbox.rows.append(item)
                outbox.weight += weight
                self._set_layout()
            self._look_further(outbox)

    def _lose(self, rows: int) -> None:
        with HeldBack(), self._lock:
            self._outbox.skip(rows)

    def _check_open(self) -> None:
        if self.closed and not self.dismissed:
            raise SioError(
                f"stream {self.name!r} is closed; sio.stream({self.name!r}) begins it anew"
            )

    def _read(self, value: tuple[Any, ...], row: dict[str, Any]) -> tuple[Any, int] | None:
        """Read a row or a value; None if the columns must change first, under the lock."""
        if isinstance(self._encoder, Columns):
            if value:
                raise RowError(
                    f"stream {self.name!r} is a table: a row is pushed by its columns, "
                    f"push(step=1, loss=0.5); got one positional value"
                )
            return self._encoder.read_as_is(row)
        if len(value) != 1 or row:
            raise RowError(
                f"stream {self.name!r} has media {self.options.media}: push(value) takes one "
                f"value; got {len(value)}, and {len(row)} by name"
            )
        return self._encoder.read(value[0])

    def _set_layout(self) -> None:
        """Let push() go the fast way, where rows can be packed and need not wait for room."""
        encoder, outbox = self._encoder, self._outbox
        waits = self.options.overflow != "drop_oldest" and outbox.full
        fast = isinstance(encoder, Columns) and not waits and not self.closed
        self._layout = encoder.layout if fast else _SLOW  # type: ignore[union-attr]
        per_row = encoder.layout.row_bytes if isinstance(encoder, Columns) else 1
        outbox.fill = max(1, self._bounds.flush_bytes // per_row)

    def _make_room(self, size: int = 0, *, larger: bool = False) -> None:
        """Raise or wait while ``size`` bytes do not fit, where that is the policy.

        A table ``larger`` than the outbox waits in any case, while somebody takes what is in it:
        dropping its beginning would be no help to anybody.
        """
        policy, hub = self.options.overflow, self._hub
        if policy == "drop_oldest" and not (larger and hub.online):
            return
        outbox, size = self._outbox, max(size, self._bounds.flush_bytes)
        if outbox.takes(size) or not hub.sending:
            return
        outbox.check_room(self.name, size)
        hub.hurry()
        deadline = monotonic() + self._bounds.block_seconds
        blocks = policy == "block"
        self._wait(
            lambda: outbox.takes(size) or not (hub.sending if blocks else hub.online), deadline
        )
        with HeldBack(), self._lock:
            outbox.drop_oldest(size)

    def _look_further(self, outbox: Outbox) -> None:
        """Flush if it is time; else have the link come when it is."""
        if outbox.ready(monotonic()):
            self._flush_at_once()
        elif outbox.cap != outbox.fill:
            outbox.cap = outbox.fill
            self._hub.expect(outbox.due)

    def _flush_at_once(self) -> None:
        """Encode and send in the caller's thread: any other would wait for the GIL first.

        Where the lock is taken, whoever has it is about to send, or the link does so soon.
        """
        with HeldBack():
            if self._lock.acquire(blocking=False):
                try:
                    self._seal()
                finally:
                    self._lock.release()
            self._hub.hurry()

    def _seal(self) -> None:
        """Make payloads of the rows gathered. The caller has the lock."""
        outbox = self._outbox
        if not self._hub.sending:
            outbox.forget_gathered()
            return
        rows = outbox.rows[:]
        if rows:
            self._number(self._encoder.encode(rows), taken=len(rows))

    def _number(self, payloads: list[Encoded], *, taken: int) -> None:
        now = int(time.time() * 1000)
        self._outbox.numbered(payloads, taken=taken, now=monotonic(), time=now)
        self._set_layout()

    # --- what the link calls ---------------------------------------------------------------------

    def begin_anew(self, options: Options | None = None) -> None:
        """Begin another epoch, with other options where given."""
        if options is not None:
            options.check()
            _encoder(self.name, options)  # raises before anything is changed
            self.options = options
        with HeldBack(), self._lock:
            self._begin()
        self.changed()
        self._hub.hurry()

    def renew_lock(self) -> None:
        """Make the lock anew: at birth, and in a forked child, where another thread held it."""
        self._lock = threading.Lock()

    def forked(self) -> None:
        """Begin anew in a forked child: what is gathered here is the parent's to send."""
        self.renew_lock()
        self._waiters = []
        self._begin()
        self._layout = _SLOW  # the next push asks the hub, which tells the user

    def due(self) -> float:
        """When the link is to flush what is gathered."""
        return self._outbox.due if self._outbox.rows else NEVER

    def seal_due(self, now: float) -> None:
        """Make payloads of the rows gathered, if it is time."""
        if self._outbox.ready(now):
            with self._lock:
                if self._outbox.ready(now):
                    self._seal()

    def seal(self) -> int:
        """Make payloads of all rows gathered; returns the offset after the last."""
        with self._lock:
            self._seal()
            return self._outbox.next

    def sent(self, epoch: str, offset: int) -> bool:
        """Whether everything below ``offset`` of ``epoch`` went out, or never will."""
        return epoch != self.epoch or self._outbox.sent_next >= offset

    def open(self) -> Open:
        """Say what ``$open`` says; its answer goes to ``opened``."""
        with self._lock:
            self.opening = True
            options = self.options
            return Open(
                self.name,
                self.epoch,
                self._outbox.start,
                options.media,
                options.mode,
                options.history,
            )

    def opened(self, epoch: str, id_: int, next_: int) -> bool:
        """Take ``$open``'s answer; False if what the server holds cannot be of this epoch."""
        with self._lock:
            if epoch != self.epoch:
                return True  # begun anew meanwhile; another answer is under way
            self.opening = False
            resumed = self._outbox.resume(next_)
            self.id = id_ if resumed else None
            self._set_layout()
        self.changed()
        return resumed

    def pause(self) -> None:
        """Note that the connection is gone."""
        with self._lock:
            self.id = None
            self.opening = False
            self._outbox.pause()
        self.changed()

    def take(self, now: float) -> Publish | None:
        """Take the next payload to send."""
        if self.id is None or not self._outbox.waiting:
            return None
        with self._lock:
            payload = self._outbox.take(now) if self.id is not None else None
            if payload is None or self.id is None:
                return None
            return Publish(self.id, payload.offset, payload.time, payload.rows, payload.data)

    def published(self, next_: int) -> Compact | None:
        """Take ``$published``; returns what may now be sent again as one payload."""
        with self._lock:
            if self.id is None:
                return None
            self._outbox.acknowledge(next_)
            self._set_layout()
            compact = self._compacted(self.id)
        self.changed()
        return compact

    def _compacted(self, id_: int) -> Compact | None:
        run = self._outbox.compactable()
        if run is None:
            return None
        rows = rows_of(run)
        data = self._encoder.join(rows, run[0].schema)
        return Compact(id_, run[0].offset, run[-1].time, len(rows), data)

    def ending(self) -> None:
        """Note that ``$close`` is sent: once, and nothing after it."""
        with self._lock:
            self.id, self.opening = None, True

    def ended(self) -> None:
        """Note that ``$close`` was answered: the server took all that was sent before."""
        with self._lock:
            self._outbox.acknowledge(self._outbox.next)
        self.changed()

    @property
    def finished(self) -> bool:
        """Whether everything pushed was sent, so that a closed stream may end."""
        return not self._outbox.rows and not self._outbox.waiting

    # --- waiting ---------------------------------------------------------------------------------

    def _wait(self, done: Callable[[], bool], deadline: float) -> None:
        """Wait for ``done()``; a lock, as its ``acquire`` is what Ctrl-C interrupts cleanly."""
        while not done() and (left := deadline - monotonic()) > 0:
            waiter = threading.Lock()
            waiter.acquire()
            self._waiters.append(waiter)
            if not done():
                waiter.acquire(timeout=left)
            with suppress(ValueError):
                self._waiters.remove(waiter)

    def changed(self) -> None:
        """Have those who wait look again."""
        with suppress(IndexError):
            while True:
                self._waiters.pop().release()


def _encoder(name: str, options: Options) -> Columns | JsonLines | Blobs:
    if options.media == ARROW:
        return Columns(name, options.columns)
    if options.columns is not None:
        raise RowError(f"stream {name!r} has media {options.media}: only a table has columns")
    return JsonLines(name) if options.media == NDJSON else Blobs(name, options.media)
