"""The publisher's side: $open, $publish, $published, $compact, $close, $streams, what is kept.

Source: protocol.md §5 (kernel -> server, $batch, $streams), §9 (history).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Stage, new_epoch
from tests.integration.stage import NOTHING, rows_of

MIB = 1024 * 1024
ARROW = "application/vnd.apache.arrow.stream"


async def closes(stage: Stage, event: str, *args: Any) -> bool:
    """Say something as the publisher; True if it is closed with 3501 for it."""
    await stage.publisher.tell(stage.ns, event, *args)
    await stage.publisher.until_closed()
    (bye,) = stage.publisher.of("$bye")[0]
    return (stage.publisher.close_code, bye["code"], bye["retry_ms"]) == (3501, 3501, None)


# --- $open -------------------------------------------------------------------------------------


async def test_open_is_answered_with_what_the_server_holds_of_the_epoch(stage: Stage):
    epoch = new_epoch()
    opened = await stage.open(epoch=epoch)
    assert opened == {"ok": True, "id": opened["id"], "next": 0}
    await stage.publish_all(opened["id"], [(3, b"abc"), (2, b"de")])
    assert await stage.open(epoch=epoch) == {"ok": True, "id": opened["id"], "next": 5}
    assert (await stage.open())["next"] == 0  # of a new epoch it holds nothing


async def test_media_and_mode_are_the_publishers_and_arrow_is_the_default(stage: Stage):
    await stage.open()
    await stage.open("camera", media="image/jpeg", mode="latest")
    wire = await stage.viewer()
    streams = {entry["stream"]: entry for entry in (await wire.first("$streams"))[0]}
    assert (streams["loss"]["media"], streams["loss"]["mode"]) == (ARROW, "every")
    assert (streams["camera"]["media"], streams["camera"]["mode"]) == ("image/jpeg", "latest")
    answer = await stage.subscribe(wire, "camera")
    assert (answer["media"], answer["mode"]) == ("image/jpeg", "latest")


@pytest.mark.parametrize(
    "media",
    ["application/x-ndjson", "image/jpeg", "image/png", "application/octet-stream", ARROW],
)
async def test_the_server_never_looks_inside_a_payload(stage: Stage, media: str):
    opened = await stage.open(media=media)
    wire, _ = await stage.watching()
    payload = bytes(range(256)) + b"not %s" % media.encode()
    await stage.publish(opened["id"], 0, 7, payload)
    assert (await wire.first("$batch"))[1] == payload


async def test_other_media_need_another_epoch(stage: Stage):
    epoch = new_epoch()
    await stage.open(epoch=epoch)
    answer = await stage.open(epoch=epoch, media="image/png")
    assert (answer["ok"], answer["code"]) == (False, 3501)
    wire, _ = await stage.watching()
    assert (await stage.open(media="image/png"))["ok"]
    assert (await wire.first("$reset"))[0]["media"] == "image/png"
    assert wire.of("$streams")[-1][0][0]["media"] == "image/png"


async def test_an_open_that_makes_no_sense_is_answered_so(stage: Stage):
    for wanted in (
        {},
        {"stream": "loss"},
        {"stream": "loss", "epoch": "0000000"},
        {"stream": "loss", "epoch": "0" * 65},
        {"stream": "loss", "epoch": "wxyzwxyz"},
        {"stream": "x" * 129, "epoch": "00000000"},
        {"stream": "loss", "epoch": "00000000", "media": "text/html"},
        {"stream": "loss", "epoch": "00000000", "mode": "some"},
        {"stream": "loss", "epoch": "00000000", "from": -1},
        {"stream": "loss", "epoch": "00000000", "history": 7},
        {"stream": "loss", "epoch": "00000000", "history": {"bytes": -1}},
        {"stream": "loss", "epoch": "00000000", "history": {"seconds": "1"}},
    ):
        answer = await stage.publisher.ask(stage.ns, "$open", wanted)
        assert set(answer) == {"ok", "code", "message"}, wanted
        assert (answer["ok"], answer["code"]) == (False, 3501), wanted
    assert (await stage.open())["ok"]


# --- $publish ----------------------------------------------------------------------------------


async def test_whole_duplicates_are_dropped_and_acknowledged(stage: Stage):
    opened = await stage.open()
    wire, _ = await stage.watching()
    await stage.publish_all(opened["id"], [(2, b"ab"), (3, b"cde")])
    await stage.publisher.until(lambda: stage.publisher.of("$published")[-1] == [[opened["id"], 5]])
    reported = len(stage.publisher.of("$published"))
    await stage.publish(opened["id"], 0, 2, b"AB")
    await stage.publish(opened["id"], 2, 3, b"CDE")
    assert await stage.publisher.first("$published", reported + 1) == [[opened["id"], 5]]
    await stage.settled(wire)
    assert rows_of(wire) == [(0, 2, b"ab"), (2, 3, b"cde")]


async def test_an_offset_beyond_next_is_a_gap_for_viewers_of_now_and_of_later(stage: Stage):
    opened = await stage.open()
    now, _ = await stage.watching()
    await stage.publish(opened["id"], 0, 2, b"ab")
    await stage.publish(opened["id"], 7, 1, b"h")
    await stage.settled(now)
    later, _ = await stage.watching()
    await stage.settled(later)
    for wire in (now, later):
        assert rows_of(wire) == [(0, 2, b"ab"), (7, 1, b"h")]
        assert wire.of("$gap") == [[[opened["id"], 2, 7, "publisher_overflow"]]]
        names = [name for _, name, _ in wire.heard if name in ("$batch", "$gap")]
        assert names == ["$batch", "$gap", "$batch"]


@pytest.mark.parametrize(("offset", "rows"), [(0, 6), (1, 5), (4, 2)])
async def test_a_partial_overlap_is_a_bad_request(stage: Stage, offset: int, rows: int):
    opened = await stage.open()
    await stage.publish(opened["id"], 0, 5, b"abcde")
    assert await closes(stage, "$publish", [opened["id"], offset, 1, rows], b"x")


async def test_a_publish_that_makes_no_sense_closes(stage: Stage):
    for head, payload in (
        ([NOTHING, 0, 1, 1], b"x"),
        ([1, 0, 1, 0], b"x"),
        ([1, -1, 1, 1], b"x"),
        ([1, 0, 1], b"x"),
        ([1, 0, 1, 1.5], b"x"),
        ([1, 2**53, 1, 1], b"x"),
        ([1, 0, 1, 1], "text"),
        ("nothing", b"x"),
    ):
        await stage.claim()
        assert (await stage.open())["id"] == 1
        assert await closes(stage, "$publish", head, payload), head


async def test_a_batch_tells_when_its_last_payload_left_the_publisher(stage: Stage):
    opened = await stage.open()
    for offset, moment in enumerate((1_000, 2_000, 3_000)):
        await stage.publish(opened["id"], offset, 1, b"x", moment)
    await stage.settled()
    wire, _ = await stage.watching()
    assert (await wire.first("$batch"))[0] == [opened["id"], 0, 3_000, 1, 1, 1]


async def test_a_batch_has_at_most_8_payloads_and_1_mib_or_one_larger_one(stage: Stage):
    opened = await stage.open()
    sizes = [10] * 20 + [400_000] * 5 + [2 * MIB, 10, MIB, 10]
    offset = await stage.publish_all(opened["id"], [(2, bytes(size)) for size in sizes])
    await stage.settled()
    wire, _ = await stage.watching()
    await wire.until(lambda: rows_of(wire) and sum(rows_of(wire)[-1][:2]) == offset)
    assert [len(payload) for _, _, payload in rows_of(wire)] == sizes
    for head, *payloads in wire.of("$batch"):
        assert len(payloads) <= 8 and len(head) == 3 + len(payloads)
        assert sum(map(len, payloads)) <= MIB or len(payloads) == 1
    assert len(wire.of("$batch")[0]) == 1 + 8


async def test_an_empty_payload_is_a_payload(stage: Stage):
    opened = await stage.open(media="application/octet-stream")
    wire, _ = await stage.watching()
    await stage.publish(opened["id"], 0, 1, b"")
    assert await wire.first("$batch") == [[opened["id"], 0, 1, 1], b""]


# --- $published --------------------------------------------------------------------------------


async def test_published_is_cumulative_and_at_most_20_a_second(stage: Stage):
    opened = await stage.open()
    began, offset = time.monotonic(), 0
    while time.monotonic() - began < 0.6:
        await stage.publish(opened["id"], offset)
        offset += 1
        await asyncio.sleep(0)
    await stage.publisher.until(
        lambda: stage.publisher.of("$published")[-1] == [[opened["id"], offset]]
    )
    elapsed = time.monotonic() - began
    reports = [next for ((_, next),) in stage.publisher.of("$published")]
    assert reports == sorted(set(reports))
    assert 3 <= len(reports) <= elapsed * 20 + 2


async def test_published_comes_at_once_after_1_mib(stage: Stage):
    opened = await stage.open()
    await stage.publish(opened["id"], 0)
    await stage.publisher.first("$published")  # from now on the next one may wait 50 ms
    for offset in range(1, 11):
        await stage.publish(opened["id"], offset, 1, bytes(MIB))
        answered = len(stage.publisher.others)
        await stage.publisher.ask(stage.ns, "$viewers")
        report, answer = stage.publisher.others[answered : answered + 2]
        assert report.args == [[opened["id"], offset + 1]]
        assert isinstance(answer, socketio.Answered)


# --- $compact ----------------------------------------------------------------------------------


async def small_ones(stage: Stage) -> dict[str, Any]:
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(1, b"a"), (2, b"bc"), (1, b"d"), (1, b"e")])
    await stage.settled()
    return opened


async def test_compact_replaces_exactly_its_range(stage: Stage):
    opened = await small_ones(stage)
    await stage.publisher.tell(stage.ns, "$compact", [opened["id"], 0, 1, 4], b"abcd")
    await stage.settled()
    wire, answer = await stage.watching()
    await stage.settled(wire)
    assert (answer["first"], answer["next"]) == (0, 5)
    assert rows_of(wire) == [(0, 4, b"abcd"), (4, 1, b"e")]


@pytest.mark.parametrize(
    ("offset", "rows"),
    [(0, 2), (1, 1), (2, 2), (1, 4), (0, 5), (4, 1), (3, 9), (90, 2)],
)
async def test_a_compact_that_is_not_of_whole_payloads_or_of_the_newest_is_ignored(
    stage: Stage, offset: int, rows: int
):
    opened = await small_ones(stage)
    await stage.publisher.tell(stage.ns, "$compact", [opened["id"], offset, 1, rows], b"merged")
    await stage.settled()
    wire, _ = await stage.watching()
    await stage.settled(wire)
    assert [payload for _, _, payload in rows_of(wire)] == [b"a", b"bc", b"d", b"e"]


async def test_after_a_compact_a_payload_may_begin_below_the_offset_expected(stage: Stage):
    epoch = new_epoch()
    opened = await stage.open(epoch=epoch)
    await stage.publish_all(opened["id"], [(1, b"a"), (2, b"bc"), (1, b"d"), (1, b"e")])
    wire, _ = await stage.watching(window=2)  # only "a" goes
    await stage.settled(wire)
    await stage.publisher.tell(stage.ns, "$compact", [opened["id"], 0, 1, 4], b"abcd")
    await stage.settled()
    await wire.tell(stage.ns, "$ack", [opened["id"], 1])
    await wire.first("$batch", 2)
    assert rows_of(wire) == [(0, 1, b"a"), (0, 4, b"abcd")]
    resumed, answer = await stage.watching(since=[epoch, 3])
    assert (answer["start"], answer["recovered"]) == (3, True)
    await resumed.first("$batch")
    assert rows_of(resumed)[0] == (0, 4, b"abcd")


# --- $close ------------------------------------------------------------------------------------


async def test_a_closed_stream_reads_ended_and_what_is_owed_still_follows(stage: Stage):
    opened = await small_ones(stage)
    wire, _ = await stage.watching(window=1)
    await stage.settled(wire)
    assert await stage.publisher.ask(stage.ns, "$close", {"id": opened["id"]}) == {"ok": True}
    await wire.until(lambda: wire.of("$streams")[-1][0][0]["ended"] is True)
    for count, next in enumerate((1, 3, 4), start=1):
        await wire.first("$batch", count)
        await wire.tell(stage.ns, "$ack", [opened["id"], next])
    assert (await wire.first("$batch", 4))[1] == b"e"
    late, answer = await stage.watching(tail=1)
    assert answer["ok"] and answer["next"] == 5
    assert (await late.first("$batch"))[1] == b"e"


async def test_a_closed_stream_takes_no_rows_until_it_is_opened_again(stage: Stage):
    epoch = new_epoch()
    opened = await stage.open(epoch=epoch)
    await stage.publish(opened["id"], 0)
    await stage.publisher.ask(stage.ns, "$close", {"id": opened["id"]})
    assert (await stage.open(epoch=epoch))["next"] == 1
    wire = await stage.viewer()
    assert (await wire.first("$streams"))[0][0]["ended"] is False
    await stage.publisher.ask(stage.ns, "$close", {"id": opened["id"]})
    assert await closes(stage, "$publish", [opened["id"], 1, 1, 1], b"x")


async def test_closing_what_is_not_open_is_refused(stage: Stage):
    answer = await stage.publisher.ask(stage.ns, "$close", {"id": NOTHING})
    assert (answer["ok"], answer["code"]) == (False, 3501)


# --- $streams ----------------------------------------------------------------------------------


async def test_streams_are_told_at_most_5_times_a_second_and_the_last_one_always(stage: Stage):
    wire = await stage.viewer()
    await wire.first("$streams")
    began = time.monotonic()
    names = []
    while time.monotonic() - began < 0.7:
        names.append(f"s{len(names)}")
        await stage.open(names[-1])
        await asyncio.sleep(0.005)
    await wire.until(lambda: len(wire.of("$streams")[-1][0]) == len(names))
    elapsed = time.monotonic() - began
    assert len(names) > 20
    assert len(wire.of("$streams")) - 1 <= elapsed * 5 + 1


async def test_streams_are_not_told_when_rows_arrive(stage: Stage):
    opened = await stage.open()
    wire, _ = await stage.watching()
    await stage.settled(wire)
    told = len(wire.of("$streams"))
    for offset in range(30):
        await stage.publish(opened["id"], offset)
        await asyncio.sleep(0.01)
    await stage.settled(wire)
    assert len(wire.of("$streams")) == told


async def test_streams_due_before_a_reset_are_told_at_once(stage: Stage):
    wire, _ = await stage.watching()
    epochs = [new_epoch() for _ in range(10)]
    for epoch in epochs:  # much faster than 5 a second
        await stage.open(epoch=epoch)
    await wire.first("$reset", 10)
    current = None
    resets = []
    for _, name, args in wire.heard:
        if name == "$streams" and args[0]:
            current = args[0][0]["epoch"]
        elif name == "$reset":
            resets.append(args[0]["epoch"])
            assert current == args[0]["epoch"]
    assert resets == epochs


# --- what is kept ------------------------------------------------------------------------------


@pytest.mark.parametrize("history", [{"rows": 3}, {"bytes": 3}, {"bytes": 3, "rows": 99}])
async def test_the_history_is_bounded_by_what_the_publisher_asked(
    stage: Stage, history: dict[str, int]
):
    opened = await stage.open(history=history)
    await stage.publish_all(opened["id"], [(1, b"x")] * 10)
    await stage.settled()
    _, answer = await stage.watching()
    assert (answer["first"], answer["next"]) == (7, 10)


async def test_the_history_is_bounded_in_age(stage: Stage):
    opened = await stage.open(history={"seconds": 0.1})
    await stage.publish(opened["id"], 0)
    await stage.settled()
    await asyncio.sleep(0.15)
    await stage.publish(opened["id"], 1)
    await stage.settled()
    _, answer = await stage.watching()
    assert answer["first"] == 1


@pytest.mark.parametrize("history", [{"rows": 1}, {"bytes": 1}, {"seconds": 0.0}, {"bytes": 0}])
async def test_the_newest_payload_is_always_kept(stage: Stage, history: dict[str, Any]):
    opened = await stage.open(history=history)
    await stage.publish_all(opened["id"], [(2, b"ab"), (5, b"cdefg")])
    await stage.settled()
    wire, answer = await stage.watching()
    assert (answer["first"], answer["next"]) == (2, 7)
    assert (await wire.first("$batch"))[1] == b"cdefg"
