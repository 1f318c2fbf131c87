"""Bars: what is drawn, what is told, and how they end."""

from __future__ import annotations

import gc
import io
import threading
import time

import pytest

from jupyter_sio.errors import BadRequest
from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.loops import bar
from jupyter_sio.loops import progress as progress_module
from jupyter_sio.loops.cells import Cells, cells
from jupyter_sio.loops.places import Places
from jupyter_sio.loops.progress import progress
from tests.kernel.peer import Peer


def states(server: Peer, name: str = "progress") -> list[tuple[int, str]]:
    return [(row["n"], row["state"]) for row in server.streams[name].rows]


# --- as a loop -------------------------------------------------------------------------------


def test_a_loop_tells_where_it_is_and_that_it_finished(publisher: Publisher, server: Peer):
    items = progress([3, 1, 2], "epochs:", publisher=publisher, mininterval=0, postfix={"lr": 0.1})
    assert list(items) == [3, 1, 2]
    server.until(lambda: states(server, "progress/epochs")[-1] == (3, "finished"))
    first, last = (server.streams["progress/epochs"].rows[i] for i in (0, -1))
    assert (first["n"], first["total"], first["state"]) == (0, 3, "running")
    assert (last["desc"], last["unit"], last["postfix"]) == ("epochs:", "it", "lr=0.1")
    assert last["rate"] > 0 and last["elapsed"] > 0 and last["eta"] == 0
    assert server.streams["progress/epochs"].mode == "latest"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_loop_that_raises_is_stopped(publisher: Publisher, server: Peer, error: type):
    with pytest.raises(error):
        for item in progress(range(9), publisher=publisher):
            if item == 4:
                raise error
    gc.collect()
    server.until(lambda: states(server)[-1] == (4, "stopped"))


def test_an_iterable_that_raises_stops_its_loop(publisher: Publisher, server: Peer):
    with pytest.raises(ZeroDivisionError):
        list(progress((1 / n for n in (2, 1, 0)), publisher=publisher))
    server.until(lambda: states(server)[-1] == (2, "stopped"))
    assert server.streams["progress"].rows[-1]["total"] is None


def test_a_loop_that_is_left_early_is_stopped(publisher: Publisher, server: Peer):
    for item in progress(range(9), publisher=publisher):
        if item == 4:
            break
    server.until(lambda: states(server)[-1] == (4, "stopped"))


def test_what_a_destructor_leaves_waits_for_no_lock(publisher, server: Peer, collecting):
    loop = iter(progress(range(9), publisher=publisher, name="p"))
    next(loop)
    with collecting():
        loop.close()
    server.until(lambda: states(server, "p")[-1][1] == "stopped")


def test_what_a_destructor_left_does_not_speak_for_the_next_bar(
    publisher: Publisher, server: Peer, monkeypatch
):
    late: list = []
    monkeypatch.setattr(progress_module.writer, "put", late.append)
    loop = iter(progress(range(9), publisher=publisher))
    next(loop)
    loop.close()
    again = progress(total=5, publisher=publisher)
    late.pop()()
    again.update(5)
    again.close()
    server.until(lambda: states(server)[-1] == (5, "finished"))
    assert "stopped" not in [state for _, state in states(server)]


def test_nested_bars_have_a_stream_each_and_use_it_again(publisher: Publisher, server: Peer):
    for _ in progress(range(2), publisher=publisher):
        for _ in progress(range(3), publisher=publisher, mininterval=0):
            pass
    server.until(lambda: states(server)[-1] == (2, "finished"))
    server.until(lambda: [n for n, _ in states(server, "progress/2")].count(0) == 2)
    assert set(server.streams) == {"progress", "progress/2"}


def test_the_stream_of_the_bar_that_ended_first_makes_room(publisher: Publisher, server: Peer):
    for number in range(70):
        list(progress([1], f"epoch {number}", publisher=publisher))
    server.until(lambda: server.streams["progress/epoch 5"].ended)
    assert len(publisher._streams) == 64


