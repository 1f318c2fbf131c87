"""A stream with a hub that a test turns by hand, and no link."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, Overflow, RowError, SioError
from jupyter_sio.kernel.stream import Options, Stream
from jupyter_sio.protocol.messages import Publish
from tests.kernel.peer import table

BOUNDS = limits.Outbox()


class Hub:
    """Says what it is told to say, and takes payloads when asked."""

    def __init__(self) -> None:
        self.sending = True
        self.online = True
        self.hurried = 0
        self.notices = 0
        self.expected: list[float] = []
        self.ended: list[Stream] = []

    def hurry(self) -> None:
        self.hurried += 1

    def notice(self) -> None:
        self.notices += 1

    def expect(self, due: float) -> None:
        self.expected.append(due)

    def end_stream(self, stream: Stream) -> None:
        self.ended.append(stream)


@pytest.fixture
def hub() -> Hub:
    return Hub()


def made(hub: Hub, bounds: limits.Outbox = BOUNDS, **options: Any) -> Stream:
    """A stream that its server has opened."""
    stream = Stream(hub, "loss", Options(**options), bounds=bounds)
    stream.opened(stream.open().epoch, 1, 0)
    return stream


def taken(stream: Stream) -> list[Publish]:
    found = []
    while (publish := stream.take(0.0)) is not None:
        found.append(publish)
    return found


def rows(stream: Stream) -> list[dict[str, Any]]:
    """What the payloads say that can be sent now; everything pushed is among them."""
    stream.seal()
    return [row for publish in taken(stream) for row in table(publish.payload).to_pylist()]


# --- pushing ---------------------------------------------------------------------------------


def test_the_first_row_is_sealed_by_the_push_itself(hub):
    stream = made(hub)
    stream.push(step=1, loss=0.5)
    (publish,) = taken(stream)
    assert (publish.id, publish.offset, publish.rows) == (1, 0, 1)
    assert abs(publish.time - time.time() * 1000) < 5000
    assert hub.hurried


def test_rows_of_the_next_16_ms_are_left_to_the_link(hub):
    stream = made(hub, replace(BOUNDS, flush_seconds=60.0))
    stream.push(step=1)
    taken(stream)
    stream.push(step=2)
    stream.push(step=3)
    assert taken(stream) == []
    now = time.monotonic()
    assert now < stream.due() < now + 60.0
    assert hub.expected == [stream.due()]
    stream.seal_due(now + 61.0)
    assert [publish.rows for publish in taken(stream)] == [2]


def test_a_full_payload_is_sealed_by_the_push_that_fills_it(hub):
    stream = made(hub, replace(BOUNDS, flush_seconds=60.0, flush_bytes=160))
    for step in range(25):
        stream.push(step=step, loss=0.5)
    assert [publish.rows for publish in taken(stream)] == [1, 10, 10]


def test_rows_arrive_in_the_order_pushed_fast_or_slow(hub):
    stream = made(hub)
    values = [1, 2, 3.5, None, 4, np.float32(0.5), 5, float("inf"), True]
    for value in values[:-1]:
        stream.push(x=value)
    with pytest.raises(RowError):
        stream.push(x=values[-1])
    assert [row["x"] for row in rows(stream)] == values[:-1]


def test_a_push_that_fails_uses_no_offset(hub):
    stream = made(hub)
    stream.push(x=1)
    with pytest.raises(RowError):
        stream.push(x="text")
    with pytest.raises(RowError):
        stream.push(x=2**63)
    stream.push(x=2)
    assert rows(stream) == [{"x": 1}, {"x": 2}]
    assert stream.statistics().rows == 2


def test_columns_may_be_named_as_anything(hub):
    stream = made(hub)
    stream.push(**{"self": 1, "value": 2, "": 3, "a b": 4})
    assert rows(stream) == [{"self": 1, "value": 2, "": 3, "a b": 4}]


def test_columns_in_another_order_are_the_same_columns(hub):
    stream = made(hub)
    stream.push(a=1, b=2.0)
    stream.push(b=3.0, a=4)
    assert rows(stream) == [{"a": 1, "b": 2.0}, {"a": 4, "b": 3.0}]


def test_a_table_row_is_not_pushed_as_one_value(hub):
    with pytest.raises(RowError, match=r"push\(step=1, loss=0.5\); got one positional value"):
        made(hub).push({"step": 1})


def test_declared_columns_hold_from_the_first_push(hub):
    stream = made(hub, columns={"step": "int64"})
    stream.push(step=1)
    with pytest.raises(RowError, match="has columns step; got 'stp'"):
        stream.push(stp=1)


# --- other media -----------------------------------------------------------------------------


def test_json_values_are_lines(hub):
    stream = made(hub, media="application/x-ndjson")
    values = [{"a": [1, None, "grün\n"]}, "text", 5, [np.float32(0.5), np.int64(3)]]
    for value in values:
        stream.push(value)
    stream.seal()
    lines = b"".join(publish.payload for publish in taken(stream)).decode().splitlines()
    assert [json.loads(line) for line in lines] == [*values[:3], [0.5, 3]]


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], object(), {1, 2}, b"x", "\ud800"])
def test_what_is_not_json_is_refused(hub, value):
    stream = made(hub, media="application/x-ndjson")
    with pytest.raises(RowError, match="stream 'loss': expected a value that JSON can hold"):
        stream.push(value)
    assert stream.statistics().rows == 0


@pytest.mark.parametrize("media", ["image/jpeg", "image/png", "application/octet-stream"])
@pytest.mark.parametrize("value", [b"\xff\xd8", bytearray(b"\xff\xd8"), memoryview(b"\xff\xd8")])
def test_a_blob_is_a_payload(hub, media, value):
    stream = made(hub, media=media)
    stream.push(value)
    stream.push(b"second")
    stream.seal()
    assert [(p.rows, p.payload) for p in taken(stream)] == [(1, b"\xff\xd8"), (1, b"second")]


def test_a_blob_beyond_4_mib_is_refused(hub):
    stream = made(hub, media="image/png")
    stream.push(bytes(4 * limits.MIB))
    with pytest.raises(RowError, match="may have 4194304 bytes; got 4194305"):
        stream.push(bytes(4 * limits.MIB + 1))


@pytest.mark.parametrize(("args", "row"), [((), {}), ((1, 2), {}), ((1,), {"x": 1})])
def test_other_media_take_one_value(hub, args, row):
    with pytest.raises(RowError, match=r"push\(value\) takes one value"):
        made(hub, media="application/x-ndjson").push(*args, **row)


@pytest.mark.parametrize(
    "options", [{"media": "text/plain"}, {"mode": "some"}, {"overflow": "explode"}]
)
def test_a_word_that_there_is_not_is_refused(hub, options):
    with pytest.raises(BadRequest, match="must be one of"):
        Stream(hub, "loss", Options(**options))


def test_only_a_table_has_columns(hub):
    with pytest.raises(RowError, match="only a table has columns"):
        made(hub, media="image/png", columns={"x": "int64"})


# --- snapshots -------------------------------------------------------------------------------


def test_what_is_changed_after_the_push_is_sent_as_it_was(hub):
    stream = made(hub, replace(BOUNDS, flush_seconds=60.0))
    stream.push(x=0.0)
    scalar, column = np.array(1.5), np.arange(1000.0)
    few = {"x": [1.0, 2.0]}
    frame = pd.DataFrame({"x": np.arange(1000.0)})
    stream.push(x=scalar)
    stream.extend({"x": column})
    stream.extend(few)
    stream.extend(frame)
    scalar[...] = column[:] = -1.0
    few["x"][0] = -1.0
    frame.loc[:, "x"] = -1.0
    expected = [0.0, 1.5, *range(1000), 1.0, 2.0, *range(1000)]
    assert [row["x"] for row in rows(stream)] == expected


def test_a_json_value_changed_after_the_push_is_sent_as_it_was(hub):
    stream = made(hub, media="application/x-ndjson")
    value = {"a": [1]}
    stream.push(value)
    value["a"].append(2)
    stream.seal()
    assert [publish.payload for publish in taken(stream)] == [b'{"a":[1]}\n']


# --- extending -------------------------------------------------------------------------------


def test_a_table_comes_after_the_rows_pushed_before(hub):
    stream = made(hub)
    stream.push(x=0)
    stream.push(x=1)
    stream.extend({"x": list(range(2, 200))})
    stream.push(x=200)
    assert [row["x"] for row in rows(stream)] == list(range(201))


def test_an_empty_table_does_nothing(hub):
    stream = made(hub)
    stream.extend({})
    stream.extend([])
    stream.extend({"x": []})
    stream.extend(pd.DataFrame({"x": []}))
    assert stream.statistics().rows == 0
    assert taken(stream) == []


def test_few_rows_are_gathered_as_if_pushed(hub):
    stream = made(hub, replace(BOUNDS, flush_seconds=60.0))
    for i in range(10):
        stream.extend({"i": [i], "text": ["x"]})
    stream.seal()
    assert [publish.rows for publish in taken(stream)] == [1, 9]


def test_a_table_that_fails_late_leaves_no_row(hub):
    stream = made(hub)
    batches = iter([{"x": 1}] * 500 + [{"x": "text"}])
    with pytest.raises(RowError):
        stream.extend(list(batches))
    assert stream.statistics().rows == 0


def test_a_table_whose_second_batch_fails_leaves_no_row(hub):
    stream = made(hub)
    stream.push(i=0)
    batches = [pa.record_batch({"i": pa.array([i], pa.uint64())}) for i in (1, 2**63)]
    with pytest.raises(RowError, match="64 bits"):
        stream.extend(pa.Table.from_batches(batches))
    assert stream.statistics().rows == 1


def test_values_of_other_media_are_pushed_one_by_one(hub):
    stream = made(hub, media="application/x-ndjson")
    stream.extend([1, {"a": 2}])
    assert stream.statistics().rows == 2


def test_a_table_larger_than_the_outbox_waits_for_the_link(hub):
    bounds = replace(BOUNDS, bytes=1 << 20, in_flight_bytes=1 << 18)
    stream = made(hub, bounds)
    received: list[Publish] = []

    def serve() -> None:
        while sum(publish.rows for publish in received) < 500_000:
            for publish in taken(stream):
                received.append(publish)
                stream.published(publish.offset + publish.rows)

    thread = threading.Thread(target=serve)
    thread.start()
    stream.extend({"x": np.arange(500_000.0)})
    thread.join(20)
    assert stream.statistics().dropped == 0
    assert sum(publish.rows for publish in received) == 500_000


# --- overflow --------------------------------------------------------------------------------

SMALL = replace(BOUNDS, bytes=8192, flush_bytes=800)


def fill(stream: Stream, count: int = 1000) -> None:
    for step in range(count):
        stream.push(step=step)


def test_by_default_the_oldest_rows_are_dropped(hub):
    stream = made(hub, SMALL)
    fill(stream)
    found = stream.statistics()
    assert found.rows == 1000
    assert 0 < found.dropped < 1000
    assert rows(stream)[-1] == {"step": 999}


def test_a_full_stream_may_raise_instead(hub):
    stream = made(hub, SMALL, overflow="raise")
    with pytest.raises(Overflow, match=r"stream 'loss' holds .* of 8192 allowed"):
        fill(stream)
    pushed = stream.statistics().rows
    with pytest.raises(Overflow):
        stream.push(step=0)
    assert stream.statistics().rows == pushed
    assert stream.statistics().dropped == 0
    stream.seal()
    sent = taken(stream)
    stream.published(sent[-1].offset + sent[-1].rows)
    stream.push(step=0)
    assert stream.statistics().rows == pushed + 1


def test_a_full_stream_may_wait_instead(hub):
    stream = made(hub, SMALL, overflow="block")
    thread = threading.Thread(target=fill, args=(stream,))
    thread.start()
    received = 0
    while received < 1000:
        stream.seal_due(time.monotonic())
        for publish in taken(stream):
            received += publish.rows
            stream.published(publish.offset + publish.rows)
    thread.join(5)
    assert stream.statistics().dropped == 0


def test_a_stream_that_waited_too_long_drops_the_oldest(hub):
    stream = made(hub, replace(SMALL, block_seconds=0.01), overflow="block")
    fill(stream)
    assert stream.statistics().dropped > 0


# --- without a server ------------------------------------------------------------------------


def test_rows_that_go_nowhere_are_counted(hub):
    hub.sending = hub.online = False
    stream = Stream(hub, "loss")
    fill(stream)
    stream.extend({"step": list(range(500))})
    assert stream.statistics()[:4] == (1500, 0, 0, 1500)
    assert stream.flush() is False


def test_rows_are_validated_also_where_they_go_nowhere(hub):
    hub.sending = hub.online = False
    stream = Stream(hub, "loss", Options(columns={"step": "int64"}))
    with pytest.raises(RowError):
        stream.push(step="text")


# --- flush, restart, close -------------------------------------------------------------------


def test_flush_waits_for_the_acknowledgement(hub):
    stream = made(hub)
    stream.push(x=1)
    stream.push(x=2)
    timer = threading.Timer(0.05, stream.published, (2,))
    timer.start()
    assert stream.flush(timeout=5.0) is True
    timer.join()


def test_flush_gives_up_at_the_timeout(hub):
    stream = made(hub)
    stream.push(x=1)
    began = time.monotonic()
    assert stream.flush(timeout=0.05) is False
    assert 0.04 < time.monotonic() - began < 2


def test_flush_says_so_if_a_row_was_dropped(hub):
    stream = made(hub, SMALL)
    fill(stream)
    stream.seal()
    stream.published(1000)
    assert stream.flush() is False


def test_flush_of_nothing_is_true(hub):
    assert made(hub).flush(timeout=0.0) is True


def test_a_restarted_stream_begins_at_offset_0_of_another_epoch(hub):
    stream = made(hub)
    epoch = stream.epoch
    stream.push(x=1)
    stream.restart()
    stream.push(x="now text")
    assert stream.epoch != epoch
    assert taken(stream) == []
    message = stream.open()
    assert (message.epoch, message.start) == (stream.epoch, 0)
    stream.opened(stream.epoch, 1, 0)
    assert rows(stream) == [{"x": "now text"}]


def test_what_the_old_epoch_is_answered_does_not_touch_the_new_one(hub):
    stream = made(hub)
    old = stream.epoch
    stream.restart()
    stream.push(x=1)
    stream.published(7)
    stream.opened(old, 1, 7)
    assert stream.id is None
    assert stream.statistics().in_flight == 1


def test_a_closed_stream_takes_no_more_rows(hub):
    stream = made(hub)
    stream.push(x=1)
    stream.close()
    stream.close()
    assert hub.ended == [stream]
    with pytest.raises(SioError, match="stream 'loss' is closed"):
        stream.push(x=2)
    with pytest.raises(SioError, match="is closed"):
        stream.extend({"x": [2]})
    with pytest.raises(SioError, match="is closed"):
        stream.restart()
    assert rows(stream) == [{"x": 1}]


# --- statistics ------------------------------------------------------------------------------


def test_statistics_name_what_they_count(hub):
    stream = made(hub)
    stream.push(x=1)
    (publish,) = taken(stream)
    found = stream.statistics()
    assert found._fields == ("rows", "bytes", "batches", "dropped", "in_flight", "lag_seconds")
    assert found[:5] == (1, len(publish.payload), 1, 0, 1)
    assert 0 <= found.lag_seconds < 5
    stream.published(1)
    assert stream.statistics()[4:] == (0, 0.0)


# --- compaction ------------------------------------------------------------------------------


@pytest.mark.parametrize(("media", "value"), [("application/x-ndjson", ({"a": 1},)), (None, ())])
def test_64_small_payloads_are_sent_again_as_one(hub, media, value):
    stream = made(hub, replace(BOUNDS, flush_seconds=0.0), **({"media": media} if media else {}))
    compact = None
    sent = []
    for i in range(65):
        stream.push(*value, **({} if media else {"i": i}))
        sent += taken(stream)
        assert compact is None
        compact = stream.published(i + 1)
    assert len(sent) == 65
    assert (compact.offset, compact.rows, compact.time) == (0, 64, sent[63].time)
    if media is None:
        assert table(compact.payload).to_pylist() == [{"i": i} for i in range(64)]
        assert len(compact.payload) < sum(len(publish.payload) for publish in sent) / 10
    else:
        assert compact.payload == b'{"a":1}\n' * 64


def test_a_stream_of_latest_values_is_not_compacted(hub):
    stream = made(hub, replace(BOUNDS, flush_seconds=0.0), mode="latest")
    for i in range(200):
        stream.push(i=i)
        taken(stream)
        assert stream.published(i + 1) is None
