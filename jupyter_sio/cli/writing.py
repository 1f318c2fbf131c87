"""Rows as JSON lines, CSV or Arrow, for pipes."""

from __future__ import annotations

import base64
import csv
import datetime
import io
import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol

from jupyter_sio.cli.problem import Problem
from jupyter_sio.protocol.messages import ARROW, NDJSON
from jupyter_sio.viewer import Batch


class Writer(Protocol):
    """Writes batches to a binary file, each at once."""

    def write(self, batch: Batch) -> None:
        """Write all rows of a batch, and flush."""
        ...

    def close(self) -> None:
        """Write what belongs to the end."""
        ...


class JsonWriter:
    """One JSON value for each row and line; strict JSON, so NaN and Infinity are null."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, batch: Batch) -> None:
        """Write all rows of a batch, and flush."""
        lines = (json.dumps(plain(row), ensure_ascii=False) + "\n" for row in rows_of(batch))
        self._out.write("".join(lines).encode("utf-8", "replace"))
        self._out.flush()

    def close(self) -> None:
        """Write nothing more."""


class CsvWriter:
    """The columns of the first row that has any, for good; RFC 4180 but for the line's end."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._text = io.StringIO()
        self._writer: csv.DictWriter[str] | None = None
        self._left_out: set[str] = set()

    def write(self, batch: Batch) -> None:
        """Write all rows of a batch, and flush."""
        for row in rows_of(batch):
            if not isinstance(row, dict):
                raise Problem(
                    f"stream {batch.stream!r} has values without columns; use --format json"
                )
            self._write_row(row)
        self._out.write(self._text.getvalue().encode("utf-8", "replace"))
        self._out.flush()
        self._text.seek(0)
        self._text.truncate()

    def close(self) -> None:
        """Write nothing more."""

    def _write_row(self, row: Mapping[str, Any]) -> None:
        if self._writer is None:
            self._writer = csv.DictWriter(
                self._text, list(row), extrasaction="ignore", lineterminator="\n"
            )
            self._writer.writeheader()
        for name in row.keys() - set(self._writer.fieldnames) - self._left_out:
            self._left_out.add(name)
            print(
                f"jupyter sio: column {name!r} came after the CSV header and is left out; "
                "use --format json",
                file=sys.stderr,
            )
        self._writer.writerow({name: _field(value) for name, value in row.items()})


class ArrowWriter:
    """Arrow IPC streams, one after the other: as many as there are different schemas in a row."""

    def __init__(self, out: BinaryIO) -> None:
        from nanoarrow.ipc import StreamWriter

        self._new: Callable[[BinaryIO], Any] = StreamWriter.from_writable
        self._out = out
        # nanoarrow would wrap a broken pipe in an error of its own.
        self._buffer = io.BytesIO()
        self._stream: Any = None
        self._schema = ""

    def write(self, batch: Batch) -> None:
        """Write all rows of a batch, and flush."""
        import nanoarrow

        if batch.media != ARROW:
            raise Problem(f"stream {batch.stream!r} carries {batch.media}; use --format json")
        schema = repr(nanoarrow.c_schema(nanoarrow.c_array_stream(batch.arrow).get_schema()))
        if schema != self._schema:
            self._end()
            self._stream, self._schema = self._new(self._buffer), schema
        self._stream.write_stream(batch.arrow)
        self._flush()

    def close(self) -> None:
        """Write the end marker."""
        self._end()
        self._flush()

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _flush(self) -> None:
        self._out.write(self._buffer.getvalue())
        self._out.flush()
        self._buffer.seek(0)
        self._buffer.truncate()


FORMATS: dict[str, Callable[[BinaryIO], Writer]] = {
    "json": JsonWriter,
    "csv": CsvWriter,
    "arrow": ArrowWriter,
}


def rows_of(batch: Batch) -> list[Any]:
    """Read the rows of a batch: dicts of a table's columns, JSON values, or one blob in base64."""
    if batch.media == ARROW:
        columns = batch.pydict()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if batch.media == NDJSON:
        return list(batch.value)
    return [{"media": batch.media, "base64": base64.b64encode(batch.payload).decode()}]


def plain(value: Any) -> Any:
    """Make a value fit for strict JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if value is None or isinstance(value, bool | int | str):
        return value
    return _text(value)


def _field(value: Any) -> Any:
    if isinstance(value, dict | list | bytes):
        return json.dumps(plain(value), ensure_ascii=False)
    return value if value is None or isinstance(value, bool | int | float | str) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