def test_a_kernel_full_of_streams_still_has_bars(publisher: Publisher, monkeypatch):
    monkeypatch.setattr("jupyter_sio.limits.Memory.streams", 0)
    places = Places()
    assert places.claim(publisher, "progress", object(), {"n": int}) is None
    assert places.refused == 1
    assert list(progress([1, 2], publisher=publisher)) == [1, 2]


def test_a_disabled_bar_is_the_iterable(publisher: Publisher, server: Peer, capsys):
    bar_ = progress([1, 2], publisher=publisher, disable=True)
    assert [*bar_, len(bar_), bool(bar_)] == [1, 2, 2, True]
    bar_.update()
    bar_.set_description("x")
    bar_.close()
    assert bar_.n == 0
    assert not publisher._streams and not capsys.readouterr().err


def test_without_a_server_a_bar_is_still_drawn(capsys):
    with pytest.warns(RuntimeWarning, match="no Jupyter server"):
        alone = Publisher().connect()
    assert list(progress(range(3), "here", publisher=alone)) == [0, 1, 2]
    drawn = capsys.readouterr().err
    assert drawn.startswith("here: 100%|") and drawn.count("\n") == 1


# --- by hand ---------------------------------------------------------------------------------


def test_updates_by_hand_are_told_with_their_postfix(publisher: Publisher, server: Peer):
    with progress(total=1e3, unit="B", publisher=publisher, mininterval=0) as bar_:
        bar_.update(250)
        bar_.set_postfix(loss=0.123456, acc=1)
        bar_.set_description("download")
    assert (bar_.n, bar_.total, len(bar_)) == (250, 1000, 1000)
    server.until(lambda: states(server)[-1] == (250, "finished"))
    row = server.streams["progress"].rows[-1]
    assert (str(row["total"]), row["desc"], row["unit"]) == ("1000", "download", "B")
    assert row["postfix"] == "loss=0.123, acc=1"


def test_a_block_that_raises_is_stopped(publisher: Publisher, server: Peer):
    with pytest.raises(RuntimeError), progress(total=4, publisher=publisher) as bar_:
        bar_.update()
        raise RuntimeError
    bar_.close()
    server.until(lambda: states(server)[-1] == (1, "stopped"))


def test_a_bar_of_parts_tells_parts(publisher: Publisher, server: Peer):
    with progress(total=2.5, publisher=publisher) as bar_:
        bar_.update(0.75)
    server.until(lambda: states(server)[-1] == (0.75, "finished"))


def test_a_total_that_is_found_later_is_told(publisher: Publisher, server: Peer):
    bar_ = progress(publisher=publisher)
    with pytest.raises(TypeError, match="total="):
        len(bar_)
    with pytest.raises(TypeError, match="update"):
        next(iter(bar_))
    bar_.total = 7.0
    bar_.refresh()
    server.until(lambda: server.streams["progress"].rows[-1]["total"] == 7)
    bar_.reset(total=float("inf"))
    assert (bar_.total, bar_.n) == (None, 0)
    bar_.close()


def test_a_bar_says_at_once_what_is_new_though_it_is_drawn_rarely(
    publisher: Publisher, server: Peer
):
    bar_ = progress(total=9, publisher=publisher, mininterval=3600)
    bar_.update()
    bar_.set_description("now")
    server.until(lambda: server.streams["progress"].rows[-1]["desc"] == "now")
    assert server.streams["progress"].next == 2  # begun, and this; not the update
    bar_.close()


def test_text_that_utf_8_cannot_hold_does_not_end_a_loop(publisher: Publisher, server: Peer):
    assert list(progress([1], "half \ud83d", publisher=publisher)) == [1]
    server.until(lambda: states(server, "progress/half")[-1] == (1, "finished"))


def test_a_name_that_is_none_is_refused(publisher: Publisher):
    with pytest.raises(BadRequest, match="128 bytes"):
        progress([1], name="x" * 200, publisher=publisher)


# --- cells -----------------------------------------------------------------------------------


class Result:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error_in_exec = error


