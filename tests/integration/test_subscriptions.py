"""$subscribe and what follows it: starts, resumes, replacing, waiting, epochs.

Source: protocol.md §5 (viewer -> server; a new epoch), §7 (finding the start).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.conftest import Stage, new_epoch
from tests.integration.stage import NOTHING, rows_of
from tests.wire import Wire

ARROW = "application/vnd.apache.arrow.stream"
OTHER = "feedfeedfeedfeed"


async def ten_rows(stage: Stage, **other: Any) -> dict[str, Any]:
    """Open a stream and publish rows 0 … 9, one payload each; returns the answer with its epoch."""
    epoch = new_epoch()
    opened = await stage.open(epoch=epoch, **other)
    await stage.publish_all(opened["id"], [(1, b"%d" % n) for n in range(10)])
    await stage.settled()
    return {**opened, "epoch": epoch}


def told(wire: Wire) -> list[str]:
    """Name what came, without the welcome and the news."""
    return [name for _, name, _ in wire.heard if name in ("$batch", "$gap", "$reset")]


# --- where a subscription starts ---------------------------------------------------------------


async def test_the_answer_says_what_the_stream_is_and_where_the_viewer_starts(stage: Stage):
    opened = await ten_rows(stage, media="application/x-ndjson")
    _, answer = await stage.watching()
    assert answer == {
        "ok": True, "id": opened["id"], "media": "application/x-ndjson", "mode": "every",
        "epoch": opened["epoch"], "first": 0, "next": 10, "start": 0, "recovered": False,
        "waiting": False,
    }  # fmt: skip


async def test_without_since_and_tail_the_whole_history_comes(stage: Stage):
    await ten_rows(stage)
    wire, _ = await stage.watching()
    await wire.until(lambda: len(rows_of(wire)) == 10)
    assert rows_of(wire) == [(n, 1, b"%d" % n) for n in range(10)]


@pytest.mark.parametrize(("tail", "start"), [(0, 10), (3, 7), (10, 0), (11, 0), (10**9, 0)])
async def test_tail_is_so_many_rows_back_from_next(stage: Stage, tail: int, start: int):
    await ten_rows(stage)
    wire, answer = await stage.watching(tail=tail)
    assert (answer["start"], answer["recovered"]) == (start, False)
    await stage.settled(wire)
    assert [offset for offset, _, _ in rows_of(wire)] == list(range(start, 10))


@pytest.mark.parametrize("offset", [0, 4, 9, 10])
async def test_since_within_the_history_goes_on_where_the_viewer_was(stage: Stage, offset: int):
    opened = await ten_rows(stage)
    wire, answer = await stage.watching(since=[opened["epoch"], offset], tail=1)
    assert (answer["start"], answer["recovered"]) == (offset, True)
    await stage.settled(wire)
    assert [found for found, _, _ in rows_of(wire)] == list(range(offset, 10))
    assert not wire.of("$gap")


async def test_since_beyond_next_is_not_recovered(stage: Stage):
    opened = await ten_rows(stage)
    _, answer = await stage.watching(since=[opened["epoch"], 11])
    assert (answer["start"], answer["recovered"]) == (0, False)


async def test_since_of_another_epoch_is_not_recovered_and_tail_is_applied(stage: Stage):
    await ten_rows(stage)
    _, answer = await stage.watching(since=[OTHER, 4], tail=2)
    assert (answer["start"], answer["recovered"]) == (8, False)


async def test_since_below_first_is_not_recovered_and_no_gap_is_told(stage: Stage):
    opened = await ten_rows(stage, history={"rows": 4})
    wire, answer = await stage.watching(since=[opened["epoch"], 5])
    assert (answer["first"], answer["start"], answer["recovered"]) == (6, 6, False)
    _, answer = await stage.watching(since=[opened["epoch"], 6])
    assert (answer["start"], answer["recovered"]) == (6, True)
    await stage.settled(wire)
    assert not wire.of("$gap")


async def test_a_start_within_a_payload_gets_the_whole_payload(stage: Stage):
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(4, b"aaaa"), (4, b"bbbb")])
    await stage.settled()
    wire, answer = await stage.watching(tail=2)
    assert answer["start"] == 6
    await stage.settled(wire)
    assert rows_of(wire) == [(4, 4, b"bbbb")]


async def test_finding_the_start_and_registering_the_cursor_is_one_step(stage: Stage):
    opened = await stage.open()
    over = asyncio.Event()

    async def publish() -> None:
        offset = 0
        while not over.is_set():
            await stage.publish(opened["id"], offset, 1, b"%d" % offset)
            offset += 1
            await asyncio.sleep(0)

    publishing = asyncio.ensure_future(publish())
    wire = await stage.viewer()
    for _ in range(50):
        seen = len(wire.of("$batch"))
        answer = await stage.subscribe(wire, tail=0)
        await wire.first("$batch", seen + 3)
        await wire.ask(stage.ns, "$unsubscribe", {"id": opened["id"]})
        expected = answer["start"]
        for offset, rows, payload in rows_of(wire, since=seen):
            assert (offset, payload) == (expected, b"%d" % expected)
            expected += rows
    over.set()
    await publishing


# --- refused, and still connected --------------------------------------------------------------


async def test_a_subscription_that_makes_no_sense_is_answered_so(stage: Stage):
    wire = await stage.viewer()
    for wanted in (
        [],
        ["loss"],
        [{}],
        [{"stream": ""}],
        [{"stream": 7}],
        [{"stream": "ü" * 65}],
        [{"stream": "loss", "since": ["00000000"]}],
        [{"stream": "loss", "since": ["xyzxyzxy", 0]}],
        [{"stream": "loss", "since": ["00000000", -1]}],
        [{"stream": "loss", "since": [None, 0]}],
        [{"stream": "loss", "tail": -1}],
        [{"stream": "loss", "tail": 1.5}],
        [{"stream": "loss", "tail": "all"}],
        [{"stream": "loss", "mode": "newest"}],
        [{"stream": "loss", "window": -1}],
        [{"stream": "loss", "window": True}],
    ):
        answer = await wire.ask(stage.ns, "$subscribe", *wanted)
        assert set(answer) == {"ok", "code", "message"}, wanted
        assert (answer["ok"], answer["code"]) == (False, 3501), wanted
    assert (await stage.subscribe(wire))["ok"] is True


async def test_a_stream_name_may_have_128_bytes(stage: Stage):
    wire = await stage.viewer()
    assert (await stage.subscribe(wire, "ü" * 64))["ok"] is True
    assert (await stage.open("ü" * 64))["ok"] is True


async def test_keys_that_the_receiver_does_not_know_are_ignored(stage: Stage):
    await ten_rows(stage)
    _, answer = await stage.watching(tail=1, colour="red", since=None)
    assert answer["start"] == 9


async def test_a_connection_may_hold_128_subscriptions_and_the_next_is_refused(stage: Stage):
    wire = await stage.viewer()
    for number in range(128):
        assert (await stage.subscribe(wire, f"s{number}"))["ok"]
    answer = await stage.subscribe(wire, "one more")
    assert (answer["ok"], answer["code"]) == (False, 3505)
    assert (await stage.subscribe(wire, "s5", tail=1))["ok"]  # replacing is no further one
    assert (await wire.ask(stage.ns, "$unsubscribe", {"id": answer.get("id", 1)}))["ok"]
    assert (await stage.subscribe(wire, "one more"))["ok"]


async def test_the_128_are_of_the_connection_not_of_a_namespace(stage: Stage, quiet_spec: str):
    other = f"/kernels/{await stage.server.start_kernel(quiet_spec)}"
    wire = await stage.viewer()
    await wire.join(other)
    for number in range(64):
        assert (await stage.subscribe(wire, f"s{number}"))["ok"]
        assert (await wire.ask(other, "$subscribe", {"stream": f"s{number}"}))["ok"]
    assert (await stage.subscribe(wire, "x"))["code"] == 3505
    assert (await wire.ask(other, "$subscribe", {"stream": "x"}))["code"] == 3505


# --- ids ---------------------------------------------------------------------------------------


async def test_an_id_is_the_same_for_every_viewer_and_stays(stage: Stage):
    opened = await stage.open()
    other = await stage.open("other")
    assert other["id"] != opened["id"]
    wire, answer = await stage.watching()
    await wire.ask(stage.ns, "$unsubscribe", {"id": answer["id"]})
    again = await stage.subscribe(wire)
    _, elsewhere = await stage.watching()
    await stage.publisher.ask(stage.ns, "$close", {"id": opened["id"]})
    reopened = await stage.open()
    await stage.claim(pid=7)
    born_anew = await stage.open()
    ids = {a["id"] for a in (opened, answer, again, elsewhere, reopened, born_anew)}
    assert len(ids) == 1
    assert wire.of("$streams")[-1][0][0]["id"] == opened["id"]


async def test_an_id_never_names_another_stream(stage: Stage):
    wire = await stage.viewer()
    seen = set()
    for number in range(5):
        answer = await stage.subscribe(wire, f"never opened {number}")
        seen.add(answer["id"])
        await wire.ask(stage.ns, "$unsubscribe", {"id": answer["id"]})
    opened = await stage.open("opened")
    assert len(seen) == 5 and opened["id"] not in seen


# --- replacing and ending ----------------------------------------------------------------------


async def test_subscribing_again_replaces_the_subscription(stage: Stage):
    opened = await ten_rows(stage)
    wire, _ = await stage.watching()
    await stage.settled(wire)
    answer = await stage.subscribe(wire, since=[opened["epoch"], 8])
    assert (answer["start"], answer["recovered"]) == (8, True)
    await stage.publish(opened["id"], 10, 1, b"10")
    await stage.settled(wire)
    offsets = [offset for offset, _, _ in rows_of(wire)]
    assert offsets == [*range(10), 8, 9, 10]


async def test_after_unsubscribe_nothing_of_the_stream_follows(stage: Stage):
    opened = await ten_rows(stage)
    wire, _ = await stage.watching()
    await stage.settled(wire)
    heard = len(told(wire))
    assert await wire.ask(stage.ns, "$unsubscribe", {"id": opened["id"]}) == {"ok": True}
    await stage.publish(opened["id"], 10)
    await stage.publish(opened["id"], 99)  # a gap
    await stage.open()  # a reset
    await stage.settled(wire)
    assert len(told(wire)) == heard


async def test_unsubscribing_from_what_one_does_not_hold_is_no_error(stage: Stage):
    wire = await stage.viewer()
    assert await wire.ask(stage.ns, "$unsubscribe", {"id": NOTHING}) == {"ok": True}


async def test_one_viewer_can_watch_several_streams(stage: Stage):
    ids = [(await stage.open(name))["id"] for name in "abc"]
    wire = await stage.viewer()
    for name in "abc":
        await stage.subscribe(wire, name)
    for stream_id in ids:
        await stage.publish(stream_id, 0, 1, b"%d" % stream_id)
    await wire.first("$batch", 3)
    assert {(head[0], payload) for head, payload in wire.of("$batch")} == {
        (stream_id, b"%d" % stream_id) for stream_id in ids
    }


async def test_no_batch_gap_or_reset_of_a_subscription_precedes_its_ack(stage: Stage):
    opened = await stage.open(history={"rows": 3})
    over = asyncio.Event()

    async def publish() -> None:
        offset = 0
        while not over.is_set():
            offset += 2 if offset % 7 == 0 else 1
            await stage.publish(opened["id"], offset)
            await asyncio.sleep(0)

    publishing = asyncio.ensure_future(publish())
    wire = await stage.viewer()
    for _ in range(100):
        await wire.ask(stage.ns, "$unsubscribe", {"id": opened["id"]})
        seen = len(wire.others)
        await stage.subscribe(wire, tail=2)
        kinds = [getattr(other, "name", "answer") for other in wire.others[seen:]]
        assert kinds[0] == "answer", kinds
    over.set()
    await publishing


# --- waiting -----------------------------------------------------------------------------------


async def test_a_stream_that_does_not_exist_yet_is_not_an_error(stage: Stage):
    _, answer = await stage.watching("later", since=[OTHER, 3], tail=2, mode="latest", window=9)
    assert answer == {
        "ok": True, "id": answer["id"], "media": None, "mode": answer["mode"], "epoch": None,
        "first": 0, "next": 0, "start": 0, "recovered": False, "waiting": True,
    }  # fmt: skip


async def test_when_it_opens_reset_follows_and_tail_is_applied_then(stage: Stage):
    wire, answer = await stage.watching(tail=2)
    epoch = new_epoch()
    opened = await stage.open(epoch=epoch, media="application/x-ndjson", **{"from": 40})
    (reset,) = await wire.first("$reset")
    assert reset == {
        "id": answer["id"], "stream": "loss", "media": "application/x-ndjson", "mode": "every",
        "epoch": epoch, "first": 40, "next": 40, "start": 40, "recovered": False,
    }  # fmt: skip
    await stage.publish(opened["id"], 40)
    await wire.first("$batch")
    assert told(wire) == ["$reset", "$batch"]


async def test_since_has_had_its_day_when_another_epoch_begins(stage: Stage):
    """Whatever the viewer held of it, it was told then to replace that."""
    await stage.open()
    epoch = new_epoch()
    wire, answer = await stage.watching(since=[epoch, 3])
    assert not answer["recovered"]
    await stage.open(epoch=epoch, **{"from": 3})
    (reset,) = await wire.first("$reset")
    assert (reset["epoch"], reset["start"], reset["recovered"]) == (epoch, 3, False)


@pytest.mark.parametrize(("since", "recovered"), [(100, True), (99, False), (101, False)])
async def test_after_a_restart_of_the_server_since_is_applied_to_from(
    stage: Stage, since: int, recovered: bool
):
    """The server knows nothing: viewers are back before the kernel is."""
    epoch = new_epoch()
    wire, answer = await stage.watching(since=[epoch, since])
    assert answer["waiting"] and not answer["recovered"]
    await stage.open(epoch=epoch, **{"from": 100})
    (reset,) = await wire.first("$reset")
    assert (reset["first"], reset["next"], reset["start"]) == (100, 100, 100)
    assert reset["recovered"] is recovered


async def test_of_an_epoch_nobody_knows_the_log_begins_at_from(stage: Stage):
    opened = await stage.open(**{"from": 100})
    assert opened["next"] == 100
    wire, answer = await stage.watching()
    assert (answer["first"], answer["next"], answer["start"]) == (100, 100, 100)
    await stage.publish(opened["id"], 105)
    await wire.first("$batch")
    assert wire.of("$gap") == [[[opened["id"], 100, 105, "publisher_overflow"]]]
    assert told(wire) == ["$gap", "$batch"]


async def test_from_says_nothing_of_an_epoch_that_the_server_holds(stage: Stage):
    opened = await ten_rows(stage)
    again = await stage.open(epoch=opened["epoch"], **{"from": 5})
    assert again == {"ok": True, "id": opened["id"], "next": 10}
    _, answer = await stage.watching()
    assert answer["first"] == 0


async def test_a_name_that_nobody_waits_for_any_more_leaves_nothing_behind(stage: Stage):
    before = stage.server.sio.registry.counts()
    wire = await stage.viewer()
    for number in range(100):
        answer = await stage.subscribe(wire, f"s{number}")
        await wire.ask(stage.ns, "$unsubscribe", {"id": answer["id"]})
    await stage.subscribe(wire, "still waited for")
    await wire.close()
    await stage.publisher.first("$viewer", 2)
    assert stage.server.sio.registry.counts() == before


# --- epochs ------------------------------------------------------------------------------------


async def test_a_new_epoch_is_told_in_its_order_and_what_was_owed_as_a_gap(stage: Stage):
    await ten_rows(stage)
    wire, _ = await stage.watching(window=1)  # one payload goes, nine are owed
    await stage.settled(wire)
    heard = len(wire.heard)
    await stage.claim(pid=7)
    opened = await stage.open()
    await stage.publish(opened["id"], 0, 1, b"new")
    await wire.first("$batch", 2)
    names = [name for _, name, _ in wire.heard[heard:]]
    news = [n for n in names if n in ("$status", "$streams")]
    assert names[:2] == ["$status", "$streams"] and names[-3:] == ["$gap", "$reset", "$batch"]
    assert names[: len(news)] == news
    assert wire.of("$gap") == [[[opened["id"], 1, 10, "reset"]]]
    assert wire.of("$batch")[-1] == [[opened["id"], 0, 1, 1], b"new"]


async def test_who_is_owed_nothing_of_the_old_epoch_is_told_no_gap(stage: Stage):
    await ten_rows(stage)
    wire, _ = await stage.watching()
    await stage.settled(wire)
    await stage.open()
    (reset,) = await wire.first("$reset")
    assert (reset["start"], reset["recovered"]) == (0, False)
    assert not wire.of("$gap")


async def test_streams_have_an_epoch_each(stage: Stage):
    loss, other = new_epoch(), new_epoch()
    await stage.open(epoch=loss)
    second = await stage.open("other", epoch=other)
    wire = await stage.viewer()
    await stage.subscribe(wire, "loss")
    await stage.subscribe(wire, "other")
    await stage.open("loss")
    await wire.first("$reset")
    await stage.publish(second["id"], 0)
    await wire.first("$batch")
    assert [reset["stream"] for (reset,) in wire.of("$reset")] == ["loss"]
    epochs = {entry["stream"]: entry["epoch"] for entry in wire.of("$streams")[-1][0]}
    assert epochs["other"] == other and epochs["loss"] != loss


async def test_old_streams_that_a_new_process_does_not_open_stay_readable(stage: Stage):
    opened = await ten_rows(stage)
    await stage.claim(pid=7)
    await stage.open("other")
    wire, answer = await stage.watching()
    assert (answer["epoch"], answer["next"]) == (opened["epoch"], 10)
    await wire.until(lambda: len(rows_of(wire)) == 10)
    ended = {entry["stream"]: entry["ended"] for entry in wire.of("$streams")[-1][0]}
    assert ended == {"loss": True, "other": False}


async def test_the_window_starts_from_zero_at_a_reset(stage: Stage):
    opened = await ten_rows(stage)
    wire, _ = await stage.watching(window=1)
    await stage.settled(wire)
    await stage.open()
    await stage.publish(opened["id"], 0, 1, b"new")
    await wire.first("$batch", 2)
    assert [payload for _, _, payload in rows_of(wire)] == [b"0", b"new"]
