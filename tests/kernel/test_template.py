"""Payloads written by filling in what nanoarrow wrote once."""

from __future__ import annotations

import struct
from array import array

import pytest

from jupyter_sio.kernel.arrow import Layout
from jupyter_sio.kernel.scalars import FLOAT, INT
from jupyter_sio.kernel.template import Template
from tests.kernel.peer import table


def layout(columns: int) -> Layout:
    names = tuple(f"column {i}" * (i % 3 + 1) for i in range(columns))
    return Layout(names, tuple((INT, FLOAT)[i % 2] for i in range(columns)))


@pytest.mark.parametrize("columns", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("rows", [1, 2, 8, 63, 4096])
def test_a_payload_filled_in_is_nanoarrows_byte_by_byte(columns, rows):
    found = layout(columns)
    cells = [
        array(
            "qd"[i % 2], [(row + i) * (1 if i % 2 == 0 else 0.5) for row in range(rows)]
        ).tobytes()
        for i in range(columns)
    ]
    assert found._template is not None
    filled = found.write(rows, cells)
    assert filled == found._write_arrays(rows, cells)
    assert table(filled)["column 0"].to_pylist() == list(range(rows))


def test_payloads_that_are_otherwise_are_left_to_nanoarrow():
    def odd(rows: int) -> bytes:
        return struct.pack("qq", rows * rows, 7) + bytes(8 * rows) + bytes(8)

    def longer(rows: int) -> bytes:
        return bytes(8 * rows) + bytes(8 * rows) + bytes(8)

    def padded(rows: int) -> bytes:
        return struct.pack("q", rows) + bytes(-(-8 * rows // 64) * 64) + bytes(8)

    assert [Template.learn(write, 1) for write in (odd, longer, padded)] == [None] * 3


def test_without_a_template_nanoarrow_writes():
    found = layout(2)
    found.__dict__["_template"] = None
    cells = [array("q", [5]).tobytes(), array("d", [0.5]).tobytes()]
    assert table(found.write(1, cells)).num_rows == 1
