"""Rows -> Arrow IPC payloads, by nanoarrow; the columns of a stream and how they may grow.

A row is validated and copied when it is pushed. Rows of whole numbers and floats alone are
packed with ``struct``, 8 bytes a value, so that a column is one strided copy later; all others
are kept as tuples. Either kind carries the layout it was read with: a row pushed just before
another thread widened a column is still read rightly.

Source: protocol.md §6.
"""

from __future__ import annotations

import io
import itertools
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeAlias

import nanoarrow as na
from nanoarrow.c_array import c_array_from_buffers
from nanoarrow.ipc import StreamWriter

from jupyter_sio import limits
from jupyter_sio.errors import RowError
from jupyter_sio.kernel import scalars
from jupyter_sio.kernel.scalars import BOOL, FLOAT, INT, NULL, TEXT, TIME, TIME_UTC, Kind, NoScalar
from jupyter_sio.protocol.outbox import Encoded

Row: TypeAlias = "tuple[Layout, bytes | tuple[Any, ...]]"

SCHEMAS: dict[Kind, Any] = {
    NULL: na.null(),
    BOOL: na.bool_(),
    INT: na.int64(),
    FLOAT: na.float64(),
    TEXT: na.string(),
    TIME: na.timestamp("us"),
    TIME_UTC: na.timestamp("us", timezone="UTC"),
}
_C_SCHEMAS = {kind: na.c_schema(schema) for kind, schema in SCHEMAS.items()}

# Exact types that are packed without a further look; numpy's join when first met.
_WHOLE: set[type] = {int}
_REAL: set[type] = {float, int}
_PACKED: dict[Kind, tuple[str, set[type]]] = {INT: ("q", _WHOLE), FLOAT: ("d", _REAL)}
_CODES: dict[Kind, str] = {INT: "q", FLOAT: "d", TIME: "q", TIME_UTC: "q"}
_CELL_BYTES = 8

# A record batch's frame, and the schema message's share of each column beside its name.
_ENVELOPE_BYTES = 16 * limits.KIB


class Layout:
    """The columns of a stream at one time: names in the order they came, and their kinds."""

    def __init__(self, names: tuple[str, ...] = (), kinds: tuple[Kind, ...] = ()) -> None:
        self.names = names
        self.kinds = kinds
        self.width = len(names) or -1  # no row has -1 values: all of them go the slow way
        self.row_bytes = _CELL_BYTES * max(1, len(names))
        self.values: Callable[[Mapping[str, Any]], tuple[Any, ...]] = _values(names)
        self.packed = bool(names) and all(kind in _PACKED for kind in kinds)
        self._struct = (
            struct.Struct("".join(_PACKED[kind][0] for kind in kinds)) if self.packed else None
        )
        self.pack: Callable[..., bytes | None] = self._packer()

    def _packer(self) -> Callable[..., bytes | None]:
        """Make what packs values of exactly these types, and answers None to any other.

        Written out for its columns, as namedtuple writes its ``__new__``: a loop over them takes
        three times as long, on the one path that a training loop runs millions of times.
        """
        if self._struct is None:
            return lambda *values: None
        cells = [f"c{i}" for i in range(len(self.kinds))]
        test = " and ".join(f"type({c}) in t{c}" for c in cells)
        known: dict[str, Any] = {"pack": self._struct.pack}
        known |= {f"t{c}": _PACKED[kind][1] for c, kind in zip(cells, self.kinds, strict=True)}
        text = ", ".join(cells)
        packer: Callable[..., bytes | None] = eval(
            f"lambda {text}: pack({text}) if {test} else None", known
        )
        return packer

    @cached_property
    def schema(self) -> Any:
        """The Arrow schema, as nanoarrow's C one."""
        columns = zip(self.names, self.kinds, strict=True)
        return na.c_schema(na.struct({name: SCHEMAS[kind] for name, kind in columns}))

    def unpack(self, cells: bytes | tuple[Any, ...]) -> tuple[Any, ...]:
        """Read a row of this layout as values."""
        if isinstance(cells, tuple):
            return cells
        assert self._struct is not None
        return self._struct.unpack(cells)


def _values(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)


