"""The log of one stream, clause by clause. Source: protocol.md §5, §7, §9."""

from __future__ import annotations

import sys

import pytest

from jupyter_sio.errors import BadRequest
from jupyter_sio.limits import HistoryBounds
from jupyter_sio.protocol.history import History, Hole, Start
from jupyter_sio.protocol.messages import Position

EPOCH = "0123abcd"
WIDE = HistoryBounds(bytes=1_000_000)


def history_of(*payloads: tuple[int, int], bounds: HistoryBounds = WIDE, start: int = 0) -> History:
    """Make a history of payloads ``(offset, rows)``; each has ten bytes and arrived at once."""
    history = History(EPOCH, start=start, bounds=bounds)
    for offset, rows in payloads:
        history.append(offset, rows, 1_000 + offset, b"0123456789", now=0.0)
    return history


def ranges(history: History, offset: int, *, max_payloads: int = 100, max_bytes: int = 10_000):
    """Read at ``offset``: a hole as it is, payloads as ``(offset, end)``."""
    found = history.read(offset, max_payloads=max_payloads, max_bytes=max_bytes)
    return [(p.offset, p.end) for p in found] if isinstance(found, list) else found


# --- append ----------------------------------------------------------------------------------


def test_appended_rows_stand_one_behind_the_other():
    history = history_of((0, 3), (3, 2))
    assert (history.first, history.next, history.rows, history.bytes) == (0, 5, 5, 20)
    assert ranges(history, 0) == [(0, 3), (3, 5)]


def test_a_new_log_begins_and_ends_at_from():
    history = history_of(start=70)
    assert (history.first, history.next) == (70, 70)
    assert history.newest() is None
    assert history.read(70, max_payloads=1, max_bytes=1) is None


def test_a_payload_keeps_the_very_bytes_and_the_publishers_time():
    data = b"rows"
    history = History(EPOCH, bounds=WIDE)
    history.append(0, 1, 1_700_000_000_123, data, now=0.0)
    newest = history.newest()
    assert newest is not None and newest.data is data and newest.time == 1_700_000_000_123


def test_a_whole_duplicate_is_dropped():
    history = history_of((0, 3), (3, 2))
    again = history.append(0, 5, 9, b"other", now=1.0)
    assert (again.new, again.hole) == (False, None)
    assert (history.next, history.bytes) == (5, 20)


def test_a_duplicate_of_evicted_rows_is_dropped():
    history = history_of((0, 1), (1, 1))
    history.evict_oldest()
    assert not history.append(0, 1, 0, b"x", now=1.0).new
    assert history.first == 1


def test_a_partial_overlap_is_a_bad_request_and_changes_nothing():
    history = history_of((0, 3))
    with pytest.raises(BadRequest, match="resend a payload as it was first numbered"):
        history.append(2, 2, 0, b"x", now=1.0)
    assert (history.next, history.bytes) == (3, 10)


def test_a_jump_is_recorded_as_publisher_overflow():
    history = history_of((0, 3))
    appended = history.append(10, 2, 0, b"x", now=1.0)
    assert appended.new
    assert appended.hole == Hole(3, 10, "publisher_overflow") == ranges(history, 3)
    assert history.rows == 5


def test_a_jump_at_the_very_beginning_is_publisher_overflow_too():
    history = history_of((5, 1), start=2)
    assert history.first == 2
    assert ranges(history, 2) == Hole(2, 5, "publisher_overflow")


# --- read ------------------------------------------------------------------------------------


def test_reading_begins_with_the_payload_that_contains_the_offset():
    assert ranges(history_of((0, 3), (3, 3)), 4) == [(3, 6)]


def test_reading_stops_before_a_hole():
    assert ranges(history_of((0, 3), (8, 1)), 0) == [(0, 3)]


def test_a_recorded_hole_is_told_from_the_offset_on():
    assert ranges(history_of((0, 3), (8, 1)), 5) == Hole(5, 8, "publisher_overflow")


def test_below_first_everything_is_evicted():
    history = history_of((0, 3), (3, 3), (6, 3))
    history.evict_oldest()
    history.evict_oldest()
    assert ranges(history, 1) == Hole(1, 6, "evicted")
    assert ranges(history, 5) == Hole(5, 6, "evicted")


