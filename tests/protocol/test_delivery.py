"""The promise of protocol.md §2, for any order of events: history and cursors together.

Rows arrive in order, never twice, and never with a silent hole: what a viewer got and what it
was told not to expect is exactly the range it asked for. The viewer here knows nothing but
protocol.md; the wire between is a list that may be lost at any moment.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jupyter_sio.limits import HistoryBounds
from jupyter_sio.protocol.cursor import Cursor, Run
from jupyter_sio.protocol.history import History, Hole, Payload, Start
from jupyter_sio.protocol.messages import Mode, Position

ROW_BYTES = 4


def encode(epoch: str, offset: int, rows: int) -> bytes:
    """Write rows so that each says which one it is."""
    return b"".join(encode_row(epoch, row) for row in range(offset, offset + rows))


def encode_row(epoch: str, row: int) -> bytes:
    return int(epoch, 16).to_bytes(1, "big") + row.to_bytes(ROW_BYTES - 1, "big")


def brute_force_start(
    history: History, since: Position | None, tail: int | None, latest: bool
) -> Start:
    """Say protocol.md §5's sentences on ``start`` and ``recovered`` once more, plainly."""
    if since and since.epoch == history.epoch and history.first <= since.offset <= history.next:
        return Start(since.offset, True)
    newest = history.newest()
    if latest:
        return Start(newest.offset if newest else history.next, False)
    rows = history.next - history.first if tail is None else tail
    return Start(max(history.next - rows, history.first), False)


class Viewer:
    """A viewer that obeys protocol.md, its cursor in the server, and the wire between them."""

    def __init__(self, server: Delivery, mode: Mode, window: int | None) -> None:
        self.server, self.mode, self.window = server, mode, window
        self.wire: list[Run | Hole | tuple[str, Start]] = []
        self.epoch, self.begin, self.expected = "", 0, 0
        self.got: set[int] = set()
        self.missing: set[int] = set()
        self.subscribe(since=None, tail=None)

    def subscribe(self, *, since: Position | None, tail: int | None) -> None:
        """Subscribe (again); what was on the wire is lost with the connection."""
        history, latest = self.server.history, self.mode == "latest"
        start = history.resolve(since=since, tail=tail, latest=latest)
        assert start == brute_force_start(history, since, tail, latest)
        self.cursor = Cursor(mode=self.mode, window=self.window, start=start.start)
        self.outstanding: list[Payload] = []
        self.wire = [(history.epoch, start)]

    def pump(self, max_payloads: int, max_bytes: int) -> bool:
        """Send it what may go; whether anything did."""
        history = self.server.history
        due, held_back = self.cursor.due(history), self.cursor.held_back(history)
        taken = self.cursor.take(history, max_payloads=max_payloads, max_bytes=max_bytes)
        assert (taken is not None) == (due and not held_back)
        if isinstance(taken, Hole):
            self.check_hole(taken)
        elif taken is not None:
            self.check_run(taken, max_payloads, max_bytes)
        if taken is not None:
            self.wire.append(taken)
        return taken is not None

    def check_hole(self, hole: Hole) -> None:
        history, rows = self.server.history, range(hole.start, hole.end)
        assert rows
        if hole.why == "conflated":
            assert self.mode == "latest" and hole.end == history.newest().offset
        elif hole.why == "evicted":
            assert hole.end == history.first
        else:
            assert hole.why == "publisher_overflow"
            assert self.server.published.isdisjoint(rows)

    def check_run(self, run: Run, max_payloads: int, max_bytes: int) -> None:
        count = len(run.payloads)
        assert 1 <= count <= (1 if self.mode == "latest" else max_payloads)
        assert count == 1 or sum(len(p.data) for p in run.payloads) <= max_bytes
        self.outstanding.extend(run.payloads)
        unacknowledged = sum(len(p.data) for p in self.outstanding)
        if self.window is not None:
            assert self.cursor.unacknowledged == unacknowledged
            assert unacknowledged < self.window or len(self.outstanding) == 1

    def acknowledge(self, next: int) -> None:
        self.cursor.acknowledge(next)
        self.outstanding = [p for p in self.outstanding if p.end > next]

    def receive(self) -> None:
        """Take one message off the wire, as protocol.md tells a viewer to."""
        message = self.wire.pop(0)
        if isinstance(message, tuple):
            epoch, start = message
            if start.recovered:
                assert (epoch, start.start) == (self.epoch, self.expected)
            else:
                self.got, self.missing, self.begin = set(), set(), start.start
            self.epoch, self.expected = epoch, start.start
        elif isinstance(message, Hole):
            assert message.start == self.expected, "a gap begins where the rows end"
            self.missing.update(range(message.start, message.end))
            self.expected = message.end
        else:
            for payload in message.payloads:
                self.receive_payload(payload)

    def receive_payload(self, payload: Payload) -> None:
        assert payload.offset <= self.expected < payload.end, "no silent hole, nothing twice"
        assert payload.data == encode(self.epoch, payload.offset, payload.rows)
        self.got.update(range(self.expected, payload.end))
        self.expected = payload.end

    def lose_epoch(self, ended: History, begun: History) -> None:
        """See the stream born anew: what is owed is told, then `$reset`."""
        if (hole := self.cursor.abandon(ended)) is not None:
            assert hole.end == ended.next and hole.why == "reset"
            self.wire.append(hole)
        start = begun.resolve(since=None, tail=None, latest=self.mode == "latest")
        self.cursor.restart(start=start.start)
        self.outstanding = []
        self.wire.append((begun.epoch, start))

    def drain(self) -> None:
        """Receive and acknowledge until nothing is owed."""
        while self.wire or self.cursor.due(self.server.history):
            while self.wire:
                self.receive()
            self.acknowledge(self.expected)
            due = self.cursor.due(self.server.history)
            assert self.pump(3, 60) == due, "all is acknowledged: nothing may hold it back"


