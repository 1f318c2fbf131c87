"""The publisher against a peer that speaks protocol.md: claim, rows, events, calls, links."""

from __future__ import annotations

import random
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

from jupyter_sio import limits
from jupyter_sio.errors import (
    BadRequest,
    CallFailed,
    CallTimeout,
    NotConnected,
    NotPermitted,
    Overflow,
)
from jupyter_sio.kernel import publisher as publisher_module
from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.kernel.viewers import Viewer
from tests.kernel.conftest import QUICK
from tests.kernel.peer import BASE, KERNEL, Peer, table

ADA = {"id": "v1", "name": "ada", "grants": ["watch", "send", "manage"]}
BOB = {"id": "v2", "name": "bob", "grants": ["watch", "send"]}


# --- connecting ------------------------------------------------------------------------------


def test_connecting_claims_the_kernels_namespace(publisher: Publisher, server: Peer):
    (claim,) = server.claims
    assert claim.kernel_id == KERNEL.kernel_id
    assert claim.epoch == publisher.epoch
    assert claim.proven_by(KERNEL.key)
    assert abs(claim.time - time.time()) < 5
    assert publisher.online


def test_the_base_url_travels_escaped_as_it_is(publisher: Publisher, server: Peer):
    assert server.paths == [
        f"{BASE}jupyter-sio/api/tickets",
        f"{BASE}jupyter-sio/socket.io/?EIO=4&transport=websocket&ticket=ticket1",
    ]


def test_connecting_again_does_nothing(publisher: Publisher, server: Peer):
    assert publisher.connect() is publisher
    assert len(server.claims) == 1


def test_a_ticket_given_needs_no_key(server: Peer, monkeypatch):
    monkeypatch.setattr(publisher_module, "find_kernel", lambda: None)
    publisher = Publisher()
    ticket = {"ticket": server.new_ticket(), "kernel_id": KERNEL.kernel_id}
    publisher.connect(url=server.server.url, ticket=ticket, required=True)
    assert (publisher.online, server.claims) == (True, [])
    publisher.close()


def test_without_a_server_there_is_one_warning_and_the_loop_goes_on(monkeypatch):
    monkeypatch.setattr(publisher_module, "find_server", lambda: None)
    publisher = Publisher()
    with pytest.warns(RuntimeWarning, match="this is no Jupyter kernel") as told:
        publisher.connect()
        publisher.connect()
    assert len(told) == 1
    loss = publisher.stream("loss")
    for step in range(10_000):
        loss.push(step=step)
    publisher.emit("done")
    assert loss.statistics()[:4] == (10_000, 0, 0, 10_000)
    assert publisher.statistics().events_dropped == 1
    assert publisher.viewers() == []
    with pytest.raises(NotConnected):
        publisher.share()


def test_required_raises_where_there_is_no_server(monkeypatch):
    monkeypatch.setattr(publisher_module, "find_server", lambda: None)
    with pytest.raises(NotConnected, match="no Jupyter server to send to"):
        Publisher().connect(required=True)


@pytest.mark.parametrize(
    ("status", "text"),
    [(404, "does not have jupyter_sio enabled"), (403, "does not take this process"), (401, "no")],
)
def test_a_server_that_refuses_is_not_asked_again(in_kernel: Peer, status, text):
    in_kernel.ticket_status = status
    publisher = Publisher()
    with pytest.warns(RuntimeWarning, match=text):
        publisher.connect(timeout=5.0)
    assert not publisher.sending
    assert len(in_kernel.claims) == 1


def test_a_server_that_fails_for_now_is_asked_again(in_kernel: Peer):
    in_kernel.ticket_status = 503
    publisher = Publisher(QUICK)
    with pytest.warns(RuntimeWarning, match="did not answer within 0.05 s .*trying goes on"):
        publisher.connect(timeout=0.05)
    publisher.stream("loss").push(step=1)
    in_kernel.ticket_status = 200
    assert in_kernel.until(lambda: in_kernel.streams["loss"].rows) == [{"step": 1}]
    publisher.close()


@pytest.mark.parametrize("code", [3507, 3511, 3501])
def test_a_namespace_that_may_not_be_joined_is_an_error_that_says_why(in_kernel: Peer, code):
    in_kernel.refuse_join = (code, "not for you")
    with pytest.raises(NotConnected, match="not for you"):
        Publisher().connect(required=True, timeout=5.0)
    assert in_kernel.joins == 1


# --- rows ------------------------------------------------------------------------------------


