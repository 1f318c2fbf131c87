"""Bounds that a user writes are looked at where they are written."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_sio.errors import BadRequest
from jupyter_sio.limits import HistoryBounds


@pytest.mark.parametrize("bound", [{"bytes": 0}, {"rows": 2**53 - 1}, {"seconds": 0.5}, {}])
def test_a_history_may_be_bounded_by_bytes_rows_and_seconds(bound: dict[str, Any]):
    bounds = HistoryBounds(**bound)
    assert {name: getattr(bounds, name) for name in bound} == bound


@pytest.mark.parametrize("name", ["bytes", "rows", "seconds"])
@pytest.mark.parametrize("wrong", [-1, "10", True, float("inf"), float("nan"), [1]])
def test_what_is_no_bound_is_named(name: str, wrong: Any):
    with pytest.raises(BadRequest, match=f"history's {name} is a .*number from 0; got"):
        HistoryBounds(**{name: wrong})


@pytest.mark.parametrize("name", ["bytes", "rows"])
def test_half_a_row_is_no_bound(name: str):
    with pytest.raises(BadRequest, match="whole number"):
        HistoryBounds(**{name: 0.5})