def test_a_bar_of_a_cell_that_failed_is_stopped_and_may_go_on(publisher: Publisher, server: Peer):
    bar_ = progress(total=9, publisher=publisher)
    cells._after(Result(KeyboardInterrupt()))
    server.until(lambda: states(server)[-1] == (0, "stopped"))
    other = progress(total=9, publisher=publisher)  # has its stream by now
    time.sleep(0.11)
    bar_.update(2)
    server.until(lambda: states(server, "progress/2")[-1] == (2, "running"))
    bar_.close()
    assert not other.ended and states(server)[-1] == (0, "running")


def test_bars_of_other_cells_and_threads_go_on_when_one_fails():
    class Thing:
        stopped = False

        def left(self, error: BaseException | None) -> None:
            self.stopped = True

    ours, before, thread, now = Cells(), Thing(), Thing(), Thing()
    ours.begin(before)
    ours._after(Result())
    worker = threading.Thread(target=ours.begin, args=(thread,))
    worker.start()
    worker.join()
    ours.begin(now)
    ours._after(Result(ValueError()))
    assert [thing.stopped for thing in (before, thread, now)] == [False, False, True]
    ours.leave_all()
    assert before.stopped and thread.stopped


# --- drawing ---------------------------------------------------------------------------------


def reading(**changes) -> bar.Reading:
    values = dict(n=25, total=100, elapsed=5, rate=5, eta=15, desc="x", unit="it", postfix="")
    return bar.Reading(**{**values, "state": "running", **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "x:  25%|██████                  | 25/100 [00:05<00:15, 5.00it/s]"),
        ({"rate": None, "eta": None}, "x:  25%|██████" + " " * 18 + "| 25/100 [00:05<?, ?it/s]"),
        ({"total": None, "postfix": "loss=1"}, "x: 25it [00:05, 5.00it/s, loss=1]"),
        ({"total": None, "rate": 0.25, "desc": ""}, "25it [00:05, 4.00s/it]"),
        (
            {"total": None, "elapsed": 3_661, "state": "stopped"},
            "x: 25it [1:01:01, 5.00it/s] stopped",
        ),
    ],
)
def test_a_bar_reads_as_tqdms(changes, expected):
    assert bar.line(reading(**changes)) == expected


def test_a_line_fits_its_terminal_and_counts_bytes():
    big = reading(n=1_500_000, total=3 * 2**20, unit="B", rate=2048)
    assert "1.43M/3M [00:05<00:15, 2kB/s]" in bar.line(big, scale=1024)
    for width in range(1, 90):
        assert len(bar.line(big, width=width)) <= width


def test_html_shows_text_as_text():
    shown = bar.html(reading(desc="<b>", postfix='"&'))
    assert shown.startswith(
        '<div><progress max="100" value="25"></progress> <code>&lt;b&gt;:  25%|'
    )
    assert shown.endswith("[00:05&lt;00:15, 5.00it/s, &quot;&amp;]</code></div>")


def test_nested_lines_of_a_terminal_stay_in_their_places(publisher: Publisher):
    out = io.StringIO()
    for _ in progress(range(1), "out", file=out, publisher=publisher):
        for _ in progress(range(1), "in", file=out, publisher=publisher, leave=False):
            progress.write("between", file=out)
    text = out.getvalue()
    clear, up = "\x1b[K", "\x1b[A"
    assert "\n\rin:   0%" in text and clear + up in text
    assert f"\r{clear}\n\r{clear}{up}between\n" in text
    assert text.endswith("\x1b[K\n") and "out: 100%" in text.splitlines()[-1]


def test_a_nested_line_that_stays_is_left_above_the_outer_one(publisher: Publisher):
    out = io.StringIO()
    for _ in progress(range(1), "out", file=out, publisher=publisher):
        for _ in progress(range(1), "in", file=out, publisher=publisher):
            pass
    _, _, rest = out.getvalue().partition("\rin: 100%")
    assert rest.startswith("|") and rest.index("\n") < rest.index("\rout: 100%")
    assert "\n\rin: 100%" not in out.getvalue()


def test_where_nobody_looks_the_outermost_bar_leaves_one_line(publisher: Publisher, capsys):
    for _ in progress(range(2), "out", publisher=publisher):
        list(progress(range(2), "in", publisher=publisher))
    drawn = capsys.readouterr().err
    assert drawn.count("\n") == 1 and drawn.startswith("out: 100%")