bounds = st.builds(
    HistoryBounds,
    bytes=st.integers(0, 200),
    rows=st.none() | st.integers(0, 40),
    seconds=st.none() | st.integers(0, 20).map(float),
    payloads=st.integers(1, 30),
)
roomy = st.just(HistoryBounds(bytes=10_000))
viewers = st.integers(0, 2)
modes: st.SearchStrategy[Mode] = st.sampled_from(["every", "every", "latest"])
windows = st.none() | st.integers(1, 20).map(ROW_BYTES.__mul__)


class Delivery(RuleBasedStateMachine):
    """One stream, its publisher, three viewers, and everything that may happen to them."""

    @initialize(bounds=bounds | roomy, start=st.integers(0, 5), window=windows)
    def open(self, bounds: HistoryBounds, start: int, window: int | None) -> None:
        self.now = 0.0
        self.begin("00000001", start, bounds)
        self.viewers = [Viewer(self, mode, window) for mode in ("every", "latest", "every")]

    def begin(self, epoch: str, start: int, bounds: HistoryBounds) -> None:
        self.history = History(epoch, start=start, bounds=bounds)
        self.published: set[int] = set()

    # --- the publisher ---

    @rule(rows=st.integers(1, 12), lost=st.just(0) | st.integers(0, 9))
    def publish(self, rows: int, lost: int) -> None:
        expected, offset = self.history.next, self.history.next + lost
        data = encode(self.history.epoch, offset, rows)
        appended = self.history.append(offset, rows, offset, data, now=self.now)
        hole = Hole(expected, offset, "publisher_overflow") if lost else None
        assert (appended.new, appended.hole) == (True, hole)
        assert self.history.newest() == Payload(offset, rows, offset, data)
        self.published.update(range(offset, offset + rows))

    @rule(count=st.integers(2, 12))
    def publish_many_small(self, count: int) -> None:
        for _ in range(count):
            self.publish(1, 0)

    @precondition(lambda self: self.history.next > 0)
    @rule(data=st.data())
    def publish_again(self, data: st.DataObject) -> None:
        offset = data.draw(st.integers(0, self.history.next - 1))
        rows = data.draw(st.integers(1, self.history.next - offset))
        before = vars(self.history).copy()
        assert not self.history.append(offset, rows, 0, b"again", now=self.now).new
        assert vars(self.history) == before

    @precondition(lambda self: self.history.payloads > 2)
    @rule(data=st.data(), exact=st.booleans())
    def compact(self, data: st.DataObject, exact: bool) -> None:
        edges = [p.offset for p in self.payloads_held()[:-1]]
        rows = range(self.history.first, self.history.next)
        ends = st.sampled_from(edges if exact and len(edges) > 1 else list(rows))
        offset, end = sorted((data.draw(ends), data.draw(ends)))
        if offset == end:
            return
        whole = [p for p in self.payloads_held()[:-1] if offset <= p.offset and p.end <= end]
        fits = bool(whole) and whole[0].offset == offset and whole[-1].end == end
        fits = fits and sum(p.rows for p in whole) == end - offset
        merged = encode(self.history.epoch, offset, end - offset)
        assert self.history.compact(offset, end - offset, end, merged) == fits

    @precondition(lambda self: self.history.next > 20)
    @rule(bounds=bounds | roomy, start=st.integers(0, 5))
    def restart(self, bounds: HistoryBounds, start: int) -> None:
        ended = self.history
        self.begin(f"{int(ended.epoch, 16) % 200 + 1:08x}", start, bounds)
        for viewer in self.viewers:
            viewer.lose_epoch(ended, self.history)

    # --- the server ---

    @rule(seconds=st.integers(0, 15))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.history.expire(now=self.now)

    @rule(count=st.integers(1, 4))
    def evict(self, count: int) -> None:
        for _ in range(count):
            held = self.history.bytes
            assert self.history.evict_oldest() == held - self.history.bytes

    @rule(seconds=st.none() | st.integers(0, 20).map(float))
    def change_bounds(self, seconds: float | None) -> None:
        self.history.bounds = replace(self.history.bounds, seconds=seconds)

    # --- the viewers ---

    @rule(times=st.integers(1, 4), payloads=st.integers(1, 8), size=st.integers(1, 200))
    def pump(self, times: int, payloads: int, size: int) -> None:
        for viewer in self.viewers * times:
            viewer.pump(payloads, size)

    @rule(count=st.integers(1, 5))
    def receive(self, count: int) -> None:
        for viewer in self.viewers:
            for _ in range(min(count, len(viewer.wire))):
                viewer.receive()

    @rule(back=st.just(0) | st.integers(-5, 9))
    def acknowledge(self, back: int) -> None:
        for viewer in self.viewers:
            if not any(isinstance(message, tuple) for message in viewer.wire):
                viewer.acknowledge(viewer.expected - back)

    @rule(who=viewers)
    def reconnect(self, who: int) -> None:
        viewer = self.viewers[who]
        viewer.subscribe(since=Position(viewer.epoch or "0", viewer.expected), tail=3)

    @rule(who=viewers, mode=modes, window=windows, tail=st.none() | st.integers(0, 30))
    def come_anew(self, who: int, mode: Mode, window: int | None, tail: int | None) -> None:
        self.viewers[who] = Viewer(self, mode, window)
        self.viewers[who].subscribe(since=None, tail=tail)

    # --- what must hold ---

    def payloads_held(self) -> list[Payload]:
        """Walk over the log as a viewer without limits would."""
        held, offset = [], self.history.first
        while (found := self.history.read(offset, max_payloads=5, max_bytes=1_000)) is not None:
            if isinstance(found, Hole):
                assert found.start == offset and found.why == "publisher_overflow"
                assert self.published.isdisjoint(range(found.start, found.end))
                offset = found.end
            else:
                assert found[0].offset == offset
                held.extend(found)
                offset = found[-1].end
        assert offset == self.history.next
        return held

    @invariant()
    def the_log_is_whole_and_counted(self) -> None:
        held, history = self.payloads_held(), self.history
        assert history.payloads == len(held)
        assert history.rows == sum(p.rows for p in held)
        assert history.bytes == sum(len(p.data) for p in held)
        assert history.evicted_rows + history.rows == len(self.published)
        if len(held) > 1:
            assert history.bytes <= history.bounds.bytes
            assert history.bounds.rows is None or history.rows <= history.bounds.rows
            assert history.payloads <= history.bounds.payloads

    @invariant()
    def what_came_and_what_was_told_is_the_range_asked_for(self) -> None:
        for viewer in self.viewers:
            assert viewer.got.isdisjoint(viewer.missing)
            assert viewer.got | viewer.missing == set(range(viewer.begin, viewer.expected))

    def teardown(self) -> None:
        for viewer in getattr(self, "viewers", ()):
            viewer.drain()
            assert viewer.epoch == self.history.epoch
            assert viewer.expected == self.history.next
            assert viewer.got <= self.published
        if hasattr(self, "viewers"):
            self.what_came_and_what_was_told_is_the_range_asked_for()


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
