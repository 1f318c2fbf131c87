"""Columns that somebody passed, of whatever make, as this package's kinds, cut where wanted.

Nothing is converted before it is asked for, so a table of any size costs one chunk at a time.
Every column knows its kind beforehand; whatever would not fit is refused then, before a single
row has gone out. Where a kind has fewer forms than Arrow it takes the largest: whole numbers
become int64, others float64, times microseconds, text UTF-8 with 32-bit offsets.
"""

from __future__ import annotations

import itertools
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nanoarrow.c_array import c_array_from_buffers

from jupyter_sio.kernel import arrow, scalars
from jupyter_sio.kernel.scalars import BOOL, FLOAT, INT, NULL, TEXT, TIME, TIME_UTC, Kind, NoScalar


class Column:
    """``length`` cells of one ``kind``."""

    kind: Kind
    length: int

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read rows as ``scalars.read`` keeps them: None is null, text UTF-8, times µs."""
        raise NotImplementedError

    def cut(self, start: int, stop: int, kind: Kind) -> Any:
        """Build an Arrow array of rows, of ``kind``: its own, or float64 where that is int64."""
        return arrow.column(kind, self.cells(start, stop))


class Values(Column):
    """Python objects: ``get(start, stop)`` reads some. All are looked at once, for their kind."""

    def __init__(
        self,
        get: Callable[[int, int], Iterable[Any]],
        length: int,
    ) -> None:
        self._get = get
        self.length = length
        self.kind = NULL
        held: Kind | None = None
        for start in range(0, length, _LOOK):
            for value in get(start, min(length, start + _LOOK)):
                kind, cell = scalars.read(value)
                merged = scalars.merged(held, kind)
                if merged is None:
                    raise NoScalar(f"{arrow.kind_name(held)} and {scalars.describe(value)}")
                if kind == INT and cell not in scalars.INT64 and merged == INT:
                    raise NoScalar(f"a whole number of {cell.bit_length()} bits")
                held = self.kind = merged

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read rows again; they may be of any make still."""
        cells = [scalars.read(value)[1] for value in self._get(start, stop)]
        if self.kind == FLOAT:
            return [None if cell is None else float(cell) for cell in cells]
        return cells


_LOOK = 4096


class NumPy(Column):
    """A one-dimensional numpy array of numbers, truth values or times; masked ones, too."""

    def __init__(self, numpy: Any, values: Any) -> None:
        self._numpy = numpy
        self._mask = numpy.ma.getmaskarray(values) if numpy.ma.isMaskedArray(values) else None
        self._values = numpy.ma.getdata(values)
        self.length = len(values)
        code = values.dtype.kind
        if code not in _NUMPY_KINDS:
            raise NoScalar(scalars.describe(values))
        self.kind = _NUMPY_KINDS[code]
        if code == "u" and self.length:
            largest = values.max()
            if largest is not numpy.ma.masked and int(largest) not in scalars.INT64:
                raise NoScalar("a whole number of 64 bits")

    def cut(self, start: int, stop: int, kind: Kind) -> Any:
        """Copy rows as the kind's own bytes."""
        numpy, length = self._numpy, stop - start
        values, nulls = self._values[start:stop], self._nulls(start, stop)
        if self.kind == BOOL:
            data = numpy.packbits(values, bitorder="little")
        elif self.kind == TIME:
            data = values.astype("datetime64[us]").view("int64")
        else:
            data = values.astype("<f8" if kind == FLOAT else "<i8")
        validity, count = None, 0
        if nulls is not None and nulls.any():
            validity = numpy.packbits(~nulls, bitorder="little").tobytes()
            count = int(nulls.sum())
        return c_array_from_buffers(
            arrow.c_schema(kind), length, [validity, data.tobytes()], null_count=count
        )

    def _nulls(self, start: int, stop: int) -> Any:
        if self._mask is not None:
            return self._mask[start:stop]
        return self._numpy.isnat(self._values[start:stop]) if self.kind == TIME else None

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read rows one by one."""
        values, nulls = self._values[start:stop], self._nulls(start, stop)
        if self.kind == TIME:
            values = values.astype("datetime64[us]").astype("int64")
        found = values.astype("<f8").tolist() if self.kind == FLOAT else values.tolist()
        if nulls is None:
            return list(found)
        return [None if null else cell for cell, null in zip(found, nulls.tolist(), strict=True)]


_NUMPY_KINDS: dict[str, Kind] = {"b": BOOL, "i": INT, "u": INT, "f": FLOAT, "M": TIME}


class Zoned(Column):
    """Times of another column, which are UTC."""

    kind = TIME_UTC

    def __init__(self, times: Column) -> None:
        self._times = times
        self.length = times.length

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read the other column's."""
        return self._times.cells(start, stop)


