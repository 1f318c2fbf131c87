"""The life of a kernel's namespace, as one table.

::

    STARTING ──> WAITING ──> LIVE <──> ORPHANED
        └───────────┴──────────┴──────────┴──> CLOSED ──> GONE

Source: protocol.md §5 (``$status``, "When the kernel ends"), §3 (who wins a claim).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_sio.errors import Code, Refused
from jupyter_sio.protocol.messages import KernelState, PublisherState, Status


class State(enum.Enum):
    """Where a namespace is in its life."""

    STARTING = "starting"  # the kernel was asked for; there may be no process yet
    WAITING = "waiting"  # the kernel has a process, and no publisher has claimed it yet
    LIVE = "live"  # a publisher is online
    ORPHANED = "orphaned"  # the publisher is gone, by itself or with a kernel that restarts
    CLOSED = "closed"  # the kernel has ended; its streams can still be read
    GONE = "gone"  # nobody can connect; nothing leads out of here


class Event(enum.Enum):
    """What happens to a namespace."""

    KERNEL_STARTED = "kernel_started"  # it has a process: started, restarted, found
    KERNEL_RESTARTING = "kernel_restarting"  # its process is gone and another one will come
    CLAIMED = "claimed"  # a claim was accepted: the first, or one that supersedes
    PUBLISHER_LOST = "publisher_lost"  # the socket of the *current* publisher closed
    KERNEL_ENDED = "kernel_ended"  # shut down, culled, died for good, no longer listed
    EXPIRED = "expired"  # `limits.Lifetime.ended_seconds` after KERNEL_ENDED


# What is not in the table changes nothing: events, callbacks, sockets and the sweep report the
# same thing two or three times, in any order, and a timer may outlive its reason.
TABLE: Mapping[tuple[State, Event], State] = {
    (State.STARTING, Event.KERNEL_STARTED): State.WAITING,
    (State.STARTING, Event.KERNEL_RESTARTING): State.STARTING,
    (State.STARTING, Event.CLAIMED): State.LIVE,  # it may claim before Jupyter calls it started
    (State.STARTING, Event.KERNEL_ENDED): State.CLOSED,
    (State.WAITING, Event.KERNEL_STARTED): State.WAITING,
    (State.WAITING, Event.KERNEL_RESTARTING): State.WAITING,
    (State.WAITING, Event.CLAIMED): State.LIVE,
    (State.WAITING, Event.KERNEL_ENDED): State.CLOSED,
    (State.LIVE, Event.KERNEL_STARTED): State.LIVE,  # a restart is reported when it is over
    (State.LIVE, Event.KERNEL_RESTARTING): State.ORPHANED,
    (State.LIVE, Event.CLAIMED): State.LIVE,  # superseded: viewers hear of no offline
    (State.LIVE, Event.PUBLISHER_LOST): State.ORPHANED,
    (State.LIVE, Event.KERNEL_ENDED): State.CLOSED,
    (State.ORPHANED, Event.KERNEL_STARTED): State.ORPHANED,
    (State.ORPHANED, Event.KERNEL_RESTARTING): State.ORPHANED,
    (State.ORPHANED, Event.CLAIMED): State.LIVE,
    (State.ORPHANED, Event.KERNEL_ENDED): State.CLOSED,
    # A kernel can come back under its id: restarted by hand after it died, or started with it.
    (State.CLOSED, Event.KERNEL_STARTED): State.WAITING,
    (State.CLOSED, Event.KERNEL_RESTARTING): State.WAITING,
    (State.CLOSED, Event.EXPIRED): State.GONE,
}

_ENDED = frozenset({State.CLOSED, State.GONE})

# Jupyter's words -> protocol.md's. A word that is missing ("terminating", "unknown", "") says
# nothing that a viewer could use, so what was believed before stays.
_WORDS: Mapping[str, KernelState] = {
    "starting": "starting",
    "idle": "idle",
    "busy": "busy",
    "restarting": "restarting",
    "autorestarting": "restarting",
    "dead": "dead",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """What an event changed: the state, or what viewers are told (``$status``), or both."""

    before: State
    after: State
    status_changed: bool


class Lifetime:
    """The life of one namespace. Owned by one thread; never looks at a clock.

    Whoever owns it sends ``$status`` after a transition with ``status_changed``, and lets
    ``EXPIRED`` follow ``limits.Lifetime.ended_seconds`` after one to ``CLOSED``, measured on a
    monotonic clock.

    Parameters
    ----------
    now_ms : int
        Wall-clock time in ms since 1970, here and in every method.

    Attributes
    ----------
    started : int
        When the kernel's present process was first heard of, ms since 1970.
    """

    def __init__(self, *, now_ms: int) -> None:
        self.state = State.STARTING
        self.since = self.started = now_ms
        self._believed: KernelState = "starting"
        self._claimed = False

    @property
    def ended(self) -> bool:
        """Whether the kernel has ended."""
        return self.state in _ENDED

    @property
    def kernel(self) -> KernelState:
        """What Jupyter believes; but where a publisher is online, the kernel is past starting."""
        if self.state is State.LIVE and self._believed == "starting":
            return "idle"
        return self._believed

    @property
    def publisher(self) -> PublisherState:
        """Whether a publisher is there, was there once, or never came."""
        if self.state is State.LIVE:
            return "online"
        return "offline" if self._claimed else "never"

    def status(self) -> Status:
        """Make the ``$status`` of now."""
        return Status(self.kernel, self.publisher, self.since)

    def on(self, event: Event, *, now_ms: int) -> Transition | None:
        """Let ``event`` happen; None if it changed nothing.

        Raises
        ------
        Refused
            With 3510, if a claim comes after the kernel has ended.
        """
        if event is Event.CLAIMED and self.ended:
            raise Refused("this kernel has ended", code=Code.KERNEL_GONE)
        before, told = self.state, (self.kernel, self.publisher)
        after = TABLE.get((before, event))
        if after is None:
            return None
        self.state = after
        if event is Event.KERNEL_RESTARTING or (before in _ENDED and after not in _ENDED):
            self.started = now_ms
        self._believed = self._belief_after(event)
        self._claimed = self._claimed or event is Event.CLAIMED
        return self._transition(before, told, now_ms)

    def set_kernel(self, word: str, *, now_ms: int) -> Transition | None:
        """Take what Jupyter says of the kernel's state, when it says something new.

        That a kernel ended is an event and no word, so ``dead`` does not end the namespace; and
        after it has ended no word is heard.
        """
        if self.ended:
            return None
        told = self.kernel, self.publisher
        self._believed = _WORDS.get(word, self._believed)
        return self._transition(self.state, told, now_ms)

    def _belief_after(self, event: Event) -> KernelState:
        if event is Event.KERNEL_ENDED:
            return "dead"
        if event is Event.KERNEL_RESTARTING:
            return "restarting"
        # A process that starts or claims is not restarting or dead any more.
        alive = event in (Event.KERNEL_STARTED, Event.CLAIMED)
        return "starting" if alive and self._believed in ("restarting", "dead") else self._believed

    def _transition(
        self, before: State, told: tuple[KernelState, PublisherState], now_ms: int
    ) -> Transition | None:
        changed = told != (self.kernel, self.publisher)
        if changed:
            self.since = now_ms
        elif before is self.state:
            return None
        return Transition(before, self.state, changed)
