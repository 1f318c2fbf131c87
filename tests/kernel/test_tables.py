"""Tables of every make into payloads: pandas, polars, Arrow, numpy, dicts, lists."""

from __future__ import annotations

import array
import datetime as dt
import tracemalloc
from collections.abc import Iterator
from typing import Any

import nanoarrow as na
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jupyter_sio import limits
from jupyter_sio.errors import RowError
from jupyter_sio.kernel.arrow import Columns
from jupyter_sio.kernel.tables import Reader
from tests.kernel.peer import table

UTC = dt.timezone.utc
NOON = dt.datetime(2024, 2, 29, 12, 0, 0, 5)


def payloads(source: Any, columns: Columns | None = None) -> Iterator[bytes]:
    columns = columns or Columns("loss")
    for batch in Reader("loss").batches(source):
        layout = columns.admit(batch)
        for payload in columns.write(batch, layout):
            yield payload.data


def written(source: Any, columns: Columns | None = None) -> pa.Table:
    """Read back what a table becomes by ``write``."""
    return pa.concat_tables(map(table, payloads(source, columns)))


def gathered(source: Any) -> list[dict[str, Any]]:
    """Read back what a table becomes when its rows are gathered one by one."""
    columns = Columns("loss")
    rows = []
    for batch in Reader("loss").batches(source):
        columns.admit(batch)
        rows += columns.rows(batch)[0]
    return [row for payload in columns.encode(rows) for row in table(payload.data).to_pylist()]


PLAIN = {"i": [1, 2, 3], "f": [0.5, -0.0, 1e300], "s": ["a", "", "grün"], "b": [True, False, True]}
ROWS = [dict(zip(PLAIN, row, strict=True)) for row in zip(*PLAIN.values(), strict=True)]
STRUCTURED = np.array(
    list(zip(*PLAIN.values(), strict=True)),
    dtype=[("i", "<i2"), ("f", ">f8"), ("s", "U8"), ("b", "?")],
)
SAME = {
    "dict of lists": PLAIN,
    "dict of tuples": {name: tuple(values) for name, values in PLAIN.items()},
    "dict of numpy": {name: np.array(values) for name, values in PLAIN.items()},
    "dict of series": {name: pd.Series(values) for name, values in PLAIN.items()},
    "dict of polars": {name: pl.Series(values) for name, values in PLAIN.items()},
    "dict of arrow": {name: pa.array(values) for name, values in PLAIN.items()},
    "list of dicts": ROWS,
    "pandas": pd.DataFrame(PLAIN),
    "pandas of objects": pd.DataFrame(PLAIN, dtype=object),
    "pandas of arrow": pd.DataFrame(PLAIN).convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.DataFrame(PLAIN),
    "arrow table": pa.table(PLAIN),
    "arrow batch": pa.table(PLAIN).to_batches()[0],
    "arrow slice": pa.table({n: [None, *v, None] for n, v in PLAIN.items()}).slice(1, 3),
    "arrow reader": pa.table(PLAIN),
    "nanoarrow": na.Array(pa.table(PLAIN).to_batches()[0]),
    "structured numpy": STRUCTURED,
}


@pytest.mark.parametrize("make", SAME)
@pytest.mark.parametrize("read", [lambda t: written(t).to_pylist(), gathered])
def test_every_make_of_table_arrives_alike(make, read):
    assert read(SAME[make]) == ROWS


def test_a_reader_is_read_batch_by_batch():
    batches = pa.table({"i": list(range(10))}).to_batches(max_chunksize=4)
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))
    assert written(reader)["i"].to_pylist() == list(range(10))


