"""What a viewer makes of the messages of one stream: rows to take, rows to drop, holes, breaks.

The twin of ``cursor.py``: that one decides what is sent, this one what it means. It sees no
payload, only how many rows each has. ``labextension/src/protocol/subscription.ts`` says the same
in TypeScript, and both are held to ``tests/vectors/subscription``.

Source: protocol.md §2, §5, §7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jupyter_sio.protocol.messages import (
    Batch,
    Gap,
    Mode,
    Position,
    Reset,
    Subscribe,
    Subscribed,
    Why,
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows ``start … end-1``: what is left of ``payloads[payload]`` after its first ``skip`` rows.

    ``fresh``: they begin anew, so they replace what is held and are never spliced to it.
    """

    payload: int
    start: int
    end: int
    skip: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """Rows ``start … end-1`` will not come."""

    start: int
    end: int
    why: Why


@dataclass(frozen=True, slots=True)
class Begun:
    """The stream goes on in ``epoch``; unless ``recovered``, what is held is to be replaced."""

    epoch: str
    recovered: bool


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Something is missing that nobody told of: send ``request()`` on the same connection."""


Outcome = Rows | Missing | Begun | AskAgain


class Subscription:
    """One viewer's state of one stream; it outlives connections.

    Call ``request`` for what to send, then hand over the answer and every ``$batch``, ``$gap``
    and ``$reset`` of its id in the order they came; each returns what to do, in order.

    The rules, beside those written in protocol.md:

    - Messages between a repeated ``request`` and its answer belong to the old subscription and
      still count.
    - Rows that begin above what was expected, with no gap told, break the protocol. They are not
      taken: the stream is asked for again from where it broke off. If that does not mend it, the
      hole is told as ``evicted`` and the rows are taken, so a faulty server can neither hide a
      hole nor keep the viewer asking.
    - A stream is first known by its answer, which is therefore no ``Begun``, unless rows are held
      (``since``) that it does not follow. Every ``$reset`` is one.
    """

    def __init__(self, wanted: Subscribe) -> None:
        self.stream = wanted.stream
        self.id: int | None = None
        self.epoch: str | None = None
        self.media: str | None = None
        self.mode: Mode | None = None
        self.offset = 0  # the next row to take
        self.next = 0  # where the stream ended when an answer or a reset last told
        self.lives = 0  # answers and resets so far: an $ack is worth nothing beyond its own
        self._wanted = wanted
        self._fresh = True
        self._asking = False
        self._asked_again = False

    @property
    def position(self) -> Position | None:
        """Up to where rows are held; None before anything is known."""
        return self._wanted.since if self.epoch is None else Position(self.epoch, self.offset)

    @property
    def settled(self) -> bool:
        """Whether an answer came, and with it every row that the stream had then."""
        return self.id is not None and not self._asking and self.offset >= self.next

    def request(self) -> Subscribe:
        """Say what to send, now or after a reconnect.

        ``tail`` goes along with ``since``: it bounds what is replayed if that is not recovered.
        """
        self._asking = True
        return replace(self._wanted, since=self.position)

    def disconnected(self) -> None:
        """Note that no answer will come any more; the position stays."""
        self.id = None
        self._asking = False
        self._asked_again = False

    def answered(self, answer: Subscribed) -> list[Outcome]:
        """Take the answer to ``request``."""
        self._asking = False
        self.id, self.next = answer.id, answer.next
        if answer.waiting or answer.epoch is None:
            return []
        held = self.position is not None
        self.media, self.mode = answer.media, answer.mode
        self._begin(answer.epoch, answer.start, recovered=answer.recovered)
        return [Begun(answer.epoch, False)] if held and not answer.recovered else []

    def reset(self, message: Reset) -> list[Outcome]:
        """Take a ``$reset``: the stream was born, or born anew."""
        self.media, self.mode, self.next = message.media, message.mode, message.next
        self._begin(message.epoch, message.start, recovered=message.recovered)
        return [Begun(message.epoch, message.recovered)]

    def gap(self, message: Gap) -> list[Outcome]:
        """Take a ``$gap``; what lies below the expected row was already settled."""
        if message.end <= self.offset and self.epoch is not None:
            return []
        if (mended := self._jump(message.start)) is None:
            return self._ask_again()
        start, self.offset, self._asked_again = self.offset, message.end, False
        return [*mended, Missing(start, message.end, message.why)]

    def batch(self, message: Batch) -> list[Outcome]:
        """Take a ``$batch``: one ``Rows`` for each payload that holds anything new."""
        outcomes: list[Outcome] = []
        start = message.offset
        for index, count in enumerate(message.counts):
            end = start + count
            if end > self.offset or self.epoch is None:
                if (mended := self._jump(start)) is None:
                    return outcomes + self._ask_again()
                outcomes += mended
                skip = self.offset - start
                outcomes.append(Rows(index, self.offset, end, skip, self._fresh))
                self.offset, self._fresh, self._asked_again = end, False, False
            start = end
        return outcomes

    def _begin(self, epoch: str, start: int, *, recovered: bool) -> None:
        self.lives += 1
        if recovered and epoch == self.epoch:
            # Rows of the old subscription may have come after the request had left.
            self.offset = max(self.offset, start)
            return
        self.epoch, self.offset = epoch, start
        self._fresh = not recovered

    def _jump(self, start: int) -> list[Outcome] | None:
        """Go up to ``start``: nothing to tell, or the hole; None where to ask again instead."""
        if self.epoch is None:
            return None
        if start <= self.offset:
            return []
        if self._asking or not self._asked_again:
            return None
        hole = Missing(self.offset, start, "evicted")
        self.offset = start
        return [hole]

    def _ask_again(self) -> list[Outcome]:
        if self._asking:
            return []  # the answer under way will mend it
        self._asked_again = True
        self._asking = True
        return [AskAgain()]