class Masked(Column):
    """Another column, with nulls where ``null`` says so."""

    def __init__(self, column: Column, null: Callable[[int, int], Sequence[bool]]) -> None:
        self._column = column
        self._null = null
        self.kind, self.length = column.kind, column.length

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read the other column's, but for the nulls."""
        cells, nulls = self._column.cells(start, stop), self._null(start, stop)
        return [None if null else cell for cell, null in zip(cells, nulls, strict=True)]


# --- Arrow --------------------------------------------------------------------------------------

# Arrow's C format -> our kind, and how a memoryview reads one value.
_FIXED: dict[str, tuple[Kind, str]] = {
    "c": (INT, "b"),
    "s": (INT, "h"),
    "i": (INT, "i"),
    "l": (INT, "q"),
    "C": (INT, "B"),
    "S": (INT, "H"),
    "I": (INT, "I"),
    "L": (INT, "Q"),
    "e": (FLOAT, "e"),
    "f": (FLOAT, "f"),
    "g": (FLOAT, "d"),
    "tdD": ("tdD", "i"),
    "tdm": ("tdm", "q"),
    "tts": ("tts", "i"),
    "ttm": ("ttm", "i"),
    "ttu": ("ttu", "q"),
    "ttn": ("ttn", "q"),
    "tDs": ("tDs", "q"),
    "tDm": ("tDm", "q"),
    "tDu": ("tDu", "q"),
    "tDn": ("tDn", "q"),
}
_TEXT = {"u": "i", "U": "q", "z": "i", "Z": "q"}  # and how its offsets read
_VIEWS = ("vu", "vz")
_TO_MICROS: dict[str, Callable[[int], int]] = {
    "s": lambda value: value * 1_000_000,
    "m": lambda value: value * 1_000,
    "u": lambda value: value,
    "n": lambda value: value // 1_000,
}


def of_arrow(schema: Any, view: Any, first: int, length: int) -> Column:
    """Read an Arrow array: ``length`` cells of ``view`` from its own row ``first`` on.

    Raises
    ------
    NoScalar
        If it is nested, or of a type that this package does not carry.
    """
    if schema.dictionary is not None:
        return _Coded(schema, view, first, length)
    form = schema.format
    if form in _FIXED or form.startswith("ts"):
        return _Fixed(form, view, first, length)
    if form in _TEXT:
        return _Text(form, view, first, length)
    if form in _VIEWS:
        return _TextViews(form, view, first, length)
    if form == "b":
        return _Truth(view, first, length)
    if form == "n":
        return Values(lambda start, stop: [None] * (stop - start), length)
    raise NoScalar(f"Arrow's {view.storage_type}, which a column of a stream cannot hold")


