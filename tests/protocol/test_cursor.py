"""What one viewer is sent next, clause by clause. Source: protocol.md §7."""

from __future__ import annotations

import pytest

from jupyter_sio.limits import HistoryBounds, Transport
from jupyter_sio.protocol.cursor import Cursor
from jupyter_sio.protocol.history import History, Hole
from jupyter_sio.protocol.messages import Mode

WIDE = HistoryBounds(bytes=1_000_000)


def history_of(*payloads: tuple[int, int], bounds: HistoryBounds = WIDE) -> History:
    """Make a history of payloads ``(offset, rows)``, ten bytes each."""
    history = History("0123abcd", bounds=bounds)
    for offset, rows in payloads:
        history.append(offset, rows, 1_000 + offset, b"0123456789", now=0.0)
    return history


def cursor_at(start: int, *, mode: Mode = "every", window: int | None = None) -> Cursor:
    return Cursor(mode=mode, window=window, start=start)


def take(cursor: Cursor, history: History, *, max_payloads: int = 8, max_bytes: int = 10_000):
    """Take once: a hole as it is, a run as the ``(offset, end)`` of its payloads."""
    taken = cursor.take(history, max_payloads=max_payloads, max_bytes=max_bytes)
    if taken is None or isinstance(taken, Hole):
        return taken
    return [(p.offset, p.end) for p in taken.payloads]


# --- every row -------------------------------------------------------------------------------


def test_a_cursor_takes_what_lies_between_it_and_next():
    history, cursor = history_of((0, 2), (2, 2)), cursor_at(0)
    assert cursor.due(history)
    assert take(cursor, history) == [(0, 2), (2, 4)]
    assert cursor.next == 4
    assert not cursor.due(history)
    assert take(cursor, history) is None


def test_a_replay_is_paged():
    history, cursor = history_of(*((n, 1) for n in range(5))), cursor_at(0)
    assert take(cursor, history, max_payloads=2) == [(0, 1), (1, 2)]
    assert take(cursor, history, max_bytes=25) == [(2, 3), (3, 4)]
    assert take(cursor, history, max_bytes=1) == [(4, 5)]


def test_a_run_knows_its_first_row_its_end_and_when_its_last_payload_left():
    history = history_of((0, 2), (2, 3))
    run = cursor_at(0).take(history, max_payloads=8, max_bytes=1_000)
    assert run is not None and not isinstance(run, Hole)
    assert (run.offset, run.end, run.time) == (0, 5, 1_002)


def test_a_cursor_inside_a_payload_is_sent_all_of_it():
    history, cursor = history_of((0, 4), (4, 1)), cursor_at(2)
    assert take(cursor, history) == [(0, 4), (4, 5)]
    assert cursor.next == 5


def test_a_compacted_payload_may_begin_below_the_cursor():
    history, cursor = history_of((0, 1), (1, 1), (2, 1), (3, 1)), cursor_at(0)
    assert take(cursor, history, max_payloads=1) == [(0, 1)]
    history.compact(0, 3, 0, b"merged")
    assert take(cursor, history) == [(0, 3), (3, 4)]


def test_a_recorded_hole_is_told_in_its_place():
    history, cursor = history_of((0, 1), (5, 1)), cursor_at(0)
    taken = [take(cursor, history) for _ in range(4)]
    assert taken == [[(0, 1)], Hole(1, 5, "publisher_overflow"), [(5, 6)], None]


def test_a_cursor_overtaken_by_first_tells_the_hole_as_evicted():
    history, cursor = history_of((0, 1), (1, 1), (2, 1)), cursor_at(0)
    history.evict_oldest()
    history.evict_oldest()
    assert take(cursor, history) == Hole(0, 2, "evicted")
    assert take(cursor, history) == [(2, 3)]


# --- window ----------------------------------------------------------------------------------


def test_payloads_go_only_while_all_that_is_unacknowledged_stays_below_the_window():
    history, cursor = history_of(*((n, 1) for n in range(5))), cursor_at(0, window=31)
    assert take(cursor, history) == [(0, 1), (1, 2), (2, 3)]
    assert cursor.unacknowledged == 30
    assert take(cursor, history) is None
    assert cursor.due(history) and cursor.held_back(history)


def test_a_payload_that_would_fill_the_window_exactly_waits():
    history, cursor = history_of(*((n, 1) for n in range(5))), cursor_at(0, window=30)
    assert take(cursor, history) == [(0, 1), (1, 2)]
    assert take(cursor, history) is None


def test_what_is_unacknowledged_counts_against_the_next_batch():
    history, cursor = history_of(*((n, 1) for n in range(9))), cursor_at(0, window=51)
    assert take(cursor, history, max_payloads=2) == [(0, 1), (1, 2)]
    assert take(cursor, history) == [(2, 3), (3, 4), (4, 5)]
    assert take(cursor, history) is None


def test_the_first_payload_goes_however_large_but_it_goes_alone():
    history, cursor = history_of((0, 1), (1, 1)), cursor_at(0, window=1)
    assert take(cursor, history) == [(0, 1)]
    assert take(cursor, history) is None
    cursor.acknowledge(1)
    assert not cursor.held_back(history)
    assert take(cursor, history) == [(1, 2)]


