"""The Python viewer and the command line against the real server."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from jupyter_sio import NotPermitted, Status, awatch
from jupyter_sio.viewer import Batch, Reset
from tests.integration.conftest import Server
from tests.integration.stage import Stage, new_epoch
from tests.viewer.peer import table


def watching(stage: Stage, *streams: str, **options: Any) -> Any:
    server = stage.server
    return awatch(server.url, *streams, kernel_id=stage.kernel_id, token=server.token, **options)


async def publish(stage: Stage, stream_id: int, *counts: int, start: int = 0) -> None:
    """Publish payloads of so many rows each."""
    for count in counts:
        await stage.publish(stream_id, start, count, table(start, count))
        start += count


async def end(stage: Stage) -> None:
    await stage.server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)


async def test_history_and_live_rows_come_and_the_kernels_end_is_the_end(stage: Stage):
    opened = await stage.open()
    await publish(stage, opened["id"], 2, 3)
    batches = []
    async for batch in watching(stage, "loss"):
        batches.append(batch)
        if batch.offset == 2:
            await publish(stage, opened["id"], 1, start=5)
            await end(stage)
    assert [x for batch in batches for x in batch.pydict()["x"]] == list(range(6))
    assert [batch.fresh for batch in batches] == [True, *[False] * (len(batches) - 1)]


async def test_tail_begins_within_a_payload(stage: Stage):
    opened = await stage.open()
    await publish(stage, opened["id"], 10)
    first = await anext(watching(stage, "loss", tail=3))
    assert (first.offset, first.pydict()) == (7, {"x": [7, 8, 9]})


async def test_a_position_that_was_kept_goes_on_where_it_was(stage: Stage):
    opened = await stage.open()
    await publish(stage, opened["id"], 4, 4)
    first = await anext(watching(stage, "loss"))
    second = await anext(watching(stage, "loss", since=first.position))
    assert (first.offset, first.rows, second.offset, second.fresh) == (0, 4, 4, False)


async def test_a_stream_may_be_watched_before_it_is_opened(stage: Stage):
    watched = watching(stage, "later")
    first = asyncio.ensure_future(anext(watched))
    opened = await stage.open("other")
    opened = await stage.open("later")
    await publish(stage, opened["id"], 1)
    assert (await first).stream == "later"
    await watched.aclose()


async def test_without_names_every_stream_is_watched_also_those_that_open_later(stage: Stage):
    one = await stage.open("one")
    await publish(stage, one["id"], 1)
    watched = watching(stage)
    assert (await anext(watched)).stream == "one"
    two = await stage.open("two")
    await publish(stage, two["id"], 1)
    assert (await anext(watched)).stream == "two"
    await watched.aclose()


async def test_a_new_epoch_is_told_and_its_rows_are_fresh(stage: Stage):
    opened = await stage.open(epoch="00000000000000a1")
    await publish(stage, opened["id"], 1)
    watched = watching(stage, "loss", events=True)
    seen = [item async for item in _until_batch(watched)]
    again = await stage.open(epoch="00000000000000b2")
    await publish(stage, again["id"], 1)
    seen += [item async for item in _until_batch(watched)]
    kinds = [type(item) for item in seen if not isinstance(item, Status)]
    assert kinds == [Batch, Reset, Batch]
    assert (seen[-1].epoch, seen[-1].fresh) == ("00000000000000b2", True)
    await watched.aclose()


async def _until_batch(watched: Any) -> Any:
    async for item in watched:
        yield item
        if isinstance(item, Batch):
            return


async def test_who_comes_after_the_end_is_given_all_that_is_left_and_then_the_end(stage: Stage):
    opened = await stage.open()
    await publish(stage, opened["id"], 2, 2)
    await end(stage)
    watched = watching(stage, "loss", "never")
    batches = await asyncio.wait_for(_all(watched), 20)
    assert [x for batch in batches for x in batch.pydict()["x"]] == [0, 1, 2, 3]


async def _all(watched: Any) -> list[Any]:
    return [item async for item in watched]


async def test_a_loop_that_dawdles_is_sent_no_more_than_its_window(stage: Stage):
    opened = await stage.open()
    payload = table(0, 25_000)  # 200 KB
    watched = watching(stage, "loss")
    first = asyncio.ensure_future(anext(watched))
    for number in range(20):
        await stage.publish(opened["id"], number * 25_000, 25_000, payload)
    assert (await first).rows == 25_000
    await stage.settled()
    await asyncio.sleep(0.3)
    (viewer,) = await stage.publisher.ask(stage.ns, "$viewers")
    assert viewer["lag"] > 0
    rows = 25_000
    while rows < 500_000:
        rows += (await anext(watched)).rows
    await watched.aclose()


async def test_a_wrong_token_and_an_unknown_kernel_raise(stage: Stage):
    server = stage.server
    with pytest.raises(NotPermitted, match="HTTP 403"):
        await anext(awatch(server.url, "loss", kernel_id=stage.kernel_id, token="wrong"))
    with pytest.raises(NotPermitted, match="no such namespace"):
        await anext(awatch(server.url, "loss", kernel_id="nobody", token=server.token))


async def test_a_link_that_nobody_gave_raises(stage: Stage):
    with pytest.raises(NotPermitted, match="link"):
        await anext(awatch(f"{stage.server.url}jupyter-sio/live/#{new_epoch()}", "loss"))


# --- the command line ------------------------------------------------------------------------


async def command(server: Server, *arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jupyter_sio.cli", *arguments),
        *("--url", server.url, "--token", server.token),
        stdout=pipe,
        stderr=pipe,
    )


async def said(process: asyncio.subprocess.Process) -> tuple[str, str, int | None]:
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return out.decode(), err.decode(), process.returncode


async def test_the_command_line_lists_what_is_live(stage: Stage):
    opened = await stage.open()
    await publish(stage, opened["id"], 7)
    out, _, code = await said(await command(stage.server, "list"))
    assert code == 0
    assert out.splitlines()[1].split()[0] == stage.kernel_id[:8]
    assert "loss (7 rows)" in out
    out, _, _ = await said(await command(stage.server, "list", "--json"))
    assert json.loads(out)[0]["kernel_id"] == stage.kernel_id


async def test_the_command_line_prints_rows_until_the_kernel_ends(stage: Stage):
    opened = await stage.open()
    await publish(stage, opened["id"], 2)
    process = await command(stage.server, "watch", stage.kernel_id[:8], "loss")
    assert process.stdout is not None
    assert await process.stdout.readline() == b'{"x": 0}\n'
    await end(stage)
    assert await said(process) == ('{"x": 1}\n', "", 0)