class _Arrow(Column):
    """What all Arrow arrays share: an offset into buffers, and validity bits."""

    def __init__(self, kind: Kind, view: Any, first: int, length: int) -> None:
        self.kind = kind
        self.length = length
        self._view = view
        self._first = first + view.offset

    def _validity(self, start: int, length: int) -> tuple[bytes | None, int]:
        """Cut the validity bits; returns them, and how many nulls they tell of."""
        bits = memoryview(self._view.buffer(0)).cast("B") if self._view.n_buffers else b""
        if not len(bits):
            return None, 0
        number = _bits(bits, self._first + start, length)
        nulls = length - number.bit_count()
        return number.to_bytes((length + 7) // 8, "little") if nulls else None, nulls

    def _with_nulls(self, cells: list[Any], start: int) -> list[Any]:
        bits, nulls = self._validity(start, len(cells))
        if bits is None or not nulls:
            return cells
        return [cell if bits[i >> 3] >> (i & 7) & 1 else None for i, cell in enumerate(cells)]


def _bits(bits: Any, start: int, length: int) -> int:
    found = int.from_bytes(bits[start // 8 : (start + length + 7) // 8], "little") >> start % 8
    return found & ((1 << length) - 1)


class _Fixed(_Arrow):
    """Numbers and times: one value after the other."""

    def __init__(self, form: str, view: Any, first: int, length: int) -> None:
        self._micros: Callable[[int], int] | None = None
        if form.startswith("ts"):
            kind, self._code = (TIME_UTC if form[4:] else TIME), "q"
            self._micros = _TO_MICROS[form[2]] if form[2] != "u" else None
        else:
            kind, self._code = _FIXED[form]
        super().__init__(kind, view, first, length)
        self._width = struct.calcsize(self._code)
        if form == "L" or form[:3] in ("tss", "tsm"):
            self._check_range()

    def _check_range(self) -> None:
        for start in range(0, self.length, _LOOK):
            for cell in self.cells(start, min(self.length, start + _LOOK)):
                if cell is not None and cell not in scalars.INT64:
                    raise NoScalar(f"a whole number of {cell.bit_length()} bits")

    def _data(self, start: int, stop: int) -> memoryview:
        data = memoryview(self._view.buffer(1)).cast("B")
        start, stop = self._first + start, self._first + stop
        return data[start * self._width : stop * self._width]

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read rows one by one."""
        data: Any = self._data(start, stop)
        if self._code == "e":
            found = [value for (value,) in struct.iter_unpack("e", data)]
        else:
            found = data.cast(self._code).tolist()
        if self._micros is not None:
            found = list(map(self._micros, found))
        return self._with_nulls(found, start)

    def cut(self, start: int, stop: int, kind: Kind) -> Any:
        """Copy rows; whole where the kind has just these bytes."""
        code = _FIXED[kind][1] if kind in _FIXED else "q"
        data: Any = self._data(start, stop)
        if code != self._code or self._micros is not None:
            # What lies under a null may be anything, also what does not fit.
            cells = self.cells(start, stop)
            data = array(code, [0 if cell is None else cell for cell in cells])
        validity, nulls = self._validity(start, stop - start)
        buffers = [validity, data.tobytes()]
        return c_array_from_buffers(arrow.c_schema(kind), stop - start, buffers, null_count=nulls)


class _Truth(_Arrow):
    """Truth values, a bit each."""

    def __init__(self, view: Any, first: int, length: int) -> None:
        super().__init__(BOOL, view, first, length)

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read rows one by one."""
        bits = memoryview(self._view.buffer(1)).cast("B")
        found = _bits(bits, self._first + start, stop - start)
        return self._with_nulls([bool(found >> i & 1) for i in range(stop - start)], start)


class _Text(_Arrow):
    """Text or octets: offsets, and what they point into."""

    def __init__(self, form: str, view: Any, first: int, length: int) -> None:
        super().__init__(TEXT if form in "uU" else "z", view, first, length)
        self._code = _TEXT[form]

    def _offsets(self, start: int, stop: int) -> list[int]:
        width = struct.calcsize(self._code)
        offsets = memoryview(self._view.buffer(1)).cast("B")
        start, stop = self._first + start, self._first + stop + 1
        cut: Any = offsets[start * width : stop * width]
        return list(cut.cast(self._code))

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read rows one by one."""
        if stop <= start:
            return []
        ends = self._offsets(start, stop)
        data = memoryview(self._view.buffer(2)).cast("B")
        found: list[Any] = [bytes(data[a:b]) for a, b in itertools.pairwise(ends)]
        return self._with_nulls(found, start)

    def cut(self, start: int, stop: int, kind: Kind) -> Any:
        """Copy rows: the offsets moved down to zero, the text as it is."""
        ends = self._offsets(start, stop)
        data = memoryview(self._view.buffer(2)).cast("B")[ends[0] : ends[-1]]
        moved = array("i", [end - ends[0] for end in ends])
        validity, nulls = self._validity(start, stop - start)
        buffers = [validity, moved, bytes(data)]
        return c_array_from_buffers(arrow.c_schema(kind), stop - start, buffers, null_count=nulls)


class _TextViews(_Arrow):
    """Text as polars has it: short ones in place, long ones in one of several buffers."""

    def __init__(self, form: str, view: Any, first: int, length: int) -> None:
        super().__init__(TEXT if form == "vu" else "z", view, first, length)

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read rows one by one."""
        views = memoryview(self._view.buffer(1)).cast("B")
        views = views[(self._first + start) * 16 : (self._first + stop) * 16]
        # The last buffer has the sizes of those between.
        texts = [memoryview(self._view.buffer(i)).cast("B") for i in range(2, self._view.n_buffers)]
        found = []
        for i in range(0, len(views), 16):
            (size,) = struct.unpack_from("i", views, i)
            if size <= 12:
                found.append(bytes(views[i + 4 : i + 4 + size]))
            else:
                number, at = struct.unpack_from("ii", views, i + 8)
                found.append(bytes(texts[number][at : at + size]))
        return self._with_nulls(found, start)


class _Coded(_Arrow):
    """Numbers that stand for the values of a dictionary: Arrow's form of categories."""

    def __init__(self, schema: Any, view: Any, first: int, length: int) -> None:
        values = of_arrow(schema.dictionary, view.dictionary, 0, view.dictionary.length)
        super().__init__(values.kind, view, first, length)
        self._values = values.cells(0, values.length)
        self._codes = _Fixed(schema.format, view, first, length)

    def cells(self, start: int, stop: int) -> list[Any]:
        """Read rows one by one."""
        codes = self._codes.cells(start, stop)
        return [None if code is None else self._values[code] for code in codes]