def test_reading_keeps_to_the_payloads_and_bytes_asked_for():
    history = history_of((0, 1), (1, 1), (2, 1))
    assert ranges(history, 0, max_payloads=2) == [(0, 1), (1, 2)]
    assert ranges(history, 0, max_bytes=20) == [(0, 1), (1, 2)]
    assert ranges(history, 0, max_bytes=19) == [(0, 1)]


def test_one_payload_larger_than_asked_for_is_read_alone():
    assert ranges(history_of((0, 1), (1, 1)), 0, max_bytes=3) == [(0, 1)]


def test_at_and_beyond_next_there_is_nothing_yet():
    history = history_of((0, 1))
    assert ranges(history, 1) is None
    assert ranges(history, 9) is None


# --- eviction --------------------------------------------------------------------------------


def test_bytes_are_bounded():
    history = history_of((0, 1), (1, 1), (2, 1), bounds=HistoryBounds(bytes=20))
    assert (history.first, history.bytes) == (1, 20)
    assert (history.evicted_payloads, history.evicted_rows) == (1, 1)


def test_rows_are_bounded():
    history = history_of((0, 4), (4, 4), (8, 4), bounds=HistoryBounds(rows=9))
    assert (history.first, history.rows) == (4, 8)


def test_payloads_are_bounded():
    history = history_of((0, 1), (1, 1), (2, 1), bounds=HistoryBounds(payloads=2))
    assert (history.first, history.payloads) == (1, 2)


def test_age_is_bounded_when_rows_come_and_when_time_passes():
    history = History(EPOCH, bounds=HistoryBounds(seconds=10.0))
    for second in range(4):
        history.append(second, 1, 0, b"x", now=float(second))
    history.append(4, 1, 0, b"x", now=11.5)
    assert history.first == 2
    history.expire(now=12.0)
    assert history.first == 2
    history.expire(now=12.1)
    assert history.first == 3


def test_the_newest_payload_is_never_evicted():
    history = history_of((0, 9), bounds=HistoryBounds(bytes=0, rows=0, seconds=0.0, payloads=0))
    history.expire(now=1e9)
    assert history.evict_oldest() == 0
    assert ranges(history, 0) == [(0, 9)]


def test_evicting_tells_the_bytes_it_freed():
    history = history_of((0, 1), (1, 1))
    assert [history.evict_oldest(), history.evict_oldest()] == [10, 0]


def test_after_an_eviction_first_is_a_row_really_held():
    history = history_of((0, 3), (8, 1), (9, 1))
    history.evict_oldest()
    assert history.first == 8
    assert ranges(history, 0) == Hole(0, 8, "evicted")


def test_a_hole_before_the_oldest_payload_leaves_with_it():
    history = history_of((5, 1), (6, 1))
    history.evict_oldest()
    assert ranges(history, 0) == Hole(0, 6, "evicted")


def test_the_log_is_cut_as_it_moves_on():
    history = history_of(*((n, 1) for n in range(10_000)), bounds=HistoryBounds(bytes=100))
    assert len(history._log) <= 2 * history.payloads + 1
    assert ranges(history, 9_995, max_payloads=2) == [(9_995, 9_996), (9_996, 9_997)]


def test_the_bytes_of_an_evicted_payload_are_free_at_once():
    history, data = history_of(), bytearray(10).hex().encode()
    references = [sys.getrefcount(data)]
    history.append(0, 1, 0, data, now=0.0)
    for offset in range(1, 5):
        history.append(offset, 1, 0, b"x", now=0.0)
    references.append(sys.getrefcount(data))
    history.evict_oldest()
    references.append(sys.getrefcount(data))
    assert references == [references[0], references[0] + 1, references[0]]


def test_new_bounds_are_obeyed_from_the_next_append_on():
    history = history_of((0, 1), (1, 1), (2, 1))
    history.bounds = HistoryBounds(rows=1)
    history.append(3, 1, 0, b"x", now=1.0)
    assert history.first == 3


# --- compact ---------------------------------------------------------------------------------


def test_compaction_puts_one_payload_in_place_of_several():
    history = history_of((0, 2), (2, 2), (4, 2), (6, 2))
    assert history.compact(2, 4, 77, b"merged")
    assert ranges(history, 0) == [(0, 2), (2, 6), (6, 8)]
    assert (history.rows, history.bytes, history.payloads) == (8, 26, 3)
    assert ranges(history, 5) == [(2, 6), (6, 8)]