def test_rows_pushed_reach_the_server(publisher: Publisher, server: Peer):
    loss = publisher.stream("loss")
    for step in range(1000):
        loss.push(step=step, loss=step / 2)
    assert loss.flush()
    held = server.streams["loss"]
    assert held.rows == [{"step": step, "loss": step / 2} for step in range(1000)]
    assert (held.gaps, held.duplicates) == ([], 0)
    assert loss.statistics()[3:] == (0, 0, 0.0)


def test_the_last_rows_follow_without_another_push(publisher: Publisher, server: Peer):
    loss = publisher.stream("loss")
    for step in range(3):
        loss.push(step=step)
    server.until(lambda: server.streams["loss"].next == 3, seconds=2)


def test_a_stream_is_opened_as_it_was_asked_for(publisher: Publisher, server: Peer):
    history = limits.HistoryBounds(bytes=1000, rows=10, seconds=2.5)
    cam = publisher.stream("cam", media="image/png", mode="latest", history=history)
    server.until(lambda: "cam" in server.streams)
    assert server.streams["cam"].opened == {
        "stream": "cam",
        "epoch": cam.epoch,
        "from": 0,
        "media": "image/png",
        "mode": "latest",
        "history": {"bytes": 1000, "rows": 10, "seconds": 2.5},
    }


def test_the_same_name_is_the_same_stream(publisher: Publisher):
    loss = publisher.stream("loss", columns={"step": "int64"})
    assert publisher.stream("loss", columns={"step": "int64"}) is loss
    assert publisher.stream("loss") is loss


def test_a_stream_asked_for_otherwise_begins_anew(publisher: Publisher, server: Peer):
    loss = publisher.stream("loss")
    loss.push(x=1)
    assert loss.flush()
    assert publisher.stream("loss", media="application/x-ndjson") is loss
    loss.push({"x": 2})
    assert loss.flush()
    assert server.streams["loss"].media == "application/x-ndjson"
    assert len(server.past) == 1


def test_restart_begins_another_epoch_at_the_server(publisher: Publisher, server: Peer):
    loss = publisher.stream("loss")
    loss.push(x=1)
    assert loss.flush()
    loss.restart()
    loss.push(y="text")
    assert loss.flush()
    assert server.streams["loss"].rows == [{"y": "text"}]
    assert [held.rows for held in server.past] == [[{"x": 1}]]


def test_a_closed_stream_ends_after_its_last_row(publisher: Publisher, server: Peer):
    loss = publisher.stream("loss")
    for step in range(5000):
        loss.push(step=step)
    loss.close()
    server.until(lambda: server.streams["loss"].ended)
    assert len(server.streams["loss"].rows) == 5000


def test_the_name_of_a_closed_stream_begins_anew(publisher: Publisher, server: Peer):
    old = publisher.stream("loss")
    old.push(x=1)
    old.close()
    new = publisher.stream("loss")
    assert new is not old
    new.push(x=2)
    assert new.flush()
    assert (server.past[0].rows, server.past[0].ended) == ([{"x": 1}], True)
    assert (server.streams["loss"].rows, server.streams["loss"].ended) == ([{"x": 2}], False)


def test_a_stream_that_a_viewer_closes_ends_and_the_loop_goes_on(
    publisher: Publisher, server: Peer, caplog
):
    loss = publisher.stream("loss")
    loss.push(step=0)
    assert loss.flush()
    server.send("$close", {"id": server.streams["loss"].id}, ack_id=7)
    server.until(lambda: server.streams["loss"].ended)
    assert server.until(lambda: server.answers[7]) == [{"ok": True}]
    loss.push(step=1)
    loss.extend({"step": [2, 3]})
    loss.restart()
    assert loss.flush(timeout=0.1) is False and loss.statistics().dropped == 3
    assert server.streams["loss"].rows == [{"step": 0}]
    assert "sio.stream('loss') begins it anew" in caplog.text
    again = publisher.stream("loss")
    again.push(step=4)
    assert again.flush() and server.streams["loss"].rows == [{"step": 4}]


def test_a_stream_that_is_not_open_cannot_be_closed_by_a_viewer(publisher, server: Peer):
    server.until(lambda: publisher.online)
    server.send("$close", {"id": 5}, ack_id=8)
    (answer,) = server.until(lambda: server.answers[8])
    assert (answer["ok"], answer["code"]) == (False, 3501)


