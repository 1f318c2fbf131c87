"""Cursors, windows, slow viewers. Source: protocol.md §7."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from jupyter_sio.server.session import Session
from tests.integration.conftest import Stage, new_epoch
from tests.integration.stage import NOTHING, rows_of, rows_read
from tests.wire import Wire

KIB, MIB = 1024, 1024 * 1024


@pytest.fixture
def opened(stage: Stage, jp_asyncio_loop: Any) -> Iterator[dict[str, Any]]:
    """Open the stream ``loss`` and publish ten payloads of a row and four bytes."""
    run, epoch = jp_asyncio_loop.run_until_complete, new_epoch()
    answer = run(stage.open(epoch=epoch))
    run(stage.publish_all(answer["id"], [(1, b"%04d" % n) for n in range(10)]))
    run(stage.settled())
    yield {**answer, "epoch": epoch}


def offsets(wire: Wire) -> list[int]:
    return [offset for offset, _, _ in rows_of(wire)]


async def acknowledge(stage: Stage, wire: Wire, stream_id: int, next: int) -> None:
    await wire.tell(stage.ns, "$ack", [stream_id, next])
    await stage.settled(wire)


# --- the window --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "sent"), [(1, 1), (4, 1), (5, 1), (8, 1), (9, 2), (13, 3), (40, 9), (41, 10)]
)
async def test_payloads_are_added_only_while_unacknowledged_and_batch_stay_below_the_window(
    stage: Stage, opened: dict[str, Any], window: int, sent: int
):
    wire, answer = await stage.watching(window=window)
    await stage.settled(wire)
    assert answer["start"] == 0 and offsets(wire) == list(range(sent))


async def test_an_ack_releases_the_payloads_that_end_at_or_below_its_next(stage: Stage):
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(10, b"aaaa")] * 6)
    wire, _ = await stage.watching(window=9)
    await stage.settled(wire)
    assert offsets(wire) == [0, 10]
    await acknowledge(stage, wire, opened["id"], 9)  # the first payload ends at 10
    assert offsets(wire) == [0, 10]
    await acknowledge(stage, wire, opened["id"], 10)
    assert offsets(wire) == [0, 10, 20]
    await acknowledge(stage, wire, opened["id"], 30)  # cumulative
    assert offsets(wire) == [0, 10, 20, 30, 40]


async def test_an_ack_beyond_the_cursor_counts_as_the_cursor(stage: Stage, opened: dict[str, Any]):
    wire, _ = await stage.watching(window=5)
    await stage.settled(wire)
    await acknowledge(stage, wire, opened["id"], 1_000)
    assert offsets(wire) == [0, 1]


async def test_an_ack_repeated_or_of_old_releases_nothing_more(
    stage: Stage, opened: dict[str, Any]
):
    wire, _ = await stage.watching(window=5)
    await stage.settled(wire)
    for _ in range(3):
        await acknowledge(stage, wire, opened["id"], 1)
    await acknowledge(stage, wire, opened["id"], 0)
    assert offsets(wire) == [0, 1]


async def test_an_ack_without_a_window_or_of_no_subscription_is_ignored(
    stage: Stage, opened: dict[str, Any]
):
    wire, _ = await stage.watching()
    await stage.settled(wire)
    await acknowledge(stage, wire, opened["id"], 5)
    await acknowledge(stage, wire, NOTHING, 5)
    await stage.publish(opened["id"], 10)
    await stage.settled(wire)
    assert offsets(wire) == list(range(11)) and not wire.closed


async def test_an_ack_that_makes_no_sense_closes(stage: Stage):
    await stage.open()
    for args in ([], [[1]], [[1, -1]], [["1", 2]], [[1, None]], [{"id": 1}]):
        wire, _ = await stage.watching(window=5)
        await wire.tell(stage.ns, "$ack", *args)
        await wire.until_closed()
        assert wire.close_code == 3501, args


async def test_a_window_smaller_than_a_payload_lets_one_at_a_time_through(stage: Stage):
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(1, bytes(100))] * 3)
    wire, _ = await stage.watching(window=10)
    for next in (1, 2, 3):
        await stage.settled(wire)
        assert offsets(wire) == list(range(next))
        await acknowledge(stage, wire, opened["id"], next)


async def test_gaps_need_no_acknowledgement(stage: Stage):
    opened = await stage.open()
    await stage.publish(opened["id"], 0)
    wire, _ = await stage.watching(window=1)
    await stage.settled(wire)
    await stage.publish(opened["id"], 5)
    await acknowledge(stage, wire, opened["id"], 1)  # row 0, and nothing of the gap
    assert wire.of("$gap") == [[[opened["id"], 1, 5, "publisher_overflow"]]]
    assert offsets(wire) == [0, 5]


async def test_a_repeated_subscribe_starts_its_window_from_zero(
    stage: Stage, opened: dict[str, Any]
):
    wire, _ = await stage.watching(window=1)
    await stage.settled(wire)
    await stage.subscribe(wire, window=1, since=[opened["epoch"], 5])
    await stage.settled(wire)
    assert offsets(wire) == [0, 5]
    await stage.subscribe(wire, since=[opened["epoch"], 8])  # and now without
    await stage.settled(wire)
    assert offsets(wire) == [0, 5, 8, 9]


async def test_windows_of_different_streams_and_viewers_are_independent(stage: Stage):
    ids = {name: (await stage.open(name))["id"] for name in "ab"}
    held, _ = await stage.watching("a", window=1)
    await stage.subscribe(held, "b")
    free, _ = await stage.watching("a")
    for stream_id in ids.values():
        await stage.publish_all(stream_id, [(1, b"x")] * 5)
    await stage.settled(held, free)
    assert len(rows_of(held, ids["a"])) == 1 and len(rows_of(held, ids["b"])) == 5
    assert len(rows_of(free, ids["a"])) == 5


# --- latest ------------------------------------------------------------------------------------


async def test_latest_starts_at_the_newest_payload_and_no_gap_is_told(stage: Stage):
    opened = await stage.open(mode="latest")
    await stage.publish_all(opened["id"], [(1, b"a"), (1, b"b"), (3, b"ccc")])
    await stage.settled()
    for tail in (None, 5, 0):  # tail is ignored
        wire, answer = await stage.watching(tail=tail)
        assert (answer["mode"], answer["start"], answer["recovered"]) == ("latest", 2, False)
        await stage.settled(wire)
        assert rows_of(wire) == [(2, 3, b"ccc")] and not wire.of("$gap")


async def test_latest_with_since_tells_the_skipped_rows_as_conflated(
    stage: Stage, opened: dict[str, Any]
):
    wire, answer = await stage.watching(mode="latest", since=[opened["epoch"], 4])
    assert (answer["mode"], answer["start"], answer["recovered"]) == ("latest", 4, True)
    await stage.settled(wire)
    assert wire.of("$gap") == [[[opened["id"], 4, 9, "conflated"]]]
    assert offsets(wire) == [9]


async def test_latest_held_back_by_its_window_gets_the_newest_then(
    stage: Stage, opened: dict[str, Any]
):
    wire, _ = await stage.watching(mode="latest", window=1)
    await stage.settled(wire)
    for offset in range(10, 20):
        await stage.publish(opened["id"], offset)
        await stage.settled()
    assert offsets(wire) == [9]
    await acknowledge(stage, wire, opened["id"], 10)
    assert wire.of("$gap") == [[[opened["id"], 10, 19, "conflated"]]]
    assert offsets(wire) == [9, 19]


async def test_a_viewer_of_a_latest_stream_may_ask_for_every_row(stage: Stage):
    opened = await stage.open(mode="latest")
    await stage.publish_all(opened["id"], [(1, b"x")] * 5)
    await stage.settled()
    wire, answer = await stage.watching(mode="every")
    await stage.settled(wire)
    assert answer["mode"] == "every" and offsets(wire) == [0, 1, 2, 3, 4]


# --- evicted -----------------------------------------------------------------------------------


async def test_a_cursor_overtaken_by_first_jumps_there_and_the_hole_is_told(stage: Stage):
    opened = await stage.open(history={"rows": 3})
    wire, _ = await stage.watching(window=1)
    await stage.publish_all(opened["id"], [(1, b"x")] * 10)
    await stage.settled(wire)
    assert offsets(wire) == [0] and not wire.of("$gap")
    await acknowledge(stage, wire, opened["id"], 1)
    assert wire.of("$gap") == [[[opened["id"], 1, 7, "evicted"]]]
    assert offsets(wire) == [0, 7]


# --- what the transport takes ------------------------------------------------------------------


async def test_a_viewer_that_does_not_read_has_256_kib_and_one_batch_outstanding(stage: Stage):
    opened = await stage.open()
    async with stage.reluctant() as client:
        session = stage.sessions()[-1]
        await client.subscribe(stage.ns, "loss")
        for offset in range(64):
            await stage.publish(opened["id"], offset, 1, bytes(100 * KIB))
            await stage.settled()
            assert session.outstanding < 256 * KIB + MIB + KIB
        assert session.outstanding >= 256 * KIB


async def test_who_falls_behind_gets_fewer_and_larger_messages(stage: Stage):
    opened = await stage.open()
    quick, _ = await stage.watching()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        for offset in range(600):
            await stage.publish(opened["id"], offset, 1, bytes(2 * KIB))
            if offset % 50 == 0:
                await stage.settled(quick)
        await stage.settled(quick)
        await client.until(lambda: client.of("$batch") and rows_read(client) == 600)
        assert len(client.of("$batch")) < 0.7 * len(quick.of("$batch"))
        assert not client.of("$gap")


async def test_who_does_not_read_holds_nobody_else_back(stage: Stage):
    opened = await stage.open()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        quick, _ = await stage.watching()
        for offset in range(20):
            await stage.publish(opened["id"], offset, 1, bytes(200 * KIB))
            assert (await quick.first("$batch", offset + 1, seconds=2))[0][1] == offset


async def test_a_long_replay_never_starves_a_gauge(stage: Stage):
    history, gauge = await stage.open(), await stage.open("gauge", mode="latest")
    await stage.publish_all(history["id"], [(1, bytes(250 * KIB))] * 30)
    await stage.settled()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "gauge")
        await client.subscribe(stage.ns, "loss")
        while stage.sessions()[-1].outstanding < 256 * KIB:
            await asyncio.sleep(0.005)
        await stage.publish(gauge["id"], 0, 1, b"42")
        await client.until(lambda: rows_read(client) == 31)
        ids = [head[0] for head, *_ in client.of("$batch")]
        before = sum(len(head) - 3 for head, *_ in client.of("$batch")[: ids.index(gauge["id"])])
        assert before * 250 * KIB < 4 * MIB  # of 7.3


async def test_the_others_have_their_turn_after_a_mebibyte(stage: Stage, monkeypatch: Any):
    """However fast the socket takes what is written."""
    fanout, opened = stage.server.sio.fanout, await stage.open()
    wires = [(await stage.watching())[0] for _ in range(2)]
    send, turns = fanout._send_next, []

    def noted(subscription: Any, framed: Any) -> int | None:
        size = send(subscription, framed)
        turns.append((subscription.viewer.id, size or 0))
        return size

    monkeypatch.setattr(Session, "writable", True)
    monkeypatch.setattr(fanout, "_send_next", noted)
    monkeypatch.setattr(fanout, "_schedule", lambda: None)
    await stage.publish_all(opened["id"], [(1, bytes(256 * KIB))] * 24)
    await stage.settled(*wires)
    fanout._pump()
    sent = [sum(size for id, size in turns if id == viewer) for viewer in {id for id, _ in turns}]
    assert len(sent) == 2 and max(sent) <= 2 * MIB


async def test_a_replay_of_one_kernel_does_not_starve_a_gauge_of_another(
    stage: Stage, quiet_spec: str
):
    """Both over one connection, which takes less than is due."""
    other = Stage(stage.server, await stage.server.start_kernel(quiet_spec))
    await other.claim()
    history, gauge = await stage.open(), await other.open("gauge", mode="latest")
    await stage.publish_all(history["id"], [(1, bytes(64 * KIB))] * 115)
    await stage.settled()
    async with stage.reluctant() as client:
        await client.join(other.ns)
        await client.subscribe(other.ns, "gauge")
        await client.subscribe(stage.ns, "loss")
        while stage.sessions()[-1].outstanding < 256 * KIB:
            await asyncio.sleep(0.005)
        await other.publish(gauge["id"], 0, 1, b"42")
        await client.until(lambda: rows_read(client) == 116)
        payloads = [payload for _, *payloads in client.of("$batch") for payload in payloads]
        assert payloads.index(b"42") * 64 * KIB < 4 * MIB  # of 7.2
    await other.close()


async def test_a_gauge_keeps_its_pace_beside_a_replay(stage: Stage):
    history, gauge = await stage.open(), await stage.open("gauge", mode="latest")
    await stage.publish_all(history["id"], [(1, bytes(64 * KIB))] * 120)
    wire, _ = await stage.watching("gauge")
    await stage.subscribe(wire)
    offset = 0
    while len(rows_of(wire, history["id"])) < 120:
        await stage.publish(gauge["id"], offset)
        offset += 1
        await stage.settled(wire)
        assert len(rows_of(wire, gauge["id"])) + skipped(wire) == offset


def skipped(wire: Wire) -> int:
    return sum(end - start for ((_, start, end, _),) in wire.of("$gap"))


# --- memory ------------------------------------------------------------------------------------


def resident() -> int:
    gc.collect()
    return psutil.Process(os.getpid()).memory_info().rss


async def test_a_stalled_viewer_costs_a_bounded_memory_while_200_mib_pass(stage: Stage):
    opened = await stage.open()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        before = 0
        for offset in range(220):
            await stage.publish(opened["id"], offset, 1, bytes(MIB))
            await stage.publisher.first("$published", offset + 1)
            if offset == 20:  # the history and the buffers are full by now
                before = resident()
        assert resident() - before < 16 * MIB
        assert stage.sessions()[-1].outstanding < 256 * KIB + MIB + KIB
        seen = len(client.of("$batch"))
        await client.until(lambda: client.of("$batch") and client.of("$batch")[-1][0][1] == 219)
        assert seen == 0 and len(client.of("$gap")) == 1
        ((gap,),) = client.of("$gap")
        assert gap[3] == "evicted" and gap[2] - gap[1] > 200
        assert rows_read(client) + gap[2] - gap[1] == 220
