"""What a kernel's publisher may say in its namespace, and what it is answered.

Owned by the server's loop.

Source: protocol.md §3 (claim), §5 (kernel -> server).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jupyter_sio.errors import BadRequest, Code, NotConnected, Overflow, Refused, Superseded
from jupyter_sio.limits import HistoryBounds, Limits
from jupyter_sio.protocol.grants import Claim
from jupyter_sio.protocol.history import History
from jupyter_sio.protocol.lifetime import Event as LifeEvent
from jupyter_sio.protocol.messages import (
    Close,
    Compact,
    Emit,
    Open,
    Publish,
    Published,
    Revoke,
    Room,
    Share,
    ViewerNotice,
    Viewers,
    refusal,
    rule_for,
)
from jupyter_sio.server import frames
from jupyter_sio.server.clients import Client
from jupyter_sio.server.fanout import FanOut
from jupyter_sio.server.links import LINKS_OFF, Links, rights_of_kernel
from jupyter_sio.server.news import News
from jupyter_sio.server.registry import (
    KernelNamespace,
    Publisher,
    Registry,
    Stream,
    Viewer,
    now_ms,
)
from jupyter_sio.server.viewers import Answer, ask, leave_room, place, reset_of


class Publishers:
    """Lets publishers in, takes their rows and events, lets them go."""

    def __init__(
        self,
        *,
        registry: Registry,
        fanout: FanOut,
        news: News,
        limits: Limits,
        kernel_pid: Callable[[str], int | None],
        links: Links,
    ) -> None:
        self._registry = registry
        self._fanout = fanout
        self._news = news
        self._limits = limits
        self._kernel_pid = kernel_pid
        self._links = links
        self._reports: dict[Publisher, asyncio.TimerHandle] = {}
        self.rows_taken = 0
        self.events_dropped = 0  # for viewers with too much outstanding
        self.on_activity: Callable[[KernelNamespace], None] = lambda namespace: None
        self._answers: dict[type[Any], Callable[..., Any]] = {
            Open: self._open,
            Close: self._close,
            Room: self._room,
            Viewers: self._viewers,
            Share: self._share,
            Revoke: self._revoke,
        }

    # --- coming and going ------------------------------------------------------------------

    def check_claim(self, namespace: KernelNamespace, claim: Claim) -> None:
        """Raise ``Superseded`` if the publisher there is has the better claim.

        Of two the later wins, unless the earlier's process is the one that the kernel manager
        started and the later's is not.
        """
        held = namespace.publisher
        if held is None or held.claim.pid == claim.pid:
            return
        if held.claim.pid == self._kernel_pid(namespace.kernel_id):
            raise Superseded("the kernel's own process has claimed this namespace")

    def join(self, namespace: KernelNamespace, client: Client, claim: Claim) -> None:
        """Take in the publisher whose CONNECT was just answered, in place of an earlier one."""
        earlier, publisher = namespace.publisher, Publisher(client, claim)
        namespace.publisher = publisher
        client.owner_data = publisher
        if earlier is not None:
            self._replace(earlier, claim)
        new_process = namespace.claim_epoch not in (None, claim.epoch)
        namespace.claim_epoch = claim.epoch
        if new_process:
            namespace.lifetime.started = now_ms()
        change = namespace.lifetime.on(LifeEvent.CLAIMED, now_ms=now_ms())
        if new_process or (change is not None and change.status_changed):
            self._news.status(namespace)
        if new_process:
            self._end_streams(namespace, namespace.opened())
        for viewer in namespace.viewers.values():
            client.send(ViewerNotice.name, *ViewerNotice(viewer.info(), joined=True).args())

    def _replace(self, earlier: Publisher, claim: Claim) -> None:
        if earlier.claim.pid == claim.pid:
            # The same process has a new socket: the old one is closed without a word.
            earlier.client.session.abort()
        else:
            earlier.client.leave(Code.CLAIM_SUPERSEDED, "another process claimed this kernel")

    def leave(self, namespace: KernelNamespace, publisher: Publisher) -> bool:
        """Forget a publisher; True if it was the current one, so that the kernel be looked at."""
        self._forget_reports(publisher)
        if namespace.publisher is not publisher:
            return False
        namespace.publisher = None
        return True

    def kernel_ended(self, namespace: KernelNamespace) -> None:
        """End all streams, and let a publisher go whose kernel is no more."""
        for stream in namespace.opened():
            stream.ended = True
        self._news.streams_at_once(namespace)
        if namespace.publisher is not None:
            namespace.publisher.client.leave(Code.KERNEL_GONE, "the kernel has ended")

    def stop(self) -> None:
        """Report nothing more; may be called again."""
        for publisher in list(self._reports):
            self._forget_reports(publisher)

    # --- what it says ----------------------------------------------------------------------

    def receive(
        self,
        namespace: KernelNamespace,
        publisher: Publisher,
        event: str,
        args: list[Any],
        ack: Answer | None,
    ) -> None:
        """Do what one message asks.

        Raises
        ------
        BadRequest
            If it is not a publisher's to send, or malformed without having an answer.
        """
        if not event.startswith("$"):
            raise BadRequest("a publisher sends events by $emit")
        rule = rule_for(event, publisher.client.session.access.grants)
        try:
            message = rule.kind.parse(args)
            if isinstance(message, Compact):
                self._compact(namespace, message)
            elif isinstance(message, Publish):
                self._publish(namespace, publisher, message)
            elif isinstance(message, Emit):
                self._emit(namespace, message, ack)
            else:
                answer = self._answers[type(message)](namespace, message)
                if ack is not None:
                    ack(answer)
        except BadRequest as exc:
            if not rule.answered:
                raise
            if ack is not None:
                ack(refusal(exc.code, str(exc)))

    # --- streams ---------------------------------------------------------------------------

    def _open(self, namespace: KernelNamespace, message: Open) -> dict[str, Any]:
        self._registry.check_stream_name(message.stream)
        bound = self._limits.memory.streams
        # Names that viewers wait for do not count: who may only watch could else use all up.
        opened = {stream.name for stream in namespace.opened()}
        if message.stream not in opened and len(opened) >= bound:
            self._registry.refused_streams += 1
            return refusal(Code.TOO_MANY_NAMESPACES, f"a kernel may have {bound} streams")
        stream = namespace.stream(message.stream)
        history = stream.history
        if history is not None and history.epoch == message.epoch:
            if stream.media != message.media:
                raise BadRequest(
                    f"stream {stream.name!r} has media {stream.media} in this epoch; "
                    f"got {message.media}: other media need another epoch"
                )
            changed = stream.ended or stream.mode != message.mode
            stream.ended, stream.mode = False, message.mode
            history.bounds = self._bounds(message.history)
            if changed:
                self._news.streams(namespace)
        else:
            self._begin_epoch(namespace, stream, message)
        assert stream.history is not None
        return {"ok": True, "id": stream.id, "next": stream.history.next}

    def _begin_epoch(self, namespace: KernelNamespace, stream: Stream, message: Open) -> None:
        """Give a stream a new life, told in the order of protocol.md §5 (`A new epoch …`)."""
        subscriptions = list(stream.subscriptions.values())
        lived = {s: s.cursor for s in subscriptions if s.cursor is not None}
        old = stream.history
        owed = {s: cursor.abandon(old) for s, cursor in lived.items()} if old is not None else {}
        stream.history = History(
            message.epoch, start=message.start, bounds=self._bounds(message.history)
        )
        stream.media, stream.mode, stream.ended = message.media, message.mode, False
        if old is not None:
            self._registry.grew(namespace, -old.bytes)
        if not subscriptions:
            self._news.streams(namespace)
            return
        self._news.streams_at_once(namespace)
        for subscription in subscriptions:
            if (hole := owed.get(subscription)) is not None:
                self._fanout.tell_gap(subscription, hole)
            recovered = place(subscription, again=subscription in lived)
            reset = reset_of(subscription, recovered=recovered)
            subscription.viewer.client.send(reset.name, *reset.args())

    def _bounds(self, asked: HistoryBounds | None) -> HistoryBounds:
        """Bound a stream's history as the publisher asked; the registry bounds all of a kernel."""
        return self._limits.history if asked is None else asked

    def _close(self, namespace: KernelNamespace, message: Close) -> dict[str, Any]:
        stream = self._stream(namespace, message.id)
        self._end_streams(namespace, [stream])
        return {"ok": True}

    def _end_streams(self, namespace: KernelNamespace, streams: Iterable[Stream]) -> None:
        changed = False
        for stream in streams:
            changed = changed or not stream.ended
            stream.ended = True
        if changed:
            self._news.streams(namespace)

    @staticmethod
    def _stream(namespace: KernelNamespace, stream_id: int) -> Stream:
        stream = namespace.streams_by_id.get(stream_id)
        if stream is None or stream.history is None:
            raise BadRequest(f"no stream with id {stream_id} is open; send $open first")
        return stream

    def _publish(self, namespace: KernelNamespace, publisher: Publisher, message: Publish) -> None:
        stream = self._stream(namespace, message.id)
        history = stream.history
        assert history is not None
        if stream.ended:
            raise BadRequest(f"stream {stream.name!r} has ended; send $open first")
        before = history.bytes
        appended = history.append(
            message.offset, message.rows, message.time, message.payload, now=time.monotonic()
        )
        if appended.new:
            stream.rows_in += message.rows
            stream.bytes_in += len(message.payload)
            self.rows_taken += message.rows
            self._registry.grew(namespace, history.bytes - before)
            self._fanout.rows_arrived(stream)
            self.on_activity(namespace)
        self._report_later(namespace, publisher, stream, len(message.payload))

    def _compact(self, namespace: KernelNamespace, message: Compact) -> None:
        history = self._stream(namespace, message.id).history
        assert history is not None
        before = history.bytes
        if history.compact(message.offset, message.rows, message.time, message.payload):
            self._registry.grew(namespace, history.bytes - before)

    # --- $published ------------------------------------------------------------------------

    def _report_later(
        self, namespace: KernelNamespace, publisher: Publisher, stream: Stream, size: int
    ) -> None:
        """Acknowledge at once after 1 MiB, else at most 20 times a second (protocol.md §5)."""
        bounds = self._limits.transport
        publisher.unreported[stream.id] = publisher.unreported.get(stream.id, 0) + size
        if sum(publisher.unreported.values()) >= bounds.published_bytes:
            self._report(namespace, publisher)
        elif publisher not in self._reports:
            wait = publisher.reported_at + bounds.published_interval - time.monotonic()
            self._reports[publisher] = asyncio.get_running_loop().call_later(
                max(0.0, wait), self._report, namespace, publisher
            )

    def _report(self, namespace: KernelNamespace, publisher: Publisher) -> None:
        stream_ids = list(publisher.unreported)
        self._forget_reports(publisher)
        publisher.reported_at = time.monotonic()
        for stream_id in stream_ids:
            stream = namespace.streams_by_id.get(stream_id)
            if stream is not None and stream.history is not None:
                message = Published(stream_id, stream.history.next)
                publisher.client.send(message.name, *message.args())

    def _forget_reports(self, publisher: Publisher) -> None:
        publisher.unreported.clear()
        if (timer := self._reports.pop(publisher, None)) is not None:
            timer.cancel()

    # --- viewers and events ----------------------------------------------------------------

    def _emit(self, namespace: KernelNamespace, message: Emit, ack: Answer | None) -> None:
        # Rows pushed before the event go first to whoever keeps up (protocol.md §5, user events).
        self._fanout.settle(namespace)
        asked = namespace.viewers.get(message.to) if message.to is not None else None
        if ack is not None and asked is not None:
            self._ask(asked, message, ack)
            return
        framed = frames.event(namespace.name, message.event, message.arguments)
        sent = 0
        for viewer in _recipients(namespace, message):
            if self._takes_events(viewer):
                viewer.client.write(framed)
                sent += 1
        if ack is not None:
            ack({"ok": True, "sent": sent})

    def _ask(self, viewer: Viewer, message: Emit, ack: Answer) -> None:
        """Ask one viewer, and pass its answer on; 3003 after 30 s or when it leaves."""
        if not self._takes_events(viewer):
            ack(
                refusal(
                    Code.TOO_MANY_MESSAGES, "the viewer does not keep up; its event was dropped"
                )
            )
            return
        ask(
            viewer.client,
            message.event,
            message.arguments,
            tell=ack,
            read=_viewers_answer,
            late=refusal(Code.PUBLISHER_OFFLINE, "the viewer left, or took too long to answer"),
            seconds=self._limits.connections.answer_seconds,
        )

    def _takes_events(self, viewer: Viewer) -> bool:
        if viewer.session.outstanding <= self._limits.transport.event_outstanding_bytes:
            return True
        self.events_dropped += 1
        return False

    def _room(self, namespace: KernelNamespace, message: Room) -> dict[str, Any]:
        viewer = namespace.viewers.get(message.viewer)
        if viewer is None:
            return refusal(Code.BAD_REQUEST, f"no viewer {message.viewer!r} is here")
        if message.join:
            viewer.rooms.add(message.room)
            namespace.rooms.setdefault(message.room, set()).add(viewer)
        else:
            leave_room(namespace, viewer, message.room)
        return {"ok": True}

    @staticmethod
    def _viewers(namespace: KernelNamespace, message: Viewers) -> list[dict[str, object]]:
        return [viewer.entry() for viewer in namespace.viewers.values()]

    def _share(self, namespace: KernelNamespace, message: Share) -> dict[str, Any]:
        try:
            made = self._links.make(
                namespace.kernel_id, message, maker="kernel", rights=rights_of_kernel
            )
        except (Refused, Overflow) as exc:
            return refusal(exc.code, str(exc))
        return {"ok": True, **made.answer()}

    def _revoke(self, namespace: KernelNamespace, message: Revoke) -> dict[str, Any]:
        if not self._links.allowed:
            return refusal(Code.NOT_PERMITTED, LINKS_OFF)
        link = self._links.get(message.id)
        if link is not None and link.terms.kernel_id != namespace.kernel_id:
            return refusal(Code.NOT_PERMITTED, f"link {message.id!r} is another kernel's")
        self._links.revoke(message.id)  # one that has ended already is what was asked for
        return {"ok": True}