def test_a_stream_that_the_server_refuses_is_said_once(publisher: Publisher, server: Peer, caplog):
    server.replies["$open"] = lambda args: {"ok": False, "code": 3505, "message": "too many"}
    loss = publisher.stream("loss")
    loss.push(x=1)
    server.until(lambda: caplog.records)
    assert "stream 'loss' was refused: too many" in caplog.text
    assert loss.flush(timeout=0.1) is False
    assert len(server.of("$open")) == 1


def test_64_rows_pushed_slowly_are_compacted(publisher: Publisher, server: Peer):
    loss = publisher.stream("loss")
    for step in range(66):
        loss.push(step=step)
        assert loss.flush()
    compacted = server.until(lambda: server.streams["loss"].compacted)
    ((offset, count, payload),) = compacted
    assert (offset, count) == (0, 64)
    assert table(payload)["step"].to_pylist() == list(range(64))


def test_many_acknowledged_at_once_are_compacted_at_once(publisher: Publisher, server: Peer):
    server.acknowledging = False
    loss = publisher.stream("loss")
    for step in range(200):
        loss.push(step=step)
        loss.seal()
    publisher.hurry()
    held = server.until(lambda: server.streams["loss"].next == 200 and server.streams["loss"])
    server.send("$published", [held.id, 200])
    server.until(lambda: len(held.compacted) == 3)
    assert [(offset, rows) for offset, rows, _ in held.compacted] == [(0, 64), (64, 64), (128, 64)]


def test_several_streams_go_side_by_side(publisher: Publisher, server: Peer):
    streams = [publisher.stream(f"s{i}") for i in range(20)]
    for step in range(200):
        for stream in streams:
            stream.push(step=step)
    assert all(stream.flush() for stream in streams)
    assert {held.next for held in server.streams.values()} == {200}


def test_hundreds_of_streams_take_turns(publisher: Publisher, server: Peer):
    streams = [publisher.stream(f"s{i}", media="application/octet-stream") for i in range(300)]
    for stream in streams:
        for _ in range(3):
            stream.push(bytes(10_000))
    assert all(stream.flush(20) for stream in streams)
    order = [args[0][0] for args in server.of("$publish")]
    assert sorted(order) == sorted([*range(1, 301)] * 3)


def test_streams_beyond_what_a_kernel_may_have_are_refused(publisher: Publisher, monkeypatch):
    monkeypatch.setattr(limits.Memory, "streams", 2)
    publisher.stream("one")
    publisher.stream("two")
    with pytest.raises(Overflow, match="a kernel may have 2 streams"):
        publisher.stream("three")


# --- emit ------------------------------------------------------------------------------------


def test_an_event_goes_to_all_to_one_or_to_a_room(publisher: Publisher, server: Peer):
    publisher.emit("done", 1, {"a": b"\x00"})
    publisher.emit("done", to=Viewer("v1"))
    publisher.emit("done", to="room")
    heard = server.until(lambda: server.of("$emit") if len(server.of("$emit")) == 3 else None)
    assert heard == [
        [{"event": "done"}, 1, {"a": b"\x00"}],
        [{"event": "done", "to": "v1"}],
        [{"event": "done", "to": "room"}],
    ]


def test_an_event_comes_after_the_rows_pushed_before_it(publisher: Publisher, server: Peer):
    one, two = publisher.stream("one"), publisher.stream("two")
    for step in range(100):
        one.push(step=step)
        two.push(step=step)
        publisher.emit("step", step)
    server.until(lambda: len(server.of("$emit")) == 100)
    seen = {1: 0, 2: 0}
    for name, args in server.heard:
        if name == "$publish":
            seen[args[0][0]] = args[0][1] + args[0][3]
        elif name == "$emit":
            assert min(seen.values()) > args[1]


def test_an_event_waits_for_rows_that_may_not_be_sent_yet(publisher: Publisher, server: Peer):
    server.acknowledging = False
    blobs = publisher.stream("blobs", media="application/octet-stream")
    for _ in range(3):
        blobs.push(bytes(2_000_000))
    publisher.emit("done")
    server.until(lambda: server.streams["blobs"].next == 2)
    time.sleep(0.05)
    assert server.of("$emit") == []
    server.acknowledging = True
    server.send("$published", [server.streams["blobs"].id, 2])
    server.until(lambda: server.of("$emit"))
    assert server.streams["blobs"].next == 3


def test_numpys_scalars_travel_as_numbers(publisher: Publisher, server: Peer):
    publisher.emit("done", np.int64(3), [np.float32(0.5)], {"b": np.bool_(True)})
    assert server.until(lambda: server.of("$emit")) == [[{"event": "done"}, 3, [0.5], {"b": True}]]


