"""Tables of any make -> columns: pandas, polars, Arrow, numpy, dicts and lists.

None of these packages is imported; a table is known by what it offers.

Source: api.md §1 (``extend``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nanoarrow as na

from jupyter_sio.errors import RowError
from jupyter_sio.kernel import scalars, sources
from jupyter_sio.kernel.scalars import NoScalar
from jupyter_sio.kernel.sources import Column


@dataclass(frozen=True)
class Table:
    """Columns of one length."""

    columns: dict[str, Column]
    length: int


class Reader:
    """Reads tables for one stream, which its errors name."""

    def __init__(self, stream: str) -> None:
        self._stream = stream

    def batches(self, table: Any) -> Iterator[Table]:
        """Read a table; more than one only where it comes in pieces itself.

        Raises
        ------
        RowError
            If it is no table, is ragged, or has a column that no stream can hold.
        """
        found = self._read_known(table)
        if found is not None:
            yield found
        elif hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
            yield from self._arrow(table)
        else:
            raise RowError(
                f"stream {self._stream!r}: expected a table (pandas, polars, Arrow, a dict of "
                f"columns, a list of dicts, a structured numpy array); "
                f"got {scalars.describe(table)}"
            )

    def _read_known(self, table: Any) -> Table | None:
        if isinstance(table, Mapping):
            return self._mapping(table)
        if isinstance(table, list | tuple):
            return self._rows(table)
        pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
        if pandas is not None and isinstance(table, pandas.DataFrame):
            return self._pandas(pandas, table)
        if numpy is not None and isinstance(table, numpy.ndarray) and table.dtype.names:
            names = table.dtype.names
            return self._table((name, table[name], lambda v: self._column(v)) for name in names)
        return None

    def _table(self, columns: Any) -> Table:
        """Put columns together: (name, values, how to read these)."""
        found: dict[str, Column] = {}
        for name, values, read in columns:
            label = str(name) if isinstance(name, int) else name
            if not isinstance(label, str):
                raise self._no(f"a column's name must be text; got {scalars.describe(name)}")
            if label in found:
                raise self._no(f"two columns have the name {label!r}")
            try:
                found[label] = read(values)
            except (NoScalar, TypeError, ValueError) as exc:
                raise self._no(
                    f"column {label!r}: expected scalars of one kind; got {exc}"
                ) from exc
        lengths = {label: column.length for label, column in found.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{label} {length}" for label, length in lengths.items())
            raise self._no(f"columns must be of one length; got {told}")
        return Table(found, next(iter(lengths.values()), 0))

    def _no(self, text: str) -> RowError:
        return RowError(f"stream {self._stream!r}: {text}")

    # --- Python's own and numpy's ----------------------------------------------------------------

    def _mapping(self, table: Mapping[Any, Any]) -> Table:
        return self._table((name, values, self._column) for name, values in table.items())

    def _rows(self, rows: Sequence[Any]) -> Table:
        for row in rows:
            if not isinstance(row, Mapping):
                raise self._no(f"a list of rows must hold dicts; got {scalars.describe(row)}")
        names = dict.fromkeys(name for row in rows for name in row)

        def read(name: Any) -> Column:
            return self._values(lambda a, b: [row.get(name) for row in rows[a:b]], len(rows))

        return self._table((name, name, read) for name in names)

    def _values(self, get: Callable[[int, int], Any], length: int) -> Column:
        return sources.Values(get, length)

    def _column(self, values: Any) -> Column:
        """Read one column of whatever make."""
        numpy = sys.modules.get("numpy")
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(values, pandas.Series | pandas.Index):
            return self._pandas_column(pandas, values)
        if numpy is not None and not isinstance(values, list | tuple) and _has_array(values):
            return self._numpy_column(numpy, values)
        if hasattr(values, "__arrow_c_array__"):
            array = na.c_array(values)
            return sources.of_arrow(array.schema, array.view(), 0, array.length)
        if not isinstance(values, Sequence) and hasattr(values, "tolist"):
            values = values.tolist()  # an array.array, a memoryview
        if isinstance(values, str | bytes) or not isinstance(values, Sequence):
            raise NoScalar(scalars.describe(values))
        return self._values(lambda start, stop: values[start:stop], len(values))

    def _numpy_column(self, numpy: Any, values: Any) -> Column:
        array = values if isinstance(values, numpy.ndarray) else numpy.asarray(values)
        if array.ndim != 1:
            raise NoScalar(scalars.describe(array))
        if array.dtype.kind in "OUT":
            return self._values(lambda start, stop: array[start:stop].tolist(), len(array))
        return sources.NumPy(numpy, array)

    # --- pandas ----------------------------------------------------------------------------------

    def _pandas(self, pandas: Any, frame: Any) -> Table:
        """Read a frame; an index that has a name is a column, too."""
        index = [
            (name, frame.index.get_level_values(level), lambda v: self._pandas_column(pandas, v))
            for level, name in enumerate(frame.index.names)
            if name is not None
        ]
        columns = [
            (name, frame.iloc[:, i], lambda v: self._pandas_column(pandas, v))
            for i, name in enumerate(frame.columns)
        ]
        return self._table([*index, *columns])

    def _pandas_column(self, pandas: Any, values: Any) -> Column:
        dtype, numpy = values.dtype, sys.modules["numpy"]
        if isinstance(dtype, numpy.dtype) and dtype.kind != "O":
            return self._numpy_column(numpy, values.to_numpy())
        if isinstance(dtype, pandas.DatetimeTZDtype):
            utc = values.array if hasattr(values, "array") else values
            naive = utc.tz_convert("UTC").tz_localize(None).to_numpy()
            return sources.Zoned(self._numpy_column(numpy, naive))
        if isinstance(dtype, pandas.SparseDtype):
            return self._numpy_column(numpy, values.to_numpy())
        part = values.iloc if hasattr(values, "iloc") else values
        if getattr(dtype, "kind", "O") in "iufb" and not isinstance(dtype, pandas.CategoricalDtype):
            null = values.isna()
            null = null.to_numpy() if hasattr(null, "to_numpy") else null
            filled = values.to_numpy(dtype=_NULLABLE[dtype.kind], na_value=0)
            plain = self._numpy_column(numpy, filled)
            return sources.Masked(plain, lambda a, b: null[a:b].tolist()) if null.any() else plain
        return self._values(lambda a, b: _none_for_missing(pandas, part[a:b].tolist()), len(values))

    # --- Arrow -----------------------------------------------------------------------------------

    def _arrow(self, table: Any) -> Iterator[Table]:
        with na.c_array_stream(table) as stream:
            for array in stream:
                yield self._arrow_batch(array)

    def _arrow_batch(self, array: Any) -> Table:
        schema, view = array.schema, array.view()
        if schema.format != "+s":
            raise self._no(f"a table has columns; got one array of {view.storage_type}")
        children = range(schema.n_children)
        return self._table(
            (
                schema.child(i).name,
                i,
                lambda i: sources.of_arrow(
                    schema.child(i), view.child(i), view.offset, view.length
                ),
            )
            for i in children
        )


_NULLABLE = {"i": "int64", "u": "uint64", "f": "float64", "b": "bool"}


def _has_array(values: Any) -> bool:
    return hasattr(values, "__array__") and not hasattr(values, "__arrow_c_array__")


def _none_for_missing(pandas: Any, values: list[Any]) -> list[Any]:
    """Read pandas' strings and categories: what is missing there is NaN."""
    return [None if value is pandas.NA or value != value else value for value in values]