# --- numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", ">u8"])
@pytest.mark.parametrize("make", [lambda a: {"x": a}, lambda a: pd.DataFrame({"x": a})])
def test_whole_numbers_of_any_width_become_int64(code, make):
    values = np.array([0, 1, 100], dtype=code)
    found = written(make(values))
    assert (str(found.schema.field("x").type), found["x"].to_pylist()) == ("int64", [0, 1, 100])


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int32(), pa.uint64()])
def test_arrows_whole_numbers_become_int64_and_keep_their_nulls(kind):
    found = written(pa.table({"x": pa.array([1, None, 3], kind)}))
    assert (str(found.schema.field("x").type), found["x"].to_pylist()) == ("int64", [1, None, 3])


@pytest.mark.parametrize("code", ["f2", "f4", "f8", ">f4", "g"])
def test_floats_of_any_width_become_float64(code):
    found = written({"x": np.array([0.5, np.nan, -np.inf], dtype=code)})
    assert str(found.schema.field("x").type) == "double"
    np.testing.assert_array_equal(found["x"].to_numpy(), [0.5, np.nan, -np.inf])


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_arrows_floats_become_float64(kind):
    found = written(pa.table({"x": pa.array(np.array([0.5, 2.0]).astype(kind.to_pandas_dtype()))}))
    assert (str(found.schema.field("x").type), found["x"].to_pylist()) == ("double", [0.5, 2.0])


@pytest.mark.parametrize(
    "source",
    [
        {"x": np.array([2**63], dtype="u8")},
        {"x": [2**63]},
        pa.table({"x": pa.array([1, 2**63], pa.uint64())}),
        pl.DataFrame({"x": pl.Series([2**63], dtype=pl.UInt64)}),
    ],
    ids=["numpy", "list", "arrow", "polars"],
)
def test_whole_numbers_beyond_int64_are_refused_before_a_row_went_out(source):
    with pytest.raises(RowError, match=r"column 'x'.* 64 bits"):
        next(payloads(source))


def test_strided_and_read_only_arrays_are_read_rightly():
    values = np.arange(10.0)
    values.flags.writeable = False
    assert written({"x": values[::-3]})["x"].to_pylist() == [9.0, 6.0, 3.0, 0.0]


def test_masked_arrays_have_nulls():
    values = np.ma.masked_array([1, 2, 3], mask=[0, 1, 0])
    assert written({"x": values})["x"].to_pylist() == [1, None, 3]


def test_array_array_and_memoryview_are_columns():
    values = array.array("d", [1.5, 2.5])
    found = written({"a": values, "m": memoryview(values), "r": range(2)})
    assert found.to_pylist() == [{"a": 1.5, "m": 1.5, "r": 0}, {"a": 2.5, "m": 2.5, "r": 1}]


# --- text, times, categories, nulls ----------------------------------------------------------

LONG = "more than twelve bytes of text"


@pytest.mark.parametrize(
    "source",
    [
        pa.table({"x": pa.array(["a", None, LONG], pa.large_string())}),
        pa.table({"x": pa.array(["a", None, LONG], pa.string_view())}),
        pa.table({"x": pa.array(["a", None, LONG]).dictionary_encode()}),
        pl.DataFrame({"x": ["a", None, LONG]}),
        pl.DataFrame({"x": pl.Series(["a", None, LONG], dtype=pl.Categorical)}),
        pl.DataFrame({"x": pl.Series(["a", None, LONG], dtype=pl.Enum(["a", LONG]))}),
        pd.DataFrame({"x": ["a", None, LONG]}),
        pd.DataFrame({"x": pd.Categorical(["a", None, LONG])}),
        pd.DataFrame({"x": pd.array(["a", None, LONG], dtype="string")}),
        pd.DataFrame({"x": np.array(["a", np.nan, LONG], dtype=object)}),
        {"x": ["a", None, LONG]},
    ],
)
def test_text_of_any_make_becomes_utf8(source):
    found = written(source)
    assert (str(found.schema.field("x").type), found["x"].to_pylist()) == (
        "string",
        ["a", None, LONG],
    )


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("make", ["numpy", "pandas", "arrow", "zoned"])
def test_times_of_any_unit_become_microseconds(unit, make):
    values = np.array(["2024-02-29T12:00:00", "NaT", "1901-01-01"], dtype=f"datetime64[{unit}]")
    expected = [dt.datetime(2024, 2, 29, 12), None, dt.datetime(1901, 1, 1)]
    source: Any = {"x": values}
    if make == "pandas":
        source = pd.DataFrame(source)
    elif make == "arrow":
        source = pa.table({"x": pa.array(values)})
    elif make == "zoned":
        zoned = pd.Series(values).dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
        source = {"x": zoned}
        expected = [value and value.replace(tzinfo=UTC) for value in expected]
    assert written(source)["x"].to_pylist() == expected