def test_what_is_changed_after_emit_is_sent_as_it_was(publisher: Publisher, server: Peer):
    data = bytearray(b"before")
    with publisher._link._lock:
        publisher.emit("done", data)
        data[:] = b"after."
    publisher.emit("more")
    assert server.until(lambda: server.of("$emit"))[0][1] == b"before"


@pytest.mark.parametrize("name", ["$emit", "connect", "", 5, "x" * 65])
def test_an_event_name_that_is_no_users_is_refused(publisher: Publisher, name):
    with pytest.raises(BadRequest, match="event name"):
        publisher.emit(name)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "cannot travel as JSON"),
        (object(), "cannot travel as JSON"),
        ([b"x"] * 11, "may carry 10 binary values; got 11"),
        (bytes(9 << 20), "an event may have 8388608 bytes"),
    ],
)
def test_what_cannot_travel_is_refused_before_it_is_sent(publisher: Publisher, value, text):
    with pytest.raises(BadRequest, match=text):
        publisher.emit("done", value)


def test_events_beyond_the_queue_are_dropped_and_counted(publisher: Publisher):
    with publisher._link._lock:
        for _ in range(limits.Link.queued_events + 5):
            publisher.emit("done")
    assert publisher.statistics().events_dropped == 5


# --- handlers --------------------------------------------------------------------------------


def sent(server: Peer, event: str, *args: Any, viewer: dict[str, Any] = ADA) -> dict[str, Any]:
    """Have a viewer send an event; returns what it is answered."""
    ack_id = len(server.answers) + 1000
    server.send("$event", {"event": event, "viewer": viewer}, *args, ack_id=ack_id)
    (answer,) = server.until(lambda: server.answers.get(ack_id))
    return answer


def test_what_a_handler_returns_answers_the_viewer(publisher: Publisher, server: Peer):
    @publisher.on("add")
    def add(a, b, viewer):
        return {"sum": a + b, "for": viewer.name, "may": viewer.grants}

    value = {"sum": 3, "for": "ada", "may": ["watch", "send", "manage"]}
    assert sent(server, "add", 1, 2) == {"ok": True, "value": value}


def test_a_handler_may_take_bytes_and_return_them(publisher: Publisher, server: Peer):
    publisher.on("turn")(lambda data: data[::-1])
    assert sent(server, "turn", b"abc") == {"ok": True, "value": b"cba"}


def test_a_handler_need_not_want_the_viewer(publisher: Publisher, server: Peer):
    publisher.on("bare")(lambda *args: len(args))
    publisher.on("rest")(lambda **extra: sorted(extra))
    assert sent(server, "bare", 1, 2)["value"] == 2
    assert sent(server, "rest")["value"] == ["viewer"]


def test_a_coroutine_function_is_awaited(publisher: Publisher, server: Peer):
    @publisher.on("wait")
    async def wait(*, viewer):
        return viewer.id

    assert sent(server, "wait")["value"] == "v1"


def test_the_later_handler_takes_the_earlier_ones_place(publisher: Publisher, server: Peer):
    publisher.on("which")(lambda: "first")
    publisher.on("which")(lambda: "second")
    assert sent(server, "which")["value"] == "second"


def test_an_event_without_a_handler_is_answered_3506(publisher: Publisher, server: Peer):
    answer = sent(server, "nobody")
    assert (answer["ok"], answer["code"]) == (False, 3506)


def test_a_handler_that_raises_is_answered_3004(publisher: Publisher, server: Peer, caplog):
    publisher.on("fail")(lambda: 1 / 0)
    answer = sent(server, "fail")
    assert answer == {"ok": False, "code": 3004, "message": "ZeroDivisionError: division by zero"}
    assert "the handler of 'fail' failed" in caplog.text


def test_only_who_manages_is_told_what_a_handler_raised(publisher: Publisher, server: Peer, caplog):
    publisher.on("fail")(lambda: 1 / 0)
    answer = sent(server, "fail", viewer=BOB)
    assert answer == {"ok": False, "code": 3004, "message": "the handler failed"}
    assert caplog.records


@pytest.mark.parametrize("value", [float("nan"), object(), [b"x"] * 11])
def test_a_handler_that_returns_what_cannot_travel_is_answered_3004(publisher, server, value):
    publisher.on("odd")(lambda: value)
    answer = sent(server, "odd")
    assert (answer["ok"], answer["code"]) == (False, 3004)