async def ask_to_close(namespace: KernelNamespace, stream: Stream, *, seconds: float) -> None:
    """Have the kernel close a stream: it ends as soon as the rows pushed before have come.

    Raises
    ------
    NotConnected
        If nobody in the kernel is listening, answers within ``seconds``, or does it.
    """
    if stream.ended:
        return
    if namespace.publisher is None:
        raise NotConnected("nobody in the kernel is listening; try again when it is back")
    answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    ask(
        namespace.publisher.client,
        Close.name,
        Close(stream.id).args(),
        tell=answered.set_result,
        read=_kernels_answer,
        late=refusal(Code.PUBLISHER_OFFLINE, "the kernel left, or took too long to answer"),
        seconds=seconds,
    )
    answer = await answered
    if answer.get("ok") is not True:
        raise NotConnected(f"the kernel did not close it: {answer.get('message')}")


def _kernels_answer(args: list[Any]) -> dict[str, Any]:
    answer = args[0] if args else None
    return answer if isinstance(answer, dict) else {}


def _recipients(namespace: KernelNamespace, message: Emit) -> Iterator[Viewer]:
    if message.to is None:
        chosen: Iterable[Viewer] = namespace.viewers.values()
    elif (viewer := namespace.viewers.get(message.to)) is not None:
        chosen = [viewer]
    else:
        chosen = namespace.rooms.get(message.to, ())
    return (viewer for viewer in list(chosen) if viewer.id != message.skip)


def _viewers_answer(args: list[Any]) -> dict[str, Any]:
    """Read a viewer's ack: one argument is itself, several are a list."""
    return {"ok": True, "value": args[0] if len(args) == 1 else args or None}
