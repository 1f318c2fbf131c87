"""A client: one session in one namespace."""

from __future__ import annotations

import asyncio
import enum
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from jupyter_sio.errors import Code
from jupyter_sio.protocol.names import Namespace
from jupyter_sio.server import frames
from jupyter_sio.server.session import Session, Switchboard
from jupyter_sio.server.tasks import Tasks

Answer: TypeAlias = Callable[[list[Any] | None], None]


class State(enum.Enum):
    """Where a client is between its CONNECT and its end."""

    PENDING = "its connect handler is running"
    JOINED = "accepted; broadcasts reach it"
    GONE = "refused, or left"


class Queued(NamedTuple):
    """An event that waits for its handler."""

    event: str
    args: list[Any]
    ack_id: int | None
    size: int


class Host(Switchboard, Protocol):
    """What a client needs to know of the router."""

    tasks: Tasks

    def take(self, client: Client, code: int, reason: str) -> None:
        """Take the namespace from the client, with a word."""


class Owner(Protocol):
    """Who answers for ``/kernels`` and ``/kernels/…`` in place of handlers."""

    async def admit(self, client: Client, auth: object) -> None:
        """Raise ``errors.Refused`` to refuse; anything else raised reads as "internal error"."""

    def joined(self, client: Client) -> None:
        """Welcome a client, right behind its CONNECT and in the same step of the loop."""

    def receive(
        self, client: Client, event: str, args: list[Any], ack: Callable[..., None] | None
    ) -> None:
        """Act on an event, in order, on the read path; ``BadRequest`` closes the connection."""

    def left(self, client: Client, reason: str) -> None:
        """Forget a client; exactly once per joined client."""

    def data_due(self, session: Session) -> bool:
        """Whether rows wait for this connection and nothing but the transport holds them."""

    def inbound_bytes(self, session: Session) -> int:
        """How large a message of this connection may be."""


class Desk(Host, Protocol):
    """What those who see to clients need to know of the router."""

    environ: dict[str, Any]
    manager: Any
    owner: Owner | None
    over: bool  # the server is shutting down


