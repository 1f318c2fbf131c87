"""What goes next over a link: events, openings, payloads, closings; and the answers they want.

Events go after the rows pushed before them, streams in turn. Nothing here knows a socket; what is
decided here is decided under the link's lock, but for queueing, which any thread may do.

Source: protocol.md §5 (kernel -> server).
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest
from jupyter_sio.kernel.stream import Stream
from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.messages import Close, Compact, Message, Published

log = logging.getLogger("jupyter_sio")

# Called with the answer's arguments, or with None if the connection ends first.
Answer: TypeAlias = Callable[["list[Any] | None"], None]
Frames: TypeAlias = "list[socketio.Frame]"


@dataclass(slots=True)
class Outgoing:
    """An event that waits to be sent: after the rows pushed before it."""

    frames: Frames
    ack_id: int | None = None
    answer: Answer | None = None
    after: Sequence[tuple[Stream, str, int]] = ()
    cancelled: bool = False

    def may_go(self) -> bool:
        """Whether the rows that it comes after went out."""
        return all(stream.sent(epoch, offset) for stream, epoch, offset in self.after)


class Traffic:
    """The messages of one namespace, in the order in which they may go."""

    def __init__(
        self, namespace: str, streams: Callable[[], Iterable[Stream]], bounds: limits.Link
    ) -> None:
        self._namespace = namespace
        self._streams = streams
        self._bounds = bounds
        self._events: deque[Outgoing] = deque()
        self._ending: list[Stream] = []
        self._by_id: dict[int, Stream] = {}
        self._answers: dict[int, Answer] = {}
        self._ids = itertools.count()
        self._turn = 0
        self.dropped = 0  # events for which there was no room

    # --- from any thread ---------------------------------------------------------------------

    def queue(
        self,
        message: Message,
        *,
        answer: Answer | None = None,
        after: Sequence[tuple[Stream, str, int]] = (),
    ) -> Outgoing | None:
        """Queue an event; None if the queue is full, and the event dropped.

        Raises
        ------
        BadRequest
            If it cannot travel.
        """
        ack_id = None if answer is None else next(self._ids)
        frames = socketio.event(self._namespace, message.name, message.args(), ack_id=ack_id)
        # A bytearray may change before it is written.
        frames = [frame if isinstance(frame, str) else bytes(frame) for frame in frames]
        size, most = sum(map(len, frames)), limits.Inbound.kernel_bytes
        if size > most:
            raise BadRequest(f"an event may have {most} bytes; got {size}: use a stream")
        if len(self._events) >= self._bounds.queued_events:
            self.dropped += 1
            return None
        outgoing = Outgoing(frames, ack_id, answer, after)
        self._events.append(outgoing)
        return outgoing

    def end(self, stream: Stream) -> None:
        """Send what is left of a closed stream, then ``$close``."""
        self._ending.append(stream)

    @property
    def idle(self) -> bool:
        """Whether no event is left to be sent, and no stream to be ended."""
        return not self._events and not self._ending

    def all_streams(self) -> list[Stream]:
        """List the streams, closed ones that have rows to send among them."""
        return [*self._ending, *self._streams()]

    # --- what is sent ------------------------------------------------------------------------

    def messages(self, now: float) -> Iterator[Frames]:
        """Go on with the next message for as long as there is one that may go.

        A message once taken counts as sent.
        """
        going = True
        while going:
            going = False
            for frames in itertools.chain(self._due_events(), self._due_of_streams(now)):
                going = True
                yield frames

    def _due_events(self) -> Iterator[Frames]:
        while self._events and (self._events[0].cancelled or self._events[0].may_go()):
            outgoing = self._events.popleft()
            if outgoing.cancelled:
                continue
            if outgoing.ack_id is not None and outgoing.answer is not None:
                self._answers[outgoing.ack_id] = outgoing.answer
            yield outgoing.frames

    def _due_of_streams(self, now: float) -> Iterator[Frames]:
        """One message of each stream, each time beginning with the next one."""
        # The server knows a stream by its name: another of that name waits until it has ended.
        held_up = {stream.name for stream in self._ending}
        streams = [*self._ending, *(s for s in self._streams() if s.name not in held_up)]
        self._turn += 1
        for i in range(len(streams)):
            frames = self._due_of(streams[(self._turn + i) % len(streams)], now)
            if frames is not None:
                yield frames

    def _due_of(self, stream: Stream, now: float) -> Frames | None:
        if stream.id is None:
            return None if stream.opening else self._opening(stream)
        if (publish := stream.take(now)) is not None:
            return self.frames(publish)
        return self._closing(stream) if stream.closed and stream.finished else None

    def frames(self, message: Message, answer: Answer | None = None) -> Frames:
        """Write one message."""
        ack_id = None
        if answer is not None:
            ack_id = next(self._ids)
            self._answers[ack_id] = answer
        return socketio.event(self._namespace, message.name, message.args(), ack_id=ack_id)

    def _opening(self, stream: Stream) -> Frames:
        message = stream.open()

        def opened(args: list[Any] | None) -> None:
            if args is not None:
                self._opened(stream, message.epoch, args[0] if args else None)

        return self.frames(message, opened)

    def _opened(self, stream: Stream, epoch: str, answer: Any) -> None:
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            found = answer.get("message") if isinstance(answer, dict) else answer
            # It stays ``opening``, so nobody asks again over this connection; its rows wait.
            log.warning("stream %r was refused: %s", stream.name, found)
            return
        if not stream.opened(epoch, int(answer["id"]), int(answer["next"])):
            log.warning("stream %r begins anew: the server holds rows not ours", stream.name)
            stream.begin_anew()
        if stream.id is not None:
            self._by_id[stream.id] = stream

    def _closing(self, stream: Stream) -> Frames:
        assert stream.id is not None
        message = Close(stream.id)
        stream.ending()

        def closed(args: list[Any] | None) -> None:
            if args is not None:
                with suppress(ValueError):
                    self._ending.remove(stream)
                stream.ended()

        return self.frames(message, closed)

    # --- what is received ----------------------------------------------------------------------

    def answered(self, ack_id: int, args: list[Any]) -> None:
        """Take the answer to one of our events."""
        answer = self._answers.pop(ack_id, None)
        if answer is not None:
            answer(args)

    def stream(self, id_: int) -> Stream | None:
        """Find the stream that is open under the server's number."""
        return self._by_id.get(id_)

    def published(self, message: Published) -> Compact | None:
        """Take ``$published``; returns what may now be sent again as one payload, one at a time."""
        stream = self._by_id.get(message.id)
        return stream.published(message.next) if stream is not None else None

    # --- ends ----------------------------------------------------------------------------------

    def pause(self) -> list[Answer]:
        """Note that the connection is gone; returns who waits for an answer in vain."""
        for stream in self.all_streams():
            stream.pause()
        self._by_id.clear()
        answers, self._answers = self._answers, {}
        return list(answers.values())

    def stop(self) -> None:
        """Note that there will be no other connection."""
        while self._events:
            answer = self._events.popleft().answer
            if answer is not None:
                answer(None)
        for stream in self.all_streams():
            stream.changed()
        self._ending.clear()
