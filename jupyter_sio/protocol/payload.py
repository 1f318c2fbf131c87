"""Reading a payload: Arrow IPC for whoever asks, JSON values, bytes.

``nanoarrow`` is loaded when Arrow is first read, not before. Source: protocol.md §6.
"""

from __future__ import annotations

import json
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
    """

    __slots__ = ("_payload", "_skip")

    def __init__(self, payload: bytes, skip: int = 0) -> None:
        self._payload = payload
        self._skip = skip

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
        for array in arrays:
            for index, column in enumerate(columns):
                column += nanoarrow.Array(array.child(index)).to_pylist()
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
        arrays, skip = [], self._skip
        for batch in batches:
            here = min(skip, batch.length)
            skip -= here
            arrays.append(_without_first(batch, here, schema))
        return schema, arrays


def _without_first(batch: CArray, rows: int, schema: CSchema) -> CArray:
    if rows == 0:
        return batch
    from nanoarrow import c_array_from_buffers

    # A record batch must not have an offset of its own (pyarrow refuses it); its columns may.
    children = [batch.child(index)[rows:] for index in range(batch.n_children)]
    return c_array_from_buffers(
        schema, batch.length - rows, buffers=[None], children=children, validation_level="none"
    )


def read_value(payload: bytes, media: str, skip: int = 0) -> Any:
    """Read a payload as plain Python: columns of a table, a list of JSON values, or the bytes."""
    if media == ARROW:
        return ArrowRows(payload, skip).pydict()
    if media == NDJSON:
        lines = [line for line in payload.split(b"\n") if line.strip()]
        return [json.loads(line) for line in lines[skip:]]
    return payload
