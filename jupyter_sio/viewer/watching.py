"""One viewer's side of a namespace: messages in; frames, items and the end out. No socket.

It outlives connections: ``connected`` begins a new one, and the streams resume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, Code, Refused
from jupyter_sio.protocol import messages, socketio
from jupyter_sio.protocol.messages import Position, Subscribe, Subscribed
from jupyter_sio.protocol.subscription import Begun, Missing, Outcome, Rows, Subscription
from jupyter_sio.viewer.items import Batch, Event, Gap, Item, Reset


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``watch`` was asked for. No streams: all there are, also those that open later."""

    streams: tuple[str, ...] = ()
    since: dict[str, Position] = field(default_factory=dict)
    options: Subscribe = field(default_factory=lambda: Subscribe("*"))  # tail, mode and window
    events: bool = False

    def subscribe(self, stream: str) -> Subscribe:
        """Say what is asked for of one stream."""
        return replace(self.options, stream=stream, since=self.since.get(stream))


@dataclass(frozen=True, slots=True)
class End:
    """Why a connection, or its namespace, came to its end."""

    code: int
    reason: str
    retry_ms: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the kernel has ended, which is no failure."""
        return self.code == Code.KERNEL_GONE


@dataclass(slots=True)
class Delivery:
    """An item on its way to the user, and what is to be acknowledged once it got there."""

    item: Item
    state: _Stream | None = None
    life: int = 0
    end: int = 0
    size: int = 0


@dataclass(slots=True)
class Turn:
    """What follows from one message."""

    frames: list[socketio.Frame] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    end: End | None = None


@dataclass(slots=True, eq=False)
class _Stream:
    subscription: Subscription
    missing: int = 0  # rows told missing since the last batch
    waiting: int = 0  # batches handed over and not taken
    taken_bytes: int = 0  # of batches taken and not acknowledged


class Watching:
    """What is known of one namespace and the streams watched in it. Owned by one event loop."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._streams = {name: self._new(name) for name in wanted.streams}
        self._namespace = ""
        self._begin()

    def _begin(self) -> None:
        self._by_id: dict[int, _Stream] = {}
        self._asked: dict[int, _Stream] = {}
        self._next_ack = 0
        self._was_dead: bool | None = None  # what the first $status of this connection said
        self._listed = False
        self.joined = False

    def connected(self, namespace: str) -> list[socketio.Frame]:
        """Begin a new connection; returns what to send first."""
        self._begin()
        self._namespace = namespace
        for state in self._streams.values():
            state.subscription.disconnected()
        return [socketio.connect(namespace, {"protocol": messages.PROTOCOL})]

    def receive(self, message: socketio.Received) -> Turn:
        """Take one message.

        Raises
        ------
        BadRequest
            If it breaks the protocol; the connection is then to be made anew.
        """
        turn = Turn()
        if isinstance(message, socketio.Pinged):
            turn.frames.append(socketio.PONG)
        elif isinstance(message, socketio.Closed):
            turn.end = End(Code.SHUTTING_DOWN, "the server closed the connection")
        elif getattr(message, "namespace", None) == self._namespace:
            self._in_namespace(message, turn)
        if turn.end is None and self._nothing_follows():
            turn.end = End(Code.KERNEL_GONE, "the kernel has ended")
        return turn

    def taken(self, delivery: Delivery) -> list[socketio.Frame]:
        """Note that the user has an item; returns the acknowledgement, if one is due."""
        state = delivery.state
        if state is None:
            return []
        state.waiting -= 1
        if not state.waiting:
            # Whatever was dropped or told as missing behind it is settled as well.
            return self._ack(state, state.subscription.offset)
        if delivery.life != state.subscription.lives:
            return []
        state.taken_bytes += delivery.size
        enough = state.taken_bytes >= limits.Viewing.window_bytes // 4
        return self._ack(state, delivery.end) if enough else []

    # --- messages of the namespace -----------------------------------------------------------

    def _in_namespace(self, message: socketio.Received, turn: Turn) -> None:
        if isinstance(message, socketio.Joined):
            self.joined = True
            for state in self._streams.values():
                self._ask(state, turn)
        elif isinstance(message, socketio.JoinRefused):
            code = message.data.get("code")
            known = code if isinstance(code, int) else Code.NOT_PERMITTED
            turn.end = End(known, message.message)
        elif isinstance(message, socketio.Left):
            turn.end = End(Code.SHUTTING_DOWN, "the server took the namespace away")
        elif isinstance(message, socketio.Answered):
            self._answered(message, turn)
        elif isinstance(message, socketio.Event):
            self._event(message, turn)

    def _event(self, message: socketio.Event, turn: Turn) -> None:
        if (handler := _HANDLERS.get(message.name)) is not None:
            handler(self, message.args, turn)
        elif self._wanted.events and not message.name.startswith("$"):
            turn.deliveries.append(Delivery(Event(message.name, tuple(message.args))))

    def _answered(self, message: socketio.Answered, turn: Turn) -> None:
        state = self._asked.pop(message.ack_id, None)
        if state is None:
            return
        try:
            answer = Subscribed.parse(message.args[0] if message.args else None)
        except Refused as refused:
            turn.end = End(refused.code, f"stream {state.subscription.stream!r}: {refused}")
            return
        outcomes = state.subscription.answered(answer)
        self._by_id[answer.id] = state
        state.taken_bytes = 0
        self._tell(state, outcomes, turn)

    def _batch(self, args: list[object], turn: Turn) -> None:
        message = messages.Batch.parse(args)
        state = self._known(message.id)
        outcomes = state.subscription.batch(message)
        self._tell(state, outcomes, turn, message)
        if not state.waiting:
            # All of it was dropped; unacknowledged it would fill the window for ever.
            turn.frames += self._ack(state, state.subscription.offset)

    def _gap(self, args: list[object], turn: Turn) -> None:
        message = messages.Gap.parse(args)
        state = self._known(message.id)
        self._tell(state, state.subscription.gap(message), turn)

    def _reset(self, args: list[object], turn: Turn) -> None:
        message = messages.Reset.parse(args)
        state = self._known(message.id)
        state.taken_bytes = 0
        self._tell(state, state.subscription.reset(message), turn)

    def _status(self, args: list[object], turn: Turn) -> None:
        status = messages.Status.parse(args)
        if self._was_dead is None:
            self._was_dead = status.kernel == "dead"
        if self._wanted.events:
            turn.deliveries.append(Delivery(status))

    def _listing(self, args: list[object], turn: Turn) -> None:
        self._listed = True
        if self._wanted.streams or not args or not isinstance(args[0], list):
            return
        for entry in args[0]:
            name = messages.read_stream_name(entry.get("stream") if isinstance(entry, dict) else 0)
            if name not in self._streams:
                self._streams[name] = self._new(name)
                self._ask(self._streams[name], turn)

    def _bye(self, args: list[object], turn: Turn) -> None:
        bye = messages.Bye.parse(args)
        turn.end = End(bye.code, bye.reason, bye.retry_ms)

    # --- what follows ------------------------------------------------------------------------

    def _new(self, stream: str) -> _Stream:
        return _Stream(Subscription(self._wanted.subscribe(stream)))

    def _known(self, id_: int) -> _Stream:
        try:
            return self._by_id[id_]
        except KeyError:
            raise BadRequest(f"the server sent rows of {id_}, which was never asked for") from None

    def _ask(self, state: _Stream, turn: Turn) -> None:
        self._asked[self._next_ack] = state
        request = state.subscription.request()
        turn.frames += socketio.event(
            self._namespace, request.name, request.args(), ack_id=self._next_ack
        )
        self._next_ack += 1

    def _ack(self, state: _Stream, next_: int) -> list[socketio.Frame]:
        subscription = state.subscription
        state.taken_bytes = 0
        if subscription.id is None:
            return []
        ack = messages.Ack(subscription.id, next_)
        return socketio.event(self._namespace, ack.name, ack.args())

    def _tell(
        self,
        state: _Stream,
        outcomes: Iterable[Outcome],
        turn: Turn,
        batch: messages.Batch | None = None,
    ) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Rows):
                assert batch is not None
                turn.deliveries.append(self._delivery(state, outcome, batch))
            elif isinstance(outcome, Missing):
                state.missing += outcome.end - outcome.start
                self._note(Gap(*_life(state), outcome.start, outcome.end, outcome.why), turn)
            elif isinstance(outcome, Begun):
                subscription = state.subscription
                media, mode = subscription.media or "", subscription.mode or "every"
                self._note(Reset(*_life(state), media, mode, outcome.recovered), turn)
            else:
                self._ask(state, turn)

    def _note(self, item: Item, turn: Turn) -> None:
        if self._wanted.events:
            turn.deliveries.append(Delivery(item))

    def _delivery(self, state: _Stream, rows: Rows, batch: messages.Batch) -> Delivery:
        payload = batch.payloads[rows.payload]
        item = Batch(
            *_life(state),
            offset=rows.start,
            rows=rows.end - rows.start,
            time=batch.time,
            gap=state.missing,
            fresh=rows.fresh,
            media=state.subscription.media or "",
            payload=payload,
            skip=rows.skip,
        )
        state.missing = 0
        state.waiting += 1
        return Delivery(item, state, state.subscription.lives, rows.end, len(payload))

    def _nothing_follows(self) -> bool:
        """Whether the kernel had ended before we came, and all it left is here.

        Who comes then is sent no ``$bye`` until the namespace is gone (protocol.md §5).
        """
        if not (self._was_dead and self._listed) or self._asked:
            return False
        return all(state.subscription.settled for state in self._streams.values())


def _life(state: _Stream) -> tuple[str, str]:
    return state.subscription.stream, state.subscription.epoch or ""


_HANDLERS: dict[str, Callable[[Watching, list[object], Turn], None]] = {
    "$batch": Watching._batch,
    "$gap": Watching._gap,
    "$reset": Watching._reset,
    "$status": Watching._status,
    "$streams": Watching._listing,
    "$bye": Watching._bye,
}