def test_aware_times_of_arrow_and_polars_are_utc():
    berlin = pa.table({"x": pa.array([NOON], pa.timestamp("us", "Europe/Berlin"))})
    for source in (berlin, pl.from_arrow(berlin)):
        assert written(source)["x"].to_pylist() == [NOON.replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([dt.date(2024, 2, 29), None]),
        pa.array([dt.date(2024, 2, 29), None], pa.date64()),
        pa.array([dt.time(12, 30), None], pa.time64("us")),
        pa.array([dt.time(12, 30), None], pa.time32("s")),
        pa.array([dt.timedelta(seconds=5), None]),
        pa.array([b"\x00\xff", None]),
        pa.array([b"\x00\xff", None], pa.large_binary()),
    ],
)
def test_what_only_a_table_can_have_passes_through(values):
    assert written(pa.table({"x": values}))["x"].to_pylist() == values.to_pylist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.array([1, None, 3], dtype="Int64"), [1, None, 3]),
        (pd.array([1, None, 3], dtype="UInt8"), [1, None, 3]),
        (pd.array([0.5, None], dtype="Float64"), [0.5, None]),
        (pd.array([True, None], dtype="boolean"), [True, None]),
        (pd.arrays.SparseArray([0, 0, 1]), [0, 0, 1]),
        (pd.array([1, 2], dtype="Int32"), [1, 2]),
    ],
)
def test_pandas_own_types_keep_their_nulls(values, expected):
    assert written(pd.DataFrame({"x": values}))["x"].to_pylist() == expected


def test_an_index_with_a_name_is_a_column_and_one_without_is_not():
    frame = pd.DataFrame({"x": [1, 2], "step": [10, 20]})
    assert written(frame).column_names == ["x", "step"]
    assert written(frame.set_index("step")).to_pylist() == [
        {"step": 10, "x": 1},
        {"step": 20, "x": 2},
    ]


def test_columns_numbered_by_pandas_are_named_by_their_numbers():
    assert written(pd.DataFrame(np.eye(2))).column_names == ["0", "1"]


def test_validity_bits_are_cut_anywhere():
    values = [None if i % 3 == 0 else i for i in range(100)]
    texts = [None if value is None else str(value) for value in values]
    flags = [None if value is None else value % 2 == 0 for value in values]
    whole = pa.table({"i": values, "s": texts, "b": flags})
    for start in (0, 1, 7, 8, 13):
        part = whole.slice(start, 50)
        assert written(part).to_pylist() == part.to_pylist()


# --- how it fits the stream's columns --------------------------------------------------------


def test_a_column_of_whole_numbers_is_written_as_floats_once_the_stream_has_floats():
    columns = Columns("loss")
    columns.read({"x": 0.5})
    for source in ({"x": [1, None]}, pa.table({"x": [1, None]}), {"x": np.array([1, 2])}):
        found = written(source, columns)
        assert (str(found.schema.field("x").type), found["x"][0].as_py()) == ("double", 1.0)


