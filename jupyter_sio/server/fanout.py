"""History -> every cursor -> socket: the hot path, and only that. Owned by the server's loop.

One pump for all: whoever has rows due takes turns, a batch for one subscription at a time, as long
as its socket takes bytes. A run of payloads is framed once and the same bytes go to every viewer.

Source: protocol.md §5 (`$batch`, `$gap`), §7.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from jupyter_sio.limits import Transport
from jupyter_sio.protocol.cursor import Run
from jupyter_sio.protocol.history import Hole
from jupyter_sio.protocol.messages import Batch, Gap
from jupyter_sio.server import frames
from jupyter_sio.server.registry import KernelNamespace, Stream, Subscription, Viewer, viewers_of
from jupyter_sio.server.session import Session

# What was framed during one pump: (stream, first offset, end) -> frames and their payload bytes.
_Framed = dict[tuple[Stream, int, int], tuple[frames.Frames, int]]


class FanOut:
    """Sends what cursors are owed."""

    def __init__(self, bounds: Transport) -> None:
        self._bounds = bounds
        self._ready: dict[Viewer, None] = {}
        self._scheduled: asyncio.Handle | None = None
        self.batches_sent = 0
        self.gaps_told = 0
        self.on_drained: Callable[[Viewer], None] = lambda viewer: None

    def rows_arrived(self, stream: Stream) -> None:
        """New rows are due to everybody subscribed to ``stream``."""
        for subscription in stream.subscriptions.values():
            self.want(subscription)

    def want(self, subscription: Subscription) -> None:
        """Look at this subscription in the next turn of its viewer."""
        viewer = subscription.viewer
        viewer.due[subscription] = None
        self._ready[viewer] = None
        self._schedule()

    def wake(self, session: Session) -> None:
        """Go on with every viewer of a connection: its socket takes bytes again.

        Who was served last comes last: the socket may be full again after the first one, and a
        replay in one namespace must not starve a gauge in another.
        """
        for viewer in sorted(viewers_of(session), key=lambda viewer: viewer.served):
            if viewer.due:
                self._ready[viewer] = None
                self._schedule()

    def settle(self, namespace: KernelNamespace) -> None:
        """Send at once what is due in a namespace, so that an event may follow its rows."""
        framed: _Framed = {}
        for viewer in list(namespace.viewers.values()):
            if viewer.due:
                self._turn(viewer, framed)

    def stop(self) -> None:
        """Send no more; may be called again."""
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        self._ready.clear()

    def _schedule(self) -> None:
        if self._scheduled is None:
            self._scheduled = asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._scheduled = None
        ready, self._ready = self._ready, {}
        framed: _Framed = {}
        for viewer in ready:
            self._turn(viewer, framed)

    def _turn(self, viewer: Viewer, framed: _Framed) -> None:
        """Send one viewer what may go now, its subscriptions one after the other, then again."""
        session = viewer.session
        left = self._bounds.turn_bytes
        while viewer.due:
            if not session.writable:
                session.on_writable(partial(self.wake, session))
                return
            if left <= 0:
                self._ready[viewer] = None
                self._schedule()
                return
            subscription = next(iter(viewer.due))
            del viewer.due[subscription]
            sent = self._send_next(subscription, framed)
            if sent is not None:
                left -= sent
                viewer.served = self.batches_sent
                if subscription.due:
                    viewer.due[subscription] = None
        if viewer.parting:
            self.on_drained(viewer)

    def _send_next(self, subscription: Subscription, framed: _Framed) -> int | None:
        """Send one batch or gap; its bytes, or None if nothing may go (an ack will wake us)."""
        stream, cursor = subscription.stream, subscription.cursor
        if cursor is None or stream.history is None:
            return None
        item = cursor.take(
            stream.history,
            max_payloads=self._bounds.batch_payloads,
            max_bytes=self._bounds.batch_bytes,
        )
        if item is None:
            return None
        client = subscription.viewer.client
        if isinstance(item, Hole):
            self.tell_gap(subscription, item)
            return 0
        key = (stream, item.payloads[0].offset, item.payloads[-1].end)
        ready = framed.get(key)
        if ready is None:
            ready = framed[key] = _frame(client.namespace, stream, item)
        client.write(ready[0])
        self.batches_sent += 1
        return ready[1]

    def tell_gap(self, subscription: Subscription, hole: Hole) -> None:
        """Tell one viewer of rows that will not come."""
        gap = Gap(subscription.stream.id, hole.start, hole.end, hole.why)
        subscription.viewer.client.send(Gap.name, *gap.args())
        self.gaps_told += 1


def _frame(namespace: str, stream: Stream, run: Run) -> tuple[frames.Frames, int]:
    payloads = run.payloads
    batch = Batch(
        id=stream.id,
        offset=payloads[0].offset,
        time=payloads[-1].time,
        counts=tuple(payload.rows for payload in payloads),
        payloads=tuple(payload.data for payload in payloads),
    )
    size = sum(len(payload.data) for payload in payloads)
    return frames.event(namespace, Batch.name, batch.args()), size
