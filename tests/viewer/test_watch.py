"""watch and awatch against a scripted server."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pandas
import polars
import pyarrow
import pytest

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, NotPermitted, Refused
from jupyter_sio.protocol.messages import NDJSON, Status
from jupyter_sio.viewer import Event, Gap, Reset, awatch, watch, watcher
from tests.viewer.peer import KERNEL, ROOM, A, B, Line, Peer, Serving, table


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "backoff", lambda attempts: 0.01)


async def collect(peer: Peer, *streams: str, link: bool = False, **options: Any) -> list[Any]:
    """Watch until the end."""
    target = peer.link if link else peer.url
    kernel_id = None if link else KERNEL
    found = [item async for item in awatch(target, *streams, kernel_id=kernel_id, **options)]
    assert not peer.scripts
    return found


async def ended(line: Line) -> None:
    await line.serve()
    line.bye(3510)
    await line.settle()


async def test_rows_come_in_order_and_the_first_are_fresh() -> None:
    async def script(line: Line) -> None:
        assert await line.serve(next=5) == {"stream": "loss", "window": limits.MIB}
        line.batch(0, table(0, 2), table(2, 2), rows=2)
        line.batch(4, table(4, 1))
        line.bye(3510)
        await line.settle()

    async with Peer(script).running() as peer:
        batches = await collect(peer, "loss")
    assert [(b.offset, b.rows) for b in batches] == [(0, 2), (2, 2), (4, 1)]
    assert [b.fresh for b in batches] == [True, False, False]
    assert [b.pydict()["x"] for b in batches] == [[0, 1], [2, 3], [4]]
    assert (batches[0].stream, batches[0].epoch, batches[0].time) == ("loss", A, 1760000000000)


async def test_after_a_cut_it_resumes_and_never_yields_a_row_twice() -> None:
    async def first(line: Line) -> None:
        await line.serve(next=3)
        line.batch(0, table(0, 3), rows=3)
        await asyncio.sleep(0.05)

    async def second(line: Line) -> None:
        asked = await line.serve(start=3, next=6, recovered=True)
        assert asked["since"] == [A, 3]
        line.batch(0, table(0, 6), rows=6)
        line.bye(3510)
        await line.settle()

    async with Peer(first, second).running() as peer:
        _, two = await collect(peer, "loss")
    assert (two.offset, two.rows, two.fresh) == (3, 3, False)
    assert two.pydict() == {"x": [3, 4, 5]}
    assert pyarrow.table(two.arrow).to_pydict() == {"x": [3, 4, 5]}
    assert polars.DataFrame(two.arrow)["x"].to_list() == [3, 4, 5]
    assert pandas.DataFrame.from_arrow(two.arrow)["x"].to_list() == [3, 4, 5]


async def test_a_resume_that_comes_too_late_is_fresh() -> None:
    async def first(line: Line) -> None:
        await line.serve(next=1)
        line.batch(0, table(0, 1))
        await asyncio.sleep(0.05)

    async def second(line: Line) -> None:
        await line.serve(epoch=B, start=0, next=1)
        line.batch(0, table(7, 1))
        line.bye(3510)
        await line.settle()

    async with Peer(first, second).running() as peer:
        one, reset, two = (
            i for i in await collect(peer, "loss", events=True) if not isinstance(i, Status)
        )
    assert reset == Reset("loss", B, one.media, "every", False)
    assert (two.epoch, two.fresh) == (B, True)


async def test_gaps_are_counted_and_told() -> None:
    async def script(line: Line) -> None:
        await line.serve(next=9)
        line.send("$gap", [3, 0, 8, "evicted"])
        line.batch(8, table(8, 1))
        line.send("note", "hello", b"bytes")
        line.bye(3510)
        await line.settle()

    async with Peer(script).running() as peer:
        status, gap, batch, event = await collect(peer, "loss", events=True)
    assert status == Status("idle", "online", 1760000000000)
    assert gap == Gap("loss", A, 0, 8, "evicted")
    assert (batch.offset, batch.gap) == (8, 8)
    assert event == Event("note", ("hello", b"bytes"))


async def test_other_media_have_a_value_and_no_arrow() -> None:
    async def script(line: Line) -> None:
        await line.serve(next=2, media=NDJSON)
        line.batch(0, b'{"a":1}\n[2]\n', rows=2)
        line.bye(3510)
        await line.settle()

    async with Peer(script).running() as peer:
        (batch,) = await collect(peer, "loss")
    assert batch.value == [{"a": 1}, [2]]
    with pytest.raises(TypeError, match="'loss' carries application/x-ndjson"):
        _ = batch.arrow
    with pytest.raises(TypeError, match=r"read \.value"):
        batch.pydict()


async def test_a_namespace_that_had_ended_is_replayed_and_then_the_end() -> None:
    async def script(line: Line) -> None:
        await line.join(kernel="dead", publisher="offline")
        await line.asked()
        line.answer(next=2)
        line.batch(0, table(0, 1), table(1, 1))
        await line.settle()

    async with Peer(script).running() as peer:
        assert len(await collect(peer, "loss")) == 2


@pytest.mark.parametrize("code", [3500, 3507, 3512])
async def test_a_bye_for_want_of_a_grant_raises_after_what_came_before_it(code: int) -> None:
    async def script(line: Line) -> None:
        await line.serve(next=1)
        line.batch(0, table(0, 1))
        line.bye(code)
        await line.settle()

    seen = []
    async with Peer(script).running() as peer:
        with pytest.raises(NotPermitted, match="as scripted") as caught:
            async for batch in awatch(peer.url, "loss", kernel_id=KERNEL):
                seen.append(batch.offset)
    assert (caught.value.code, seen) == (code, [0])


async def test_any_other_final_bye_is_refused_and_not_tried_again() -> None:
    async def script(line: Line) -> None:
        await line.serve()
        line.bye(3503)
        await line.settle()

    async with Peer(script, ended).running() as peer:
        with pytest.raises(Refused) as caught:
            await collect(peer, "loss")
    assert (caught.value.code, type(caught.value)) == (3503, Refused)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_handshake_that_is_refused_for_good_is_not_tried_again(status: int) -> None:
    async with Peer(403, ended).running() as peer:
        peer.verdicts = [status]
        with pytest.raises(NotPermitted, match=f"HTTP {status}: not with this one"):
            await collect(peer, "loss")
        assert len(peer.requests) == 1


@pytest.mark.parametrize("verdicts", [[200, 502], [200, 200, 503], [302, 424, 500, 200]])
async def test_a_refused_handshake_is_tried_again_where_nobody_says_it_is_final(
    verdicts: list[int],
) -> None:
    async with Peer(*[403] * len(verdicts), ended).running() as peer:
        peer.verdicts = list(verdicts)
        assert await collect(peer, "loss") == []
        assert len(peer.requests) == len(verdicts) + 1


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_somebody_else_says_is_final_for_those_who_were_never_let_in(
    status: int,
) -> None:
    async with Peer(status).running() as peer:
        peer.verdicts = [-status]
        with pytest.raises(NotPermitted, match=f"HTTP {status}"):
            await collect(peer, "loss")
        peer.tickets = [-status]
        with pytest.raises(NotPermitted, match=f"HTTP {status}"):
            await collect(peer, "loss", link=True)


@pytest.mark.parametrize("link", [False, True])
async def test_a_proxy_that_answers_for_a_stopped_server_is_asked_again(link: bool) -> None:
    async def cut(line: Line) -> None:
        await line.serve()

    async with Peer(cut, 404, 403, ended).running() as peer:
        peer.verdicts = [-404, -403]
        peer.tickets = [200, -404, -403, 503, 200]
        assert await collect(peer, "loss", link=link) == []
        assert len(peer.requests) == 4


@pytest.mark.parametrize("status", [302, 429, 500, 502, 503])
async def test_any_other_failed_handshake_is_tried_again(status: int) -> None:
    async with Peer(status, ended).running() as peer:
        assert await collect(peer, "loss") == []
        assert [path for path, _, _ in peer.requests] == ["/jupyter-sio/socket.io/"] * 2


async def test_a_link_takes_a_new_ticket_for_each_connection() -> None:
    async def cut(line: Line) -> None:
        await line.serve()

    async with Peer(cut, ended).running() as peer:
        await collect(peer, "loss", link=True)
    assert peer.bodies == [{"link": "sesame"}] * 2
    assert [query[-9:] for _, query, _ in peer.requests] == ["ticket=t1", "ticket=t2"]
    assert "sesame" not in str(peer.requests)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_link_that_is_no_longer_good_raises(status: int) -> None:
    async def cut(line: Line) -> None:
        await line.serve()

    async with Peer(cut).running() as peer:
        peer.tickets = [200, status]
        with pytest.raises(NotPermitted, match="not with this one"):
            await collect(peer, "loss", link=True)


async def test_a_ticket_office_in_trouble_is_asked_again() -> None:
    async with Peer(ended).running() as peer:
        peer.tickets = [500, 503, 429, 302, 200]
        assert await collect(peer, "loss", link=True) == []
    assert len(peer.bodies) == 5


@pytest.mark.parametrize("link", [False, True])
async def test_an_escaped_base_url_arrives_as_it_was_given(link: bool) -> None:
    async with Peer(ended, base="/user/a%40x%2F%C3%A9/").running() as peer:
        await collect(peer, "loss", link=link)
    assert peer.requests[0][0] == "/user/a%40x%2F%C3%A9/jupyter-sio/socket.io/"


async def test_the_token_travels_in_the_header_alone() -> None:
    async with Peer(ended).running() as peer:
        await collect(peer, "loss", token="tok3n")
    (_, query, headers) = peer.requests[0]
    assert headers["Authorization"] == "token tok3n"
    assert "tok3n" not in query


async def test_nothing_is_acknowledged_while_the_loops_body_is_busy() -> None:
    async def script(line: Line) -> None:
        await line.serve(next=3)
        line.batch(0, table(0, 1), table(1, 1), table(2, 1))
        line.raw("2")
        listening = asyncio.ensure_future(line.settle())
        while not line.pongs:
            await asyncio.sleep(0.01)
        before.extend(line.acks)
        busy.set()
        while (3, 3) not in line.acks:
            await asyncio.sleep(0.01)
        line.bye(3510)
        await listening

    before: list[tuple[int, int]] = []
    busy = asyncio.Event()
    async with Peer(script).running() as peer:
        async for _ in awatch(peer.url, "loss", kernel_id=KERNEL):
            await busy.wait()
    assert before == []


async def test_when_the_hand_over_is_full_the_socket_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits.Viewing, "handover_items", 3)

    async def script(line: Line) -> None:
        await line.serve()
        for number in range(50):
            line.send("note", number)
        line.raw("2")
        listening = asyncio.ensure_future(line.settle())
        await asyncio.sleep(0.2)
        pongs.append(line.pongs)
        full.set()
        line.bye(3510)
        await listening

    pongs: list[int] = []
    full = asyncio.Event()
    heard = []
    async with Peer(script).running() as peer:
        async for item in awatch(peer.url, "loss", kernel_id=KERNEL, events=True):
            await full.wait()
            heard += [item.args[0]] if isinstance(item, Event) else []
    assert (pongs, heard) == ([0], list(range(50)))


@pytest.mark.parametrize(
    "frames",
    [["x"], [b"unannounced"], ['42["'], [f'42{ROOM},["$batch",[9,0,1,1],{{"_placeholder":1}}]']],
)
async def test_a_server_that_speaks_nonsense_is_connected_to_anew(frames: list[Any]) -> None:
    async def script(line: Line) -> None:
        await line.serve()
        for frame in frames:
            line.raw(frame)
        await line.settle()

    async with Peer(script, ended).running() as peer:
        assert await collect(peer, "loss") == []


async def test_a_server_that_falls_silent_is_connected_to_anew() -> None:
    async def silent(line: Line) -> None:
        await line.serve()
        await line.settle()

    async with Peer(silent, ended).running() as peer:
        peer.ping_ms = 500
        assert await asyncio.wait_for(collect(peer, "loss"), 30) == []


async def test_a_loop_that_is_busy_for_longer_than_the_pings_is_no_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits.Viewing, "handover_items", 1)

    async def script(line: Line) -> None:
        await line.serve(next=3)
        line.batch(0, table(0, 1), table(1, 1), table(2, 1))
        line.bye(3510)
        await line.settle()

    async with Peer(script).running() as peer:
        peer.ping_ms = 300
        async for _ in awatch(peer.url, "loss", kernel_id=KERNEL):
            await asyncio.sleep(0.5)
    assert not peer.scripts and len(peer.requests) == 1


async def test_leaving_while_rows_pour_in_is_never_lost() -> None:
    async def script(line: Line) -> None:
        await line.serve()
        listening = asyncio.ensure_future(line.settle())
        number = 0
        while not listening.done():
            line.batch(number, b"", b"", b"")
            number += 3
            await asyncio.sleep(0)

    async with Peer(*[script] * 10).running() as peer:
        for _ in range(10):
            watched = awatch(peer.url, "loss", kernel_id=KERNEL)
            await anext(watched)
            await asyncio.wait_for(watched.aclose(), 20)


async def test_the_servers_wish_when_to_come_back_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "backoff", lambda attempts: 60.0)

    async def script(line: Line) -> None:
        await line.serve()
        line.bye(3001, retry_ms=20)
        await line.settle()

    async with Peer(script, ended).running() as peer:
        assert await asyncio.wait_for(collect(peer, "loss"), 30) == []


async def test_an_unknown_kernel_raises() -> None:
    async def script(line: Line) -> None:
        await line.next()
        line.raw(f'44{ROOM},{{"message":"no such namespace","data":{{"code":3507}}}}')
        await line.settle()

    async with Peer(script).running() as peer:
        with pytest.raises(NotPermitted, match="no such namespace"):
            await collect(peer, "loss")


async def test_a_refused_stream_raises() -> None:
    async def script(line: Line) -> None:
        await line.join()
        await line.asked()
        line.answer(ok=False, code=3507, message="not in this link")
        await line.settle()

    async with Peer(script).running() as peer:
        with pytest.raises(NotPermitted, match="'loss': not in this link"):
            await collect(peer, "loss")


def test_backoff_is_full_jitter_up_to_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    bounds = []
    monkeypatch.setattr(watcher._jitter, "uniform", lambda *ends: bounds.append(ends))
    for attempts in (0, 1, 2, 4, 5, 1000):
        watcher.backoff(attempts)
    assert bounds == [(0, 0.5), (0, 1), (0, 2), (0, 8), (0, 10), (0, 10)]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"kernel_id": None}, ValueError),
        ({"tail": -1}, BadRequest),
        ({"mode": "newest"}, BadRequest),
        ({"since": ("short", 1)}, BadRequest),
        ({"since": {"other": (A, 1)}}, ValueError),
    ],
)
@pytest.mark.parametrize("watched", [watch, awatch])
def test_arguments_that_make_no_sense_raise_at_once(
    watched: Callable[..., Any], options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        watched("http://127.0.0.1:1/", "loss", **{"kernel_id": KERNEL, **options})


def test_a_position_is_of_one_stream() -> None:
    with pytest.raises(ValueError, match="for several"):
        watch("http://h/", "a", "b", kernel_id=KERNEL, since=(A, 1))


async def test_since_is_asked_for_each_stream() -> None:
    async def script(line: Line) -> None:
        await line.join()
        asked.append((await line.asked())["since"])
        line.answer(start=4, next=4, recovered=True)
        asked.append((await line.asked())["since"])
        line.answer(id=4, start=5, next=5, recovered=True)
        line.batch(4, table(4, 1))
        line.bye(3510)
        await line.settle()

    asked: list[Any] = []
    async with Peer(script).running() as peer:
        (batch,) = await collect(peer, "a", "b", since={"a": (A, 4), "b": (A, 5)})
    assert asked == [[A, 4], [A, 5]]
    assert (batch.stream, batch.fresh) == ("a", False)


# --- watch, in a thread of its own -----------------------------------------------------------


async def three(line: Line) -> None:
    await line.serve(next=3)
    line.batch(0, table(0, 1), table(1, 1), table(2, 1))
    await line.settle()


def test_watch_is_the_same_for_those_who_block() -> None:
    async def script(line: Line) -> None:
        await line.serve(next=3)
        line.batch(0, table(0, 1), table(1, 1), table(2, 1))
        line.bye(3510)
        await line.settle()

    with Serving(Peer(script)) as peer:
        offsets = [b.offset for b in watch(peer.url, "loss", kernel_id=KERNEL)]
    assert offsets == [0, 1, 2]
    assert "jupyter_sio watch" not in [thread.name for thread in threading.enumerate()]


def test_leaving_the_loop_leaves_the_server_and_the_thread() -> None:
    with Serving(Peer(three)) as peer:
        for batch in watch(peer.url, "loss", kernel_id=KERNEL):
            assert batch.offset == 0
            break
        assert "jupyter_sio watch" not in [thread.name for thread in threading.enumerate()]


def test_leaving_while_the_end_is_being_told_leaves_no_socket_open() -> None:
    async def script(line: Line) -> None:
        await line.serve(next=1)
        line.batch(0, table(0, 1))
        line.bye(3510)
        await line.settle()

    with Serving(Peer(script)) as peer:
        watched = watch(peer.url, "loss", kernel_id=KERNEL)
        next(watched)
        watched.close()
    gc.collect()  # a socket left open is a warning, hence an error


def test_watch_raises_where_it_is_iterated() -> None:
    with Serving(Peer(403)) as peer, pytest.raises(NotPermitted):
        peer.verdicts = [403]
        next(watch(peer.url, "loss", kernel_id=KERNEL))


def test_a_script_may_end_in_the_middle_of_watching() -> None:
    program = (
        "from jupyter_sio.viewer import watch\n"
        "import sys\n"
        "watched = watch(sys.argv[1], 'loss', kernel_id=sys.argv[2])\n"
        "print(next(watched).pydict())\n"
    )
    with Serving(Peer(three)) as peer:
        done = subprocess.run(
            [sys.executable, "-W", "default", "-c", program, peer.url, KERNEL],
            capture_output=True, text=True, timeout=20,
        )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("{'x': [0]}\n", "", 0)
