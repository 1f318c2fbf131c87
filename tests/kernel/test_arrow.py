"""Rows into payloads that any Arrow library reads, and columns that grow."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import math
import struct

import numpy as np
import pandas as pd
import pytest

from jupyter_sio import limits
from jupyter_sio.errors import RowError
from jupyter_sio.kernel.arrow import Columns
from tests.kernel.peer import table

UTC = dt.timezone.utc


def encoded(columns: Columns, *rows: dict) -> list[dict]:
    items = [columns.read(row)[0] for row in rows]
    return [row for payload in columns.encode(items) for row in table(payload.data).to_pylist()]


def one(value: object) -> object:
    """What becomes of a single value."""
    return encoded(Columns("loss"), {"x": value})[0]["x"]


def types(columns: Columns, *rows: dict) -> dict[str, str]:
    items = [columns.read(row)[0] for row in rows]
    (payload,) = columns.encode(items)
    schema = table(payload.data).schema
    return {field.name: str(field.type) for field in schema}


# --- values ----------------------------------------------------------------------------------

NOW = dt.datetime(2024, 2, 29, 12, 30, 15, 123456)
EARLY = dt.datetime(1901, 1, 1, 0, 0, 0, 1)
BERLIN = dt.timezone(dt.timedelta(hours=2))


class Level(enum.IntEnum):
    HIGH = 7


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (2**53 + 1, 2**53 + 1),
        (1.5, 1.5),
        (5e-324, 5e-324),
        ("grüße\x00", "grüße\x00"),
        ("", ""),
        ("x" * 1_000_000, "x" * 1_000_000),
        (None, None),
        (NOW, NOW),
        (EARLY, EARLY),
        (NOW.replace(tzinfo=UTC), NOW.replace(tzinfo=UTC)),
        (EARLY.replace(tzinfo=BERLIN), EARLY.replace(tzinfo=BERLIN)),
        (Level.HIGH, 7),
        (np.bool_(True), True),
        (np.int8(-5), -5),
        (np.uint64(2**63 - 1), 2**63 - 1),
        (np.float16(0.5), 0.5),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float64(0.1), 0.1),
        (np.longdouble(0.25), 0.25),
        (np.str_("text"), "text"),
        (np.array(3), 3),
        (np.array(2.5, dtype=">f4"), 2.5),
        (np.datetime64("2024-02-29T12:30:15.123456"), NOW),
        (np.datetime64("1901-01-01"), dt.datetime(1901, 1, 1)),
        (np.datetime64("NaT"), None),
        (pd.Timestamp(NOW), NOW),
        (pd.Timestamp(EARLY), EARLY),
        (pd.Timestamp(NOW, tz="UTC"), NOW.replace(tzinfo=UTC)),
        (pd.NaT, None),
        (pd.NA, None),
        (np.ma.masked, None),
    ],
)
def test_a_value_arrives_as_it_is(value, expected):
    found = one(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 0.1, 1e308])
@pytest.mark.parametrize("make", [float, np.float64])
def test_a_float_arrives_bit_by_bit(value, make):
    assert struct.pack("d", one(make(value))) == struct.pack("d", value)


class Tensor:
    """A 0-d tensor as torch has it."""

    shape = ()

    def __init__(self, value):
        self._value = value

    def item(self):
        return self._value


def test_a_tensor_without_dimensions_is_its_item():
    assert one(Tensor(0.25)) == 0.25
    assert one(Tensor(7)) == 7


class Hostile:
    def __repr__(self):
        raise RuntimeError("no")

    def __array__(self):
        raise RuntimeError("no")


CYCLE: list = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (decimal.Decimal("1.5"), "decimal.Decimal"),
        (fractions.Fraction(1, 3), "fractions.Fraction"),
        (1j, "complex"),
        (np.complex128(1j), "numpy.complex128"),
        (b"bytes", "bytes"),
        (np.bytes_(b"x"), "numpy.bytes_"),
        (memoryview(b"x"), "memoryview"),
        (dt.timedelta(1), "datetime.timedelta"),
        (np.timedelta64(1, "s"), "numpy.timedelta64"),
        (dt.date(2024, 1, 1), "datetime.date"),
        ([1], "list"),
        ({"a": 1}, "dict"),
        (np.zeros(3), r"numpy.ndarray of float64 with shape \(3,\)"),
        (np.zeros(1), r"numpy.ndarray of float64 with shape \(1,\)"),
        (CYCLE, "list"),
        (iter([1]), "list_iterator"),
        (Hostile(), "Hostile"),
        (Tensor(1j), "Tensor"),
        (object, "type"),
        ("\ud800", "lone surrogate"),
        (2**63, "64 bits; push it as float or text"),
        (np.uint64(2**63), "64 bits"),
        (10**400, "1329 bits"),
    ],
)
def test_what_is_no_scalar_is_one_error_that_names_stream_column_and_type(value, named):
    columns = Columns("loss")
    with pytest.raises(RowError, match=rf"stream 'loss', column 'x': expected .*{named}"):
        columns.read({"x": value})
    assert columns.layout.names == ()


def test_a_row_error_is_a_type_error_and_a_value_error():
    with pytest.raises(TypeError):
        Columns("loss").read({"x": 1j})
    with pytest.raises(ValueError, match="complex"):
        Columns("loss").read({"x": 1j})


# --- columns that grow -----------------------------------------------------------------------


def test_whole_numbers_become_floats_with_the_first_float():
    columns = Columns("loss")
    assert types(columns, {"x": 1}) == {"x": "int64"}
    assert types(columns, {"x": 2}, {"x": 2.5}, {"x": 3}) == {"x": "double"}
    assert types(columns, {"x": 4}) == {"x": "double"}


def test_rows_packed_before_a_column_widened_are_read_rightly():
    columns = Columns("loss")
    columns.read({"x": 1})
    layout = columns.layout
    packed = layout.pack(2**40)
    widened = columns.read({"x": 0.5, "y": "new"})[0]
    (payload,) = columns.encode([packed, widened, packed])
    assert table(payload.data).to_pylist() == [
        {"x": 2.0**40, "y": None},
        {"x": 0.5, "y": "new"},
        {"x": 2.0**40, "y": None},
    ]


def test_a_new_key_adds_a_column_and_a_missing_one_is_null():
    found = encoded(Columns("loss"), {"a": 1}, {"b": "x"}, {"b": "y", "a": 2})
    assert found == [{"a": 1, "b": None}, {"a": None, "b": "x"}, {"a": 2, "b": "y"}]


def test_a_column_of_nulls_becomes_what_comes_first():
    columns = Columns("loss")
    assert types(columns, {"x": None}) == {"x": "null"}
    assert types(columns, {"x": "text"}, {"x": None}) == {"x": "string"}


@pytest.mark.parametrize(
    ("first", "second", "expected", "found"),
    [
        (1, "text", "int64", "str"),
        (1, True, "int64", "bool"),
        (True, 1, "bool", "int"),
        (0.5, "text", "float64", "str"),
        (0.5, False, "float64", "bool"),
        ("text", 1, "string", "int"),
        (NOW, NOW.replace(tzinfo=UTC), r"timestamp\[us\]", "datetime.datetime"),
        (NOW, 5, r"timestamp\[us\]", "int"),
        (1, 2**63, "int64", "64 bits"),
    ],
)
def test_a_value_of_another_kind_is_refused_and_changes_nothing(first, second, expected, found):
    columns = Columns("loss")
    columns.read({"x": first})
    layout = columns.layout
    with pytest.raises(RowError, match=rf"column 'x': expected {expected}; got .*{found}"):
        columns.read({"new": 1, "x": second})
    assert columns.layout is layout


def test_a_float_column_takes_whole_numbers_beyond_int64():
    columns = Columns("loss")
    assert encoded(columns, {"x": 0.5}, {"x": 2**70}) == [{"x": 0.5}, {"x": 2.0**70}]
    with pytest.raises(RowError, match="1329 bits"):
        columns.read({"x": 10**400})


def test_too_many_columns_are_refused():
    columns = Columns("loss")
    columns.read({f"c{i}": i for i in range(limits.Outbox.columns)})
    with pytest.raises(RowError, match="may have 1000 columns; got 1001"):
        columns.read({"one more": 1})


def test_a_column_name_that_utf8_cannot_hold_is_refused():
    with pytest.raises(RowError, match="valid Unicode"):
        Columns("loss").read({"\ud800": 1})


def test_an_empty_row_is_refused():
    with pytest.raises(RowError, match="at least one column; got none"):
        Columns("loss").read({})


# --- declared columns ------------------------------------------------------------------------


def declared() -> Columns:
    return Columns("loss", {"step": "int64", "loss": float, "note": "string"})


def test_declared_columns_are_there_from_the_first_row():
    assert types(declared(), {"step": 1}) == {"step": "int64", "loss": "double", "note": "string"}


def test_a_declared_float_column_takes_whole_numbers():
    assert encoded(declared(), {"loss": 3})[0]["loss"] == 3.0


def test_a_name_that_was_not_declared_is_refused():
    with pytest.raises(RowError, match="stream 'loss' has columns step, loss, note; got 'los'"):
        declared().read({"los": 0.5})


@pytest.mark.parametrize(
    ("row", "expected"),
    [({"step": 1.0}, "int64; got float"), ({"loss": "x"}, "float64; got str")],
)
def test_a_type_that_was_not_declared_is_refused(row, expected):
    with pytest.raises(RowError, match=f"expected {expected}"):
        declared().read(row)


def test_a_kind_that_there_is_not_is_refused_when_declared():
    with pytest.raises(RowError, match=r"a column may be one of bool, int64, .*got 'complex64'"):
        Columns("loss", {"z": "complex64"})


# --- the fast way ----------------------------------------------------------------------------


def test_rows_of_numbers_are_packed():
    columns = Columns("loss")
    columns.read({"step": 1, "loss": 0.5})
    layout = columns.layout
    assert layout.pack(*layout.values({"loss": 0.25, "step": 2})) == struct.pack("qqd", 1, 2, 0.25)


@pytest.mark.parametrize("value", ["text", True, None, 1j, decimal.Decimal(1), np.zeros(1)])
def test_nothing_but_numbers_is_packed(value):
    columns = Columns("loss")
    columns.read({"loss": 0.5})
    assert columns.layout.pack(value) is None


def test_numpys_scalars_are_packed_once_they_were_seen():
    columns = Columns("loss")
    columns.read({"loss": np.float32(0.5)})
    assert columns.layout.pack(np.float32(0.25)) == struct.pack("qd", 1, 0.25)


def test_a_value_too_large_for_its_cell_is_not_packed():
    columns = Columns("loss")
    columns.read({"step": 1, "loss": 0.5})
    with pytest.raises(struct.error):
        columns.layout.pack(2**63, 0.5)
    with pytest.raises(struct.error):
        columns.layout.pack(1, 10**400)


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ((1, 0.5, "é", True), (1, 0.5, "é".encode(), True)),
        ((None, None, None, None), (None, None, None, None)),
        ((2**63, 0.5, "x", True), None),
        ((1, 2, "x", True), None),
        ((True, 0.5, "x", True), None),
        ((1, 0.5, b"x", True), None),
        ((1, 0.5, "x", 1), None),
    ],
)
def test_common_values_are_kept_without_a_further_look(row, kept):
    columns = Columns("loss")
    columns.read({"i": 1, "f": 0.5, "s": "x", "b": True})
    assert columns.layout.keep(*row) == kept


# --- payloads --------------------------------------------------------------------------------


def test_rows_beyond_a_payload_are_split():
    columns = Columns("loss")
    rows = [columns.read({"i": i, "text": "x" * 300_000})[0] for i in range(7)]
    payloads = columns.encode(rows)
    assert [p.rows for p in payloads] == [3, 2, 2]
    assert max(len(p.data) for p in payloads) <= limits.Outbox.payload_bytes
    assert [row["i"] for p in payloads for row in table(p.data).to_pylist()] == list(range(7))


def test_a_row_too_large_for_a_payload_is_refused():
    with pytest.raises(RowError, match="a row may have 1032192 bytes"):
        Columns("loss").read({"x": "x" * limits.MIB})


def test_small_payloads_are_joined_from_what_they_were_made_of():
    columns = Columns("loss")
    first = columns.encode([columns.read({"i": 0, "t": "a"})[0]])[0]
    second = columns.encode([columns.read({"i": 1, "t": None})[0]])[0]
    assert first.schema is second.schema
    joined = columns.join([*first.source, *second.source], first.schema)
    assert table(joined).to_pylist() == [{"i": 0, "t": "a"}, {"i": 1, "t": None}]


def test_a_large_payload_keeps_no_source():
    columns = Columns("loss")
    (payload,) = columns.encode([columns.read({"i": i})[0] for i in range(129)])
    assert payload.source is None