@pytest.mark.parametrize(
    ("offset", "rows", "reason"),
    [
        (1, 3, "begins inside a payload"),
        (1, 4, "begins inside a payload and ends behind a whole one"),
        (0, 3, "ends inside a payload"),
        (2, 4, "has a hole inside"),
        (4, 4, "begins with a hole"),
        (2, 6, "ends behind a hole, and no payload ends there"),
        (6, 4, "contains the newest"),
        (8, 2, "is the newest"),
        (8, 9, "ends beyond next"),
        (40, 2, "is beyond next"),
    ],
)
def test_a_compaction_is_ignored_whose_range(offset: int, rows: int, reason: str):
    history = history_of((0, 2), (2, 2), (5, 1), (6, 2), (8, 2))
    before = ranges(history, 0), history.bytes, history.payloads
    assert not history.compact(offset, rows, 0, b"merged"), reason
    assert (ranges(history, 0), history.bytes, history.payloads) == before


def test_a_compaction_of_rows_partly_evicted_is_ignored():
    history = history_of((0, 2), (2, 2), (4, 2))
    history.evict_oldest()
    assert not history.compact(0, 4, 0, b"merged")


def test_compacted_rows_stay_as_long_as_the_youngest_of_them():
    history = History(EPOCH, bounds=HistoryBounds(seconds=10.0))
    for second in range(4):
        history.append(second, 1, 0, b"x", now=float(second))
    assert history.compact(0, 3, 0, b"xxx")
    history.expire(now=12.0)
    assert history.first == 0
    history.expire(now=12.1)
    assert history.first == 3


def test_a_compaction_that_grows_obeys_the_bounds():
    history = history_of((0, 1), (1, 1), (2, 1), (3, 1), bounds=HistoryBounds(bytes=40))
    assert history.compact(1, 2, 0, b"0123456789" * 3)
    assert (history.first, history.bytes) == (1, 40)


# --- resolve ---------------------------------------------------------------------------------


def start_of(
    history: History,
    *,
    since: tuple[str, int] | None = None,
    tail: int | None = None,
    latest: bool = False,
) -> Start:
    position = None if since is None else Position(*since)
    return history.resolve(since=position, tail=tail, latest=latest)


@pytest.mark.parametrize("latest", [False, True])
@pytest.mark.parametrize("offset", [2, 3, 6])
def test_a_position_within_the_history_is_recovered(offset: int, latest: bool):
    history = history_of((2, 2), (4, 2), start=2)
    assert start_of(history, since=(EPOCH, offset), tail=1, latest=latest) == Start(offset, True)


@pytest.mark.parametrize("since", [("ffffffff", 4), (EPOCH, 1), (EPOCH, 7)])
def test_another_epoch_or_an_offset_outside_is_not_recovered(since: tuple[str, int]):
    history = history_of((2, 2), (4, 2), start=2)
    assert start_of(history, since=since) == Start(2, False)
    assert start_of(history, since=since, tail=3) == Start(3, False)
    assert start_of(history, since=since, latest=True) == Start(4, False)


def test_without_since_the_whole_history_is_owed():
    history = history_of((0, 2), (2, 2), (4, 2))
    history.evict_oldest()
    assert start_of(history) == Start(2, False)


@pytest.mark.parametrize(("tail", "start"), [(0, 6), (1, 5), (4, 2), (5, 2), (1_000, 2)])
def test_tail_counts_back_from_next_and_never_below_first(tail: int, start: int):
    history = history_of((2, 2), (4, 2), start=2)
    assert start_of(history, tail=tail) == Start(start, False)


def test_latest_starts_at_the_newest_payload_and_ignores_tail():
    assert start_of(history_of((0, 2), (2, 3)), tail=1, latest=True) == Start(2, False)


def test_latest_starts_at_next_where_nothing_is_held():
    assert start_of(history_of(start=9), latest=True) == Start(9, False)


def test_a_hole_and_a_payload_cut_short_do_not_make_up_for_each_other():
    log = History("0123456789abcdef", bounds=HistoryBounds())
    log.append(0, 6, 1, b"x", now=0.0)
    log.append(7, 7, 2, b"y", now=0.0)
    log.append(14, 1, 3, b"z", now=0.0)
    assert not log.compact(0, 13, 2, b"xy")
