"""Reading a payload: Arrow IPC for whoever asks, JSON values, bytes.

``nanoarrow`` is loaded when Arrow is first read, not before. Source: protocol.md §6.
"""

from __future__ import annotations

import ctypes
import json
import sys
from array import array
from typing import TYPE_CHECKING, Any

from jupyter_sio.errors import BadRequest
from jupyter_sio.protocol.messages import ARROW, NDJSON

if TYPE_CHECKING:
    from nanoarrow.c_array import CArray
    from nanoarrow.c_schema import CSchema


class ArrowRows:
    """The rows of an Arrow payload, as any Arrow library reads them, and as often as it likes.

    ``pyarrow.table(rows)``, ``polars.DataFrame(rows)``, ``pandas.DataFrame.from_arrow(rows)``
    and ``nanoarrow.Array(rows)`` each read it anew from the payload.

    Parameters
    ----------
    payload : bytes
        A whole Arrow IPC stream; kept, not copied.
    skip : int
        How many leading rows to leave out.
    rows : int, optional
        How many to read then; default: all the others.
    """

    __slots__ = ("_payload", "_skip", "_stop")

    def __init__(self, payload: bytes, skip: int = 0, rows: int | None = None) -> None:
        self._payload = payload
        self._skip = skip
        self._stop = sys.maxsize if rows is None else skip + rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give a new stream of record batches (Arrow PyCapsule interface)."""
        from nanoarrow.c_array_stream import CArrayStream

        schema, arrays = self._read()
        stream = CArrayStream.from_c_arrays(arrays, schema, validate=False)
        return stream.__arrow_c_stream__(requested_schema)

    def pydict(self) -> dict[str, list[Any]]:
        """Read it as lists of Python values, one for each column; missing values are None."""
        import nanoarrow

        schema, arrays = self._read()
        names = [child.name for child in schema.children]
        columns: list[list[Any]] = [[] for _ in names]
        for batch in arrays:
            for index, column in enumerate(columns):
                column += nanoarrow.Array(batch.child(index)).to_pylist()
        return dict(zip(names, columns, strict=True))

    def _read(self) -> tuple[CSchema, list[CArray]]:
        import nanoarrow
        from nanoarrow import ipc

        try:
            stream = nanoarrow.c_array_stream(ipc.InputStream.from_readable(self._payload))
            schema = stream.get_schema()
            batches = list(stream)
        except nanoarrow._utils.NanoarrowException as exc:
            raise BadRequest(f"this payload is not Arrow that nanoarrow can read: {exc}") from exc
        arrays, end = [], 0
        for batch in batches:
            begin, end = end, end + batch.length
            start, stop = max(begin, self._skip), min(end, self._stop)
            if start == begin and stop == end:
                arrays.append(batch)
            elif start < stop:
                arrays.append(_rows(batch, start - begin, stop - begin, schema))
        return schema, arrays


def _rows(batch: CArray, start: int, stop: int, schema: CSchema) -> CArray:
    """Cut rows out of a record batch, which must not have an offset of its own."""
    from nanoarrow import c_array_from_buffers

    children = [_column(batch.child(index), start, stop) for index in range(batch.n_children)]
    return c_array_from_buffers(
        schema, stop - start, buffers=[None], children=children, validation_level="none"
    )


def _column(column: CArray, start: int, stop: int) -> CArray:
    """Cut a column; copied, for nanoarrow writes no array with an offset, but if it is nested."""
    import nanoarrow

    if column.n_children or column.dictionary is not None or column.offset:
        cut = column[start:stop]
        # nanoarrow 0.9 keeps the whole column's count of missing values, and pyarrow believes
        # it; -1, "not counted", is what Arrow's C data interface has for this. It is the second
        # of the structure's int64s.
        ctypes.c_int64.from_address(cut._addr() + 8).value = -1
        return cut
    validity, *data = nanoarrow.Array(column).buffers or (None,)
    buffers: list[Any] = [_bits(validity, start, stop)] if column.n_buffers else []
    if len(data) == 2:
        buffers += _texts(memoryview(data[0]), memoryview(data[1]), start, stop)
    elif data and data[0].data_type == "bool":
        buffers.append(_bits(data[0], start, stop))
    elif data:
        size = data[0].itemsize
        buffers.append(bytes(memoryview(data[0]).cast("B")[start * size : stop * size]))
    return nanoarrow.c_array_from_buffers(column.schema, stop - start, buffers=buffers)


def _bits(view: Any, start: int, stop: int) -> bytes | None:
    if not view.size_bytes:
        return None  # no value is missing
    whole = int.from_bytes(memoryview(view).cast("B"), "little") >> start
    wanted = whole & ((1 << (stop - start)) - 1)
    return wanted.to_bytes((stop - start + 7) // 8, "little")


def _texts(offsets: memoryview, data: memoryview, start: int, stop: int) -> list[bytes]:
    first = offsets[start]
    moved = array(offsets.format, (offset - first for offset in offsets[start : stop + 1]))
    return [moved.tobytes(), bytes(data.cast("B")[first : offsets[stop]])]


def read_value(payload: bytes, media: str, skip: int = 0, rows: int | None = None) -> Any:
    """Read a payload as plain Python: columns of a table, a list of JSON values, or the bytes."""
    if media == ARROW:
        return ArrowRows(payload, skip, rows).pydict()
    if media == NDJSON:
        lines = [line for line in payload.split(b"\n") if line.strip()]
        return [json.loads(line) for line in lines[skip:][:rows]]
    return payload
