"""The kernel's side of one stream, driven by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_sio import limits
from jupyter_sio.errors import Overflow
from jupyter_sio.protocol.outbox import NEVER, Encoded, Outbox, rows_of

BOUNDS = limits.Outbox(
    bytes=100, in_flight_bytes=40, flush_bytes=10, flush_seconds=0.016, compact_payloads=4
)
SCHEMA = object()


def opened(**options) -> Outbox:
    outbox = Outbox(BOUNDS, **options)
    outbox.fill = 10
    outbox.resume(0)
    return outbox


def put(outbox: Outbox, *sizes: int, now: float = 1.0, rows: int = 1, small: bool = True) -> None:
    """Number one payload for each size."""
    for size in sizes:
        source = [f"row {outbox.next}"] if small else None
        outbox.numbered([Encoded(rows, b"x" * size, source, SCHEMA)], taken=0, now=now, time=7)


def sent(outbox: Outbox) -> list[tuple[int, int]]:
    found = []
    while (payload := outbox.take(0.0)) is not None:
        found.append((payload.offset, payload.end))
    return found


# --- when to flush ---------------------------------------------------------------------------


def test_first_row_goes_at_once():
    outbox = opened()
    assert not outbox.ready(now=5.0)
    outbox.rows.append("a")
    assert outbox.ready(now=5.0)


def test_rows_after_a_flush_wait_until_16_ms_are_over():
    outbox = opened()
    put(outbox, 1, now=5.0)
    sent(outbox)
    outbox.rows.append("a")
    assert not outbox.ready(now=5.015)
    assert outbox.ready(now=5.016)


def test_a_full_payload_does_not_wait():
    outbox = opened()
    put(outbox, 1, now=5.0)
    sent(outbox)
    outbox.rows += ["a"] * 10
    assert outbox.ready(now=5.001)


def test_heavy_rows_fill_a_payload_before_their_number_does():
    outbox = opened()
    put(outbox, 1, now=5.0)
    sent(outbox)
    outbox.rows.append("aaaaaaaaaa")
    outbox.weight = 10
    assert outbox.ready(now=5.001)


def test_while_nothing_can_be_sent_only_full_payloads_are_made():
    outbox = Outbox(BOUNDS)
    outbox.fill = 10
    outbox.rows.append("a")
    assert outbox.due == NEVER
    assert not outbox.ready(now=99.0)
    outbox.rows += ["a"] * 9
    assert outbox.ready(now=99.0)


def test_while_payloads_wait_for_the_server_rows_gather():
    outbox = opened()
    put(outbox, 30, 30)
    assert sent(outbox) == [(0, 1)]
    outbox.rows.append("a")
    assert not outbox.ready(now=99.0)
    outbox.acknowledge(1)
    assert sent(outbox) == [(1, 2)]
    assert outbox.ready(now=99.0)


# --- numbers ---------------------------------------------------------------------------------


def test_payloads_are_numbered_without_a_hole():
    outbox = opened()
    outbox.rows += ["a", "b", "c"]
    outbox.numbered([Encoded(2, b"ab"), Encoded(1, b"c")], taken=3, now=1.0, time=7)
    assert sent(outbox) == [(0, 2), (2, 3)]
    assert (outbox.rows, outbox.next) == ([], 3)


def test_rows_pushed_while_others_were_encoded_stay_gathered():
    outbox = opened()
    outbox.rows += ["a", "b", "late"]
    outbox.numbered([Encoded(2, b"ab")], taken=2, now=1.0, time=7)
    assert (outbox.rows, outbox.end) == (["late"], 3)


def test_rows_that_nobody_will_ask_for_have_their_offsets_and_count_as_dropped():
    outbox = Outbox(BOUNDS)
    outbox.rows += ["a", "b"]
    outbox.forget_gathered()
    assert (outbox.next, outbox.dropped, outbox.rows) == (2, 2, [])


# --- in flight -------------------------------------------------------------------------------


def test_no_more_is_sent_than_may_be_in_flight():
    outbox = opened()
    put(outbox, 20, 20, 20)
    assert sent(outbox) == [(0, 1), (1, 2)]
    outbox.acknowledge(1)
    assert sent(outbox) == [(2, 3)]


def test_one_payload_larger_than_the_bound_goes_alone():
    outbox = opened()
    put(outbox, 60, 1)
    assert sent(outbox) == [(0, 1)]
    outbox.acknowledge(1)
    assert sent(outbox) == [(1, 2)]


def test_after_a_cut_everything_unacknowledged_is_sent_again_whole():
    outbox = opened()
    put(outbox, 1, 1, 1)
    sent(outbox)
    outbox.acknowledge(1)
    outbox.pause()
    assert sent(outbox) == []
    assert outbox.start == 1
    assert outbox.resume(2)
    assert sent(outbox) == [(2, 3)]


def test_a_server_that_holds_what_was_never_pushed_needs_another_epoch():
    outbox = opened()
    put(outbox, 1)
    outbox.pause()
    assert not outbox.resume(2)


def test_a_server_that_holds_half_a_payload_needs_another_epoch():
    outbox = opened()
    put(outbox, 1, rows=4)
    outbox.pause()
    assert not outbox.resume(2)


# --- overflow --------------------------------------------------------------------------------


def test_when_full_the_oldest_unsent_payloads_are_dropped():
    outbox = opened()
    put(outbox, 20, 20)
    sent(outbox)
    put(outbox, 20, 20, 20, 20)
    assert outbox.dropped == 1
    outbox.acknowledge(2)
    assert sent(outbox) == [(3, 4), (4, 5)]


def test_offline_the_oldest_payloads_are_dropped_and_the_hole_is_at_the_front():
    outbox = Outbox(BOUNDS)
    put(outbox, *[20] * 8)
    assert (outbox.dropped, outbox.start, outbox.bytes) == (3, 3, 100)
    assert outbox.resume(3)
    assert outbox.dropped == 3


def test_what_the_server_may_have_is_not_dropped_while_it_is_away():
    outbox = opened()
    put(outbox, 20, 20)
    sent(outbox)
    outbox.pause()
    put(outbox, *[20] * 5)
    assert (outbox.dropped, outbox.start) == (2, 0)
    assert outbox.resume(1)
    assert sent(outbox) == [(1, 2), (4, 5)]


def test_the_newest_payload_is_kept_however_large():
    outbox = Outbox(BOUNDS)
    put(outbox, 20, 200)
    assert (outbox.dropped, outbox.start, outbox.bytes) == (1, 1, 200)


def test_what_was_never_sent_may_be_dropped_once_all_before_is_acknowledged():
    outbox = opened()
    put(outbox, 20, 20)
    sent(outbox)
    outbox.acknowledge(2)
    put(outbox, *[20] * 8)
    assert (outbox.dropped, outbox.start, outbox.bytes) == (3, 5, 100)


def test_an_acknowledgement_within_a_payload_releases_nothing_of_it():
    outbox = opened()
    put(outbox, 20, rows=3)
    sent(outbox)
    outbox.acknowledge(2)
    assert (outbox.start, outbox.bytes) == (0, 20)
    outbox.acknowledge(3)
    assert (outbox.start, outbox.bytes) == (3, 0)


def test_raising_outbox_refuses_the_row_before_it_is_taken():
    outbox = Outbox(BOUNDS, policy="raise")
    put(outbox, 90)
    outbox.check_room("loss", 10)
    with pytest.raises(Overflow, match="stream 'loss' holds 90 bytes"):
        outbox.check_room("loss", 11)


# --- compaction ------------------------------------------------------------------------------


def test_four_small_acknowledged_payloads_are_compacted_once_a_newer_one_exists():
    outbox = opened()
    put(outbox, 1, 1, 1, 1)
    sent(outbox)
    outbox.acknowledge(4)
    assert outbox.compactable() is None
    put(outbox, 1)
    run = outbox.compactable()
    assert (run[0].offset, run[-1].end) == (0, 4)
    assert rows_of(run) == ["row 0", "row 1", "row 2", "row 3"]
    assert outbox.compactable() is None


@pytest.mark.parametrize("between", ["large", "schema", "dropped"])
def test_a_run_is_broken_by_what_cannot_be_joined(between):
    outbox = opened()
    put(outbox, 1, 1)
    if between == "large":
        put(outbox, 1, small=False)
    elif between == "schema":
        outbox.numbered([Encoded(1, b"x", ["other"], object())], taken=0, now=1.0, time=7)
    else:
        outbox.skip(1)
    put(outbox, 1, 1, 1)
    sent(outbox)
    outbox.acknowledge(6)
    assert outbox.compactable() is None


def test_a_stream_of_latest_values_is_never_compacted():
    outbox = opened(compacting=False)
    put(outbox, *[1] * 9)
    sent(outbox)
    outbox.acknowledge(8)
    assert outbox.compactable() is None


# --- counting --------------------------------------------------------------------------------


def test_statistics_count_rows_that_are_under_way():
    outbox = opened()
    put(outbox, 5, 5, now=1.0, rows=3)
    outbox.acknowledge(3)
    outbox.rows.append("a")
    found = outbox.statistics(now=1.5)
    assert found == (7, 10, 2, 0, 4, 0.5)
    assert found.in_flight == 4 and found.lag_seconds == 0.5


# --- whatever happens ------------------------------------------------------------------------

STEP = st.sampled_from(["push", "push", "send", "send", "ack", "cut", "restart"])


@given(st.lists(STEP, max_size=200), st.integers(1, 30))
def test_every_row_reaches_the_server_once_or_is_counted_as_dropped(steps, size):
    outbox = opened()
    held, lost = 0, 0  # the server's next, its declared holes

    def receive(payload):
        nonlocal held, lost
        if payload.end > held:
            assert payload.offset >= held, "half a payload twice"
            lost += payload.offset - held
            held = payload.end

    connected = True
    for step in steps:
        if step == "push":
            put(outbox, size)
        elif step == "send" and connected and (payload := outbox.take(0.0)):
            receive(payload)
        elif step == "ack" and connected:
            outbox.acknowledge(held)
        elif step == "cut":
            outbox.pause()
            connected = False
        elif step == "restart" and not connected:
            assert outbox.resume(held)
            connected = True
    outbox.pause()
    assert outbox.resume(held)
    for _ in range(1000):
        if (payload := outbox.take(0.0)) is not None:
            receive(payload)
        outbox.acknowledge(held)
    assert held == outbox.next
    assert lost == outbox.dropped
    assert outbox.statistics(0.0).in_flight == 0