class Client:
    """One session in one namespace; owned by the server's loop.

    Attributes
    ----------
    namespace : Namespace
        Its ``params`` are those of the pattern that let the client in.
    sid : str
        Socket.IO's id: what ``emit(to=…)`` and ``enter_room`` take.
    rooms : set
        Those it entered, so that leaving costs what it joined.
    owner_data : object
        Whoever answers for the namespace keeps here what it likes.
    """

    __slots__ = (
        "_answers",
        "_early",
        "_early_bytes",
        "_host",
        "_ids",
        "_most_queued",
        "namespace",
        "owner_data",
        "queue",
        "rooms",
        "route",
        "session",
        "sid",
        "state",
        "task",
    )

    def __init__(self, host: Host, session: Session, namespace: Namespace, route: Any) -> None:
        self.session = session
        self.namespace = namespace
        self.sid: str = host.eio.generate_id()
        self.route = route  # None: the owner's
        self.state = State.PENDING
        self.rooms: set[str] = set()
        self.queue: deque[Queued] = deque()
        self.task: asyncio.Future[None] | None = None  # decides CONNECT, then works off the queue
        self.owner_data: Any = None
        self._host = host
        self._early: list[bytes] = []  # what the connect handler emitted to this client
        self._early_bytes = 0
        self._answers: dict[int, Answer] = {}
        self._ids = itertools.count(1)
        self._most_queued = host.limits.inbound.queued_events

    @property
    def joined(self) -> bool:
        """Whether its CONNECT was accepted and it has not left."""
        return self.state is State.JOINED

    def send(self, event: str, *args: object) -> None:
        """Send it an event. Raises ``BadRequest`` if something in it cannot travel."""
        self.write(frames.event(self.namespace, event, args))

    def write(self, frames: Sequence[bytes]) -> None:
        """Write frames at once; before the CONNECT was accepted they are kept, within a bound."""
        if self.state is State.JOINED:
            self.session.write(frames)
        elif self.state is State.PENDING:
            self._keep(frames)

    def offer(self, frames: Sequence[bytes]) -> bool:
        """Write a user's event, or drop and count it if too much is outstanding.

        Source: protocol.md §5 ("User events").
        """
        if self.session.outstanding > self._host.limits.transport.event_outstanding_bytes:
            self._host.count("dropped_events")
            return False
        self.write(frames)
        return True

    def call(self, event: str, args: Sequence[object], answer: Answer) -> int:
        """Send an event and have its answer given to ``answer``; None if the client leaves first.

        Timeouts are the caller's: ``forget`` takes the number that is returned.
        """
        number = self.expect(answer)
        try:
            self.write(frames.event(self.namespace, event, args, ack_id=number))
        except BaseException:
            self.forget(number)
            raise
        return number

    def expect(self, answer: Answer) -> int:
        """Draw the number of an event that asks for an answer."""
        if len(self._answers) >= self._host.limits.connections.pending_answers:
            self._host.count("unanswered")
            self.answered(next(iter(self._answers)), None)
        number = next(self._ids)
        self._answers[number] = answer
        self.session.calls += 1
        self.session.stir()
        return number

    def answered(self, number: int, args: list[Any] | None) -> None:
        """Hand on an answer; one that nobody waits for any more is ignored."""
        answer = self.forget(number)
        if answer is not None:
            what = f"what waited for an answer in {self.namespace}"
            self._host.tasks.guard(what, answer, args)

    def forget(self, number: int) -> Answer | None:
        """Wait no longer for this answer."""
        answer = self._answers.pop(number, None)
        if answer is not None:
            self.session.calls -= 1
        return answer

    def leave(self, code: int, reason: str) -> None:
        """Take the namespace from the client: ``$bye``, then Socket.IO DISCONNECT."""
        self._host.take(self, code, reason)

    # --- the router's side -------------------------------------------------------------------

    def accept(self) -> None:
        """Write CONNECT, and behind it what was emitted to this client meanwhile."""
        self.state = State.JOINED
        self.session.write(frames.connect(self.namespace, self.sid))
        self.session.write(self._early)
        self._early = []
        self.session.joined()

    def enqueue(self, queued: Queued) -> bool:
        """Let an event wait for its handler; False if even the last reserve is full."""
        session, most_bytes = self.session, self._host.limits.inbound.queued_bytes
        if len(self.queue) >= 2 * self._most_queued or session.queued_bytes >= 2 * most_bytes:
            return False
        self.queue.append(queued)
        session.queued_bytes += queued.size
        session.full_queues += len(self.queue) == self._most_queued
        return True

    def dequeue(self) -> Queued:
        """Take the oldest event."""
        session = self.session
        session.full_queues -= len(self.queue) == self._most_queued
        queued = self.queue.popleft()
        session.queued_bytes -= queued.size
        session.stir()
        return queued

    def refuse_to_answer(self, queued: Queued, code: Code, message: str) -> None:
        """Answer an event, if an answer was asked, with ``{ok: false, code, message}``."""
        if queued.ack_id is not None and self.joined:
            refusal = {"ok": False, "code": int(code), "message": message}
            self.session.write(frames.ack(self.namespace, queued.ack_id, [refusal]))

    def clear_queue(self) -> None:
        """Drop the events that wait."""
        while self.queue:
            self.dequeue()

    def end(self) -> None:
        """Become gone: nothing is sent any more, and whoever waits for an answer hears None."""
        self.state = State.GONE
        self._early = []
        self.session.stir()
        for number in list(self._answers):
            self.answered(number, None)

    def _keep(self, frames: Sequence[bytes]) -> None:
        self._early_bytes += sum(map(len, frames))
        if self._early_bytes > self._host.limits.transport.event_outstanding_bytes:
            self._host.count("dropped_events")
            return
        self._early.extend(frames)
