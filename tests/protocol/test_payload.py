"""Payloads as those who receive them read them."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import nanoarrow
import nanoarrow.ipc
import pandas
import polars
import pyarrow
import pytest

from jupyter_sio.errors import BadRequest
from jupyter_sio.protocol.messages import ARROW, NDJSON
from jupyter_sio.protocol.payload import ArrowRows, read_value

UTC = dt.timezone.utc
COLUMNS: dict[str, list[Any]] = {
    "step": [1, 2, None],
    "loss": [0.5, None, float("inf")],
    "name": ["a", None, "ü"],
    "good": [True, None, False],
    "when": [dt.datetime(2024, 2, 29, 1, 2, 3, 4), None, dt.datetime(1969, 1, 1)],
}


def ipc(table: pyarrow.Table, *, chunk: int | None = None) -> bytes:
    """Write a table as an Arrow IPC stream."""
    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return out.getvalue()


PAYLOAD = ipc(pyarrow.table(COLUMNS))


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_pydict_gives_python_values_and_none_for_what_is_missing(skip: int) -> None:
    assert ArrowRows(PAYLOAD, skip).pydict() == {k: v[skip:] for k, v in COLUMNS.items()}


@pytest.mark.parametrize("skip", [0, 1, 3])
def test_pyarrow_polars_pandas_and_nanoarrow_read_the_same_rows_again_and_again(skip: int) -> None:
    rows = ArrowRows(PAYLOAD, skip)
    for _ in range(2):
        assert pyarrow.table(rows).to_pydict() == {k: v[skip:] for k, v in COLUMNS.items()}
        assert polars.DataFrame(rows)["name"].to_list() == COLUMNS["name"][skip:]
        assert pandas.DataFrame.from_arrow(rows).shape == (3 - skip, 5)
        assert len(nanoarrow.Array(rows)) == 3 - skip


def test_what_was_read_outlives_the_object_it_was_read_from() -> None:
    table = pyarrow.table(ArrowRows(bytes(bytearray(PAYLOAD))))
    assert table.to_pydict() == COLUMNS


ANY_TYPE = {
    "int8": pyarrow.array([1, None, -3, 4, 5, 6, 7, 8, None, 10, 11], pyarrow.int8()),
    "float": pyarrow.array([0.5 * i for i in range(11)]),
    "bool": pyarrow.array([i % 3 == 0 if i % 4 else None for i in range(11)]),
    "text": pyarrow.array(["ü" * i if i % 4 else None for i in range(11)]),
    "bytes": pyarrow.array([b"x" * i for i in range(11)], pyarrow.large_binary()),
    "fixed": pyarrow.array([b"%02d" % i for i in range(11)], pyarrow.binary(2)),
    "decimal": pyarrow.array(range(11), pyarrow.decimal128(5, 2)),
    "time": pyarrow.array(range(11), pyarrow.timestamp("ms", "UTC")),
    "null": pyarrow.nulls(11),
    "list": pyarrow.array([[i] * i if i % 4 else None for i in range(11)]),
    "struct": pyarrow.array([{"a": i} if i % 4 else None for i in range(11)]),
    "category": pyarrow.array([*"ab", None, *"cabcaabc"]).dictionary_encode(),
}


@pytest.mark.parametrize("name", ANY_TYPE)
@pytest.mark.parametrize(("skip", "rows"), [(0, 11), (1, 10), (3, 5), (8, 3), (9, 1), (5, 0)])
def test_any_type_is_cut_at_both_ends(name: str, skip: int, rows: int) -> None:
    whole = pyarrow.table({name: ANY_TYPE[name]})
    cut = ArrowRows(ipc(whole), skip, rows)
    pyarrow.table(cut).validate(full=True)
    assert pyarrow.table(cut).equals(whole.slice(skip, rows).combine_chunks())
    assert cut.pydict() == whole.slice(skip, rows).to_pydict()


@pytest.mark.parametrize("name", sorted(set(ANY_TYPE) - {"list", "struct", "category"}))
def test_nanoarrow_can_write_what_was_cut(name: str) -> None:
    out = io.BytesIO()
    with nanoarrow.ipc.StreamWriter.from_writable(out) as writer:
        writer.write_stream(ArrowRows(ipc(pyarrow.table({name: ANY_TYPE[name]})), 3, 5))
    assert (
        pyarrow.ipc.open_stream(out.getvalue()).read_all()[name].combine_chunks()
        == ANY_TYPE[name][3:8]
    )


@pytest.mark.parametrize("skip", range(6))
def test_rows_are_left_out_across_record_batches(skip: int) -> None:
    rows = ArrowRows(ipc(pyarrow.table({"x": [0, 1, 2, 3, 4]}), chunk=2), skip)
    assert rows.pydict() == {"x": list(range(skip, 5))}
    assert pyarrow.table(rows).to_pydict() == {"x": list(range(skip, 5))}


def test_times_with_a_zone_keep_it() -> None:
    when = pyarrow.array([dt.datetime(2024, 1, 1)], pyarrow.timestamp("us", "UTC"))
    read = ArrowRows(ipc(pyarrow.table({"t": when}))).pydict()
    assert read == {"t": [dt.datetime(2024, 1, 1, tzinfo=UTC)]}


def test_a_table_without_rows_keeps_its_columns() -> None:
    rows = ArrowRows(ipc(pyarrow.table({"x": pyarrow.array([], pyarrow.int64())})))
    assert rows.pydict() == {"x": []}
    assert pyarrow.table(rows).schema.names == ["x"]


def test_bytes_that_are_no_arrow_are_refused_with_a_sentence() -> None:
    with pytest.raises(BadRequest, match="not Arrow"):
        ArrowRows(b"certainly not").pydict()


def test_ndjson_is_a_list_of_values_and_a_blob_is_its_bytes() -> None:
    assert read_value(b'{"a":1}\n[2]\nnull\n', NDJSON) == [{"a": 1}, [2], None]
    assert read_value(b'{"a":1}\n[2]\nnull', NDJSON, 1) == [[2], None]
    assert read_value(b"1\n2\n3\n4\n", NDJSON, 1, 2) == [2, 3]
    assert read_value(b"\x89PNG", "image/png") == b"\x89PNG"
    assert read_value(PAYLOAD, ARROW, 2) == {k: v[2:] for k, v in COLUMNS.items()}