class Columns:
    """What one stream's rows may hold. ``read`` belongs to whoever holds the stream's lock.

    ``layout`` is replaced as a whole, and may be read from any thread.
    """

    def __init__(self, stream: str, declared: Mapping[str, object] | None = None) -> None:
        self._stream = stream
        self._declared = declared is not None
        kinds = {name: self._kind(name, kind) for name, kind in (declared or {}).items()}
        self.layout = Layout(tuple(kinds), tuple(kinds.values()))

    def _kind(self, name: object, declared: object) -> Kind:
        if not isinstance(name, str):
            found = scalars.describe(name)
            raise RowError(f"stream {self._stream!r}: a column's name must be text; got {found}")
        try:
            return scalars.DECLARED[declared]
        except (KeyError, TypeError):
            known = ", ".join(key for key in scalars.DECLARED if isinstance(key, str))
            raise RowError(
                f"stream {self._stream!r}, column {name!r}: a column may be one of {known}; "
                f"got {declared!r}"
            ) from None

    # --- reading a row -------------------------------------------------------------------------

    def read(self, row: Mapping[str, Any]) -> tuple[Row, int]:
        """Read one row; returns it as it is kept, and its weight in bytes.

        A new column, or int64 that becomes float64, changes ``layout``; a row that is refused
        changes nothing.

        Raises
        ------
        RowError
            If a value does not fit its column, or a column is not declared.
        """
        if not row:
            raise RowError(f"stream {self._stream!r}: a row needs at least one column; got none")
        kinds = dict(zip(self.layout.names, self.layout.kinds, strict=True))
        cells: dict[str, Any] = dict.fromkeys(kinds)
        weight = _CELL_BYTES * len(row)
        for name, value in row.items():
            kinds[name], cells[name] = self._cell(name, value, kinds.get(name))
            if kinds[name] == TEXT and cells[name] is not None:
                weight += len(cells[name])
        longest = limits.Outbox.payload_bytes - _ENVELOPE_BYTES
        if weight > longest:
            raise RowError(
                f"stream {self._stream!r}: a row may have {longest} bytes; got {weight}. "
                f"Larger values are for a stream with media='application/octet-stream'"
            )
        self._become(kinds)
        return (self.layout, tuple(cells.values())), weight

    def _cell(self, name: str, value: Any, held: Kind | None) -> tuple[Kind, Any]:
        """Read one value for a column that is ``held`` so far; returns what it is now."""
        if held is None and self._declared:
            columns = ", ".join(self.layout.names)
            raise RowError(f"stream {self._stream!r} has columns {columns}; got {name!r}")
        try:
            kind, cell = scalars.read(value)
        except NoScalar as exc:
            raise self._misfit(name, held, str(exc)) from None
        merged = self._merged(held, kind)
        if merged is None:
            raise self._misfit(name, held, scalars.describe(value))
        if kind == INT:
            cell = self._number(name, merged, cell)
        if kind in _PACKED and merged in _PACKED and scalars.is_number(value):
            _PACKED[merged][1].add(type(value))  # from now on it goes the fast way
        return merged, cell

    def _merged(self, held: Kind | None, found: Kind) -> Kind | None:
        """Decide what a column that is ``held`` becomes with a value of ``found``; None: misfit."""
        if held in (None, found):
            return found
        assert held is not None
        if found == NULL or (held, found) == (FLOAT, INT):
            return held
        if not self._declared:
            if held == NULL:
                return found
            if (held, found) == (INT, FLOAT):
                return FLOAT
        return None

    def _number(self, name: str, kind: Kind, value: int) -> int | float:
        if kind == FLOAT:
            try:
                return float(value)
            except OverflowError:
                pass
        elif value in scalars.INT64:
            return value
        raise self._misfit(
            name, kind, f"a whole number of {value.bit_length()} bits; push it as float or text"
        )

    def _misfit(self, name: str, held: Kind | None, found: str) -> RowError:
        expected = "a scalar" if held in (None, NULL) else kind_name(held)
        return RowError(
            f"stream {self._stream!r}, column {name!r}: expected {expected}; got {found}"
        )

    def _become(self, kinds: dict[str, Kind]) -> None:
        names = tuple(kinds)
        if names != self.layout.names:
            self.check_names(names)
        if (names, tuple(kinds.values())) != (self.layout.names, self.layout.kinds):
            self.layout = Layout(names, tuple(kinds.values()))

    def check_names(self, names: Sequence[str]) -> None:
        """Raise if these cannot be a stream's columns."""
        if len(names) > limits.Outbox.columns:
            raise RowError(
                f"stream {self._stream!r} may have {limits.Outbox.columns} columns; "
                f"got {len(names)}: put what varies into values, not names"
            )
        for name in names:
            try:
                name.encode()
            except UnicodeEncodeError:
                raise RowError(
                    f"stream {self._stream!r}: a column's name must be valid Unicode; got {name!r}"
                ) from None

    # --- writing payloads ------------------------------------------------------------------------

    def encode(self, rows: Sequence[Row]) -> list[Encoded]:
        """Write rows as payloads of at most 1 MiB; normally one."""
        layout = self.layout
        data = payload(layout.schema, len(rows), _children(layout, rows))
        if len(data) > limits.Outbox.payload_bytes and len(rows) > 1:
            half = len(rows) // 2
            return self.encode(rows[:half]) + self.encode(rows[half:])
        small = _weight(rows) <= limits.Outbox.compact_bytes
        return [Encoded(len(rows), data, list(rows) if small else None, layout)]

    def join(self, rows: Sequence[Row], layout: object) -> bytes:
        """Write rows of several payloads that had ``layout`` as one."""
        assert isinstance(layout, Layout)
        return payload(layout.schema, len(rows), _children(layout, rows))


