"""What ``watch`` yields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jupyter_sio.protocol.messages import ARROW, Mode, Position, Status, Why
from jupyter_sio.protocol.payload import ArrowRows, read_value

__all__ = ["Batch", "Event", "Gap", "Item", "Reset", "Status"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Consecutive rows of one stream, as they were encoded together: rows of one schema.

    Attributes
    ----------
    stream, epoch : str
        What they are rows of.
    offset, rows : int
        They are the rows ``offset … offset + rows - 1`` of their epoch.
    time : int
        The publisher's clock when they left it (or the last of those sent together with them
        did), in ms since 1970.
    gap : int
        How many rows were declared missing since the batch before it.
    fresh : bool
        They begin anew – the first of a watch, of a new epoch, or after a resume that came too
        late – and so replace what is held. Always False after a ``since`` that was recovered.
    media : str
        What a payload is; see protocol.md §6.
    payload : bytes
        As it came. It may begin with rows that were delivered before: see ``skip``.
    skip : int
        How many leading rows of ``payload`` are not part of this batch.
    """

    stream: str
    epoch: str
    offset: int
    rows: int
    time: int
    gap: int
    fresh: bool
    media: str
    payload: bytes = field(repr=False)
    skip: int = field(default=0, repr=False)

    @property
    def position(self) -> Position:
        """Where the next batch begins; ``watch(…, since=position)`` goes on from there."""
        return Position(self.epoch, self.offset + self.rows)

    @property
    def arrow(self) -> ArrowRows:
        """The rows for ``pyarrow.table``, ``polars.DataFrame``, ``pandas.DataFrame.from_arrow``.

        Raises
        ------
        TypeError
            If the stream carries something other than Arrow; see ``media`` and ``value``.
        """
        self._check_arrow("arrow")
        return ArrowRows(self.payload, self.skip, self.rows)

    def pydict(self) -> dict[str, list[Any]]:
        """Give the rows as lists of Python values, one for each column.

        Raises
        ------
        TypeError
            As ``arrow`` does.
        """
        self._check_arrow("pydict()")
        return self.arrow.pydict()

    @property
    def value(self) -> Any:
        """The rows as plain Python: a list of JSON values, one blob's bytes, or ``pydict()``."""
        return read_value(self.payload, self.media, self.skip, self.rows)

    def _check_arrow(self, what: str) -> None:
        if self.media != ARROW:
            raise TypeError(
                f"stream {self.stream!r} carries {self.media}: {what} reads Arrow only; read .value"
            )


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows ``start … end-1`` of a stream will not come; ``why`` as in protocol.md §5."""

    stream: str
    epoch: str
    start: int
    end: int
    why: Why

    @property
    def rows(self) -> int:
        """How many they are."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Reset:
    """A stream was born (anew), or what is held of it cannot be continued.

    Unless ``recovered``, what is held is to be replaced; the next batch of it is ``fresh``.
    """

    stream: str
    epoch: str
    media: str
    mode: Mode
    recovered: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A user event that the kernel emitted."""

    name: str
    args: tuple[Any, ...]


Item = Batch | Gap | Reset | Status | Event