def test_handlers_run_in_one_thread_of_their_own(publisher: Publisher, server: Peer):
    publisher.on("where")(lambda: threading.current_thread().name)
    names = {sent(server, "where")["value"] for _ in range(3)}
    assert names == {"jupyter_sio handlers"}


def test_a_slow_handler_holds_up_no_row(publisher: Publisher, server: Peer):
    free = threading.Event()
    publisher.on("slow")(lambda: free.wait(10))
    server.send("$event", {"event": "slow", "viewer": ADA})
    loss = publisher.stream("loss")
    loss.push(x=1)
    assert loss.flush()
    free.set()


def test_a_handler_may_push_emit_and_call(publisher: Publisher, server: Peer):
    server.replies["$emit"] = lambda args: {"ok": True, "value": "from the viewer"}
    loss = publisher.stream("loss")

    @publisher.on("work")
    def work(viewer):
        loss.push(x=1)
        publisher.emit("working", to=viewer)
        return publisher.call("how", to=viewer)

    assert sent(server, "work")["value"] == "from the viewer"
    assert loss.flush()


def test_events_beyond_what_handlers_take_are_answered_3013(publisher: Publisher, server: Peer):
    free = threading.Event()
    publisher.on("slow")(lambda: free.wait(10))
    publisher._handlers._bounds = limits.Link(queued_calls=2)
    for _ in range(3):
        server.send("$event", {"event": "slow", "viewer": ADA})
    server.until(lambda: publisher._handlers._calls.qsize() == 2)
    assert sent(server, "slow")["code"] == 3013
    assert publisher.statistics().events_refused == 1
    free.set()


def test_a_thread_that_there_is_not_is_refused(publisher: Publisher):
    with pytest.raises(ValueError, match="thread must be None or 'main'"):
        publisher.on("x", thread="worker")


def test_a_handler_for_the_main_thread_runs_when_drained(publisher: Publisher, server: Peer):
    where = []
    publisher.on("main", thread="main")(lambda: where.append(threading.current_thread()))
    server.send("$event", {"event": "main", "viewer": ADA}, ack_id=5)
    server.until(publisher.drain)
    assert where == [threading.main_thread()]
    assert server.until(lambda: server.answers[5]) == [{"ok": True, "value": None}]
    assert publisher.drain() == 0


# --- wait_for --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "expected"), [((), None), ((5,), 5), (([1],), [1]), ((1, 2), (1, 2))]
)
def test_wait_for_returns_what_was_sent(publisher: Publisher, server: Peer, args, expected):
    def send() -> None:
        server.until(lambda: publisher._handlers._waiting)
        server.send("$event", {"event": "go", "viewer": ADA}, *args, ack_id=1)

    thread = threading.Thread(target=send)
    thread.start()
    assert publisher.wait_for("go", timeout=5.0) == expected
    thread.join()
    assert server.until(lambda: server.answers[1]) == [{"ok": True, "value": None}]


def test_wait_for_gives_up_at_the_timeout(publisher: Publisher):
    with pytest.raises(TimeoutError, match=r"no viewer sent 'go' within 0.02 s"):
        publisher.wait_for("go", timeout=0.02)
    assert publisher._handlers._waiting == []


# --- asking ----------------------------------------------------------------------------------


def test_a_call_returns_the_viewers_answer(publisher: Publisher, server: Peer):
    server.replies["$emit"] = lambda args: {"ok": True, "value": [args, b"x"]}
    expected = [[{"event": "which", "to": "v1"}, 5], b"x"]
    assert publisher.call("which", 5, to=Viewer("v1")) == expected


def test_a_call_that_is_refused_says_what_the_other_side_said(publisher: Publisher, server: Peer):
    server.replies["$emit"] = lambda args: {"ok": False, "code": 3003, "message": "left"}
    with pytest.raises(CallFailed, match="left") as raised:
        publisher.call("which", to="v1")
    assert raised.value.code == 3003


def test_a_call_to_nobody_fails(publisher: Publisher):
    with pytest.raises(CallFailed, match="'v9' is no viewer here"):
        publisher.call("which", to="v9")


def test_a_call_without_an_answer_times_out(publisher: Publisher, server: Peer):
    server.replies["$emit"] = lambda args: time.sleep(0.3)
    with pytest.raises(CallTimeout) as raised:
        publisher.call("which", to="v1", timeout=0.02)
    assert isinstance(raised.value, TimeoutError)


