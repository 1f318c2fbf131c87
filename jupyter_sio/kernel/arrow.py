"""Rows -> Arrow IPC payloads, by nanoarrow; the columns of a stream and how they may grow.

A row is validated and copied when it is pushed. Rows of whole numbers and floats alone are
packed with ``struct``, 8 bytes a value, so that a column is one strided copy later; all others
are kept as tuples. A packed row begins with its layout's number: one pushed just before another
thread widened a column is still read rightly.

Source: protocol.md §6.
"""

from __future__ import annotations

import io
import itertools
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import nanoarrow as na
from nanoarrow.c_array import c_array_from_buffers
from nanoarrow.ipc import StreamWriter

from jupyter_sio import limits
from jupyter_sio.errors import RowError
from jupyter_sio.kernel import scalars
from jupyter_sio.kernel.scalars import BOOL, FLOAT, INT, NULL, TEXT, TIME, TIME_UTC, Kind, NoScalar
from jupyter_sio.kernel.template import Template
from jupyter_sio.protocol.outbox import Encoded

if TYPE_CHECKING:
    from jupyter_sio.kernel.tables import Table

Row: TypeAlias = "bytes | tuple[Any, ...]"

SCHEMAS: dict[Kind, Any] = {
    NULL: na.null(),
    BOOL: na.bool_(),
    INT: na.int64(),
    FLOAT: na.float64(),
    TEXT: na.string(),
    TIME: na.timestamp("us"),
    TIME_UTC: na.timestamp("us", timezone="UTC"),
    # Of tables alone: no scalar that can be pushed has such a kind.
    "z": na.binary(),
    "tdD": na.date32(),
    "tdm": na.date64(),
    "tts": na.time32("s"),
    "ttm": na.time32("ms"),
    "ttu": na.time64("us"),
    "ttn": na.time64("ns"),
    "tDs": na.duration("s"),
    "tDm": na.duration("ms"),
    "tDu": na.duration("us"),
    "tDn": na.duration("ns"),
}
_C_SCHEMAS: dict[Kind, Any] = {}

# Exact types that are packed without a further look; numpy's join when first met.
_WHOLE: set[type] = {int}
_REAL: set[type] = {float, int}
_PACKED: dict[Kind, tuple[str, set[type]]] = {INT: ("q", _WHOLE), FLOAT: ("d", _REAL)}
# Of the other common kinds: the test that a value needs no further look, and what is kept of it.
_COMMON: dict[Kind, tuple[str, str]] = {
    INT: (f"({{c}} is None or type({{c}}) is int and {-(2**63)} <= {{c}} < {2**63})", "{c}"),
    FLOAT: ("({c} is None or type({c}) is float)", "{c}"),
    BOOL: ("({c} is None or type({c}) is bool)", "{c}"),
    TEXT: ("({c} is None or type({c}) is str)", "(None if {c} is None else {c}.encode())"),
}
_CODES: dict[Kind, str] = {FLOAT: "d", "tdD": "i", "tts": "i", "ttm": "i"}  # else "q"
_TEXTS = (TEXT, "z")
_CELL_BYTES = 8

# What a row may have beside schema and frame, so that every row fits a payload.
_ROW_BYTES = limits.Outbox.payload_bytes - 16 * limits.KIB
# Tables are cut into payloads of about this size: several of them go in one message.
_CHUNK_BYTES = limits.Outbox.payload_bytes // 4
_SMALL_ROWS = limits.Outbox.compact_bytes // _CELL_BYTES
# A table of no more rows is gathered like pushed ones, so that many make one payload.
FEW_ROWS = 64


