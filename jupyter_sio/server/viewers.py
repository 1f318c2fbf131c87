"""What a viewer may say in `/kernels/<id>`, and what it is answered. Owned by the server's loop.

Source: protocol.md §5 (viewer -> server, user events), §7.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_sio.errors import BadRequest, Code, Refused
from jupyter_sio.limits import Limits
from jupyter_sio.protocol.cursor import Cursor
from jupyter_sio.protocol.messages import (
    Ack,
    Event,
    Grant,
    Reset,
    Subscribe,
    Subscribed,
    Unsubscribe,
    ViewerNotice,
    refusal,
    rule_for,
)
from jupyter_sio.server.clients import Client
from jupyter_sio.server.fanout import FanOut
from jupyter_sio.server.news import News
from jupyter_sio.server.registry import (
    KernelNamespace,
    Registry,
    Subscription,
    Viewer,
)

Answer = Callable[..., None]


class Viewers:
    """Lets viewers in, subscribes them, passes their events on, lets them go."""

    def __init__(self, *, registry: Registry, fanout: FanOut, news: News, limits: Limits) -> None:
        self._registry = registry
        self._fanout = fanout
        self._news = news
        self._limits = limits
        self.refused_events = 0  # over the rate of one viewer
        self.events_passed_on = 0

    # --- coming and going ------------------------------------------------------------------

    def join(self, namespace: KernelNamespace, viewer: Viewer) -> None:
        """Take in a viewer whose CONNECT was just answered."""
        namespace.viewers[viewer.id] = viewer
        self._news.welcome(namespace, viewer)
        self._notice(namespace, viewer, joined=True)
        self._news.changed(namespace)

    def leave(self, namespace: KernelNamespace, viewer: Viewer) -> None:
        """Forget a viewer; costs what this viewer held, not what the namespace holds."""
        if namespace.viewers.pop(viewer.id, None) is None:
            return
        for subscription in list(viewer.subscriptions.values()):
            self._drop(namespace, subscription)
        for room in list(viewer.rooms):
            leave_room(namespace, viewer, room)
        self._notice(namespace, viewer, joined=False)
        self._news.changed(namespace)

    def _notice(self, namespace: KernelNamespace, viewer: Viewer, *, joined: bool) -> None:
        if namespace.publisher is not None:
            notice = ViewerNotice(viewer.info(), joined)
            namespace.publisher.client.send(ViewerNotice.name, *notice.args())

    # --- what it says ----------------------------------------------------------------------

    def receive(
        self,
        namespace: KernelNamespace,
        viewer: Viewer,
        event: str,
        args: list[Any],
        ack: Answer | None,
    ) -> None:
        """Do what one message asks.

        Raises
        ------
        BadRequest
            If a reserved message is not a viewer's to send, or one without an answer is malformed.
        """
        if not event.startswith("$"):
            self._user_event(namespace, viewer, event, args, ack or _nobody)
            return
        rule = rule_for(event, viewer.access.grants)
        try:
            message = rule.kind.parse(args)
            if isinstance(message, Subscribe):
                self._registry.check_stream_name(message.stream)
        except BadRequest as exc:
            if not rule.answered:
                raise
            (ack or _nobody)(refusal(exc.code, str(exc)))
            return
        if isinstance(message, Subscribe):
            self._subscribe(namespace, viewer, message, ack or _nobody)
        elif isinstance(message, Ack):
            self._acknowledge(viewer, message)
        elif isinstance(message, Unsubscribe):
            self._unsubscribe(namespace, viewer, message, ack or _nobody)

    def _subscribe(
        self, namespace: KernelNamespace, viewer: Viewer, wanted: Subscribe, ack: Answer
    ) -> None:
        # A link's globs are checked first: whether the stream exists is not told to its holder.
        if not viewer.access.sees_stream(wanted.stream):
            ack(refusal(Code.NOT_PERMITTED, "not permitted"))
            return
        stream = namespace.stream(wanted.stream)
        subscription = stream.subscriptions.get(viewer)
        if subscription is None:
            try:
                self._registry.check_room_for_subscription(
                    viewer.session, waiting=stream.history is None
                )
            except Refused as exc:
                namespace.forget_if_unused(stream)
                ack(refusal(exc.code, str(exc)))
                return
            subscription = Subscription(viewer, stream, wanted)
            stream.subscriptions[viewer] = viewer.subscriptions[stream.id] = subscription
        subscription.wanted = wanted
        ack(self._begin(subscription).answer())
        # Only now: no $batch, $gap or $reset of a subscription precedes its ack.
        self._fanout.want(subscription)

    def _begin(self, subscription: Subscription) -> Subscribed:
        """Find the start and register the cursor, in one step of the loop (protocol.md §7)."""
        stream, wanted = subscription.stream, subscription.wanted
        if stream.history is None:
            subscription.cursor = None
            return Subscribed(stream.id, None, None, None, 0, 0, 0, recovered=False, waiting=True)
        recovered = place(subscription, again=False)
        assert subscription.cursor is not None
        return Subscribed(
            id=stream.id,
            media=stream.media,
            mode=wanted.mode or stream.mode,
            epoch=stream.history.epoch,
            first=stream.history.first,
            next=stream.history.next,
            start=subscription.cursor.next,
            recovered=recovered,
            waiting=False,
        )

    def _unsubscribe(
        self, namespace: KernelNamespace, viewer: Viewer, message: Unsubscribe, ack: Answer
    ) -> None:
        subscription = viewer.subscriptions.get(message.id)
        if subscription is not None:
            self._drop(namespace, subscription)
        ack({"ok": True})
        if viewer.parting:  # this may have been all that it was still owed
            self._fanout.on_drained(viewer)

    def _acknowledge(self, viewer: Viewer, message: Ack) -> None:
        subscription = viewer.subscriptions.get(message.id)
        if subscription is not None and subscription.cursor is not None:
            subscription.cursor.acknowledge(message.next)
            if subscription.due:
                self._fanout.want(subscription)

    def _drop(self, namespace: KernelNamespace, subscription: Subscription) -> None:
        viewer, stream = subscription.viewer, subscription.stream
        viewer.subscriptions.pop(stream.id, None)
        viewer.due.pop(subscription, None)
        stream.subscriptions.pop(viewer, None)
        stream.last_watched = time.monotonic()
        namespace.forget_if_unused(stream)

    # --- user events -----------------------------------------------------------------------

    def _user_event(
        self,
        namespace: KernelNamespace,
        viewer: Viewer,
        event: str,
        args: Sequence[Any],
        ack: Answer,
    ) -> None:
        code = self._why_not(namespace, viewer, event)
        if code is not None:
            ack(refusal(code, _WHY_NOT[code]))
            return
        publisher = namespace.publisher
        assert publisher is not None
        self.events_passed_on += 1
        message = Event(event, viewer.info(), tuple(args))
        if ack is _nobody:
            publisher.client.send(Event.name, *message.args())
            return
        ask(
            publisher.client,
            Event.name,
            message.args(),
            tell=ack,
            read=lambda answer: _for_viewer(answer, viewer),
            late=refusal(Code.PUBLISHER_OFFLINE, "the kernel left, or took too long to answer"),
            seconds=self._limits.connections.answer_seconds,
        )

    def _why_not(self, namespace: KernelNamespace, viewer: Viewer, event: str) -> Code | None:
        """Say why this event may not go to the kernel; None if it may."""
        if not viewer.events.take(now=time.monotonic()):
            self.refused_events += 1
            return Code.TOO_MANY_MESSAGES
        if not viewer.access.may_send(event):
            return Code.NOT_PERMITTED
        if namespace.lifetime.ended:
            return Code.KERNEL_GONE
        if namespace.publisher is None:
            return Code.PUBLISHER_OFFLINE
        bound = self._limits.transport.event_outstanding_bytes
        if namespace.publisher.client.session.outstanding > bound:
            self.refused_events += 1
            return Code.TOO_MANY_MESSAGES
        return None


_WHY_NOT = {
    Code.TOO_MANY_MESSAGES: "too many events; send fewer per second",
    Code.NOT_PERMITTED: "not permitted",
    Code.KERNEL_GONE: "the kernel has ended",
    Code.PUBLISHER_OFFLINE: "nobody in the kernel is listening",
}


def ask(
    client: Client,
    event: str,
    args: Sequence[Any],
    *,
    tell: Callable[[dict[str, Any]], None],
    read: Callable[[list[Any]], dict[str, Any]],
    late: dict[str, Any],
    seconds: float,
) -> None:
    """Ask a client, and ``tell`` its answer as ``read``, or ``late`` if it leaves or takes long."""

    def answered(answer: list[Any] | None) -> None:
        timer.cancel()
        tell(late if answer is None else read(answer))

    def too_late() -> None:
        client.forget(number)
        tell(late)

    number = client.call(event, args, answered)  # raises for what cannot travel
    timer = asyncio.get_running_loop().call_later(seconds, too_late)


def place(subscription: Subscription, *, again: bool) -> bool:
    """Set the cursor of a subscription to its start; True if it goes on where it left off.

    ``again``: the stream was born anew under a viewer that already had a cursor, so its ``since``
    has had its day.
    """
    stream, wanted = subscription.stream, subscription.wanted
    assert stream.history is not None
    mode = wanted.mode or stream.mode
    start = stream.history.resolve(
        since=None if again else wanted.since, tail=wanted.tail, latest=mode == "latest"
    )
    subscription.cursor = Cursor(mode=mode, window=wanted.window, start=start.start)
    return start.recovered


def reset_of(subscription: Subscription, *, recovered: bool) -> Reset:
    """Write the `$reset` of a subscription whose cursor was just placed."""
    stream, cursor = subscription.stream, subscription.cursor
    assert stream.history is not None and cursor is not None
    return Reset(
        id=stream.id,
        stream=stream.name,
        media=stream.media,
        mode=cursor.mode,
        epoch=stream.history.epoch,
        first=stream.history.first,
        next=stream.history.next,
        start=cursor.next,
        recovered=recovered,
    )


def leave_room(namespace: KernelNamespace, viewer: Viewer, room: str) -> None:
    """Take a viewer out of a room; a room that is empty is gone."""
    viewer.rooms.discard(room)
    members = namespace.rooms.get(room)
    if members is not None:
        members.discard(viewer)
        if not members:
            del namespace.rooms[room]


def _nobody(*_: Any) -> None:
    """Answer nobody: the client asked for no ack."""


def _for_viewer(args: list[Any], viewer: Viewer) -> dict[str, Any]:
    """Read the kernel's ack; keep the text of its exception from viewers without ``manage``."""
    answer = args[0] if args and isinstance(args[0], dict) else {}
    if answer.get("ok") is True:
        return {"ok": True, "value": answer.get("value")}
    code = answer.get("code")
    if type(code) is not int:
        code = int(Code.INTERNAL_ERROR)
    message = str(answer.get("message", ""))
    if code == Code.INTERNAL_ERROR and Grant.MANAGE not in viewer.access.grants:
        message = "internal error"
    return refusal(code, message)