def test_a_call_whose_connection_is_lost_fails(publisher: Publisher, server: Peer):
    server.replies["$emit"] = lambda args: server.cut()
    with pytest.raises(NotConnected, match="lost before the answer came"):
        publisher.call("which", to="v1")


def test_viewers_are_asked_of_the_server(publisher: Publisher):
    (viewer,) = publisher.viewers()
    assert viewer == Viewer("v1", "ada", ("watch", "send"), 1760000000000, 3)


def test_viewers_enter_and_leave_rooms(publisher: Publisher, server: Peer):
    publisher.join(Viewer("v1"), "front")
    publisher.leave("v1", "front")
    assert server.of("$room") == [
        [{"viewer": "v1", "room": "front", "join": True}],
        [{"viewer": "v1", "room": "front", "join": False}],
    ]


# --- links -----------------------------------------------------------------------------------


def test_a_link_is_shown_with_what_it_shows_and_until_when(publisher: Publisher, server: Peer):
    server.replies["$share"] = lambda args: {
        "ok": True,
        "id": "l1",
        "url": "http://host/user/a%40b/jupyter-sio/live/#SECRET",
        "streams": ["loss"],
        "expires": 1760000000,
    }
    link = publisher.share(publisher.stream("loss"), "acc*", send=("stop",), expires="7d")
    asked = {"streams": ["loss", "acc*"], "send": ["stop"], "expires": "7d", "label": ""}
    assert server.of("$share") == [[asked]]
    assert link.url.endswith("#SECRET")
    assert "SECRET" not in repr(link)
    assert f'href="{link.url}"' in link._repr_html_()
    assert "until 2025-10-09" in link._repr_html_()
    link.revoke()
    assert server.of("$revoke") == [[{"id": "l1"}]]
    assert link.revoked and link._repr_html_() == "live view (revoked)"


def test_a_link_for_no_duration_is_refused_where_it_is_asked_for(
    publisher: Publisher, server: Peer
):
    with pytest.raises(BadRequest, match="'90 min'"):
        publisher.share(expires="90 min")
    assert server.of("$share") == []


@pytest.mark.parametrize("path", ["jupyter-sio/live/#S", f"{BASE}jupyter-sio/live/#S"])
def test_a_link_without_an_address_is_at_the_server(publisher: Publisher, server: Peer, path):
    server.replies["$share"] = lambda args: {"ok": True, "id": "l1", "path": path}
    assert publisher.share().url == f"{server.server.url}jupyter-sio/live/#S"


def test_a_server_without_links_says_not_permitted(publisher: Publisher, server: Peer):
    server.replies["$share"] = lambda args: {"ok": False, "code": 3507, "message": "links are off"}
    with pytest.raises(NotPermitted, match="links are off"):
        publisher.share()


# --- the end ---------------------------------------------------------------------------------


def test_closing_hands_over_what_is_left_and_says_goodbye(in_kernel: Peer):
    publisher = Publisher().connect(required=True)
    loss = publisher.stream("loss")
    for step in range(10_000):
        loss.push(step=step)
    publisher.close()
    publisher.close()
    assert in_kernel.streams["loss"].next == 10_000
    in_kernel.until(lambda: in_kernel.goodbyes == 1)
    assert not [t for t in threading.enumerate() if t.name == "jupyter_sio link"]


def test_closing_takes_no_longer_than_allowed(in_kernel: Peer):
    publisher = Publisher().connect(required=True)
    in_kernel.acknowledging = False
    publisher.stream("loss").push(x=1)
    began = time.monotonic()
    publisher.close(timeout=0.2)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize(("code", "why"), [(3511, "superseded"), (3510, "gone"), (3503, "sent")])
def test_a_final_goodbye_makes_the_publisher_offline(publisher, server, caplog, code, why):
    loss = publisher.stream("loss")
    server.send("$bye", {"code": code, "reason": why, "retry_ms": None})
    server.until(lambda: not publisher.sending)
    server.until(lambda: "the publisher is offline" in caplog.text)
    loss.push(x=1)
    assert loss.flush() is False
    assert server.joins == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        publisher.connect(required=True)
    loss.restart()
    loss.push(x=2)
    assert loss.flush()


def test_the_users_random_numbers_are_left_alone(publisher: Publisher, server: Peer):
    random.seed(7)
    expected = random.Random(7).random()
    server.cut()
    server.until(lambda: publisher.statistics().reconnects)
    assert random.random() == expected