class Layout:
    """The columns of a stream at one time: names in the order they came, and their kinds.

    ``number`` tells it from the stream's other ones.
    """

    def __init__(
        self, names: tuple[str, ...] = (), kinds: tuple[Kind, ...] = (), number: int = 0
    ) -> None:
        self.names = names
        self.kinds = kinds
        self.number = number
        self.width = len(names) or -1  # no row has -1 values: all of them go the slow way
        self.row_bytes = _CELL_BYTES * max(1, len(names))
        self.values: Callable[[Mapping[str, Any]], tuple[Any, ...]] = _values(names)
        self.packed = bool(names) and all(kind in _PACKED for kind in kinds)
        codes = "".join(_PACKED[kind][0] for kind in kinds) if self.packed else ""
        self._struct = struct.Struct(f"q{codes}")
        self.pack: Callable[..., bytes | None] = self._packer()
        self._texts = [i for i, kind in enumerate(kinds) if kind in _TEXTS]

    def _packer(self) -> Callable[..., bytes | None]:
        """Make what packs values of exactly these types, and answers None to any other.

        Written out for its columns, as namedtuple writes its ``__new__``: a loop over them takes
        three times as long, on the one path that a training loop runs millions of times.
        """
        if not self.packed:
            return lambda *values: None
        cells = [f"c{i}" for i in range(len(self.kinds))]
        test = " and ".join(f"type({c}) in t{c}" for c in cells)
        known: dict[str, Any] = {"pack": self._struct.pack}
        known |= {f"t{c}": _PACKED[kind][1] for c, kind in zip(cells, self.kinds, strict=True)}
        text = ", ".join(cells)
        packer: Callable[..., bytes | None] = eval(
            f"lambda {text}: pack({self.number}, {text}) if {test} else None", known
        )
        return packer

    @cached_property
    def keep(self) -> Callable[..., tuple[Any, ...] | None]:
        """Keep values of the commonest types, and None; answers None to any other. As ``pack``."""
        if not self.names or not all(kind in _COMMON for kind in self.kinds):
            return lambda *values: None
        cells = [f"c{i}" for i in range(len(self.kinds))]
        forms = [_COMMON[kind] for kind in self.kinds]
        tests = [test.format(c=c) for c, (test, _) in zip(cells, forms, strict=True)]
        kept = [form.format(c=c) for c, (_, form) in zip(cells, forms, strict=True)]
        keeper: Callable[..., tuple[Any, ...] | None] = eval(
            f"lambda {', '.join(cells)}: ({', '.join(kept)},) if {' and '.join(tests)} else None"
        )
        return keeper

    def weight(self, cells: tuple[Any, ...]) -> int:
        """Weigh a row in bytes."""
        return self.row_bytes + sum(len(cells[i]) for i in self._texts if cells[i] is not None)

    @cached_property
    def schema(self) -> Any:
        """The Arrow schema, as nanoarrow's C one."""
        columns = zip(self.names, self.kinds, strict=True)
        return na.c_schema(na.struct({name: SCHEMAS[kind] for name, kind in columns}))

    def write(self, rows: int, columns: Sequence[bytes]) -> bytes:
        """Write columns of packed cells as a payload."""
        if self._template is not None:
            return self._template.write(rows, columns)
        return self._write_arrays(rows, columns)

    @cached_property
    def _template(self) -> Template | None:
        count = len(self.names)

        def write(rows: int) -> bytes:
            return self._write_arrays(rows, [bytes(rows * _CELL_BYTES)] * count)

        return Template.learn(write, count)

    def _write_arrays(self, rows: int, columns: Sequence[bytes]) -> bytes:
        arrays = [
            c_array_from_buffers(c_schema(kind), rows, [None, data], null_count=0)
            for kind, data in zip(self.kinds, columns, strict=True)
        ]
        return payload(self.schema, rows, arrays)

    def unpack(self, row: bytes) -> tuple[Any, ...]:
        """Read the values of a row that was packed in this layout."""
        cells: tuple[Any, ...] = self._struct.unpack(row)
        return cells[1:]

    def columns_of(self, packed: bytes) -> list[bytes] | None:
        """Take rows apart that were packed in this layout; None if some are of another."""
        step = len(self.kinds) + 1
        cells = memoryview(packed).cast("q")
        length = len(cells) // step
        if cells[::step].tobytes() != struct.pack("q", self.number) * length:
            return None
        return [cells[i::step].tobytes() for i in range(1, step)]


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
        self._layouts = [self.layout]  # by number

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
        cells, kinds, weight = self._read(row, self.layout)
        self._become(kinds)
        return cells, weight

    def read_as_is(self, row: Mapping[str, Any]) -> tuple[Row, int] | None:
        """Read one row from any thread; None if it would change the columns. Raises as ``read``."""
        layout = self.layout
        if len(row) == layout.width:
            try:
                common = layout.keep(*layout.values(row))
            except (KeyError, UnicodeEncodeError):
                common = None
            if common is not None and (weight := layout.weight(common)) <= _ROW_BYTES:
                return common, weight
        cells, kinds, weight = self._read(row, layout)
        same = len(kinds) == len(layout.kinds) and tuple(kinds.values()) == layout.kinds
        return (cells, weight) if same else None

    def _read(
        self, row: Mapping[str, Any], layout: Layout
    ) -> tuple[tuple[Any, ...], dict[str, Kind], int]:
        """Read one row: its cells, the kinds that columns must have then, its weight."""
        if not row:
            raise RowError(f"stream {self._stream!r}: a row needs at least one column; got none")
        kinds = dict(zip(layout.names, layout.kinds, strict=True))
        cells: dict[str, Any] = dict.fromkeys(kinds)
        weight = _CELL_BYTES * len(row)
        for name, value in row.items():
            kinds[name], cells[name] = self._cell(name, value, kinds.get(name))
            if kinds[name] == TEXT and cells[name] is not None:
                weight += len(cells[name])
        if weight > _ROW_BYTES:
            raise self._too_large(weight)
        return tuple(cells.values()), kinds, weight

    def _cell(self, name: str, value: Any, held: Kind | None) -> tuple[Kind, Any]:
        """Read one value for a column that is ``held`` so far; returns what it is now."""
        self._check_declared(name, held)
        try:
            kind, cell = scalars.read(value)
        except NoScalar as exc:
            raise self._misfit(name, held, str(exc)) from None
        merged = scalars.merged(held, kind, fixed=self._declared)
        if merged is None:
            raise self._misfit(name, held, scalars.describe(value))
        if kind == INT:
            cell = self._number(name, merged, cell)
        if kind in _PACKED and merged in _PACKED and scalars.is_number(value):
            _PACKED[merged][1].add(type(value))  # from now on it goes the fast way
        return merged, cell

    def _check_declared(self, name: str, held: Kind | None) -> None:
        if held is None and self._declared:
            columns = ", ".join(self.layout.names)
            raise RowError(f"stream {self._stream!r} has columns {columns}; got {name!r}")

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
            layout = Layout(names, tuple(kinds.values()), len(self._layouts))
            self._layouts.append(layout)
            self.layout = layout

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

    # --- reading a table -------------------------------------------------------------------------

    def admit(self, table: Table) -> Layout:
        """Let the columns grow to take a table's; returns the layout to write it in.

        Raises
        ------
        RowError
            If a column does not fit, or is not declared; nothing has changed then.
        """
        kinds = dict(zip(self.layout.names, self.layout.kinds, strict=True))
        for name, column in table.columns.items():
            held = kinds.get(name)
            self._check_declared(name, held)
            merged = scalars.merged(held, column.kind, fixed=self._declared)
            if merged is None:
                raise self._misfit(name, held, kind_name(column.kind))
            kinds[name] = merged
        self._become(kinds)
        return Layout(tuple(table.columns), tuple(kinds[name] for name in table.columns))

    def rows(self, table: Table) -> tuple[list[Row], int]:
        """Read a small table that was admitted as rows; returns them and their weight."""
        length, layout = table.length, self.layout
        columns = [
            table.columns[name].cells(0, length) if name in table.columns else [None] * length
            for name in layout.names
        ]
        rows: list[Row] = list(zip(*columns, strict=True))
        for row in rows:
            if (weight := _row_weight(row)) > _ROW_BYTES:
                raise self._too_large(weight)
        return rows, _weight(rows)

    def write(self, table: Table, layout: Layout) -> Iterator[Encoded]:
        """Write a table as payloads, each no larger than it may be."""
        start, count = 0, max(1, _CHUNK_BYTES // layout.row_bytes)
        while start < table.length:
            stop = min(table.length, start + count)
            data = payload(
                layout.schema,
                stop - start,
                [
                    source.cut(start, stop, kind)
                    for source, kind in zip(table.columns.values(), layout.kinds, strict=True)
                ],
            )
            if len(data) <= limits.Outbox.payload_bytes:
                yield Encoded(stop - start, data)
                start = stop
            elif stop - start == 1:
                raise self._too_large(len(data))
            else:
                count = max(1, (stop - start) * _CHUNK_BYTES // len(data))

    def _too_large(self, weight: int) -> RowError:
        return RowError(
            f"stream {self._stream!r}: a row may have {_ROW_BYTES} bytes; got {weight}. "
            f"Larger values are for a stream with media='application/octet-stream'"
        )

    # --- writing payloads ------------------------------------------------------------------------

    def encode(self, rows: Sequence[Row]) -> list[Encoded]:
        """Write rows as payloads of at most 1 MiB; normally one."""
        layout = self.layout
        data = self.join(rows, layout)
        if len(data) > limits.Outbox.payload_bytes and len(rows) > 1:
            half = len(rows) // 2
            return self.encode(rows[:half]) + self.encode(rows[half:])
        small = len(rows) <= _SMALL_ROWS and _weight(rows) <= limits.Outbox.compact_bytes
        return [Encoded(len(rows), data, list(rows) if small else None, layout)]

    def join(self, rows: Sequence[Row], layout: object) -> bytes:
        """Write rows as one payload in ``layout``, or rows of several payloads that had it."""
        assert isinstance(layout, Layout)
        packed = self._packed(layout, rows)
        if packed is not None:
            return layout.write(len(rows), packed)
        return payload(layout.schema, len(rows), self._arrays(layout, rows))

    def _arrays(self, layout: Layout, rows: Sequence[Row]) -> list[Any]:
        # Rows of earlier layouts may have fewer columns, never others.
        nulls = (None,) * len(layout.names)
        table = [(self._cells(row) + nulls)[: len(nulls)] for row in rows]
        columns = zip(*table, strict=True)
        return [column(kind, cells) for kind, cells in zip(layout.kinds, columns, strict=True)]

    def _packed(self, layout: Layout, rows: Sequence[Any]) -> list[bytes] | None:
        """Take rows apart that were all packed in ``layout``; None if some were not."""
        if not layout.packed:
            return None
        try:
            joined = b"".join(rows)
        except TypeError:  # one is a tuple
            return None
        # Only where there were others can a row be of another length, and look like several.
        others = sum(other.packed for other in self._layouts) > 1
        if others and len(set(map(len, rows))) > 1:
            return None
        return layout.columns_of(joined) if len(joined) == len(rows) * len(rows[0]) else None

    def _cells(self, row: Row) -> tuple[Any, ...]:
        if isinstance(row, tuple):
            return row
        (number,) = struct.unpack_from("q", row)
        return self._layouts[int(number)].unpack(row)


def kind_name(kind: Kind | None) -> str:
    """Name a kind as users know it."""
    if kind is None or kind == NULL:
        return "null"
    return scalars.NAMES.get(kind) or repr(SCHEMAS[kind]).removeprefix("<Schema> ")


def c_schema(kind: Kind) -> Any:
    """Get a kind's Arrow type, as nanoarrow's C one."""
    if kind not in _C_SCHEMAS:
        _C_SCHEMAS[kind] = na.c_schema(SCHEMAS[kind])
    return _C_SCHEMAS[kind]


def _weight(rows: Sequence[Row]) -> int:
    return sum(map(_row_weight, rows))


def _row_weight(row: Row) -> int:
    if isinstance(row, bytes):
        return len(row) - _CELL_BYTES
    return sum(len(cell) if isinstance(cell, bytes) else _CELL_BYTES for cell in row)


def column(kind: Kind, cells: Sequence[Any]) -> Any:
    """Build one column from what ``scalars.read`` kept; None is null."""
    length, nulls = len(cells), cells.count(None)
    if kind == NULL:
        return c_array_from_buffers(c_schema(NULL), length, [], null_count=length)
    validity = bits([cell is not None for cell in cells]) if nulls else None
    if nulls:
        filler = b"" if kind in _TEXTS else 0
        cells = [filler if cell is None else cell for cell in cells]
    if kind in _TEXTS:
        ends = array("i", itertools.accumulate(map(len, cells), initial=0))
        data = [ends, b"".join(cells)]
    elif kind == BOOL:
        data = [bits(cells)]
    else:
        data = [array(_CODES.get(kind, "q"), cells)]
    return c_array_from_buffers(c_schema(kind), length, [validity, *data], null_count=nulls)


def bits(values: Iterable[Any]) -> Any:
    """Pack truth values as Arrow does, the first into the lowest bit."""
    return na.c_buffer(values, c_schema(BOOL))


def payload(schema: Any, length: int, children: Sequence[Any]) -> bytes:
    """Write one self-contained IPC stream: schema, record batch, end marker."""
    batch = c_array_from_buffers(schema, length, [None], null_count=0, children=children)
    out = io.BytesIO()
    StreamWriter.from_writable(out).serialize_stream(batch)
    return out.getvalue()