def test_a_column_that_the_table_lacks_is_absent():
    columns = Columns("loss")
    columns.read({"a": 1, "b": 2})
    assert written({"b": [3]}, columns).column_names == ["b"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"x": ["text"]}, "column 'x': expected int64; got string"),
        (pa.table({"x": [dt.date(2024, 1, 1)]}), "column 'x': expected int64; got date32"),
        ({"x": [True]}, "column 'x': expected int64; got bool"),
    ],
)
def test_a_table_of_other_kinds_is_refused_and_changes_nothing(source, text):
    columns = Columns("loss")
    columns.read({"x": 1})
    layout = columns.layout
    with pytest.raises(RowError, match=text):
        written(source, columns)
    assert columns.layout is layout


def test_a_declared_stream_refuses_other_columns_of_a_table():
    columns = Columns("loss", {"step": "int64"})
    with pytest.raises(RowError, match="stream 'loss' has columns step; got 'x'"):
        written({"step": [1], "x": [2]}, columns)


# --- what is no table ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"a": [1, 2], "b": [1]}, "columns must be of one length; got a 2, b 1"),
        ({"a": np.zeros((2, 2))}, r"column 'a': .*float64 with shape \(2, 2\)"),
        ({"a": 5}, "column 'a': expected scalars of one kind; got int"),
        ({"a": "text"}, "column 'a': .*got str"),
        ({"a": [1, "x"]}, "column 'a': .*got int64 and str"),
        ({"a": [[1]]}, "column 'a': .*got list"),
        ({"a": np.array([1j])}, "column 'a': .*complex128"),
        ({"a": np.array([b"x"])}, r"column 'a': .*\|S1"),
        ({"a": ["\ud800"]}, "lone surrogate"),
        ({("a", "b"): [1]}, "a column's name must be text; got tuple"),
        ([{"a": 1}, 5], "a list of rows must hold dicts; got int"),
        (np.zeros((3, 2)), r"expected a table .*numpy.ndarray of float64 with shape \(3, 2\)"),
        (5, "expected a table .*got int"),
        ("text", "expected a table .*got str"),
        (pa.array([1, 2]), "a table has columns; got one array of int64"),
        (pl.Series([1, 2]), "a table has columns; got one array of int64"),
        (pa.table({"a": [[1, 2]]}), "column 'a': .*Arrow's list"),
        (pa.table({"a": [{"b": 1}]}), "column 'a': .*Arrow's struct"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns have the name 'a'"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "got tuple"),
        (pd.DataFrame({"a": [dt.timedelta(1)]}), "column 'a': .*timedelta64"),
        (pd.DataFrame({"a": pd.period_range("2024", periods=1)}), "column 'a': .*Period"),
    ],
)
def test_what_is_no_table_is_one_error_that_says_why(source, text):
    with pytest.raises(RowError, match=text):
        written(source)


# --- size ------------------------------------------------------------------------------------


def test_payloads_stay_within_their_bound_whatever_a_row_weighs():
    texts = ["x" * (i % 100 * 2_000) for i in range(300)]
    found = list(payloads({"i": list(range(300)), "text": texts}))
    assert max(map(len, found)) <= limits.Outbox.payload_bytes
    rows = pa.concat_tables(map(table, found))
    assert rows["i"].to_pylist() == list(range(300))
    assert rows["text"].to_pylist() == texts


@pytest.mark.parametrize("read", [written, gathered])
def test_a_row_of_a_table_too_large_for_a_payload_is_refused(read):
    with pytest.raises(RowError, match="a row may have 1032192 bytes; got"):
        read({"text": ["x" * limits.MIB]})


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, dict])
def test_a_large_table_is_written_a_piece_at_a_time(make):
    rows = 1_000_000
    source = make({f"c{i}": np.arange(rows, dtype="f8") for i in range(5)})
    tracemalloc.start()
    try:
        total, peak = 0, 0
        for payload in payloads(source):
            assert len(payload) <= limits.Outbox.payload_bytes
            total += len(payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total > rows * 5 * 8
    assert peak < 4 * limits.MIB