def kind_name(kind: Kind | None) -> str:
    """Name a kind as users know it."""
    return scalars.NAMES.get(kind or NULL, str(kind))


def _weight(rows: Sequence[Row]) -> int:
    return sum(map(_row_weight, rows))


def _row_weight(row: Row) -> int:
    cells = row[1]
    if isinstance(cells, bytes):
        return len(cells)
    return sum(len(cell) if isinstance(cell, bytes) else _CELL_BYTES for cell in cells)


def _children(layout: Layout, rows: Sequence[Row]) -> list[Any]:
    cells = [row[1] for row in rows]
    if {row[0] for row in rows} == {layout} and tuple not in set(map(type, cells)):
        return _strided(layout, b"".join(cells))  # type: ignore[arg-type]
    # Rows of earlier layouts may have fewer columns, never others.
    nulls = (None,) * len(layout.names)
    table = [(held.unpack(cells) + nulls)[: len(nulls)] for held, cells in rows]
    columns = zip(*table, strict=True)
    return [column(kind, cells) for kind, cells in zip(layout.kinds, columns, strict=True)]


def _strided(layout: Layout, packed: bytes) -> list[Any]:
    width = len(layout.kinds)
    cells = memoryview(packed).cast("q")
    length = len(cells) // width
    return [
        c_array_from_buffers(
            _C_SCHEMAS[kind], length, [None, cells[i::width].tobytes()], null_count=0
        )
        for i, kind in enumerate(layout.kinds)
    ]


def column(kind: Kind, cells: Sequence[Any]) -> Any:
    """Build one column from what ``scalars.read`` kept; None is null."""
    length, nulls = len(cells), cells.count(None)
    if kind == NULL:
        return c_array_from_buffers(_C_SCHEMAS[NULL], length, [], null_count=length)
    validity = bits([cell is not None for cell in cells]) if nulls else None
    if nulls:
        filler = b"" if kind == TEXT else 0
        cells = [filler if cell is None else cell for cell in cells]
    if kind == TEXT:
        ends = array("i", itertools.accumulate(map(len, cells), initial=0))
        data = [ends, b"".join(cells)]
    elif kind == BOOL:
        data = [bits(cells)]
    else:
        data = [array(_CODES[kind], cells)]
    return c_array_from_buffers(_C_SCHEMAS[kind], length, [validity, *data], null_count=nulls)


def bits(values: Iterable[Any]) -> Any:
    """Pack truth values as Arrow does, the first into the lowest bit."""
    return na.c_buffer(values, _C_SCHEMAS[BOOL])


def payload(schema: Any, length: int, children: Sequence[Any]) -> bytes:
    """Write one self-contained IPC stream: schema, record batch, end marker."""
    batch = c_array_from_buffers(schema, length, [None], null_count=0, children=children)
    out = io.BytesIO()
    StreamWriter.from_writable(out).serialize_stream(batch)
    return out.getvalue()