def test_an_acknowledgement_releases_the_payloads_that_end_at_or_below_it():
    history, cursor = history_of((0, 2), (2, 2), (4, 2)), cursor_at(0, window=100)
    take(cursor, history)
    unacknowledged = []
    for next_ in (1, 2, 5, 2, 6):
        cursor.acknowledge(next_)
        unacknowledged.append(cursor.unacknowledged)
    assert unacknowledged == [30, 20, 10, 10, 0]


def test_an_acknowledgement_beyond_the_cursor_counts_as_the_cursor():
    history, cursor = history_of((0, 1), (1, 1)), cursor_at(0, window=100)
    take(cursor, history, max_payloads=1)
    cursor.acknowledge(1_000)
    assert cursor.unacknowledged == 0
    take(cursor, history)
    assert cursor.unacknowledged == 10


def test_without_a_window_nothing_counts_and_acknowledgements_are_ignored():
    history, cursor = history_of(*((n, 1) for n in range(20))), cursor_at(0)
    take(cursor, history)
    cursor.acknowledge(3)
    assert cursor.unacknowledged == 0
    assert not cursor.held_back(history)


def test_a_recorded_hole_needs_no_window_and_no_acknowledgement():
    history, cursor = history_of((0, 1), (5, 1)), cursor_at(0, window=10)
    assert take(cursor, history) == [(0, 1)]
    assert not cursor.held_back(history)
    assert take(cursor, history) == Hole(1, 5, "publisher_overflow")
    assert cursor.unacknowledged == 10
    assert cursor.held_back(history)


@pytest.mark.parametrize(("mode", "why"), [("every", "evicted"), ("latest", "conflated")])
def test_a_viewer_held_back_is_told_one_gap_and_not_one_per_eviction(mode: Mode, why: str):
    history, cursor = history_of((0, 1)), cursor_at(0, mode=mode, window=10)
    assert take(cursor, history) == [(0, 1)]
    for offset in range(1, 6):
        history.append(offset, 1, 0, b"0123456789", now=0.0)
        history.evict_oldest()
        assert take(cursor, history) is None
    cursor.acknowledge(1)
    gap = take(cursor, history)
    assert (gap.start, gap.end, gap.why) == (1, 5, why)
    assert take(cursor, history) == [(5, 6)]


def test_a_resent_part_of_a_payload_counts_as_sent_again():
    history, cursor = history_of((0, 1), (1, 1), (2, 1)), cursor_at(0, window=100)
    take(cursor, history, max_payloads=1)
    history.compact(0, 2, 0, b"merged")
    take(cursor, history, max_payloads=1)
    assert cursor.unacknowledged == 16
    cursor.acknowledge(2)
    assert cursor.unacknowledged == 0


def test_a_viewer_that_never_acknowledges_costs_a_bounded_memory():
    many = Transport.window_payloads + 50
    history, cursor = history_of(*((n, 1) for n in range(many))), cursor_at(0, window=10**9)
    take(cursor, history, max_payloads=many, max_bytes=10**9)
    assert len(cursor._sent) == Transport.window_payloads
    cursor.acknowledge(many - 1)
    assert cursor.unacknowledged == 51 * 10
    cursor.acknowledge(many)
    assert cursor.unacknowledged == 0


# --- latest ----------------------------------------------------------------------------------


def test_latest_jumps_to_the_newest_payload_and_tells_what_it_skipped():
    history, cursor = history_of((0, 1), (1, 1), (2, 1), (3, 2)), cursor_at(1, mode="latest")
    taken = [take(cursor, history) for _ in range(3)]
    assert taken == [Hole(1, 3, "conflated"), [(3, 5)], None]


def test_latest_is_sent_one_payload_at_a_time_and_no_gap_where_it_keeps_up():
    history, cursor = history_of(), cursor_at(0, mode="latest")
    for offset in range(3):
        history.append(offset, 1, 0, b"x", now=0.0)
        assert take(cursor, history) == [(offset, offset + 1)]


def test_latest_tells_holes_and_evictions_on_the_way_in_the_same_gap():
    history, cursor = history_of((0, 1), (5, 1), (6, 1)), cursor_at(0, mode="latest")
    history.evict_oldest()
    assert take(cursor, history) == Hole(0, 6, "conflated")


def test_latest_inside_the_newest_payload_is_sent_all_of_it():
    history, cursor = history_of((0, 1), (1, 4)), cursor_at(3, mode="latest")
    assert take(cursor, history) == [(1, 5)]


# --- the end of an epoch ---------------------------------------------------------------------


def test_what_is_owed_of_an_ending_epoch_is_told_once_as_reset():
    history, cursor = history_of((0, 1), (5, 2)), cursor_at(0)
    take(cursor, history)
    assert cursor.abandon(history) == Hole(1, 7, "reset")
    assert cursor.abandon(history) is None


def test_a_cursor_that_kept_up_owes_nothing_of_an_ending_epoch():
    history, cursor = history_of((0, 1)), cursor_at(1)
    assert cursor.abandon(history) is None


def test_a_restart_begins_from_zero_unacknowledged():
    history, cursor = history_of((0, 1), (1, 1)), cursor_at(0, window=10)
    take(cursor, history)
    cursor.restart(start=0)
    assert (cursor.next, cursor.unacknowledged) == (0, 0)
    assert take(cursor, history) == [(0, 1)]
    assert cursor.unacknowledged == 10
